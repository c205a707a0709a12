"""The two sides of a reconciliation, made comparable column by column.

Types are settled for both sides together: amounts, values where both are declared, days where one is a day, else the
texts as they were written. A number that was found in one file and not in the other never decides whether two texts are
equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import columns, values
from procession.actions.reading.cells import Kind
from procession.actions.reading.columns import Relation
from procession.actions.reading.values import Style

if TYPE_CHECKING:
    import duckdb

SIDES = ("left", "right")
# The first that every amount of both sides fits exactly; the second is slower.
_AMOUNT_TYPES = ("DECIMAL(19,4)", "DECIMAL(38,10)")
_NUMBERS = ("DECIMAL", "DOUBLE", "FLOAT", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "U")
# Compared as days where the other side has days only.
_ZONED = "TIMESTAMP WITH TIME ZONE"
_MOMENTS = ("TIMESTAMP", _ZONED)


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A column of the left side and its counterpart on the right."""

    left: str
    right: str

    def of(self, side: str) -> str:
        return self.left if side == "left" else self.right


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A side as read. `types`: DuckDB's, by column; `zone`: where a moment has its day, None for UTC."""

    name: str
    made: Relation
    types: Mapping[str, str]
    zone: str | None

    def has_day(self, column: str) -> bool:
        return self.types[column] in {"DATE", *_MOMENTS}

    def is_zoned(self, column: str) -> bool:
        return self.types[column] == _ZONED

    def local(self, moment: str) -> str:
        """SQL of what clocks of the side's zone show at a moment with a zone."""
        return f"({moment} AT TIME ZONE {literal(self.zone or 'UTC')})"


def side(connection: duckdb.DuckDBPyConnection, name: str, made: Relation, zone: str | None) -> Side:
    return Side(name=name, made=made, types=database.columns(connection, name), zone=zone)


def numbered(connection: duckdb.DuckDBPyConnection, side: str, alias: str) -> tuple[str, str]:
    """SQL of the side's table as `alias`, and of the numbers of its rows, from 0.

    A user's column named rowid hides DuckDB's."""
    if "rowid" not in {name.lower() for name in database.columns(connection, side)}:
        return f"{quote(side)} {alias}", f"{alias}.rowid"
    numbers = f"(SELECT range AS row FROM range({database.count(connection, side)})) {alias}_rows"
    return f"({quote(side)} {alias} POSITIONAL JOIN {numbers})", f"{alias}_rows.row"


def prepare(
    connection: duckdb.DuckDBPyConnection,
    sides: tuple[Side, Side],
    *,
    keys: list[Pair],
    dates: list[Pair],
    amount: Pair,
) -> None:
    """Make left_keys and right_keys: row (its number in the side's table), amount, key_N for each of `keys`.

    Those among `dates` are days. Raises Problem for a column that is missing or holds what it must not.
    """
    for one in sides:
        _check_columns(one, [pair.of(one.name) for pair in [*keys, amount]])
    # Both sides first: the type must hold the amounts of both.
    for pair in (amount, *keys):
        _check_currencies(sides, pair)
    amounts = {one.name: _amount(connection, one, amount.of(one.name)) for one in sides}
    kind = _amount_type(connection, sides, amounts)
    for one in sides:
        value = f"CAST({amounts[one.name]} AS {kind})"
        source, row = numbered(connection, one.name, "t")
        parts = [f"{row} AS row, {value} AS amount"]
        for number, pair in enumerate(keys):
            is_day = pair in dates
            key = _key(connection, sides, one, pair, is_day=is_day) if is_day or pair != amount else value
            parts.append(f"{key} AS key_{number}")
        connection.execute(
            f"CREATE TABLE {one.name}_keys AS SELECT {', '.join(parts)} FROM {source} "
            f"POSITIONAL JOIN {quote(columns.texts_of(one.name))} w"
        )
    for one in sides:
        # As large as the files themselves, and not needed any more.
        connection.execute(f"DROP TABLE {quote(columns.texts_of(one.name))}")


def _check_columns(one: Side, wanted: list[str]) -> None:
    missing = [name for name in wanted if name not in one.types]
    if missing:
        raise Problem(f'the {one.name} file has no column "{missing[0]}" (it has {", ".join(one.types)})')


def _check_currencies(sides: tuple[Side, Side], pair: Pair) -> None:
    said = {
        one.name: one.made.currencies[pair.of(one.name)] for one in sides if pair.of(one.name) in one.made.currencies
    }
    if len(set(said.values())) > 1:
        raise Problem(
            f'the column "{pair.left}" of the left file is in {said["left"]}, and "{pair.right}" of the right file in '
            f"{said['right']}: amounts of two currencies cannot be compared"
        )


