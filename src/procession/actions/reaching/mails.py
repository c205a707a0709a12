"""A mail of a step: addresses read strictly, headers in which nothing can be smuggled, files that come along."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reaching import host_names

RECEIVERS_MAX = 100  # of one mail
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.IGNORECASE)
_HEADER = re.compile(rb"^([^\s:][^:\r\n]*):?", re.MULTILINE)
# Lines of headers as long as may be (RFC 5321: 998 and the line end): where the standard library folds encoded words,
# it adds blanks, and writes empty ones that some mail servers refuse (python/cpython#136052, #144156).
_POLICY = policy.SMTP.clone(cte_type="7bit", max_line_length=900)
_NAMED = re.compile(r'\s*"?([^"<>]*?)"?\s*<([^<>]*)>\s*')


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """`hidden`: receivers that stand in no header."""

    to: tuple[Address, ...]
    cc: tuple[Address, ...] = ()
    hidden: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str
    body: str

    @property
    def receivers(self) -> tuple[str, ...]:
        """Each once, in order."""
        return tuple(dict.fromkeys(one.addr_spec for one in (*self.to, *self.cc, *self.hidden)))


def addresses(text: str, *, where: str) -> tuple[Address, ...]:
    """Those in a text such as "a@x.org; Bo <b@x.org>", at least one. Raises Problem.

    Quoted local parts, comments and groups (RFC 5322) are refused: mail servers read them in different ways.
    """
    # A comma within quotes is one of a name: `"Doe, John" <j@x.org>`.
    pieces = [one if place % 2 else re.sub("[;,]", "\0", one) for place, one in enumerate(text.split('"'))]
    if "\0" in text or len(pieces) % 2 == 0:  # of a quote without its end nobody knows what is in it
        _refuse(text, where)
    parts = '"'.join(pieces).split("\0")
    return tuple(_address(part, where) for part in parts if part.strip()) or _refuse(text, where)


def _refuse(text: str, where: str) -> tuple[Address, ...]:
    shown = text if len(text) <= 100 else f"{text[:100]}..."
    raise Problem(f"{where}: {shown!r} is no address" if text.strip() else f"{where}: there is no address")


def _address(text: str, where: str) -> Address:
    named = _NAMED.fullmatch(text)
    name, plain = (named[1], named[2].strip()) if named else ("", text.strip())
    local, _, domain = plain.rpartition("@")
    try:
        domain = host_names.as_ascii(domain)
    except UnicodeError:
        domain = ""
    is_right = _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain) and len(local) <= 64 and len(domain) <= 253
    if not is_right or not name.isprintable():
        _refuse(text, where)
    return Address(display_name=_as_text(name), username=local, domain=domain)


def subject(text: str) -> str:
    """One line. Raises Problem for what would be a header of its own."""
    if not text.isprintable():
        raise Problem("subject: a value that is filled in holds a line break or a control character")
    return _as_text(text)


def _as_text(text: str) -> str:
    """Without encoded words (RFC 2047): the standard library would decode "=?utf-8?q?=0d=0aBcc=3a?=" to a header."""
    return text.replace("=?", "= ?")


def attachments(files: Sequence[FileInput], *, size_bytes_max: int) -> tuple[list[EmailMessage], list[FileInput]]:
    """The files that fit, in order, and those that do not."""
    parts: list[EmailMessage] = []
    left: list[FileInput] = []
    room = size_bytes_max
    for file in files:
        if file.size_bytes > room:
            left.append(file)
            continue
        room -= file.size_bytes
        parts.append(_part(file))
    return parts, left


def _part(file: FileInput) -> EmailMessage:
    kind, packing = mimetypes.guess_type(file.name)
    main, _, sub = (kind if kind and not packing else "application/octet-stream").partition("/")
    if main in {"text", "message", "multipart"}:
        # As bytes: nobody may change line ends or encodings on the way.
        main, sub = "application", "octet-stream"
    part = EmailMessage()
    del part["MIME-Version"]
    name = _as_text("".join(one if one.isprintable() else "_" for one in file.name)) or "file"
    part.set_content(
        Path(file.path).read_bytes(), maintype=main, subtype=sub, disposition="attachment", filename=name, cte="base64"
    )
    return part


def content(mail: Mail, parts: Sequence[EmailMessage], *, sender: Address, key: str) -> bytes:
    """As it is sent; `key` makes its Message-ID, by which a receiver knows it again. Raises Problem."""
    written = _message(mail, parts, sender=sender, key=key)
    made = written.as_bytes(policy=_POLICY)
    # Looked at as servers will: whatever a library makes of a text, it is no header that we did not write.
    names = [name.lower() for name in _HEADER.findall(made.partition(b"\r\n\r\n")[0])]
    if sorted(names) != sorted(name.lower().encode() for name in written.keys()):  # noqa: SIM118 - once each
        raise Problem("the mail cannot be written: a text in it would be taken for a header")
    return made


def _message(mail: Mail, parts: Sequence[EmailMessage], *, sender: Address, key: str) -> EmailMessage:
    written = EmailMessage()
    written["Subject"] = mail.subject
    written["From"] = sender
    written["To"] = mail.to
    if mail.cc:
        written["Cc"] = mail.cc
    if mail.reply_to:
        written["Reply-To"] = mail.reply_to
    written["Date"] = formatdate()
    written["Message-ID"] = f"<{re.sub('[^A-Za-z0-9-]', '.', key)}@{sender.domain}>"
    # No answering machine answers to it (RFC 3834).
    written["Auto-Submitted"] = "auto-generated"
    # Not 8bit: a mail server without 8BITMIME may refuse it (RFC 6152).
    written.set_content(mail.body, cte="quoted-printable")
    if parts:
        written.make_mixed()
        for part in parts:
            written.attach(part)
    return written
