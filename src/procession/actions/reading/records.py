"""Records of a CSV file with their lines: the reference for every faster reader.

A quote opens a value only at its start; inside quotes it is doubled. LF, CRLF and CR end a record, in
any mixture. Nothing is repaired: a mistake is refused with its line.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from procession.actions.reading import rising, text
from procession.actions.reading.text import Text

Record = tuple[int, list[str]]  # the line it begins on, counted from 1 in the whole file, and its values


# A mark that no file has: all others are then letters like any.
_PLAIN = '; where quotes are letters like any, say quote: "\\u0001"'


class Unreadable(Exception):
    """The text says what is wrong with the file, and on which line."""


class UnevenEnd(Unreadable):
    """Its last record alone has more or fewer values than the others, as one of totals has, or a note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """`trims`: blanks before a quote belong to no value. `tells_empty`: "" is an empty text, nothing is no value.

    `has_total`: the last record is one of totals, and may be shorter than the others.
    """

    delimiter: str
    quote: str = '"'
    trims: bool = False
    tells_empty: bool = False
    has_total: bool = False


class _Kept:
    """Keeps the lines of the last record as written."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._kept: list[str] = []

    def __iter__(self) -> _Kept:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._kept.append(line)
        return line

    def take(self) -> str:
        taken = "".join(self._kept)
        self._kept.clear()
        return taken


def read(file: Text, dialect: Dialect) -> Iterator[Record]:
    """Every record; the values of a blank line are []. Raises Unreadable."""
    return ((line, values) for line, values, _ in _read(file, dialect))


def _read(file: Text, dialect: Dialect) -> Iterator[tuple[int, list[str], str]]:
    # Python's own limit of 128 KB is for all of the process and too small for notes.
    csv.field_size_limit(text.LINE_CHARACTERS_MAX)
    with file.path.open(encoding="utf-8", newline="") as source:
        source.seek(file.start)
        lines = _Kept(source)
        # strict: without it a quote in the middle of a value is silently part of it.
        reader = csv.reader(
            lines, delimiter=dialect.delimiter, quotechar=dialect.quote, skipinitialspace=dialect.trims, strict=True
        )
        last = 0
        try:
            for values in reader:
                yield file.lines_before + last + 1, values, lines.take()
                last = reader.line_num
        except csv.Error as error:
            raise Unreadable(_reason(str(error), file.lines_before + last + 1, dialect)) from error
        except UnicodeDecodeError as error:
            raise Unreadable(text.wrong_byte(file.path) or "it is not UTF-8") from error


def table(file: Text, dialect: Dialect, width: int) -> Iterator[tuple[int, list[str | None]]]:
    """The records, each as wide as the first; blank lines are values of a table with one column.

    One of totals may lack values, which are empty then, or have empty ones too many. Raises Unreadable naming the line
    and both counts.
    """
    found = _read(file, dialect)
    for line, values, raw in found:
        told: list[str | None] = _told(values, raw, dialect) if dialect.tells_empty and "" in values else [*values]
        if len(values) == width:
            yield line, told
        elif values:
            is_last = _is_over(found)
            if not (is_last and dialect.has_total) or any(values[width:]):
                kind = UnevenEnd if is_last else Unreadable
                raise kind(_uneven(line, found=len(values), expected=width))
            nothing = None if dialect.tells_empty else ""
            yield line, told[:width] + [nothing] * (width - len(values))
        elif width == 1:
            yield line, [None if dialect.tells_empty else ""]


def _is_over(records: Iterator[tuple[int, list[str], str]]) -> bool:
    """Whether nothing but blank lines follows. What follows is looked at no further: its own mistakes come later."""
    try:
        return not any(values for _, values, _ in records)
    except Unreadable:
        return False


def _told(values: list[str], raw: str, dialect: Dialect) -> list[str | None]:
    """The values, None for empty ones without quotes; `raw`: the record as written."""
    mark, at = dialect.quote, 0
    told: list[str | None] = []
    for value in values:
        while dialect.trims and raw.startswith(" ", at):
            at += 1
        is_quoted = raw.startswith(mark, at)
        at += len(value) + (value.count(mark) + 2 if is_quoted else 0) + 1
        told.append(value if value or is_quoted else None)
    return told


def _uneven(line: int, *, found: int, expected: int) -> str:
    advice = "; where a title stands above the header, say skip" if expected == 1 else ""
    return f"line {line} has {found} value{'s' if found != 1 else ''}, not {expected}{advice}"


def _reason(said: str, line: int, dialect: Dialect) -> str:
    mark = dialect.quote
    if "end of data" in said:
        return (
            f"line {line} has a quote ({mark}) that is not closed; "
            f"a quote inside of quotes is written twice ({mark * 2}){_PLAIN}"
        )
    if "expected after" in said:
        return (
            f"line {line} has something between a closing quote ({mark}) and the next delimiter; "
            f"a quote inside of quotes is written twice ({mark * 2}){_PLAIN}"
        )
    if "field larger" in said:
        return (
            f"line {line} has a value of more than {text.LINE_CHARACTERS_MAX:,} characters; "
            f"perhaps a quote ({mark}) is not closed"
        )
    return f"line {line}: {said}"


def lines_of(file: Text, dialect: Dialect, width: int, *, first: int) -> Callable[[int], int]:
    """The line of the n-th row (from 0) with a value after `first` records.

    Reads the file once if called in rising order.
    """

    def filled() -> Iterator[int]:
        rows = islice(table(file, dialect, width), first, None)
        return (line for line, values in rows if dialect.tells_empty or width == 1 or any(values))

    return rising.numbers(filled)
