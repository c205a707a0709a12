"""The quick way for large sheets whose columns are each of one kind: DuckDB takes the cells, as they are written.

It proves each byte of each row. Where it cannot, there is no answer, and the sheet is read the exact way, which is
slower.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from procession.actions.reading.sheets.formats import Shows
from procession.actions.reading.sheets.forms import WrittenColumn
from procession.actions.reading.sheets.office import OfficeBook
from procession.actions.reading.sheets.rows import Findings, Row
from procession.actions.reading.sheets.tables import Collector
from procession.actions.reading.sheets.tabs import Tab

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
    kinds: dict[int, Kind]  # of the columns that have values, by their number in the sheet
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
        if not is_usual or self.collector.area.is_given or self.book.is_1904:
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
        written = _written(seen, columns, self.book.styles(), cut, is_even=is_even)
        if written is None or self._is_too_long(cut, written):
            return None
        self.connection.execute(f"CREATE OR REPLACE TABLE {quote(RAW)} AS {proofs.table(fields, written, cut.top.tag)}")
        has_formulas = any(form.opener == forms.FORMULA for one in written for form in one.forms)
        kinds = _complete(self.connection, {one.column: one.kind for one in written})
        return None if kinds is None else _Taken(cut=cut, kinds=kinds, has_formulas=has_formulas)

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


def _written(
    seen: Mapping[int, Sequence[str]], columns: list[int], styles: list[Shows], cut: Cut, *, is_even: bool
) -> list[WrittenColumn] | None:
    """None where a column has cells of several kinds, or of one that is read the exact way alone."""
    found = list[WrittenColumn]()
    for place, column in enumerate(columns):
        of_column = forms.seen(seen[column])
        kinds = None if of_column is None else {form.kind(styles) for form in of_column}
        if of_column is None or kinds is None or len(kinds) > 1 or None in kinds:
            return None
        kind = next((kind for kind in kinds if kind is not None), Kind.TEXT)
        written = WrittenColumn(
            column=column, field=f"f{place}", forms=of_column, kind=kind, is_plain=cut.is_plain, is_even=is_even
        )
        found.append(written)
    return found


def _complete(connection: duckdb.DuckDBPyConnection, kinds: Mapping[int, Kind]) -> dict[int, Kind] | None:
    """The columns that have values. None when one is no number of a sheet."""
    counts = [f"count({_filled(column, kind)})" for column, kind in kinds.items()]
    finite = [f"bool_and(isfinite(v{column}))" for column, kind in kinds.items() if kind is Kind.NUMBER]
    times = [f"bool_or({_has_time(f'v{column}')})" for column, kind in kinds.items() if kind is Kind.DATE]
    found = aggregates.over(connection, [*counts, *finite, *times], quote(RAW))
    counted, told = dict(zip(kinds, found, strict=False)), iter(found[len(kinds) + len(finite) :])
    if False in found[len(kinds) : len(kinds) + len(finite)]:
        return None
    # Days are all dates; with one time of day among them they are all moments.
    settled = {column: Kind.MOMENT if kind is Kind.DATE and next(told) else kind for column, kind in kinds.items()}
    return {column: kind for column, kind in settled.items() if counted[column]}


def _has_time(value: str) -> str:
    return f"{value} <> CAST({value} AS DATE)"


def _settle(connection: duckdb.DuckDBPyConnection, taken: _Taken, collector: Collector) -> QuickCells | None:
    """None when the first row is not the one that was read exactly, or rows are out of their order."""
    kinds, rows = taken.kinds, taken.cut.top.rows
    headings = {column: text for column, _, text in rows[0][2]} if collector.has_header else {}
    filled = {*kinds, *(column for column, text in headings.items() if text)}
    collector.headings, collector.first = headings, min(filled)
    span = range(collector.first, max(filled) + 1)
    if len(span) > _COLUMNS_MAX:
        return None
    if (has_blank := _number_rows(connection, kinds, collector)) is None:
        return None
    collector.hidden_count += collector.has_header and rows[0][1]
    exact = _exact(connection, [column for column, kind in kinds.items() if kind is Kind.NUMBER])
    listed = ", ".join(
        _terms(f"v{column}", kinds.get(column), exact.get(column, ""), column - span.start) for column in span
    )
    source = f"(SELECT {listed} FROM {quote(RAW)}{f' WHERE {_is_filled(kinds)}' if has_blank else ''})"
    if not _begins_with(connection, source, [kinds.get(column) for column in span], rows[-1], span.start):
        return None
    columns = tuple(
        CellColumn(
            heading=headings.get(column, ""),
            kind=kinds.get(column, Kind.TEXT),
            is_binary=kinds.get(column) is Kind.NUMBER,
            has_value=kinds.get(column) in {Kind.NUMBER, Kind.DATE, Kind.MOMENT},
            exact=exact.get(column, ""),
        )
        for column in span
    )
    return QuickCells(columns=columns, source=source)


def _exact(connection: duckdb.DuckDBPyConnection, columns: list[int]) -> dict[int, str]:
    """CellColumn.exact of columns of numbers."""
    found: dict[int, str] = {}
    for kind, test in ((binary_values.WHOLE, binary_values.is_whole), (binary_values.SHORT, binary_values.is_short)):
        asked = [column for column in columns if column not in found]
        tests = [f"bool_and({test(f'v{column}')})" for column in asked]
        answers = aggregates.over(connection, tests, quote(RAW))
        found |= {column: kind for column, is_so in zip(asked, answers, strict=True) if is_so}
    return found


def _begins_with(
    connection: duckdb.DuckDBPyConnection, source: str, kinds: list[Kind | None], first: Row, first_column: int
) -> bool:
    """Is the first row the one that was read exactly?"""
    wanted: list[str | None] = [None] * len(kinds)
    for column, kind, text in first[2]:
        is_midnight = kind == Kind.DATE and kinds[column - first_column] is Kind.MOMENT
        wanted[column - first_column] = f"{text} 00:00:00" if is_midnight else text
    texts = ", ".join(f"t{number}" for number in range(len(kinds)))
    return connection.execute(f"SELECT {texts} FROM {source} LIMIT 1").fetchone() == tuple(wanted)


def _number_rows(connection: duckdb.DuckDBPyConnection, kinds: dict[int, Kind], collector: Collector) -> bool | None:
    """Which row of the sheet is each row of the table? Blank ones are left out; gives whether there is one.

    None when a row does not follow the one before it. Hidden rows are counted."""
    is_filled = f"({_is_filled(kinds)}) IS TRUE"
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


def _is_filled(kinds: dict[int, Kind]) -> str:
    return " OR ".join(f"{_filled(column, kind)} IS NOT NULL" for column, kind in kinds.items())


def _filled(column: int, kind: Kind) -> str:
    """The value; a text without characters is none."""
    return f"nullif(v{column}, '')" if kind is Kind.TEXT else f"v{column}"


def _terms(value: str, kind: Kind | None, exact: str, place: int) -> str:
    """SQL of the columns that CellColumn has; those that nobody asks for cost nothing."""
    if kind is None:
        return f"NULL::VARCHAR AS t{place}"
    terms = [f"{_text(value, kind, exact)} AS t{place}"]
    if kind in {Kind.NUMBER, Kind.DATE, Kind.MOMENT}:
        terms.append(f"{value} AS b{place}")
    if kind is Kind.NUMBER and not exact:
        terms.append(f"{binary_values.rest(value)} AS r{place}")
    return ", ".join(terms)


def _text(value: str, kind: Kind, exact: str) -> str:
    match kind:
        case Kind.NUMBER:
            return binary_values.text(value, exact)
        case Kind.DATE:
            return f"CAST({value} AS DATE)::VARCHAR"
        case Kind.MOMENT:
            text = f"CAST({value} AS VARCHAR)"
            # DuckDB drops the last zeros of a fraction; the exact way always writes six decimals.
            return f"CASE WHEN length({text}) = 19 THEN {text} ELSE rpad({text}, 26, '0') END"
        case Kind.TRUTH:
            return f"upper(CAST({value} AS VARCHAR))"
    return f"nullif({value}, '')"
