"""Reads Parquet files as cells of their own types; binary fractions by their shortest text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procession.actions import database
from procession.actions.contract import FileInput
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import aggregates, number_texts
from procession.actions.reading.cells import COLUMNS_MAX, RELATION, CellColumn, Cells, Kind
from procession.actions.reading.options import FileOptions

if TYPE_CHECKING:
    import duckdb

_SMALL = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})
_LARGE = frozenset({"UBIGINT", "HUGEINT", "UHUGEINT"})
_BINARY = frozenset({"FLOAT", "DOUBLE"})
_MOMENTS = {
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "TIMESTAMPTZ_NS": "TIMESTAMP WITH TIME ZONE",
}
_AS_THEY_ARE = frozenset({"BOOLEAN", "VARCHAR"})
_ENDLESS = {"DATE": "day", "TIMESTAMP": "moment", "TIMESTAMP WITH TIME ZONE": "moment"}  # they know infinity
_AS_TEXT = frozenset({"TIME", "TIME_NS", "TIME WITH TIME ZONE", "UUID", "JSON", "INTERVAL"})
# Of DuckDB's widest DECIMAL.
_DIGITS_MAX = 38
_BARE = re.compile(r"DECIMAL\((\d+),\1\)")
_SHOWN_CHARACTERS_MAX = 80
# Of lists in lists: DuckDB takes twice as long for each one more to make a text of them.
_DEPTH_MAX = 10
_NOT_A_NUMBER = r"[:,\[](NaN|-?Infinity)[,\]}]"
_INT96 = "moments of the old kind INT96 say no zone; they are read as they stand, to the microsecond: {names}"


class Unsuited(Exception):
    """Raised with what cannot be read exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """How a column is read: the SQL of its cells; an SQL condition of values to be refused, and the words for it."""

    column: CellColumn
    value: str
    refused: str = ""
    words: str = ""


def read(connection: duckdb.DuckDBPyConnection, source: FileInput, options: FileOptions, folder: Path) -> Cells:
    """Raises Problem naming row and column."""

    def load(make: Callable[[], Cells]) -> Cells:
        with _told(source, folder):
            return make()

    with _told(source, folder):
        cells = _read(connection, source)
    return cells if cells.load is None else replace(cells, load=partial(load, cells.load))


@contextmanager
def _told(source: FileInput, folder: Path) -> Iterator[None]:
    """Raises Problem for what is wrong with the file."""
    import duckdb

    try:
        yield
    except Unsuited as error:
        raise _problem(source, str(error)) from None
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        # The machine's fault: the file must not be called damaged for it.
        if "No space left" in str(error):
            raise
        hidden = {source.path: source.called, f"{folder}/": ""}
        raise _problem(source, _words(database.complaint(error, hidden))) from error


def _read(connection: duckdb.DuckDBPyConnection, source: FileInput) -> Cells:
    headings, remarks = schema(connection, source.path)
    names = ", ".join(f"c{number}" for number in range(len(headings)))
    # DuckDB would turn a path such as /data=1/ into a column.
    file = f"read_parquet({literal(source.path)}, hive_partitioning = false) AS f({names})"
    kinds = [str(row[1]) for row in connection.execute(f"DESCRIBE SELECT * FROM {file}").fetchall()]
    readings = [
        _reading(heading, kind, f"c{number}")
        for number, (heading, kind) in enumerate(zip(headings, kinds, strict=True))
    ]
    # Before the table is made, so that the message can name the row.
    _refuse(connection, source, file, readings)
    columns = tuple(reading.column for reading in readings)
    values = ", ".join(f"{reading.value} AS t{number}" for number, reading in enumerate(readings))
    cells = Cells(columns=columns, place=lambda row, column: _place(columns[column].heading, row), remarks=remarks)

    def load() -> Cells:
        connection.execute(f"CREATE TABLE {quote(RELATION)} AS SELECT {values} FROM {file}")
        _write_out_exponents(connection, [f"t{number}" for number, one in enumerate(columns) if one.is_binary])
        return cells

    # Columns of types of their own go straight into the relation that is wanted, as a rule.
    is_plain = not any(one.is_binary for one in columns)
    return replace(cells, source=f"(SELECT {values} FROM {file})", load=load) if is_plain else load()


