"""Rows of a JSON body as cells, each with its JSON type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading.cells import RELATION, CellColumn, Cells, Kind
from procession.model import columns
from procession.model.columns import Column

if TYPE_CHECKING:
    import duckdb

COLUMNS_MAX = 2_000  # in a request
# Also those that a row leaves out: three bytes are a row, and each gets a cell for every column of the request.
CELLS_MAX = 20_000_000
# DuckDB sets its buffers by the longest line it may meet.
_LINE_BYTES_MIN = 1 << 20
_BUFFER_BYTES = 4 << 20  # of the CSV reader; its own choice is many lines of the greatest length
_KINDS: Mapping[type, Kind] = {str: Kind.TEXT, int: Kind.NUMBER, Decimal: Kind.NUMBER, bool: Kind.TRUTH}

Row = Mapping[Column, Any]


def names_of(rows: Sequence[Any]) -> list[str]:
    """All names in the rows, in order of first use. Raises Problem for a row that is not an object."""
    names: dict[str, None] = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise Problem(f'row {number} is {columns.shown(row)}, not an object: {{"column": value, ...}}')
        names.update(dict.fromkeys(row))
        if len(names) > COLUMNS_MAX:
            raise Problem(f"the request has more than {COLUMNS_MAX} columns")
    return list(names)


def take(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[Any], by_name: Mapping[str, Column], folder: Path
) -> Cells:
    """Makes the table of cells. A missing column gets its default, null stays null."""
    named = tuple(dict.fromkeys(by_name.values()))
    if len(rows) * len(named) > CELLS_MAX:
        raise Problem(f"the request has {len(rows):,} rows of {len(named):,} columns; send them in parts")
    found = [_by_column(row, by_name, number) for number, row in enumerate(rows, 1)]
    kinds = {column: _kind(column, found) for column in named}
    # By a file of our own writing, in which DuckDB has nothing to guess.
    path, longest = folder / "staged.csv", _LINE_BYTES_MIN
    with path.open("w", encoding="utf-8", newline="") as file:
        for row in found:
            longest = max(longest, _write_line(file, row, kinds))
    _load(connection, path, list(kinds.values()), longest)
    return Cells(
        columns=tuple(CellColumn(heading=column.name, kind=kind) for column, kind in kinds.items()),
        place=lambda row, column: f"row {row + 1}",
    )


def _by_column(row: Mapping[str, Any], by_name: Mapping[str, Column], number: int) -> Row:
    given = {by_name[name]: value for name, value in row.items()}
    # Two names of a request may be one column: "Net Amount" and "net_amount".
    if len(given) < len(row):
        column = next(column for column, times in Counter(by_name[name] for name in row).items() if times > 1)
        raise Problem(f'row {number} names the column "{column.name}" twice')
    for column, value in given.items():
        if value is not None and type(value) not in _KINDS:
            raise Problem(f'row {number}, column "{column.name}": {columns.shown(value)} is a list or an object')
    return given


def _kind(column: Column, rows: Sequence[Row]) -> Kind | None:
    """Of all cells; None where they differ."""
    kinds = {_KINDS[type(value)] for row in rows if (value := row.get(column, column.default)) is not None}
    return kinds.pop() if len(kinds) == 1 else None if kinds else Kind.TEXT


def _write_line(file: TextIO, row: Row, kinds: Mapping[Column, Kind | None]) -> int:
    """Its largest size in bytes: a character has up to four."""
    cells = ["0"]
    for column, kind in kinds.items():
        value = row.get(column, column.default)
        cells.append("" if value is None else f'"{_text(value)}"')
        if kind is None:
            cells.append("" if value is None else str(int(_KINDS[type(value)])))
    return 4 * file.write(",".join(cells) + "\n")


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case _:
            return str(value).replace('"', '""')


def _load(connection: duckdb.DuckDBPyConnection, path: Path, kinds: Sequence[Kind | None], longest: int) -> None:
    """Loads through a file, far faster than row by row. The first column keeps empty rows."""
    fields = ["'row': 'UTINYINT'"]
    for number, kind in enumerate(kinds):
        fields += [f"'t{number}': 'VARCHAR'"] + [f"'k{number}': 'UTINYINT'"] * (kind is None)
    connection.execute(
        f"CREATE TABLE {quote(RELATION)} AS SELECT * FROM read_csv({literal(str(path))}, auto_detect = false,"
        " header = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false,"
        f" columns = {{{', '.join(fields)}}}, max_line_size = {longest},"
        f" buffer_size = {max(_BUFFER_BYTES, longest + 1)}, new_line = '\\n', parallel = false)"
    )
