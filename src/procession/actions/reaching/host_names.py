"""Names of hosts in other letters than ASCII, as they are looked up and as certificates have them."""

from __future__ import annotations

import unicodedata

# Unicode Technical Standard 46, table of deviations: the codec of Python (IDNA 2003) makes another name of them, which
# somebody else may own. Browsers and registries take the newer form (RFC 5891). What has no width is in no name.
_DEVIATING, _WIDTHLESS = frozenset("ßς"), frozenset("\u200c\u200d")


def as_ascii(name: str) -> str:
    """The name itself where it is ASCII. Raises UnicodeError for what is no name of a host."""
    return name if name.isascii() else ".".join(map(_label, name.lower().split(".")))


def _label(text: str) -> str:
    if _WIDTHLESS & set(text):
        raise UnicodeError(text)
    if not _DEVIATING & set(text):
        return text.encode("idna").decode()
    # Its other letters must be such as they are; the codec would map them, and says what none may have.
    others = "".join(letter for letter in text if letter not in _DEVIATING)
    if unicodedata.normalize("NFKC", text) != text or (others and not others.encode("idna")):
        raise UnicodeError(text)
    return f"xn--{text.encode('punycode').decode()}"
