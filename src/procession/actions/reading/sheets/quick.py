"""The quick way for large sheets: DuckDB takes the cells, as they are written.

It proves each byte of each row. Where it cannot, there is no answer, and the sheet is read the exact way, which is
slower.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import aggregates, binary_values
from procession.actions.reading.cells import RAW, RELATION, CellColumn, Kind
from procession.actions.reading.sheets import cuts, forms, proofs, texts
from procession.actions.reading.sheets.areas import ROWS_MAX
from procession.actions.reading.sheets.cuts import Cut
from procession.actions.reading.sheets.forms import WrittenColumn
from procession.actions.reading.sheets.office import OfficeBook
from procession.actions.reading.sheets.rows import Findings, Row
from procession.actions.reading.sheets.tables import Collector
from procession.actions.reading.sheets.tabs import Tab
from procession.actions.reading.sheets.taken import QuickColumn

if TYPE_CHECKING:
    import duckdb

SHEET_BYTES_MIN = 1 << 20  # below this the exact way is fast enough
_BYTES_MAX = 256 << 20  # of its lines, which lie in the step's folder
_TEXT_BYTES_MAX = 4 << 30  # if every cell had the longest text; most have short ones
_COLUMNS_MAX = 128  # the statement that proves them grows with them


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickCells:
    """`source` is SQL of the cells over the table RAW; load() makes RELATION of both."""

    columns: tuple[CellColumn, ...]
    source: str

    def load(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"CREATE TABLE {quote(RELATION)} AS SELECT * FROM {self.source}")
        connection.execute(f"DROP TABLE {quote(RAW)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """The table RAW: a row of the sheet each, its number `n` from 1, whether it is hidden (`h`), its values `v<i>`."""

    cut: Cut
    columns: dict[int, QuickColumn]  # that have values, by their number in the sheet
    has_formulas: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickSheet:
    """A sheet to be read. Lines lie at `path` on the way."""

    connection: duckdb.DuckDBPyConnection
    book: OfficeBook
    tab: Tab
    collector: Collector
    path: Path

    def read(self) -> tuple[QuickCells, Findings] | None:
        """The cells, or None when only the exact way is sure. Headings and row numbers go to the collector."""
        sizes = self.book.size(self.tab), self.book.texts_size()
        is_usual = sizes[0] >= SHEET_BYTES_MIN and max(sizes) <= _BYTES_MAX
        if not is_usual or self.collector.area.is_given:
            return None
        try:
            taken = self._take()
            found = _settle(self.connection, taken, self.collector) if taken else None
        finally:
            self.path.unlink(missing_ok=True)
            self.connection.execute(f"DROP TABLE IF EXISTS {quote(texts.SHARED)}")
        if taken is None or found is None:
            self.connection.execute(f"DROP TABLE IF EXISTS {quote(RAW)}")
            return None
        findings = Findings(has_formulas=taken.has_formulas)
        self.book.note(taken.cut.around, self.collector.sheet, findings)
        return found, findings

    def _take(self) -> _Taken | None:
        """By how the first cells are written; where that does not hold, by how all are."""
        import duckdb

        for is_first in (True, False):
            try:
                if is_first:
                    texts.load(self.connection, self.book, self.path)
                return self._proved(is_first=is_first)
            # Its own, of what FAILS raises, too; the folder may have no room for the lines, but for less. Damaged
            # texts are a fault only of a sheet that needs them, as the exact way says.
            except (duckdb.Error, OSError, ValueError, Problem):
                continue
        return None

    def _proved(self, *, is_first: bool) -> _Taken | None:
        """Raises duckdb.Error or ValueError for a row that is not written like those that were seen."""
        cut = cuts.begin(
            self.book.chunks(self.tab), lambda rows: self.book.top(rows, self.collector.sheet), self.collector
        )
        if cut is None:
            return None
        is_even = is_first and cut.top.is_even
        columns = cut.top.columns(is_even=is_even)
        if len(columns) > _COLUMNS_MAX:
            return None
        cut.write(self.path, columns, is_even=is_even)
        fields = proofs.fields(self.path, len(columns))
        seen = _sampled(cut, columns) if is_first else _asked(self.connection, fields, columns)
        written = self._written(seen, cut, is_even=is_even)
        if written is None or self._is_too_long(cut, written):
            return None
        self.connection.execute(f"CREATE OR REPLACE TABLE {quote(RAW)} AS {proofs.table(fields, written, cut.top.tag)}")
        has_formulas = any(form.opener == forms.FORMULA for one in written for form in one.forms)
        found = _complete(self.connection, written)
        return None if found is None else _Taken(cut=cut, columns=found, has_formulas=has_formulas)

    def _written(self, seen: Mapping[int, Sequence[str]], cut: Cut, *, is_even: bool) -> list[WrittenColumn] | None:
        """None where a column has cells that are read the exact way alone."""
        found, styles = list[WrittenColumn](), self.book.styles()
        for place, (column, cells) in enumerate(seen.items()):
            of_column = forms.of(cells, styles)
            if of_column is None:
                return None
            written = WrittenColumn(
                column=column,
                field=f"f{place}",
                forms=of_column,
                is_plain=cut.is_plain,
                is_even=is_even,
                is_1904=self.book.is_1904,
            )
            found.append(written)
        return found

    def _is_too_long(self, cut: Cut, written: Sequence[WrittenColumn]) -> bool:
        """A small file can hold one long text in many cells."""
        count = cut.rows * sum(any(form.is_shared for form in one.forms) for one in written)
        return count > 0 and count * texts.longest(self.connection) > _TEXT_BYTES_MAX


def _sampled(cut: Cut, columns: list[int]) -> dict[int, list[str]]:
    """How cells of each column are written, each from behind its place."""
    found: dict[int, list[str]] = {column: [] for column in columns}
    for column, cell in cut.top.cells():
        found.setdefault(column, []).append(cell)
    return found


def _asked(connection: duckdb.DuckDBPyConnection, fields: str, columns: list[int]) -> dict[int, list[str]]:
    listed = [f"f{place}" for place in range(len(columns))]
    terms = [f"list(DISTINCT {forms.seen_sql(field)}) FILTER ({field} IS NOT NULL)" for field in listed]
    answers = aggregates.over(connection, terms, f"({fields})")
    return {column: answer or [] for column, answer in zip(columns, answers, strict=True)}


def _complete(connection: duckdb.DuckDBPyConnection, written: Sequence[WrittenColumn]) -> dict[int, QuickColumn] | None:
    """The columns that have values. None when one is no number of a sheet."""
    columns = [QuickColumn(column=one.column, kinds=one.kinds, is_mixed=one.is_mixed) for one in written]
    finite = [f"bool_and(isfinite({one.number}))" for one in columns if Kind.NUMBER in one.kinds]
    answers = aggregates.over(connection, [*(one.kinds_sql for one in columns), *finite], quote(RAW))
    if False in answers[len(columns) :]:
        return None
    settled = [replace(one, kinds=frozenset(map(Kind, kinds))) for one, kinds in zip(columns, answers, strict=False)]
    return {one.column: one for one in settled if one.kinds}


def _settle(connection: duckdb.DuckDBPyConnection, taken: _Taken, collector: Collector) -> QuickCells | None:
    """None when the first row is not the one that was read exactly, or rows are out of their order."""
    columns, rows = _exact(connection, taken.columns), taken.cut.top.rows
    headings = {column: text for column, _, text in rows[0][2]} if collector.has_header else {}
    filled = {*columns, *(column for column, text in headings.items() if text)}
    collector.headings, collector.first = headings, min(filled)
    span = range(collector.first, max(filled) + 1)
    if len(span) > _COLUMNS_MAX:
        return None
    if (has_blank := _number_rows(connection, columns.values(), collector)) is None:
        return None
    collector.hidden_count += collector.has_header and rows[0][1]
    every = [columns.get(column, QuickColumn(column=column, kinds=frozenset())) for column in span]
    listed = ", ".join(one.terms(place) for place, one in enumerate(every))
    only = f" WHERE {_is_filled(columns.values())}" if has_blank else ""
    source = f"(SELECT {listed} FROM {quote(RAW)}{only})"
    if not _begins_with(connection, source, every, rows[-1]):
        return None
    return QuickCells(columns=tuple(one.cells(headings.get(one.column, "")) for one in every), source=source)


def _exact(connection: duckdb.DuckDBPyConnection, columns: Mapping[int, QuickColumn]) -> dict[int, QuickColumn]:
    """The same with CellColumn.exact of columns of numbers."""
    found = dict(columns)
    for kind, test in ((binary_values.WHOLE, binary_values.is_whole), (binary_values.SHORT, binary_values.is_short)):
        asked = [one for one in found.values() if one.kind is Kind.NUMBER and not one.is_mixed and not one.exact]
        answers = aggregates.over(connection, [f"bool_and({test(one.value)})" for one in asked], quote(RAW))
        found |= {one.column: replace(one, exact=kind) for one, is_so in zip(asked, answers, strict=True) if is_so}
    return found


def _begins_with(
    connection: duckdb.DuckDBPyConnection, source: str, columns: Sequence[QuickColumn], first: Row
) -> bool:
    """Is the first row the one that was read exactly?"""
    wanted: list[str | None] = [None] * len(columns)
    for column, kind, text in first[2]:
        place = column - columns[0].column
        is_midnight = kind == Kind.DATE and columns[place].kind is Kind.MOMENT
        wanted[place] = f"{text} 00:00:00" if is_midnight else text
    texts = ", ".join(f"t{number}" for number in range(len(columns)))
    return connection.execute(f"SELECT {texts} FROM {source} LIMIT 1").fetchone() == tuple(wanted)


def _number_rows(
    connection: duckdb.DuckDBPyConnection, columns: Collection[QuickColumn], collector: Collector
) -> bool | None:
    """Which row of the sheet is each row of the table? Blank ones are left out; gives whether there is one.

    None when a row does not follow the one before it. Hidden rows are counted."""
    is_filled = f"({_is_filled(columns)}) IS TRUE"
    asked = (
        f"count(*), min(n), max(n), bool_and(n = rowid + (SELECT min(n) FROM {quote(RAW)}) AND {is_filled} AND NOT h)"
    )
    count, first, last, is_plain = connection.execute(f"SELECT {asked} FROM {quote(RAW)}").fetchall()[0]
    if last > ROWS_MAX:
        return None
    if is_plain:
        collector.numbers = array("I", range(first - 1, first - 1 + count))
        return False
    rows = connection.execute(f"SELECT n, {is_filled}, h FROM {quote(RAW)} ORDER BY rowid").fetchall()
    if any(number >= following for (number, *_), (following, *_) in pairwise(rows)):
        return None
    collector.numbers = array("I", (number - 1 for number, is_there, _ in rows if is_there))
    collector.hidden_count += sum(is_hidden for _, is_there, is_hidden in rows if is_there)
    return len(collector.numbers) < len(rows)


def _is_filled(columns: Collection[QuickColumn]) -> str:
    return " OR ".join(f"{one.filled} IS NOT NULL" for one in columns)
