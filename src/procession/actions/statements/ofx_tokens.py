"""The elements of OFX, in its old form (SGML, whose values end where the next element begins) and in XML."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading import text

_CHUNK_BYTES = 1 << 16
_VALUE_CHARACTERS_MAX = 1 << 16
_HEADER_BYTES = 1 << 14
_CDATA_BEGINS, _CDATA_ENDS = "<![CDATA[", "]]>"
_TAG = re.compile(r"<!\[CDATA\[.*?\]\]>|<(/?)([A-Za-z][A-Za-z0-9_.]{0,60})\s*(/?)>", re.DOTALL)
# Banks do not escape their texts: `<MEMO>CARD <X> 12` has one element. These may follow a text.
_TEXTS = frozenset({"MEMO", "NAME", "EXTDNAME"})
_FOLLOWING = _TEXTS | frozenset(
    {"PAYEE", "PAYEEID", "CHECKNUM", "REFNUM", "SRVRTID", "FITID", "SIC", "CURRENCY", "ORIGCURRENCY", "STMTTRN"}
    | {"BANKACCTTO", "CCACCTTO", "IMAGEDATA", "INV401KSOURCE", "TRNTYPE", "DTPOSTED", "DTUSER", "DTAVAIL", "TRNAMT"}
)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_ENTITY = re.compile(r"&(amp|lt|gt|quot|apos|nbsp|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_HEADER = re.compile(rb"^\s*([A-Z]{3,20})\s*:[ \t]*([^\r\n<]*)", re.MULTILINE)
_XML_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}encoding=["']([A-Za-z0-9._-]{1,40})["']""")
_UNICODE = frozenset({"UTF-8", "UTF8", "UNICODE"})
_LETTERS_BY_CHANCE = 2
_CHARSETS = {"1252": "cp1252", "8859-1": "iso-8859-1", "ISO-8859-1": "iso-8859-1", "NONE": "", "": ""}
_CODE_POINTS_END = 0x110000


def tokens(source: FileInput, said: str | None, warnings: list[str]) -> Iterator[tuple[bool, str, str]]:
    """(is closing, NAME, value behind it) of each element; `said` is the encoding, if not the file says it.

    Raises Problem.
    """
    rest, skip = "", True
    for part in _decoded(source, said, warnings):
        rest += part
        # What looks like an element in a CDATA is none; one that goes on in the next chunk waits for it.
        cut = rest.find(_CDATA_BEGINS, rest.rfind(_CDATA_ENDS) + 1)
        found = list(_elements(rest, len(rest) if cut < 0 else cut))
        # The value of the last one may go on, and a tag may be cut at the end.
        for one, following in itertools.pairwise(found):
            skip = False
            yield bool(one[1]), one[2].upper(), _value(rest[one.end() : following.start()])
            if one[3]:  # empty: it ends where it begins
                yield True, one[2].upper(), ""
        rest = rest[found[-1].start() :] if found else rest
        if len(rest) > _VALUE_CHARACTERS_MAX * (4 if skip else 1) + _CHUNK_BYTES:
            raise Problem(f"{source.called} holds a value of more than {_VALUE_CHARACTERS_MAX:,} characters")
    if (last := _TAG.match(rest)) and last[2]:
        yield bool(last[1]), last[2].upper(), _value(rest[last.end() :])


def _elements(part: str, end: int) -> Iterator[re.Match[str]]:
    last = ""
    for one in _TAG.finditer(part, 0, end):
        if one[2] and not (last in _TEXTS and _is_text(one)):
            last = f"{one[1]}{one[2]}".upper()
            yield one


def _is_text(tag: re.Match[str]) -> bool:
    """Whether what looks like an element behind a text stands within it, with blanks around."""
    before, behind = tag.string[tag.start() - 2 : tag.start()], tag.string[tag.end() : tag.end() + 2]
    is_within = before[-1:] == behind[:1] == " " and before[0] not in " >" and behind[1:] not in {"", " ", "<", "\n"}
    return is_within and not tag[1] and tag[2].upper() not in _FOLLOWING


def _value(raw: str) -> str:
    if "<" in raw:
        raw = _CDATA.sub(lambda found: found[1].replace("&", "&amp;"), raw)
    if "&" in raw:
        raw = _ENTITY.sub(_character, raw)
    return raw.strip()


def _character(found: re.Match[str]) -> str:
    name = found[1]
    if not name.startswith("#"):
        return _NAMED[name]
    number = int(name[2:], 16) if name[1] == "x" else int(name[1:])
    # Half of a pair, or none at all: kept as it was written.
    return chr(number) if 31 < number < _CODE_POINTS_END and not 0xD800 <= number < 0xE000 else found[0]


def _decoded(source: FileInput, said: str | None, warnings: list[str]) -> Iterator[str]:
    path = Path(source.path)
    with path.open("rb") as file:
        encoding = said or _encoding(source, file.read(_HEADER_BYTES))
        # A few letters never are UTF-8 by chance, and banks write a header that they took from elsewhere.
        letters = text.letters_of_utf_8(path) if said is None and not encoding.startswith("utf") else 0
        if letters > _LETTERS_BY_CHANCE:
            warnings.append(f"{source.called} says that it is written in {encoding}, and is UTF-8; read as UTF-8")
            encoding = "utf-8"
        decoder = codecs.getincrementaldecoder(encoding)()
        file.seek(0)
        while True:
            chunk = file.read(_CHUNK_BYTES)
            try:
                part = decoder.decode(chunk, final=not chunk)
            except UnicodeError as error:
                told = f"{source.called} is not written in {encoding}: {error}; say its encoding, such as cp1252"
                raise Problem(told) from None
            if "\0" in part:
                raise Problem(f"{source.called} holds a zero byte; send the file again, as text")
            yield part
            if not chunk:
                return


def _encoding(source: FileInput, head: bytes) -> str:
    """As the file itself says. Raises Problem for an encoding that nobody knows."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if found := _XML_ENCODING.search(head):
        name = found[1].decode()
    else:
        start = head.find(b"<")
        headers = {key: value.strip().upper() for key, value in _HEADER.findall(head[: start if start >= 0 else None])}
        charset = headers.get(b"CHARSET", b"").decode("ascii", "replace")
        said = headers.get(b"ENCODING", b"").decode("ascii", "replace")
        name = _CHARSETS.get(charset, charset) if said in {"", "USASCII"} else "" if said in _UNICODE else said
    try:
        return codecs.lookup(name or "utf-8").name
    except LookupError:
        raise Problem(f'{source.called} says that it is written in "{name[:40]}", which is not known') from None