def _write_out_exponents(connection: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    """For the columns that have any: in one statement for all, a thousand columns took more than a GB."""
    has_exponents = aggregates.over_cells(connection, [f"bool_or(contains({text}, 'e'))" for text in texts])
    for text in (text for text, has in zip(texts, has_exponents, strict=True) if has):
        change = f"SET {text} = {number_texts.written_out(text)}"
        connection.execute(f"UPDATE {quote(RELATION)} {change} WHERE contains({text}, 'e')")


def schema(connection: duckdb.DuckDBPyConnection, path: str) -> tuple[list[str], tuple[str, ...]]:
    """The columns' names as the file has them (DuckDB renames those that are alike), and remarks. Raises Unsuited."""
    rows = connection.execute(
        "SELECT name, coalesce(num_children, 0)::INTEGER, type, coalesce(precision, 0)::INTEGER"
        f" FROM parquet_schema({literal(path)})"
    ).fetchall()
    names, place = list[str](), 1
    while place < len(rows):
        names.append(str(rows[place][0]))
        place = _behind(rows, place)
    if not names:
        raise Unsuited("it has no columns")
    if len(names) > COLUMNS_MAX:
        raise Unsuited(f"it has {len(names):,} columns; at most {COLUMNS_MAX:,} are read")
    wide = [row for row in rows if row[3] > _DIGITS_MAX]  # DuckDB would make binary fractions of them
    if wide:
        raise Unsuited(f'"{wide[0][0]}" has decimals of {wide[0][3]} digits; at most {_DIGITS_MAX} are read')
    old = ", ".join(f'"{row[0]}"' for row in rows if row[2] == "INT96")
    return names, (_INT96.format(names=old),) if old else ()


def _behind(rows: list[Any], place: int) -> int:
    """The position after a field and everything inside it."""
    waiting = 1
    while waiting and place < len(rows):
        waiting += rows[place][1] - 1
        place += 1
    return place


def _reading(heading: str, kind: str, cell: str) -> _Reading:
    def native(type_: str, value: str, refused: str = "", words: str = "") -> _Reading:
        column = CellColumn(heading=heading, native=type_)
        return _Reading(column=column, value=value, refused=refused, words=words)

    if kind.endswith("]") or kind.startswith(("STRUCT(", "MAP(")):
        return _nested(heading, kind, cell)
    if (bare := _BARE.fullmatch(kind)) and int(bare[1]) < _DIGITS_MAX:  # with a place for the zero before the point
        wider = f"DECIMAL({int(bare[1]) + 1},{bare[1]})"
        return native(wider, f"{cell}::{wider}")
    if kind in _ENDLESS:
        return native(kind, cell, f"NOT isfinite({cell})", f"is no {_ENDLESS[kind]}")
    if kind in _AS_THEY_ARE or kind.startswith("DECIMAL("):
        return native(kind, cell)
    if kind in _SMALL:
        return native("BIGINT", f"{cell}::BIGINT")
    if kind in _LARGE:
        return native("DECIMAL(38,0)", f"{cell}::DECIMAL(38,0)")
    if kind in _BINARY:
        column = CellColumn(heading=heading, kind=Kind.NUMBER, is_binary=True)
        value = number_texts.of_binary(cell)
        return _Reading(column=column, value=value, refused=f"NOT isfinite({cell})", words="is not a number")
    if kind in _MOMENTS:
        # Only where digits would really be lost: most nanosecond columns hold whole milliseconds.
        refused = f"epoch_ns({cell}) % 1000 <> 0" if "NS" in kind else ""
        return native(
            _MOMENTS[kind], f"{cell}::{_MOMENTS[kind]}", refused, "has nanoseconds; microseconds are the most"
        )
    if kind == "BLOB":  # how old writers put texts
        return native("VARCHAR", f"decode({cell})", f"try(decode({cell})) IS NULL", "holds bytes that are no text")
    if kind in _AS_TEXT or kind.startswith("ENUM(") or kind == '"NULL"':
        return native("VARCHAR", f"{cell}::VARCHAR")
    return native("VARCHAR", "NULL", "true", f"is of the type {kind}, which has no place in a table")


def _nested(heading: str, kind: str, cell: str) -> _Reading:
    """Lists and structures as JSON text, which keeps all digits of decimals."""
    text = f"to_json({cell})::VARCHAR"
    refused, words = "", ""
    if kind.count("[") + kind.count("(") > _DEPTH_MAX and _depth(kind) > _DEPTH_MAX:
        raise Unsuited(f'"{heading[:_SHOWN_CHARACTERS_MAX]}" is nested deeper than {_DEPTH_MAX} levels')
    if "BLOB" in kind:
        refused, words = "true", "holds bytes inside of lists, which have no text"
    elif "DOUBLE" in kind or "FLOAT" in kind:
        refused, words = f"regexp_matches({text}, '{_NOT_A_NUMBER}')", "holds what is not a number"
    return _Reading(column=CellColumn(heading=heading, native="VARCHAR"), value=text, refused=refused, words=words)


def _depth(kind: str) -> int:
    """Of a type such as STRUCT(a INTEGER[][])[]: its brackets are of one level each."""
    deepest = depth = 0
    for mark in kind:
        depth += (mark == "(") - (mark == ")")
        deepest = max(deepest, depth)
    return deepest + kind.count("[")


def _refuse(connection: duckdb.DuckDBPyConnection, source: FileInput, file: str, readings: list[_Reading]) -> None:
    """Raises Problem for the first value that is not allowed."""
    checked = [(number, reading) for number, reading in enumerate(readings) if reading.refused]
    firsts = [f"min(row) FILTER (c{number} IS NOT NULL AND ({reading.refused}))" for number, reading in checked]
    found = aggregates.over(connection, firsts, f"(SELECT *, row_number() OVER () - 1 AS row FROM {file})")
    for row, (number, reading) in zip(found, checked, strict=True):
        if row is not None:
            value = connection.execute(f"SELECT c{number}::VARCHAR FROM {file} LIMIT 1 OFFSET {row}").fetchone()
            assert value is not None
            place, shown = _place(reading.column.heading, row), str(value[0])[:_SHOWN_CHARACTERS_MAX]
            raise _problem(source, f'{place}: "{shown}" {reading.words}')


def _place(heading: str, row: int) -> str:
    return f'row {row + 1}, "{heading}"'


def _problem(source: FileInput, reason: str) -> Problem:
    return Problem(f"{source.called} cannot be read: {reason}")


def _words(complaint: str) -> str:
    if "Need at least one non-root column" in complaint:
        return "it has no columns"
    if "ncrypt" in complaint:
        return "it is encrypted; write it without encryption"
    return f"it is damaged, or did not arrive whole ({complaint})"
