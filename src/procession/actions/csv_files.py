"""CSV before DuckDB reads it, its encoding and its delimiter, and afterwards what is wrong with it, in plain words."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

DELIMITERS = ",;\t|"  # in this order when the header holds as many of one as of another
_HEAD_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20
_SNIFFED_ROWS = 30_000  # DuckDB looks at no more before it says what it expects
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
IN_EXCEL = 'in Excel, save it as "CSV UTF-8"'
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_COUNTS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_TOO_LONG = re.compile(r"Maximum line size of (\d+) bytes")
_UNCLEAR = "no CSV can be made out in it; perhaps a quote ({quote}) is not closed, or a line is very long"
_MIXED = "its lines do not all end in the same way, or a quote stands in the middle of a value"


class Unreadable(Exception):
    """The text says what is wrong with the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFile:
    """`skip`: lines before the header; `advice`: what to do where it is not UTF-8."""

    path: Path
    delimiter: str = ","
    quote: str = '"'
    skip: int = 0
    advice: str = IN_EXCEL


def head(path: Path, advice: str = IN_EXCEL) -> str:
    """Its first lines. Raises Unreadable where they are not UTF-8: DuckDB takes every byte for a name of a column."""
    with path.open("rb") as file:
        start = file.read(_HEAD_BYTES)
    if start.startswith(_UTF_16) or b"\0" in start[:2]:
        raise Unreadable(f"it is UTF-16, not UTF-8; {advice}")
    text = start.decode("utf-8-sig", errors="replace")
    wrong = _wrong_byte(path, advice) if "\ufffd" in text else None
    if wrong:
        raise Unreadable(wrong)
    return text


def delimiters(text: str, quote: str = '"') -> list[str]:
    """What may separate the values, first the one that the header, which `text` begins with, holds most of.

    What stands inside of quotes is not counted.
    """
    mark = re.escape(quote)
    quoted = rf"(?:\A|(?<=[,;\t|\r\n])){mark}[^{mark}]*(?:{mark}{mark}[^{mark}]*)*{mark}"
    header = re.split(r"[\r\n]", re.sub(quoted, "", text), maxsplit=1)[0]
    return sorted(DELIMITERS, key=header.count, reverse=True)


def complaint(error: duckdb.Error, file: CsvFile) -> str | None:
    """What is wrong with the file, None where DuckDB's words say nothing of it."""
    text = str(error)
    line, counts, long = _LINE.search(text), _COUNTS.search(text), _TOO_LONG.search(text)
    place = f"line {line[1]}" if line else "a line"
    if "not utf-8" in text:
        return _wrong_byte(file.path, file.advice)
    if "sniffing" in text:
        return _wrong_byte(file.path, file.advice) or _unlike_the_first(file) or _UNCLEAR.format(quote=file.quote)
    if counts:
        return _uneven(place, found=int(counts[2]), expected=int(counts[1]))
    if "unterminated quote" in text:
        return _unclosed(place, file.quote)
    if long:
        return f"{place} is longer than {int(long[1]):,} bytes; perhaps a quote ({file.quote}) is not closed"
    return _MIXED if "invalid state" in text else None


def _uneven(place: str, *, found: int, expected: int) -> str:
    return f"{place} has {found} value{'s' if found != 1 else ''}, not {expected}"


def _unclosed(place: str, quote: str) -> str:
    return f"{place} has a quote ({quote}) that is not closed; a quote inside of quotes is written twice ({quote * 2})"


def _wrong_byte(path: Path, advice: str) -> str | None:
    """Where the file is not UTF-8; None where it is."""
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
                return f"it is not UTF-8 (the byte 0x{error.object[error.start]:02X} in line {line}); {advice}"
            if not chunk:
                return None
            feeds += text.count("\n")
            returns += text.count("\r")


def _unlike_the_first(file: CsvFile) -> str | None:
    """The first row in the way where DuckDB says only that it makes nothing of the file."""
    expected, line = 0, file.skip
    try:
        for row in islice(_rows(file), _SNIFFED_ROWS):
            line += 1
            expected = expected or len(row)
            if row and len(row) != expected:
                return _uneven(f"line {line}", found=len(row), expected=expected)
    except csv.Error as error:
        if "end of data" in str(error):
            return _unclosed(f"line {line + 1}", file.quote)
    return None


def _rows(file: CsvFile) -> Iterator[list[str]]:
    with file.path.open(encoding="utf-8-sig", newline="") as lines:
        with suppress(StopIteration):
            for _ in range(file.skip):
                next(lines)
        yield from csv.reader(lines, delimiter=file.delimiter, quotechar=file.quote, strict=True)
