"""Cells: the form every kind of file is read into before its columns get types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

# One at a time: a step reads its files one after the other.
RELATION = "cells of a file"  # the table that a reader makes; users' names cannot have a space
RAW = "values of a file"  # a table that the source of cells may read

# Of a file, of any kind: as many as a sheet has.
COLUMNS_MAX = 16_384

FAILS = "error('the cells are not what they seemed to be')"  # SQL of a value that fails the statement


# Small numbers, because a column of them may stand beside each column of texts.
class Kind(IntEnum):
    """The type of a cell in its file. Everything in a CSV file is TEXT."""

    TEXT = 0
    NUMBER = 1  # its text: decimal digits, no exponent
    DATE = 2  # YYYY-MM-DD
    MOMENT = 3  # YYYY-MM-DD HH:MM:SS, with .ffffff where there is a fraction; without a zone
    TRUTH = 4  # as its file shows it: TRUE in a sheet, true in JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class CellColumn:
    """A column of cells. Column i has its texts in `t<i>`, VARCHAR, NULL for an empty cell.

    `kind` is the kind of every cell that is not empty. None: they differ, and `k<i>` (UTINYINT) holds the Kind of each
    cell. `native` is the DuckDB type of a column whose file has types (Parquet): then `t<i>` has that type, not text.
    `is_binary` marks numbers that were binary fractions: more than ten decimals are a residue of arithmetic there.
    `has_value`: beside the text of a number, date or moment, `b<i>` is its value, DOUBLE or TIMESTAMP, so that no text
    need be made and read again. `exact` is BIGINT or DECIMAL(18,4) where that holds each number as its text has it;
    without, `r<i>` is the text of those that neither holds.
    """

    heading: str  # as the file shows it, with blanks; "" where there is none
    kind: Kind | None = Kind.TEXT
    native: str = ""
    is_binary: bool = False
    has_value: bool = field(default=False, compare=False)
    exact: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What was found out about a file that nobody said; "" for what its kind has not."""

    delimiter: str = ""
    encoding: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()  # that have cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The table RELATION: a row for each row of the file, in its order, so that `rowid` counts them from 0.

    With `load` there is no such table yet: `source` reads the same columns from the file. Where it is
    not sure it fails, and `load` makes RELATION.

    `place(row, column)` says where a cell is in the user's words ("line 7", 'cell C7 of the sheet "Data"'), for the
    rowid and the number of the column, both from 0. It may read the file again, so call it for few cells.
    """

    columns: tuple[CellColumn, ...]
    place: Callable[[int, int], str]
    remarks: tuple[str, ...] = ()  # for the step's log
    warnings: tuple[str, ...] = ()  # end the step with a Warning
    cautions: tuple[str, ...] = ()  # remarks that end an import with a Warning: nobody looks at its rows again
    source: str = f'"{RELATION}"'  # an SQL source of the cells
    load: Callable[[], Cells] | None = None
    recognised: Recognised = Recognised()

    def loaded(self) -> Cells:
        """The same as the table RELATION."""
        return self if self.load is None else self.load()
