"""The part of a sheet that a process file asks for, and how a cell of it is called."""

from __future__ import annotations

import re
from dataclasses import dataclass

from procession.actions.problems import Problem
from procession.actions.reading.options import FileOptions

# The sheet of Excel since 2007, which ends at XFD1048576. LibreOffice has the same.
ROWS_MAX = 1_048_576
COLUMNS_MAX = 16_384
CELLS_MAX = 20_000_000
# Of a number of a style or a format: int() refuses a text of more than 4,300 digits with an error of its own.
DIGITS_MAX = 9
_MERGED = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6}):([A-Z]{1,3})([1-9][0-9]{0,6})\Z", re.ASCII)
_CORNER = re.compile(r"([A-Za-z]{1,3})([0-9]{0,7})\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Rows and columns from 0, the last ones included. `is_given`: its columns are read even where they are empty."""

    first_row: int = 0
    last_row: int = ROWS_MAX - 1
    first_column: int = 0
    last_column: int = COLUMNS_MAX - 1
    is_given: bool = False


def of(options: FileOptions) -> Area:
    """`skip` rows are cut from the top of the sheet, or of its `range`. Raises Problem."""
    if options.range is None:
        return Area(first_row=options.skip)
    (left, top), (right, bottom) = (_corner(text, options.range) for text in options.range.split(":"))
    area = Area(
        first_row=(top or 1) - 1 + options.skip,
        last_row=(bottom or ROWS_MAX) - 1,
        first_column=left,
        last_column=right,
        is_given=True,
    )
    if area.first_column > area.last_column or (top and bottom and top > bottom):
        raise Problem(f"the range {options.range} ends before it begins; write it from top left to bottom right")
    return area


def merged(ref: str) -> tuple[int, int, int, int]:
    """First and last row, first and last column of A2:A4, from 0; of what is no area, the first cell."""
    found = _MERGED.match(ref)
    if found is None:
        return 0, 0, 0, 0
    return int(found[2]) - 1, int(found[4]) - 1, column_number(found[1]), column_number(found[3])


def column_number(letters: str) -> int:
    """A is 0, XFD is 16,383."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def cell_name(row: int, column: int) -> str:
    letters, number = "", column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


def _corner(text: str, given: str) -> tuple[int, int]:
    """Its column from 0, and its row from 1, 0 where it names none."""
    found = _CORNER.match(text)
    column = column_number(found[1]) if found else COLUMNS_MAX
    row = int(found[2] or "0") if found else 0
    if column >= COLUMNS_MAX or row > ROWS_MAX or (found and found[2] and row == 0):
        raise Problem(f"the range {given} is outside of a sheet, which ends at XFD1048576")
    return column, row
