"""Rows of a sheet become the table of cells: blank rows left out, headings taken, cells without a value refused."""

from __future__ import annotations

import csv
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading.cells import RELATION, CellColumn, Cells, Kind
from procession.actions.reading.options import FileOptions
from procession.actions.reading.sheets import areas
from procession.actions.reading.sheets.areas import CELLS_MAX, Area, cell_name
from procession.actions.reading.sheets.rows import Cell, Row
from procession.actions.reading.sheets.values import FAULT

if TYPE_CHECKING:
    import duckdb

FAULTS_SHOWN_MAX = 10
_GAP_MAX = 1_000  # empty columns side by side
_EMPTY = "."  # the letter of an empty cell in a row's kinds; a Kind is its digit
_LETTERS: dict[int, str] = {FAULT: _EMPTY, **{kind: str(int(kind)) for kind in Kind}}
_LINE_BYTES_MIN = 2 << 20  # what DuckDB gives a line anyway
_ROW_CHARACTERS_MAX = 16 << 20
CHARACTERS_MAX = 1 << 29  # a small file can hold one long text in many cells


@dataclass(kw_only=True)
class Collector:
    """Takes the rows of one area. `sheet` is how a message calls the sheet."""

    sheet: str
    area: Area
    has_header: bool
    headings: dict[int, str] = field(default_factory=dict)
    numbers: array[int] = field(default_factory=lambda: array("I"))  # of the rows that are kept, from 0
    patterns: set[str] = field(default_factory=set)  # the kinds of a row's cells, a letter each
    faults: list[tuple[int, str]] = field(default_factory=list)  # the first of each column, with their columns
    fault_counts: Counter[int] = field(default_factory=Counter)  # by column, from the first of the area
    hidden_count: int = 0
    first: int = 0  # the first column of the table, from the first of the area
    width: int = 0  # of the widest row, from the first column of the area
    longest: int = 0  # characters of the longest row
    characters: int = 0  # of all rows

    @property
    def where(self) -> str:
        return " in that range" if self.area.is_given else ""

    def write(self, rows: Iterable[Row], path: Path) -> None:
        """The kept rows as lines of a CSV file: kinds, then texts. Raises Problem."""
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\r\n").writerows(self._lines(rows))

    def _lines(self, rows: Iterable[Row]) -> Iterator[list[str]]:
        is_header = self.has_header
        for number, is_hidden, stored in rows:
            if number > self.area.last_row:
                return
            cells = self._inside(number, stored)
            if not cells:
                continue
            self.hidden_count += is_hidden
            if is_header:
                self.headings = {column: text for column, kind, text in cells if kind != FAULT}
                is_header = False
            else:
                yield self._line(number, cells)

    def _inside(self, number: int, cells: list[Cell]) -> list[Cell]:
        """The cells of a row that lie in the area, columns counted from its first; faults are noted."""
        area = self.area
        if number < area.first_row or not cells:
            return []
        if area.is_given:
            first, last = area.first_column, area.last_column
            cells = [(column - first, kind, text) for column, kind, text in cells if first <= column <= last]
        for column, kind, text in cells:
            if kind == FAULT:
                self._note(number, column, text)
        return cells

    def _note(self, row: int, column: int, why: str) -> None:
        self.fault_counts[column] += 1
        if self.fault_counts[column] <= FAULTS_SHOWN_MAX:
            self.faults.append((column, f"{cell_name(row, column + self.area.first_column)} ({why})"))

    def _line(self, number: int, cells: list[Cell]) -> list[str]:
        width = cells[-1][0] + 1
        self.width = max(self.width, width)
        self.numbers.append(number)
        if len(self.numbers) * self.width > CELLS_MAX:
            raise Problem(f"{self.sheet} has more than {CELLS_MAX:,} cells (row {number + 1:,})")
        if width == len(cells):
            line = [text for _, _, text in cells]
            kinds = "".join([_LETTERS[kind] for _, kind, _ in cells])
        else:
            line, letters = [""] * width, [_EMPTY] * width
            for column, kind, text in cells:
                line[column], letters[column] = text, _LETTERS[kind]
            kinds = "".join(letters)
        if FAULT in [kind for _, kind, _ in cells]:
            for column, kind, _ in cells:
                if kind == FAULT:
                    line[column] = ""
        self.patterns.add(kinds)
        # The kinds are a letter a cell, and each cell has a comma.
        self._measure(number, sum(map(len, line)) + 2 * width)
        return [kinds, *line]

    def _measure(self, number: int, characters: int) -> None:
        self.longest = max(self.longest, characters)
        self.characters += characters
        if self.longest > _ROW_CHARACTERS_MAX:
            raise Problem(f"row {number + 1:,} of {self.sheet} has more than {_ROW_CHARACTERS_MAX:,} characters")
        if self.characters > CHARACTERS_MAX:
            raise Problem(f"{self.sheet} has more than {CHARACTERS_MAX:,} characters (row {number + 1:,})")


