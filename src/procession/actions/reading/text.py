"""A text file as UTF-8, and the start of its table: after a byte order mark, skipped lines, a `sep=` line."""

from __future__ import annotations

import codecs
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading.options import FileOptions

LINE_CHARACTERS_MAX = 4 << 20
_ADVICE = 'say its encoding, such as cp1252, or in Excel, save it as "CSV UTF-8"'
_CHUNK_BYTES = 1 << 20
# The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FAMILIES = {"utf-16-le": "utf-16", "utf-16-be": "utf-16", "utf-32-le": "utf-32", "utf-32-be": "utf-32"}
_CONTROLS = re.compile(rb"[\x80-\x84\x86-\x9f]")  # without 0x85, which mainframes end lines with
_SEPARATOR_LINE = re.compile(r'\A"?sep=(.)"?\s*\Z', re.IGNORECASE)
_UNCLEAR_SEPARATOR_LINE = re.compile(r'\A"?sep\s?=', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A table as text: `path` in UTF-8, from the byte `start` on, which stands behind `lines_before` lines.
    Copies go to `folder`.

    `separator`: from a `sep=` line. `remark`: a note on the encoding. `encoding`: of the file as it was sent.
    """

    path: Path
    folder: Path
    start: int
    lines_before: int
    separator: str | None = None
    warning: str = ""
    encoding: str = "utf-8"


def prepare(source: FileInput, options: FileOptions, folder: Path) -> Text:
    """Finds the table in the file. Raises Problem if the bytes are not in the declared encoding."""
    said = None if options.encoding is None else codecs.lookup(options.encoding).name
    mark, encoding = _marked(Path(source.path))
    if mark and said and said not in {encoding, _FAMILIES.get(encoding, encoding), "utf-8-sig"}:
        raise Problem(
            f"{source.called} begins with the mark of {encoding.upper()}, and encoding says {options.encoding}"
        )
    encoding = encoding if mark else said or "utf-8"
    path, warning = Path(source.path), ""
    if encoding not in {"utf-8", "utf-8-sig"}:
        warning = _doubt(path, source.called, encoding) if not mark else ""
        path, mark = _as_utf_8(source, encoding, folder, skip=len(mark)), b""
    found = Text(path=path, folder=folder, start=len(mark), lines_before=0, warning=warning, encoding=encoding)
    return _begin(found, source.called, options.skip)


def has_mark(path: Path) -> bool:
    """Whether the first bytes say the encoding."""
    return bool(_marked(path)[0])


def _marked(path: Path) -> tuple[bytes, str]:
    with path.open("rb") as file:
        start = file.read(4)
    return next(((mark, name) for mark, name in _MARKS if start.startswith(mark)), (b"", ""))


def _doubt(path: Path, called: str, encoding: str) -> str:
    """A remark if text declared as one-byte looks like UTF-8: a few non-ASCII letters never do by chance."""
    if encoding.startswith(("utf", "u")) or encoding == "ascii":
        return ""
    letters = letters_of_utf_8(path)
    if letters > 2:
        return f"{called} is UTF-8, and encoding says {encoding}: {letters:,} letters may be wrong"
    if encoding.startswith("iso8859") and (count := _controls(path)):
        return f"{called} holds {count:,} characters of cp1252, such as quotes and €, that {encoding} has not"
    return ""


def _controls(path: Path) -> int:
    """How many bytes are characters that no text of ISO 8859 has: what Windows writes there are letters."""
    with path.open("rb") as file:
        return sum(len(_CONTROLS.findall(chunk)) for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""))


def letters_of_utf_8(path: Path) -> int:
    """How many letters that are not ASCII a file of UTF-8 has; 0 of any other file."""
    letters = 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError:
                return 0
            letters += sum(len(found) for found in re.findall(r"[^\x00-\x7f]+", text))
    return letters


def _as_utf_8(source: FileInput, encoding: str, folder: Path, *, skip: int) -> Path:
    copy = folder / "utf-8.txt"
    decoder = codecs.getincrementaldecoder(encoding)()
    with Path(source.path).open("rb") as file, copy.open("w", encoding="utf-8", newline="") as out:
        file.seek(skip)
        while True:
            chunk = file.read(_CHUNK_BYTES)
            try:
                out.write(decoder.decode(chunk, final=not chunk))
            except UnicodeError as error:
                raise Problem(f"{source.called} is not written in {encoding}: {error}") from error
            if not chunk:
                return copy


def _begin(text: Text, called: str, skip: int) -> Text:
    """Skips the lines to skip, blank lines and a `sep=` line."""
    start, number, separator = text.start, 0, None
    try:
        with text.path.open(encoding="utf-8", newline="") as file:
            file.seek(start)
            while file.read(1) == "\ufeff":  # another mark: concatenated files have it
                start += len(codecs.BOM_UTF8)
            file.seek(start)
            while line := file.readline(LINE_CHARACTERS_MAX):
                found = _SEPARATOR_LINE.match(line) if number >= skip and separator is None else None
                if number >= skip and line.strip() and not found:
                    _refuse_unclear_separator(called, number, line)
                    break
                separator = found[1] if found else separator
                number += 1
                start += len(line.encode())
    except UnicodeDecodeError:
        raise Problem(f"{called} cannot be read: {wrong_byte(text.path)}") from None
    return replace(text, start=start, lines_before=number, separator=separator)


def _refuse_unclear_separator(called: str, number: int, line: str) -> None:
    if _UNCLEAR_SEPARATOR_LINE.match(line):
        raise Problem(
            f'{called} cannot be read: line {number + 1} ("{line.strip()[:40]}") names no single character '
            f"that separates the values; say delimiter, and skip: {number + 1}"
        )


def wrong_byte(path: Path) -> str | None:
    """The first place that is not UTF-8; None if all is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    feeds = returns = 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK_BYTES)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                before = error.object[: error.start]
                line = 1 + (feeds + before.count(b"\n") or returns + before.count(b"\r"))
                return f"it is not UTF-8 (the byte 0x{error.object[error.start]:02X} in line {line}); {_ADVICE}"
            if not chunk:
                return None
            feeds += text.count("\n")
            returns += text.count("\r")


def cut(text: Text, start: int) -> Path:
    """The file from the byte `start` on: itself if that is all, else a copy."""
    if start == 0:
        return text.path
    copy = text.folder / "table.txt"
    with text.path.open("rb") as file, copy.open("wb") as out:
        file.seek(start)
        shutil.copyfileobj(file, out, _CHUNK_BYTES)
    return copy
