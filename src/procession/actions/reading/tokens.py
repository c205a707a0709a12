"""Cells of a file that was written as tokens, the JSON text of each value, by json_rows.RowWriter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.contract import FileInput
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import likely, number_texts
from procession.actions.reading.cells import FAILS, RELATION, CellColumn, Cells, Kind
from procession.actions.reading.json_rows import BETWEEN, RowWriter
from procession.actions.reading.json_values import MISSING, shown

if TYPE_CHECKING:
    import duckdb

FILE = "tokens of a file"  # in the folder of the step; the next file of the step takes its place
# Tokens by their first character: comparing is faster than cutting it off.
_IS_TEXT = "token < '#'"  # a quote; numbers begin with a digit or a minus
_IS_WORD = "token > ':'"  # true or false
_UNQUOTED = "substring(token, 2, length(token) - 2)"
_UNESCAPED = f"CASE WHEN contains(token, '\\') THEN token->>'$' ELSE {_UNQUOTED} END"
_EXPONENT = 9  # the kind of a number until its exponent is written out; more than every Kind
_DROPPED_MAX = 64  # columns one by one; to drop one takes as long as the table is wide
_COPY = quote("cells of a file, copied")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTable:
    """The records as a file of tokens, a column for each key."""

    source: FileInput
    path: Path
    rows: RowWriter
    columns: list[str]
    line_of: Callable[[int], int] | None  # of JSON lines

    @property
    def sql(self) -> str:
        return _tokens(self.path, self.rows, len(self.columns))

    def place_of(self, row: int, column: int) -> str:
        at = f"record {row + 1}" if self.line_of is None else f"line {self.line_of(row)}"
        return f"{at}, {shown(self.columns[column])}"


def cells(
    connection: duckdb.DuckDBPyConnection, table: TokenTable, remarks: Sequence[str], warnings: Sequence[str]
) -> Cells:
    """Raises Problem naming the record or the line."""
    made = Cells(columns=(), place=table.place_of, remarks=tuple(remarks), warnings=tuple(warnings))
    seeming = _seeming(connection, table)
    if seeming is None:
        return _settle(connection, table, made)
    texts = ", ".join(f"{_sure(f'c{number}', kind, table.rows)} AS t{number}" for number, kind in enumerate(seeming))
    return replace(
        made,
        columns=_cell_columns(table.columns, seeming),
        source=f"(SELECT {texts} FROM {table.sql})",
        load=partial(_settle, connection, table, made),
    )


def _seeming(connection: duckdb.DuckDBPyConnection, table: TokenTable) -> list[Kind] | None:
    """The kind of each column in the first rows; None if one has several, or there are too many columns."""
    if len(table.columns) > likely.COLUMNS_MAX:
        return None
    listed = ", ".join(_kind(f"c{number}") for number in range(len(table.columns)))
    first = connection.execute(f"SELECT {listed} FROM {table.sql} LIMIT {likely.SAMPLE_ROWS}").fetchall()
    kinds = [{row[number] for row in first} - {None} for number in range(len(table.columns))]
    if any(len(found) > 1 or _EXPONENT in found for found in kinds):
        return None
    return [Kind(*found) if found else Kind.TEXT for found in kinds]


def _settle(connection: duckdb.DuckDBPyConnection, table: TokenTable, made: Cells) -> Cells:
    width = len(table.columns)
    _load(connection, table)
    wide = _write_out_exponents(connection, width)
    if wide:
        reason = f"the number has an exponent beyond {number_texts.EXPONENT_MAX}"
        raise Problem(f"{table.source.called} cannot be read: {table.place_of(*wide)}: {reason}")
    kinds = _settle_kinds(connection, width)
    return replace(made, columns=_cell_columns(table.columns, kinds))


def _cell_columns(headings: list[str], kinds: Sequence[Kind | None]) -> tuple[CellColumn, ...]:
    return tuple(CellColumn(heading=heading, kind=kind) for heading, kind in zip(headings, kinds, strict=True))


def _load(connection: duckdb.DuckDBPyConnection, table: TokenTable) -> None:
    """Makes RELATION from the file of tokens, with a column of kinds for each column of texts."""
    numbers = range(len(table.columns))
    texts = ", ".join(f"{_text(f'c{number}', table.rows)} AS t{number}" for number in numbers)
    kinds = ", ".join(f"{_kind(f'c{number}')} AS k{number}" for number in numbers)
    connection.execute(f"CREATE TABLE {quote(RELATION)} AS SELECT {texts}, {kinds} FROM {table.sql}")


def _write_out_exponents(connection: duckdb.DuckDBPyConnection, width: int) -> tuple[int, int] | None:
    """Row and column of the first exponent that is out of range, None when there is none."""
    # Few files have exponents: in the statement that loads all columns, this would dominate the cost.
    for number, (_, most) in enumerate(_extremes(connection, width)):
        if most != _EXPONENT:
            continue
        text, is_one = f"t{number}", f"k{number} = {_EXPONENT}"
        test = f"{is_one} AND {number_texts.is_wide(text)}"
        row = connection.execute(f"SELECT min(rowid) FILTER ({test}) FROM {quote(RELATION)}").fetchone()
        assert row is not None
        if row[0] is not None:
            return row[0], number
        change = f"SET {text} = {number_texts.written_out(text)}, k{number} = {Kind.NUMBER:d}"
        connection.execute(f"UPDATE {quote(RELATION)} {change} WHERE {is_one}")
    return None


def _settle_kinds(connection: duckdb.DuckDBPyConnection, width: int) -> list[Kind | None]:
    """The kind of each column; None, and its column of kinds stays, where its cells differ."""
    kinds = [_one_kind(least, most) for least, most in _extremes(connection, width)]
    relation, settled = quote(RELATION), [number for number, kind in enumerate(kinds) if kind is not None]
    # Above it one copy of the table is cheaper than so many rewritings.
    if len(settled) <= _DROPPED_MAX:
        for number in settled:
            connection.execute(f"ALTER TABLE {relation} DROP COLUMN k{number}")
    else:
        dropped = ", ".join(f"k{number}" for number in settled)
        connection.execute(f"CREATE TABLE {_COPY} AS SELECT * EXCLUDE ({dropped}) FROM {relation}")
        connection.execute(f"DROP TABLE {relation}")
        connection.execute(f"ALTER TABLE {_COPY} RENAME TO {relation}")
    return kinds


def _extremes(connection: duckdb.DuckDBPyConnection, width: int) -> list[tuple[int | None, int | None]]:
    both = ", ".join(f"min(k{number}), max(k{number})" for number in range(width))
    found = connection.execute(f"SELECT {both} FROM {quote(RELATION)}").fetchone()
    assert found is not None
    return list(zip(found[::2], found[1::2], strict=True))


def _one_kind(least: int | None, most: int | None) -> Kind | None:
    if least is None:
        return Kind.TEXT
    return Kind(least) if least == most else None


def _tokens(path: Path, rows: RowWriter, width: int) -> str:
    line_bytes = max(rows.line_bytes_max + 2, 2 << 20)
    names = ", ".join(f"c{number}: 'VARCHAR'" for number in range(width))
    return (
        f"read_csv({literal(str(path))}, columns = {{{names}}}, auto_detect = false, header = false, new_line = '\\n',"
        f" delim = {literal(BETWEEN.decode())}, quote = '', escape = '', comment = '', null_padding = true,"
        f" nullstr = ['null', '\"\"', {literal(MISSING.decode())}], max_line_size = {line_bytes},"
        f" buffer_size = {4 * line_bytes})"
    )


def _text(token: str, rows: RowWriter) -> str:
    """The text of a token, without quotes and escapes; else the token itself."""
    return f"CASE WHEN {_IS_TEXT} THEN {_UNESCAPED if rows.has_escapes else _UNQUOTED} ELSE token END".replace(
        "token", token
    )


def _sure(token: str, kind: Kind, rows: RowWriter) -> str:
    """The same for a token known to be of that kind."""
    value = "token"
    match kind:
        case Kind.TEXT:
            test, value = _IS_TEXT, _UNESCAPED if rows.has_escapes else _UNQUOTED
        case Kind.NUMBER:
            test = "token < ':' AND token > '#' AND NOT contains(token, 'e') AND NOT contains(token, 'E')"
        case _:
            test = _IS_WORD
    return f"CASE WHEN {test} THEN {value} WHEN token IS NOT NULL THEN {FAILS} END".replace("token", token)


def _kind(token: str) -> str:
    return (
        f"CASE WHEN {_IS_TEXT} THEN {Kind.TEXT:d} WHEN {_IS_WORD} THEN {Kind.TRUTH:d}"
        f" WHEN contains(token, 'e') OR contains(token, 'E') THEN {_EXPONENT}"
        f" WHEN token IS NOT NULL THEN {Kind.NUMBER:d} END::UTINYINT"
    ).replace("token", token)
