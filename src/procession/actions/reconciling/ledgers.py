"""The two sides of a reconciliation, made comparable column by column.

Types are settled for both sides together: amounts, values where both are declared, days where one is a day, else the
texts as they were written. A number that was found in one file and not in the other never decides whether two texts are
equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import values
from procession.actions.reading.cells import Kind
from procession.actions.reading.values import Style
from procession.actions.reconciling.sides import SIDES, ZONED, Pair, Side, compares_texts, is_valued

if TYPE_CHECKING:
    import duckdb

# The first that every amount of both sides fits exactly, and their differences; the second is slower.
_AMOUNT_TYPES = (("DECIMAL(18,4)", f"abs({{}}) < {5 * 10**13}"), ("DECIMAL(38,10)", "true"))
_NUMBERS = ("DECIMAL", "DOUBLE", "FLOAT", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "U")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledgers:
    """Both sides, and how their columns compare. SQL is over `Side.rows`, by the name of the side.

    `amount` is of the same exact type on both sides, the right one with its sign turned if so asked. `values` are the
    compared values of the columns `keys`; those of `dates` are days.
    """

    sides: tuple[Side, Side]
    keys: Sequence[Pair]
    dates: Sequence[Pair]
    amount: Mapping[str, str]
    amount_type: str
    values: Mapping[str, Sequence[str]]
    days: Mapping[str, Sequence[str]]

    def side(self, name: str) -> Side:
        return self.sides[SIDES.index(name)]

    def is_amount(self, key: int) -> bool:
        """Whether the column is that of the amounts, and compared as one."""
        return self.values["left"][key] == self.amount["left"]

    def is_text(self, key: int) -> bool:
        """Whether the column is compared as it was written, after cleaning."""
        is_day = self.keys[key] in self.dates
        return not (is_day or self.is_amount(key)) and compares_texts(self.sides, self.keys[key])


def settle(
    connection: duckdb.DuckDBPyConnection,
    sides: tuple[Side, Side],
    *,
    keys: Sequence[Pair],
    dates: Sequence[Pair],
    amount: tuple[Pair, bool],
) -> Ledgers:
    """How the columns compare; `amount` is its columns and whether the right one is turned.

    Raises Problem for a column that is missing or holds what it must not.
    """
    pair, is_opposite = amount
    for one in sides:
        _check_columns(one, [asked.of(one.name) for asked in [pair, *keys, *dates]])
    for asked in (pair, *keys):
        _check_currencies(sides, asked)
    amounts = {one.name: _amount(connection, one, pair.of(one.name)) for one in sides}
    # Both sides first: the type must hold the amounts of both.
    kind = _amount_type(connection, sides, amounts)
    cast = {name: f"CAST({value} AS {kind})" for name, value in amounts.items()}
    # Turned once here: no rule has to know that the bank's credit is our debit.
    if is_opposite:
        cast["right"] = f"(-{cast['right']})"
    # Days before keys: a column that one rule compares as a day is one for all of them.
    days = {one.name: [_day(connection, one, asked.of(one.name)) for asked in dates] for one in sides}
    found: dict[str, list[str]] = {}
    for one in sides:
        found[one.name] = [
            days[one.name][dates.index(key)]
            if key in dates
            else cast[one.name]
            if (key.left, key.right) == (pair.left, pair.right)
            else _key(connection, sides, one, key)
            for key in keys
        ]
    return Ledgers(sides=sides, keys=keys, dates=dates, amount=cast, amount_type=kind, values=found, days=days)


def _check_columns(one: Side, wanted: list[str]) -> None:
    missing = next((name for name in wanted if name not in one.types), None)
    if missing is not None:
        # Only here: it brings difflib, which a reconciliation without a slip never needs.
        from procession.model.nearest import nearest

        near = nearest(missing, one.types)
        hint = f'; did you mean "{near}"?' if near else ""
        raise Problem(f'the {one.name} file has no column "{missing}" (it has {", ".join(one.types)}){hint}')


def _check_currencies(sides: tuple[Side, Side], pair: Pair) -> None:
    said = {
        one.name: one.made.currencies[pair.of(one.name)] for one in sides if pair.of(one.name) in one.made.currencies
    }
    # 1.00 EUR and 1.00 USD are equal numbers, and a match of them would be believed.
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
    found = connection.execute(
        f"SELECT {one.row}, t.{quote(column)}::VARCHAR FROM {one.rows} WHERE {wrong} ORDER BY ALL LIMIT 1"
    ).fetchone()
    if found:
        place = one.made.place(found[0], column)
        raise Problem(f'the {one.name} file, {place}, column "{column}": "{found[1]}" is not {wanted}')


def _amount_type(connection: duckdb.DuckDBPyConnection, sides: tuple[Side, Side], amounts: Mapping[str, str]) -> str:
    def fits(one: Side, kind: str, limit: str) -> bool:
        value = amounts[one.name]
        row = connection.execute(
            f"SELECT 1 FROM {one.rows} WHERE {value} IS NOT NULL "
            f"AND (TRY_CAST({value} AS {kind}) IS DISTINCT FROM {value} OR NOT {limit.format(value)}) LIMIT 1"
        ).fetchone()
        return row is None

    for kind, limit in _AMOUNT_TYPES:
        if all(fits(one, kind, limit) for one in sides):
            _refuse_sums(connection, sides, amounts, kind)
            return kind
    # One of them: a loop over types that ended without a fit says so.
    bad = next(one for one in sides if not fits(one, *_AMOUNT_TYPES[-1]))
    raise Problem(f"the {bad.name} file has an amount of more than 28 digits or ten decimals")


def _refuse_sums(
    connection: duckdb.DuckDBPyConnection, sides: tuple[Side, Side], amounts: Mapping[str, str], kind: str
) -> None:
    # Only amounts of this type have so many digits that a file may hold more than a sum can.
    if kind != _AMOUNT_TYPES[-1][0]:
        return
    for one in sides:
        row = connection.execute(f"SELECT sum(abs({amounts[one.name]})::DOUBLE) < 1e28 FROM {one.rows}").fetchone()
        if row == (False,):
            raise Problem(f"the amounts of the {one.name} file add up to more than 28 digits")


def _key(connection: duckdb.DuckDBPyConnection, sides: tuple[Side, Side], one: Side, pair: Pair) -> str:
    column = pair.of(one.name)
    if compares_texts(sides, pair):
        text = one.written(column)
        return cleaned(_not_blank(text) if one.types[column] == "VARCHAR" else text, pair)
    if all(is_valued(other, pair.of(other.name)) for other in sides):
        return _valued(one, column)
    # A day and a moment are compared as days, because one file knows no more.
    if "DATE" in [other.types[pair.of(other.name)] for other in sides]:
        return _day(connection, one, column)
    return _moment(sides, one, pair)


def _not_blank(text: str) -> str:
    """SQL of a text, NULL where it is of blanks alone: what a bank fills up a field with is no reference."""
    # Nearly all texts begin with a letter or digit, and need no second look.
    return f"CASE WHEN {text} BETWEEN '!' AND '~' THEN {text} WHEN {values.trimmed(text)} IS NOT NULL THEN {text} END"


def cleaned(text: str, pair: Pair) -> str:
    """SQL of the text after the steps of cleaning."""
    text = f"CAST({text} AS VARCHAR)" if pair.clean else text
    for step in pair.clean:
        match step:
            case "trim":
                text = values.trimmed(text)
            case "upper":
                text = f"upper({text})"
            case "alphanumeric":
                text = f"regexp_replace({text}, '[^\\p{{L}}\\p{{N}}]', '', 'g')"
            case "digits":
                text = f"regexp_replace({text}, '[^0-9]', '', 'g')"
            case "no_leading_zeros":
                text = f"regexp_replace({text}, '^0+([^0]|0$)', '\\1')"
            case (pattern,):
                text = f"regexp_extract({text}, {literal(pattern)}, 1)"
    # Nothing left is nothing, which equals nothing.
    return f"nullif({text}, '')" if pair.clean else text


def _moment(sides: tuple[Side, Side], one: Side, pair: Pair) -> str:
    """Two moments with a zone are compared as such; one without a zone with what clocks show at the other."""
    name = f"t.{quote(pair.of(one.name))}"
    if one.is_zoned(pair.of(one.name)) and not all(other.is_zoned(pair.of(other.name)) for other in sides):
        return one.local(name)
    return f"CAST({name} AS TIMESTAMP)"


def _valued(one: Side, column: str) -> str:
    if one.types[column] == "DATE":
        return f"t.{quote(column)}::VARCHAR"
    # One type on both sides, or 10.0 and 10.00 would have different hashes.
    return f"CAST(t.{quote(column)} AS DECIMAL(38,10))"


def _day(connection: duckdb.DuckDBPyConnection, one: Side, column: str) -> str:
    name = f"t.{quote(column)}"
    match one.types[column]:
        case "DATE":
            return name
        case "TIMESTAMP":
            return f"CAST({name} AS DATE)"
        case found if found == ZONED:
            return f"CAST({one.local(name)} AS DATE)"
        case "VARCHAR":
            value = values.take(Kind.TEXT, "Date", values.trimmed(name), Style(zone=one.zone or "UTC"))
            wanted = f'a date such as 1993-12-31; say how it is written: columns: {{"{column}": {{type: Date, ...}}}}'
            _refuse(connection, one, column, f"{values.trimmed(name)} IS NOT NULL AND {value} IS NULL", wanted)
            return value
        case other:
            raise Problem(f'the column "{column}" of the {one.name} file holds no dates ({other.lower()})')