def _amount(connection: duckdb.DuckDBPyConnection, one: Side, column: str) -> str:
    """SQL of the exact amount. Texts are read with their sign and at most ten decimals."""
    name, kind = f"t.{quote(column)}", one.types[column]
    # A number of the file: its type is exact already.
    if kind != "VARCHAR":
        if not kind.startswith(_NUMBERS):
            raise Problem(f'the column "{column}" of the {one.name} file holds no amounts ({kind.lower()})')
        return name
    text = values.trimmed(name)
    value = values.take(Kind.TEXT, "Number", text, Style())
    _refuse(connection, one, column, f"{text} IS NOT NULL AND {value} IS NULL", "an amount such as 1234.50")
    return value


def _refuse(connection: duckdb.DuckDBPyConnection, one: Side, column: str, wrong: str, wanted: str) -> None:
    source, row = numbered(connection, one.name, "t")
    found = connection.execute(
        f"SELECT {row}, t.{quote(column)}::VARCHAR FROM {source} WHERE {wrong} ORDER BY {row} LIMIT 1"
    ).fetchone()
    if found:
        place = one.made.place(found[0], column)
        raise Problem(f'the {one.name} file, {place}, column "{column}": "{found[1]}" is not {wanted}')


def _amount_type(connection: duckdb.DuckDBPyConnection, sides: tuple[Side, Side], amounts: Mapping[str, str]) -> str:
    def fits(one: Side, kind: str) -> bool:
        value = amounts[one.name]
        row = connection.execute(
            f"SELECT 1 FROM {quote(one.name)} t WHERE {value} IS NOT NULL "
            f"AND TRY_CAST({value} AS {kind}) IS DISTINCT FROM {value} LIMIT 1"
        ).fetchone()
        return row is None

    for kind in _AMOUNT_TYPES:
        if all(fits(one, kind) for one in sides):
            return kind
    # One of them: a loop over types that ended without a fit says so.
    bad = next(one for one in sides if not fits(one, _AMOUNT_TYPES[-1]))
    raise Problem(f"the {bad.name} file has an amount of more than 28 digits or ten decimals")


def _key(
    connection: duckdb.DuckDBPyConnection, sides: tuple[Side, Side], one: Side, pair: Pair, *, is_day: bool
) -> str:
    column = pair.of(one.name)
    if is_day:
        return _day(connection, one, column)
    if compares_texts(sides, pair):
        return f"w.{quote(column)}"
    if all(_is_valued(other, pair.of(other.name)) for other in sides):
        return _valued(one, column)
    if "DATE" in [other.types[pair.of(other.name)] for other in sides]:
        return _day(connection, one, column)
    return _moment(sides, one, pair)


def _moment(sides: tuple[Side, Side], one: Side, pair: Pair) -> str:
    """Two moments with a zone are compared as such; one without a zone with what clocks show at the other."""
    name = f"t.{quote(pair.of(one.name))}"
    if one.is_zoned(pair.of(one.name)) and not all(other.is_zoned(pair.of(other.name)) for other in sides):
        return one.local(name)
    return f"CAST({name} AS TIMESTAMP)"


def compares_texts(sides: tuple[Side, Side], pair: Pair) -> bool:
    """Whether the columns are compared as written: all but days and those declared as values."""
    both = [(one, pair.of(one.name)) for one in sides]
    return not (all(_is_valued(one, name) for one, name in both) or all(one.has_day(name) for one, name in both))


def _is_valued(one: Side, column: str) -> bool:
    """Whether its declared type is compared by value."""
    said = one.made.declared.get(column)
    return said is not None and said.type in {"Number", "Money", "Date"}


def _valued(one: Side, column: str) -> str:
    if one.types[column] == "DATE":
        return f"t.{quote(column)}::VARCHAR"
    return f"CAST(t.{quote(column)} AS DECIMAL(38,10))"


def _day(connection: duckdb.DuckDBPyConnection, one: Side, column: str) -> str:
    name = f"t.{quote(column)}"
    match one.types[column]:
        case "DATE":
            return name
        case "TIMESTAMP":
            return f"CAST({name} AS DATE)"
        case found if found == _ZONED:
            return f"CAST({one.local(name)} AS DATE)"
        case "VARCHAR":
            value = values.take(Kind.TEXT, "Date", values.trimmed(name), Style(zone=one.zone or "UTC"))
            wanted = f'a date such as 1993-12-31; say how it is written: columns: {{"{column}": {{type: Date, ...}}}}'
            _refuse(connection, one, column, f"{values.trimmed(name)} IS NOT NULL AND {value} IS NULL", wanted)
            return value
        case other:
            raise Problem(f'the column "{column}" of the {one.name} file holds no dates ({other.lower()})')
