"""Rows as CSV before DuckDB reads them, their encoding and delimiter, and afterwards what is wrong, in plain words."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.reading.records import Unreadable
from procession.actions.reading.text import IN_EXCEL, wrong_byte

if TYPE_CHECKING:
    import duckdb

DELIMITERS = ",;\t|"  # in this order when the header holds as many of one as of another
_HEAD_BYTES = 1 << 20
_SNIFFED_ROWS = 30_000  # DuckDB looks at no more before it says what it expects
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_QUOTED = re.compile(r'(?:\A|(?<=[,;\t|\r\n]))"[^"]*(?:""[^"]*)*"')
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_COUNTS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_TOO_LONG = re.compile(r"Maximum line size of (\d+) bytes")
_UNCLEAR = 'no CSV can be made out in it; perhaps a quote (") is not closed, or a line is very long'
_MIXED = "its lines do not all end in the same way, or a quote stands in the middle of a value"


def head(path: Path) -> str:
    """Its first lines. Raises Unreadable where they are not UTF-8: DuckDB takes every byte for a name of a column."""
    with path.open("rb") as file:
        start = file.read(_HEAD_BYTES)
    if start.startswith(_UTF_16) or b"\0" in start[:2]:
        raise Unreadable(f"it is UTF-16, not UTF-8; {IN_EXCEL}")
    text = start.decode("utf-8-sig", errors="replace")
    wrong = wrong_byte(path, IN_EXCEL) if "\ufffd" in text else None
    if wrong:
        raise Unreadable(wrong)
    return text


def delimiters(text: str) -> list[str]:
    """What may separate the values, first the one that the header, which `text` begins with, holds most of.

    What stands inside of quotes is not counted.
    """
    header = re.split(r"[\r\n]", _QUOTED.sub("", text), maxsplit=1)[0]
    return sorted(DELIMITERS, key=header.count, reverse=True)


def complaint(error: duckdb.Error, path: Path, delimiter: str) -> str | None:
    """What is wrong with the file, None where DuckDB's words say nothing of it."""
    text = str(error)
    line, counts, long = _LINE.search(text), _COUNTS.search(text), _TOO_LONG.search(text)
    place = f"line {line[1]}" if line else "a line"
    if "not utf-8" in text:
        return wrong_byte(path, IN_EXCEL)
    if "sniffing" in text:
        return wrong_byte(path, IN_EXCEL) or _unlike_the_first(path, delimiter) or _UNCLEAR
    if counts:
        return _uneven(place, found=int(counts[2]), expected=int(counts[1]))
    if "unterminated quote" in text:
        return _unclosed(place)
    if long:
        return f'{place} is longer than {int(long[1]):,} bytes; perhaps a quote (") is not closed'
    return _MIXED if "invalid state" in text else None


def _uneven(place: str, *, found: int, expected: int) -> str:
    return f"{place} has {found} value{'s' if found != 1 else ''}, not {expected}"


def _unclosed(place: str) -> str:
    return f'{place} has a quote (") that is not closed; a quote inside of quotes is written twice ("")'


def _unlike_the_first(path: Path, delimiter: str) -> str | None:
    """The first row in the way where DuckDB says only that it makes nothing of the file."""
    expected = line = 0
    try:
        for row in islice(_rows(path, delimiter), _SNIFFED_ROWS):
            line += 1
            expected = expected or len(row)
            if row and len(row) != expected:
                return _uneven(f"line {line}", found=len(row), expected=expected)
    except csv.Error as error:
        if "end of data" in str(error):
            return _unclosed(f"line {line + 1}")
    return None


def _rows(path: Path, delimiter: str) -> Iterator[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.reader(lines, delimiter=delimiter, strict=True)
