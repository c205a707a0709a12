"""The quick way for large sheets whose columns are each of one kind: fastexcel takes the cells, where it is exact.

What it would alter, drop or show otherwise is found by the bytes of the sheet, the cell styles and the number of
values. Then `read` gives None, and the sheet is read the exact way, which is slower.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.reading.cells import RELATION, CellColumn, Kind
from procession.actions.reading.sheets import glances, probes, values
from procession.actions.reading.sheets.glances import Glance
from procession.actions.reading.sheets.office import OfficeBook
from procession.actions.reading.sheets.rows import Findings
from procession.actions.reading.sheets.tables import Collector
from procession.actions.reading.sheets.tabs import Tab

if TYPE_CHECKING:
    import duckdb

SHEET_BYTES_MIN = 1 << 20  # below this the exact way is fast enough
_SHEET_BYTES_MAX = 256 << 20  # the sheet is held in memory
_TEXT_BYTES_MAX = 4 << 30  # if every cell had the longest text; most have short ones
_RAW = "values of a sheet"
_EXPONENTS_MAX = 1_000  # different numbers so small or large that DuckDB writes an exponent
_IS_EXTREME = "(abs({0}) >= 1e15 OR abs({0}) < 1e-4)"  # DuckDB writes some of these with an exponent
# Before the first day, serials are shifted by Excel's leap day that never was; after the last there are none.
_FIRST_DAY, _LAST_DAY = "TIMESTAMP '1900-03-01'", "TIMESTAMP '9999-12-31 23:59:59.999'"
_KINDS = {"float": Kind.NUMBER, "string": Kind.TEXT, "boolean": Kind.TRUTH, "datetime": Kind.DATE}


def read(
    connection: duckdb.DuckDBPyConnection, book: OfficeBook, tab: Tab, collector: Collector, findings: Findings
) -> tuple[CellColumn, ...] | None:
    """The table of cells, or None when only the exact way is sure. Headings and row numbers go to the collector."""
    size = book.size(tab)
    if collector.area.is_given or book.is_1904 or not SHEET_BYTES_MIN <= size <= _SHEET_BYTES_MAX:
        return None
    content = book.content(tab)
    glance = glances.look(content, book.top(content, collector.sheet), collector)
    if glance is None or glance.values * book.longest_text() > _TEXT_BYTES_MAX or not probes.agrees(*book.styles()):
        return None
    kinds = _load(connection, book, tab, glance)
    try:
        kinds = _complete(connection, kinds, glance) if kinds else None
        columns = _settle(connection, kinds, collector, glance) if kinds else None
    finally:
        connection.execute(f"DROP TABLE IF EXISTS {quote(_RAW)}")
    if columns is not None:
        book.note(content, collector.sheet, findings)
    return columns


def _load(connection: duckdb.DuckDBPyConnection, book: OfficeBook, tab: Tab, glance: Glance) -> dict[int, Kind] | None:
    """The values as fastexcel gives them, and the kind of each column by its number in the sheet."""
    import fastexcel

    try:
        # All rows decide on a column's type, not its first 1,000 as by default; strict: a mixed column is refused,
        # not text.
        sheet = fastexcel.read_excel(str(book.path)).load_sheet(
            tab.name, header_row=None, skip_rows=glance.first[0], schema_sample_rows=None, dtype_coercion="strict"
        )
        found = {column.absolute_index: column.dtype for column in sheet.available_columns()}
        if not set(found.values()) <= set(_KINDS):
            return None
        connection.register("sheet of a file", sheet)
        names = ", ".join(f"v{column}" for column in found)
        connection.execute(f'CREATE TABLE {quote(_RAW)} AS SELECT * FROM "sheet of a file" AS s({names})')
        connection.unregister("sheet of a file")
    except fastexcel.FastExcelError:
        return None
    return {column: _KINDS[dtype] for column, dtype in found.items()}


def _complete(connection: duckdb.DuckDBPyConnection, kinds: dict[int, Kind], glance: Glance) -> dict[int, Kind] | None:
    """The columns that have values. None when a cell holds something and gave none, such as an error."""
    counts = ", ".join(f"count(v{column})" for column in kinds)
    outside = " OR ".join(
        f"NOT v{column} BETWEEN {_FIRST_DAY} AND {_LAST_DAY}" for column, kind in kinds.items() if kind is Kind.DATE
    )
    rows, strange, *found = connection.execute(
        f"SELECT count(*), coalesce(bool_or({outside or 'false'}), false), {counts} FROM {quote(_RAW)}"
    ).fetchall()[0]
    if strange or rows != glance.last_row - glance.first[0] + 1 or sum(found) != glance.values:
        return None
    return {column: kind for (column, kind), count in zip(kinds.items(), found, strict=True) if count}


def _settle(
    connection: duckdb.DuckDBPyConnection, kinds: dict[int, Kind], collector: Collector, glance: Glance
) -> tuple[CellColumn, ...] | None:
    """The table of cells. None when its first row is not the one that was read exactly, or a number is too long."""
    kinds = {column: _moment_or_date(connection, column, kind) for column, kind in kinds.items()}
    exponents = _exponents(connection, [column for column, kind in kinds.items() if kind is Kind.NUMBER])
    if exponents is None:
        return None
    filled = {*kinds, *(column for column, text in glance.headings.items() if text)}
    collector.headings, collector.first = glance.headings, min(filled)
    span = range(collector.first, max(filled) + 1)
    texts = {column: _text(f"v{column}", kinds[column], exponents) if column in kinds else "NULL" for column in span}
    listed = ", ".join(f"CAST({text} AS VARCHAR) AS t{column - span.start}" for column, text in texts.items())
    _number_rows(connection, kinds, collector, glance)
    connection.execute(
        f"CREATE TABLE {quote(RELATION)} AS SELECT {listed} FROM {quote(_RAW)} WHERE {_is_filled(kinds)}"
    )
    if not _begins_with(connection, [kinds.get(column) for column in span], glance, span.start):
        connection.execute(f"DROP TABLE {quote(RELATION)}")
        return None
    return tuple(
        CellColumn(
            heading=glance.headings.get(column, ""),
            kind=kinds.get(column, Kind.TEXT),
            is_binary=kinds.get(column) is Kind.NUMBER,
        )
        for column in span
    )


def _begins_with(
    connection: duckdb.DuckDBPyConnection, kinds: list[Kind | None], glance: Glance, first_column: int
) -> bool:
    """Is the first row the one that was read exactly?"""
    wanted: list[str | None] = [None] * len(kinds)
    for column, kind, text in glance.first[2]:
        is_midnight = kind == Kind.DATE and kinds[column - first_column] is Kind.MOMENT
        wanted[column - first_column] = f"{text} 00:00:00" if is_midnight else text
    return connection.execute(f"SELECT * FROM {quote(RELATION)} WHERE rowid = 0").fetchone() == tuple(wanted)


def _number_rows(
    connection: duckdb.DuckDBPyConnection, kinds: dict[int, Kind], collector: Collector, glance: Glance
) -> None:
    """Which row of the sheet is each row of the table? Blank ones are left out."""
    found = connection.execute(f"SELECT rowid FROM {quote(_RAW)} WHERE ({_is_filled(kinds)}) IS NOT TRUE").fetchall()
    blank = {glance.first[0] + number for (number,) in found}
    rows = range(glance.first[0], glance.last_row + 1)
    collector.numbers = array("I", (row for row in rows if row not in blank) if blank else rows)


def _is_filled(kinds: dict[int, Kind]) -> str:
    return " OR ".join(
        f"v{column} <> ''" if kind is Kind.TEXT else f"v{column} IS NOT NULL" for column, kind in kinds.items()
    )


def _moment_or_date(connection: duckdb.DuckDBPyConnection, column: int, kind: Kind) -> Kind:
    """Days are all dates; with one time of day among them they are all moments."""
    if kind is not Kind.DATE:
        return kind
    question = f"SELECT bool_or(v{column} <> CAST(v{column} AS DATE)) FROM {quote(_RAW)}"
    return Kind.MOMENT if connection.execute(question).fetchall() == [(True,)] else Kind.DATE


def _exponents(connection: duckdb.DuckDBPyConnection, columns: list[int]) -> str | None:
    """A DuckDB map of the numbers that it would write with an exponent to their texts; None when there are many."""
    asked = " UNION ".join(
        f"SELECT v{column} AS v FROM {quote(_RAW)} WHERE v{column} <> 0 AND {_IS_EXTREME.format(f'v{column}')}"
        for column in columns
    )
    found = connection.execute(f"SELECT v FROM ({asked}) LIMIT {_EXPONENTS_MAX}").fetchall() if asked else []
    texts = {number: values.double_text(number) for (number,) in found}
    if len(texts) == _EXPONENTS_MAX or None in texts.values():
        return None
    numbers = ", ".join(f"{number!r}::DOUBLE" for number in texts)
    listed = ", ".join(f"'{text}'" for text in texts.values())
    return f"MAP([{numbers}]::DOUBLE[], [{listed}]::VARCHAR[])"


def _text(value: str, kind: Kind, exponents: str) -> str:
    match kind:
        case Kind.NUMBER:
            return (
                f"CASE WHEN {value} = trunc({value}) AND abs({value}) < 1e15 "
                f"THEN CAST(CAST({value} AS BIGINT) AS VARCHAR) "
                f"WHEN {_IS_EXTREME.format(value)} THEN {exponents}[{value}] ELSE CAST({value} AS VARCHAR) END"
            )
        case Kind.DATE:
            return f"CAST({value} AS DATE)"
        case Kind.MOMENT:
            text = f"CAST({value} AS VARCHAR)"
            # DuckDB drops the last zeros of a fraction; the exact way always writes six decimals.
            return f"CASE WHEN length({text}) = 19 THEN {text} ELSE rpad({text}, 26, '0') END"
        case Kind.TRUTH:
            return f"upper(CAST({value} AS VARCHAR))"
    return f"nullif({value}, '')"