def collect(sheet: str, options: FileOptions) -> Collector:
    return Collector(sheet=sheet, area=areas.of(options), has_header=options.header)


def load(connection: duckdb.DuckDBPyConnection, collector: Collector, path: Path) -> tuple[CellColumn, ...]:
    """Make the table RELATION of the lines at `path`."""
    first, last = _used(collector)
    collector.first = first
    if first == last:
        raise Problem(f"{collector.sheet} has no cells{collector.where}")
    kinds = _kinds(collector.patterns, max(collector.width, last))
    _refuse_stray(collector, kinds)
    types = ", ".join(f"{name}: 'VARCHAR'" for name in ("kinds", *(f"c{place}" for place in range(len(kinds)))))
    terms = [term for column in range(first, last) for term in _terms(column, column - first, kinds[column])]
    # null_padding: a line ends at its last cell; DuckDB cannot pad in parallel where a text holds a line end. For the
    # size: a character takes up to four bytes.
    connection.execute(
        f"CREATE TABLE {quote(RELATION)} AS SELECT {', '.join(terms)} FROM read_csv(?, auto_detect = false, "
        "header = false, delim = ',', quote = '\"', escape = '\"', new_line = '\\r\\n', nullstr = '', "
        f"null_padding = true, parallel = false, columns = {{{types}}}, "
        f"max_line_size = {max(_LINE_BYTES_MIN, 4 * collector.longest)})",
        [str(path)],
    )
    return tuple(column_of(_heading(collector, column), kinds[column]) for column in range(first, last))


def _heading(collector: Collector, column: int) -> str:
    return collector.headings.get(column, "")


def _refuse_stray(collector: Collector, kinds: list[set[Kind]]) -> None:
    """Raises Problem for what lies behind so many empty columns that nobody means them: DuckDB would hold them all."""
    filled = [number for number, found in enumerate(kinds) if found or _heading(collector, number)]
    for before, column in pairwise(filled):
        if column - before > _GAP_MAX:
            first = collector.area.first_column
            heading = f' ("{_heading(collector, column)}")' if _heading(collector, column) else ""
            raise Problem(
                f"{collector.sheet} has something in column {_letters(first + column)}{heading}, behind "
                f"{column - before - 1:,} empty columns; clear it, or name the part to be read, such as "
                f'range: "{_letters(first + filled[0])}:{_letters(first + before)}"'
            )


def _letters(column: int) -> str:
    return cell_name(0, column)[:-1]


def column_of(heading: str, kinds: set[Kind]) -> CellColumn:
    """Dates and moments in one column are all moments."""
    if kinds == {Kind.DATE, Kind.MOMENT}:
        return CellColumn(heading=heading, kind=Kind.MOMENT)
    kind = Kind.TEXT if not kinds else next(iter(kinds)) if len(kinds) == 1 else None
    return CellColumn(heading=heading, kind=kind, is_binary=Kind.NUMBER in kinds)


def _used(collector: Collector) -> tuple[int, int]:
    """The first column and the one after the last. Wholly empty ones at both ends are no part of the table."""
    area = collector.area
    filled = {column for column, text in collector.headings.items() if text}
    filled.update(column for pattern in collector.patterns for column in _ends(pattern))
    if area.is_given and filled:
        return 0, area.last_column - area.first_column + 1
    return (min(filled), max(filled) + 1) if filled else (0, 0)


def _ends(pattern: str) -> tuple[int, int]:
    return len(pattern) - len(pattern.lstrip(_EMPTY)), len(pattern) - 1


def _kinds(patterns: set[str], width: int) -> list[set[Kind]]:
    found: list[set[Kind]] = [set() for _ in range(width)]
    for pattern in patterns:
        for kinds, letter in zip(found, pattern, strict=False):
            if letter != _EMPTY:
                kinds.add(Kind(int(letter)))
    return found


def _terms(source: int, target: int, kinds: set[Kind]) -> list[str]:
    letter = f"substr(kinds, {source + 1}, 1)"
    if kinds == {Kind.DATE, Kind.MOMENT}:
        return [f"CASE {letter} WHEN '{Kind.DATE:d}' THEN c{source} || ' 00:00:00' ELSE c{source} END AS t{target}"]
    terms = [f"c{source} AS t{target}"]
    if len(kinds) > 1:
        terms.append(f"TRY_CAST({letter} AS UTINYINT) AS k{target}")
    return terms


def cells(collector: Collector, columns: tuple[CellColumn, ...]) -> Cells:
    first = collector.area.first_column + collector.first
    return Cells(columns=columns, place=places(collector.sheet, collector.numbers.__getitem__, first))


def places(sheet: str, number: Callable[[int], int], first: int) -> Callable[[int, int], str]:
    def place(row: int, column: int) -> str:
        return f"cell {cell_name(number(row), first + column)} of {sheet}"

    return place
