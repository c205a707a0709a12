"""Records of a CSV file, one after the other, with their lines: what every other reading of the file must agree with.

A quote opens a value only at its very beginning; inside of quotes it is written twice. LF, CRLF and CR end a record, in
any mixture. Nothing is repaired: what is no CSV is refused with its line.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from procession.actions.reading import text
from procession.actions.reading.text import Text

Record = tuple[int, list[str]]  # the line it begins on, counted from 1 in the whole file, and its values


class Unreadable(Exception):
    """The text says what is wrong with the file, and on which line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """`trims`: blanks before a quote belong to no value."""

    delimiter: str
    quote: str = '"'
    trims: bool = False


def read(file: Text, dialect: Dialect) -> Iterator[Record]:
    """Every record but blank lines; those are values of a file with one column. Raises Unreadable."""
    csv.field_size_limit(text.LINE_CHARACTERS_MAX)
    with file.path.open(encoding="utf-8", newline="") as lines:
        lines.seek(file.start)
        reader = csv.reader(
            lines, delimiter=dialect.delimiter, quotechar=dialect.quote, skipinitialspace=dialect.trims, strict=True
        )
        last = 0
        try:
            for values in reader:
                yield file.lines_before + last + 1, values
                last = reader.line_num
        except csv.Error as error:
            raise Unreadable(_reason(str(error), file.lines_before + last + 1, dialect)) from error
        except UnicodeDecodeError as error:
            raise Unreadable(text.wrong_byte(file.path) or "it is not UTF-8") from error


def table(file: Text, dialect: Dialect, width: int) -> Iterator[Record]:
    """The records, each as wide as the first. Raises Unreadable naming the line and both counts."""
    for line, values in read(file, dialect):
        if len(values) == width:
            yield line, values
        elif values:
            raise Unreadable(uneven(line, found=len(values), expected=width))
        elif width == 1:
            yield line, [""]


def uneven(line: int, *, found: int, expected: int) -> str:
    advice = "; where a title stands above the header, say skip" if expected == 1 else ""
    return f"line {line} has {found} value{'s' if found != 1 else ''}, not {expected}{advice}"


def _reason(said: str, line: int, dialect: Dialect) -> str:
    mark = dialect.quote
    if "end of data" in said:
        return (
            f"line {line} has a quote ({mark}) that is not closed; "
            f"a quote inside of quotes is written twice ({mark * 2})"
        )
    if "expected after" in said:
        return (
            f"line {line} has something between a closing quote ({mark}) and the next delimiter; "
            f"a quote inside of quotes is written twice ({mark * 2})"
        )
    if "field larger" in said:
        return (
            f"line {line} has a value of more than {text.LINE_CHARACTERS_MAX:,} characters; "
            f"perhaps a quote ({mark}) is not closed"
        )
    return f"line {line}: {said}"


def lines_of(file: Text, dialect: Dialect, width: int, *, first: int) -> Callable[[int], int]:
    """The line of the n-th row (from 0) behind `first` records. Asked in rising order it reads the file once."""
    rows = islice(table(file, dialect, width), first, None)
    at, line = -1, 0

    def line_of(row: int) -> int:
        nonlocal rows, at, line
        if row < at:
            rows, at = islice(table(file, dialect, width), first, None), -1
        for found, _ in islice(rows, row - at):
            at, line = at + 1, found
        return line

    return line_of
