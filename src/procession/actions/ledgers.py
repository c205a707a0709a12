"""The two sides of a reconciliation: loaded, numbered, and made comparable column by column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import quote
from procession.actions.problems import Problem

if TYPE_CHECKING:
    import duckdb

SIDES = ("left", "right")
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
# The first that every amount of both sides fits exactly; the second is slower.
_AMOUNT_TYPES = ("DECIMAL(19,4)", "DECIMAL(38,10)")


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A column of the left side and the column of the right side that it is compared with."""

    left: str
    right: str

    def of(self, side: str) -> str:
        return self.left if side == "left" else self.right


def prepare(connection: duckdb.DuckDBPyConnection, *, keys: list[Pair], dates: list[Pair], amount: Pair) -> None:
    """From the relations left and right make left_rows (row, and all columns) and left_keys (row, amount, key_N), and
    the same for right. `keys` gives N; those among `dates` are dates. Raises Problem for a column that is missing or is
    not what it must be."""
    for side in SIDES:
        _check_columns(connection, side, [pair.of(side) for pair in [*keys, amount]])
        connection.execute(f"CREATE TABLE {side}_rows AS SELECT row_number() OVER () AS row, * FROM {quote(side)}")
        connection.execute(f"DROP TABLE {quote(side)}")
    kind = _amount_type(connection, amount)
    for side in SIDES:
        value = _decimal_text(connection, side, amount.of(side))
        _make_keys(connection, side, keys=keys, dates=dates, amount=f"{value}::{kind}")


def _check_columns(connection: duckdb.DuckDBPyConnection, side: str, wanted: list[str]) -> None:
    present = database.columns(connection, side)
    missing = [name for name in wanted if name not in present]
    if missing:
        raise Problem(f'the {side} file has no column "{missing[0]}" (it has {", ".join(present)})')
    if "row" in (name.lower() for name in present):
        connection.execute(f'ALTER TABLE {quote(side)} RENAME COLUMN "row" TO row_of_file')


def _amount_type(connection: duckdb.DuckDBPyConnection, amount: Pair) -> str:
    for kind in _AMOUNT_TYPES:
        if not any(_misfits(connection, side, amount.of(side), kind) for side in SIDES):
            return kind
    side, value = next((s, v) for s in SIDES if (v := _misfits(connection, s, amount.of(s), kind)))
    raise Problem(f'"{value[0]}" in the column "{amount.of(side)}" of the {side} file is not an amount')


def _misfits(connection: duckdb.DuckDBPyConnection, side: str, column: str, kind: str) -> tuple[str] | None:
    """The first amount that the type would change or refuse, None when there is none."""
    name, value = quote(column), _decimal_text(connection, side, column)
    is_text = database.columns(connection, f"{side}_rows")[column] == "VARCHAR"
    changed = "" if is_text else f" OR TRY_CAST({value} AS {kind}) <> {name}"
    row = connection.execute(
        f"SELECT {name}::VARCHAR FROM {side}_rows "
        f"WHERE {name} IS NOT NULL AND (TRY_CAST({value} AS {kind}) IS NULL{changed}) LIMIT 1"
    ).fetchone()
    return row and (str(row[0]),)


def _decimal_text(connection: duckdb.DuckDBPyConnection, side: str, column: str) -> str:
    """What becomes a decimal. A binary number goes by its shortest text: DuckDB would scale it in binary."""
    is_binary = database.columns(connection, f"{side}_rows")[column] in {"DOUBLE", "FLOAT"}
    return f"{quote(column)}::VARCHAR" if is_binary else quote(column)


def _make_keys(
    connection: duckdb.DuckDBPyConnection, side: str, *, keys: list[Pair], dates: list[Pair], amount: str
) -> None:
    types = {s: database.columns(connection, f"{s}_rows") for s in SIDES}
    parts = [f"row, {amount} AS amount"]
    for number, pair in enumerate(keys):
        name = quote(pair.of(side))
        if pair in dates:
            _check_date(connection, side, pair.of(side))
            parts.append(f"CAST({name} AS DATE) AS key_{number}")
        elif _comparable(types["left"][pair.left], types["right"][pair.right]):
            parts.append(f"{name} AS key_{number}")
        else:
            parts.append(f"CAST({name} AS VARCHAR) AS key_{number}")
    connection.execute(f"CREATE TABLE {side}_keys AS SELECT {', '.join(parts)} FROM {side}_rows")


def _comparable(left: str, right: str) -> bool:
    return left == right or (_is_number(left) and _is_number(right))


def _is_number(kind: str) -> bool:
    return kind in _NUMBERS or kind.startswith("DECIMAL")


def _check_date(connection: duckdb.DuckDBPyConnection, side: str, column: str) -> None:
    name = quote(column)
    row = connection.execute(
        f"SELECT {name}::VARCHAR FROM {side}_rows WHERE {name} IS NOT NULL AND "
        f"TRY_CAST({name}::VARCHAR AS DATE) IS NULL LIMIT 1"
    ).fetchone()
    if row:
        raise Problem(f'"{row[0]}" in the column "{column}" of the {side} file is not a date such as 1993-12-31')
