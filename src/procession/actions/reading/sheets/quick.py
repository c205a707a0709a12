"""The quick way for large sheets whose columns are each of one kind: fastexcel takes the cells, where it is exact.

What it would alter, drop or show otherwise is found by the bytes of the sheet, the cell styles and the number of
values. Then `read` gives None, and the sheet is read the exact way, which is slower.
"""

from __future__ import annotations

import logging
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.reading import aggregates, binary_values
from procession.actions.reading.cells import RAW, RELATION, CellColumn, Kind
from procession.actions.reading.sheets import glances, probes
from procession.actions.reading.sheets.glances import Glance
from procession.actions.reading.sheets.office import OfficeBook
from procession.actions.reading.sheets.rows import Findings
from procession.actions.reading.sheets.tables import Collector
from procession.actions.reading.sheets.tabs import Tab

if TYPE_CHECKING:
    import duckdb

# What they say of "column 1" would stand in the step's log beside our own words; a fault is an exception.
for _name in ("fastexcel", "calamine"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

SHEET_BYTES_MIN = 1 << 20  # below this the exact way is fast enough
_SHEET_BYTES_MAX = 256 << 20  # fastexcel holds it in memory
_TEXT_BYTES_MAX = 4 << 30  # if every cell had the longest text; most have short ones
# Before the first day, serials are shifted by Excel's leap day that never was; after the last there are none.
_FIRST_DAY, _LAST_DAY = "TIMESTAMP '1900-03-01'", "TIMESTAMP '9999-12-31 23:59:59.999'"
_KINDS = {"float": Kind.NUMBER, "string": Kind.TEXT, "boolean": Kind.TRUTH, "datetime": Kind.DATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickCells:
    """`source` is SQL of the cells over the table RAW; load() makes RELATION of both."""

    columns: tuple[CellColumn, ...]
    source: str

    def load(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"CREATE TABLE {quote(RELATION)} AS SELECT * FROM {self.source}")
        connection.execute(f"DROP TABLE {quote(RAW)}")


def read(
    connection: duckdb.DuckDBPyConnection, book: OfficeBook, tab: Tab, collector: Collector, findings: Findings
) -> QuickCells | None:
    """The cells, or None when only the exact way is sure. Headings and row numbers go to the collector."""
    size = book.size(tab)
    if collector.area.is_given or book.is_1904 or not SHEET_BYTES_MIN <= size <= _SHEET_BYTES_MAX:
        return None
    glance = glances.look(
        book.chunks(tab), lambda content: book.top(content, collector.sheet), collector, seeks=book.is_to_compute
    )
    if glance is None or glance.values * book.longest_text() > _TEXT_BYTES_MAX or not probes.agrees(*book.styles()):
        return None
    kinds = _load(connection, book, tab, glance)
    kinds = _complete(connection, kinds, glance) if kinds else None
    if (found := _settle(connection, kinds, collector, glance) if kinds else None) is None:
        connection.execute(f"DROP TABLE IF EXISTS {quote(RAW)}")
        return None
    book.note(glance.around, collector.sheet, findings)
    findings.has_formulas = glance.has_formulas
    return found


def _load(connection: duckdb.DuckDBPyConnection, book: OfficeBook, tab: Tab, glance: Glance) -> dict[int, Kind] | None:
    """The values as fastexcel gives them, and the kind of each column by its number in the sheet."""
    import fastexcel

    try:
        # All rows decide on a type, not the first 1,000 as by default; strict: a mixed column is refused, not text.
        sheet = fastexcel.read_excel(str(book.path)).load_sheet(
            tab.name, header_row=None, skip_rows=glance.first[0], schema_sample_rows=None, dtype_coercion="strict"
        )
        # Those that it has found out; available_columns() would look at all cells once more.
        found = {column.absolute_index: column.dtype for column in sheet.selected_columns}
        if not set(found.values()) <= set(_KINDS):
            return None
        connection.register("sheet of a file", sheet)
        names = ", ".join(f"v{column}" for column in found)
        connection.execute(f'CREATE TABLE {quote(RAW)} AS SELECT * FROM "sheet of a file" AS s({names})')
        connection.unregister("sheet of a file")
    except fastexcel.FastExcelError:
        return None
    return {column: _KINDS[dtype] for column, dtype in found.items()}


def _complete(connection: duckdb.DuckDBPyConnection, kinds: dict[int, Kind], glance: Glance) -> dict[int, Kind] | None:
    """The columns that have values. None when a cell holds something and gave none, such as an error."""
    counts = ", ".join(f"count(v{column})" for column in kinds)
    strange = [_strange(f"v{column}", kind) for column, kind in kinds.items() if kind in {Kind.DATE, Kind.NUMBER}]
    times = [f"bool_or({_has_time(f'v{column}')})" for column, kind in kinds.items() if kind is Kind.DATE]
    asked = ", ".join([f"coalesce(bool_or({' OR '.join(strange) or 'false'}), false)", counts, *times])
    rows, is_strange, *found = connection.execute(f"SELECT count(*), {asked} FROM {quote(RAW)}").fetchall()[0]
    counted = dict(zip(kinds, found, strict=False))
    if is_strange or rows != glance.last_row - glance.first[0] + 1 or sum(counted.values()) != glance.values:
        return None
    # Days are all dates; with one time of day among them they are all moments.
    told = iter(found[len(kinds) :])
    settled = {column: Kind.MOMENT if kind is Kind.DATE and next(told) else kind for column, kind in kinds.items()}
    return {column: kind for column, kind in settled.items() if counted[column]}


def _strange(value: str, kind: Kind) -> str:
    return f"NOT isfinite({value})" if kind is Kind.NUMBER else f"NOT {value} BETWEEN {_FIRST_DAY} AND {_LAST_DAY}"


def _has_time(value: str) -> str:
    return f"{value} <> CAST({value} AS DATE)"


def _settle(
    connection: duckdb.DuckDBPyConnection, kinds: dict[int, Kind], collector: Collector, glance: Glance
) -> QuickCells | None:
    """None when the first row is not the one that was read exactly."""
    filled = {*kinds, *(column for column, text in glance.headings.items() if text)}
    collector.headings, collector.first = glance.headings, min(filled)
    span = range(collector.first, max(filled) + 1)
    is_filled = f" WHERE {_is_filled(kinds)}" if _number_rows(connection, kinds, collector, glance) else ""
    exact = _exact(connection, [column for column, kind in kinds.items() if kind is Kind.NUMBER])
    listed = ", ".join(
        _terms(f"v{column}", kinds.get(column), exact.get(column, ""), column - span.start) for column in span
    )
    source = f"(SELECT {listed} FROM {quote(RAW)}{is_filled})"
    if not _begins_with(connection, source, [kinds.get(column) for column in span], glance, span.start):
        return None
    columns = tuple(
        CellColumn(
            heading=glance.headings.get(column, ""),
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
    connection: duckdb.DuckDBPyConnection, source: str, kinds: list[Kind | None], glance: Glance, first_column: int
) -> bool:
    """Is the first row the one that was read exactly?"""
    wanted: list[str | None] = [None] * len(kinds)
    for column, kind, text in glance.first[2]:
        is_midnight = kind == Kind.DATE and kinds[column - first_column] is Kind.MOMENT
        wanted[column - first_column] = f"{text} 00:00:00" if is_midnight else text
    texts = ", ".join(f"t{number}" for number in range(len(kinds)))
    return connection.execute(f"SELECT {texts} FROM {source} LIMIT 1").fetchone() == tuple(wanted)


def _number_rows(
    connection: duckdb.DuckDBPyConnection, kinds: dict[int, Kind], collector: Collector, glance: Glance
) -> bool:
    """Which row of the sheet is each row of the table? Blank ones are left out; gives whether there is one."""
    found = connection.execute(f"SELECT rowid FROM {quote(RAW)} WHERE ({_is_filled(kinds)}) IS NOT TRUE").fetchall()
    blank = {glance.first[0] + number for (number,) in found}
    rows = range(glance.first[0], glance.last_row + 1)
    collector.numbers = array("I", (row for row in rows if row not in blank) if blank else rows)
    return bool(blank)


def _is_filled(kinds: dict[int, Kind]) -> str:
    return " OR ".join(
        f"v{column} <> ''" if kind is Kind.TEXT else f"v{column} IS NOT NULL" for column, kind in kinds.items()
    )


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
