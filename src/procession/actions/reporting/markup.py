"""Where the elements of a workbook's part lie, in bytes, so that a few of them change and all else stays as it is.

A template comes from outside: document types are refused, because entities are how XML becomes a bomb.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.parsers import expat

from procession.actions.problems import Problem

PART_BYTES_MAX = 16 << 20  # of a part that is changed: its elements are held in memory
DEPTH_MAX = 256
# An attribute may hold a ">", but only between its quotes.
_TAG = re.compile(rb"""<[^"'>]*+(?:"[^"]*+"[^"'>]*+|'[^']*+'[^"'>]*+)*+>""")


@dataclass(slots=True, kw_only=True)
class Element:
    """Byte offsets of an element and of what is in it; `name` and `prefix` of its tag."""

    name: str
    prefix: str
    attributes: Mapping[str, str]
    parent: Element | None
    start: int
    inner: int  # behind its start tag
    inner_end: int = 0  # before its end tag; `inner` for an empty element
    end: int = 0
    has_text: bool = False

    @property
    def is_closed(self) -> bool:
        """Whether its start tag is all of it: <c/>."""
        return self.end == self.inner

    def tag(self, name: str) -> str:
        """A name with this element's prefix."""
        return f"{self.prefix}:{name}" if self.prefix else name


def elements(content: bytes, what: str) -> list[Element]:
    """All of them, in the order of their start tags. Raises Problem for what is no XML of a workbook."""
    if len(content) > PART_BYTES_MAX:
        raise Problem(f"{what} has {len(content) >> 20} MiB, more than the {PART_BYTES_MAX >> 20} that can be filled")
    return _Walk(content, what).found


class _Walk:
    def __init__(self, content: bytes, what: str) -> None:
        self.found: list[Element] = []
        self._content, self._what = content, what
        self._open: list[Element] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as error:
            raise Problem(f"{what} is no XML: {expat.ErrorString(error.code)} in line {error.lineno}") from None

    def _refuse(self, *_: object) -> None:
        raise Problem(f"{self._what} declares a document type, which no workbook has; it is not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEPTH_MAX:
            raise Problem(f"{self._what} is nested deeper than {DEPTH_MAX} levels")
        tag = _TAG.match(self._content, self._parser.CurrentByteIndex)
        # Expat has accepted it, so it is one unless the part is in another encoding than it says.
        if tag is None:
            raise Problem(f"{self._what} is not written in UTF-8; save it again in Excel")
        prefix, _, local = name.rpartition(":")
        parent = self._open[-1] if self._open else None
        element = Element(
            name=local, prefix=prefix, attributes=attributes, parent=parent, start=tag.start(), inner=tag.end()
        )
        self._open.append(element)
        self.found.append(element)

    def _text(self, text: str) -> None:
        if self._open and not text.isspace():
            self._open[-1].has_text = True

    def _end(self, _: str) -> None:
        element = self._open.pop()
        at = self._parser.CurrentByteIndex
        if self._content[element.inner - 2 : element.inner] == b"/>":
            element.inner_end = element.end = element.inner
        else:
            element.inner_end, element.end = at, self._content.index(b">", at) + 1


def utf8(content: bytes, what: str) -> bytes:
    """The part, if it is written in UTF-8; in another encoding offsets would be others. Raises Problem."""
    declared = re.match(
        rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)""", content.removeprefix(b"\xef\xbb\xbf")
    )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or (
        declared and declared[1].lower() not in {b"utf-8", b"us-ascii"}
    ):
        raise Problem(f"{what} is not written in UTF-8; save it again in Excel")
    return content.removeprefix(b"\xef\xbb\xbf")


def first(found: Iterable[Element], name: str) -> Element | None:
    return next((element for element in found if element.name == name), None)


def replaced(content: bytes, edits: Iterable[tuple[int, int, bytes]]) -> bytes:
    """The content with each (start, end, new bytes) put in; they do not overlap."""
    # From the front to the end, so that offsets stay those of the old content.
    made, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        made += [content[at:start], new]
        at = end
    return b"".join([*made, content[at:]])


def escaped(text: str) -> str:
    """Text as it stands in an attribute or between tags."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def with_attribute(content: bytes, element: Element, name: str, value: str) -> bytes:
    """The start tag with the attribute set to the value, which is escaped here."""
    tag = content[element.start : element.inner].decode()
    pattern = rf"""(\s{re.escape(name)}\s*=\s*)(?:"[^"]*"|'[^']*')"""
    new = escaped(value)
    if re.search(pattern, tag):
        return re.sub(pattern, lambda found: f'{found[1]}"{new}"', tag, count=1).encode()
    head, end = (tag[:-2], "/>") if tag.endswith("/>") else (tag[:-1], ">")
    return f'{head.rstrip()} {name}="{new}"{end}'.encode()


def without_attribute(content: bytes, element: Element, name: str) -> bytes:
    tag = content[element.start : element.inner].decode()
    return re.sub(rf"""\s{re.escape(name)}\s*=\s*(?:"[^"]*"|'[^']*')""", "", tag, count=1).encode()
