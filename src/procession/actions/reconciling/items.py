"""What the rules work on: for each row forty bytes, made once; and that each key names one row.

`left_items` and `right_items`: row INTEGER (its place in the side, from 0), amount, day_N INTEGER for each column of
days, hash_N UBIGINT for each compared column. No value is NULL there, and equal to nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions import values
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.sides import SIDES, Side

if TYPE_CHECKING:
    import duckdb

_EPOCH = "DATE '1970-01-01'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashing:
    """How values are hashed. Fewer `bits` than 64 are for tests: then different values often have one hash."""

    salt: int = 0
    bits: int = 64

    def of(self, value: str) -> str:
        """SQL of the hash; NULL for no value."""
        # The salt stands before the text: behind it, texts of one hash would still have one.
        text = value if not self.salt else f"({literal(f'{self.salt} ')} || CAST({value} AS VARCHAR))"
        number = f"hash({text})" if self.bits == 64 else f"hash({text}) % {1 << self.bits}"
        return f"CASE WHEN {value} IS NOT NULL THEN {number} END"


def make(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, hashing: Hashing, hashed: Collection[int]) -> None:
    """Makes left_items and right_items without the rows of left_given_twice and right_given_twice; `hashed`: the N of
    hash_N."""
    for one in ledgers.sides:
        days = [
            f"CAST(date_diff('day', {_EPOCH}, {day}) AS INTEGER) AS day_{n}"
            for n, day in enumerate(ledgers.days[one.name])
        ]
        hashes = [f"{hashing.of(ledgers.values[one.name][n])} AS hash_{n}" for n in hashed]
        chosen = ", ".join(
            [f"CAST({one.row} AS INTEGER) AS row", f"{ledgers.amount[one.name]} AS amount", *days, *hashes]
        )
        connection.execute(f"CREATE TABLE {one.name}_items AS SELECT {chosen} FROM {one.rows}")
        connection.execute(f"DELETE FROM {one.name}_items WHERE row IN (SELECT row FROM {one.name}_given_twice)")


def drop(connection: duckdb.DuckDBPyConnection) -> None:
    for side in SIDES:
        connection.execute(f"DROP TABLE IF EXISTS {side}_items")


def joined(lines: str, alias: str) -> str:
    """SQL that joins the items of both sides, as l and r, to lines (side, row) of that alias."""
    # Narrowed first: a join of a few lines with all items takes a copy of all of them.
    return " ".join(
        f"LEFT JOIN (SELECT * FROM {side}_items WHERE row IN (SELECT row FROM {lines} WHERE side = {number})) "
        f"{side[0]} ON {alias}.side = {number} AND {side[0]}.row = {alias}.row"
        for number, side in enumerate(SIDES)
    )


def find_given_twice(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, key: int | None) -> Iterator[str]:
    """Makes left_given_twice and right_given_twice (row): later rows of one key and the same content. Gives warnings.

    Raises Problem where rows of one key differ.
    """
    for one in ledgers.sides:
        connection.execute(f"CREATE TABLE {one.name}_given_twice (row INTEGER)")
        # Without a key, nobody can tell a row given twice from two equal payments.
        if key is not None:
            yield from _twice(connection, ledgers, one, key)


def _twice(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, one: Side, key: int) -> Iterator[str]:
    value, pair = ledgers.values[one.name][key], ledgers.keys[key]
    # Most files stand in the order of their keys, and then none is there twice: one look at each, and no hashing.
    if _is_rising(connection, one, value):
        return
    row = connection.execute(
        f"SELECT count(*) FILTER ({value} IS NULL), count({value}), count(DISTINCT {value}) FROM {one.rows}"
    ).fetchone()
    assert row is not None
    empty, filled, different = row
    # Such rows cannot be decided on, nor be told when they come again.
    if empty:
        yield f'{empty:,} rows of the {one.name} side have no key in the column "{pair.of(one.name)}"'
    if filled == different:
        return
    content = [f"t.{quote(name)}" for name in one.own]
    # As texts: the content is compared as people see it, whatever the types of its columns.
    connection.execute(
        f"CREATE TABLE repeated AS SELECT {one.row} AS row, {value} AS key, [{', '.join(_texts(content))}] AS content, "
        f"{ledgers.amount[one.name]} AS amount FROM {one.rows} WHERE {value} IN "
        f"(SELECT {value} FROM {one.rows} GROUP BY 1 HAVING count(*) > 1)"
    )
    # Which of two versions of a row holds is not ours to choose.
    _refuse_others(connection, one, pair.of(one.name))
    connection.execute(
        f"INSERT INTO {one.name}_given_twice SELECT row FROM repeated "
        "WHERE row NOT IN (SELECT min(row) FROM repeated GROUP BY key)"
    )
    found = connection.execute(
        f"SELECT count(*), coalesce(sum(amount), 0) FROM repeated WHERE row IN (SELECT row FROM {one.name}_given_twice)"
    ).fetchone()
    assert found is not None
    connection.execute("DROP TABLE repeated")
    [amount] = values.alike(found[1])
    yield (
        f"{found[0]:,} rows of the {one.name} side were given twice, with the same key and content, and count once "
        f"(their amounts: {amount})"
    )


def _is_rising(connection: duckdb.DuckDBPyConnection, one: Side, value: str) -> bool:
    """Whether every row has the value, and each a greater one than the row before it."""
    # In whatever order the rows come: those of a rising chain are all different.
    row = connection.execute(
        f"SELECT coalesce(bool_and(is_there AND coalesce(is_rising, row = 0)), true) FROM (SELECT {one.row} AS row, "
        f"{value} IS NOT NULL AS is_there, {value} > lag({value}) OVER () AS is_rising FROM {one.rows})"
    ).fetchone()
    return row == (True,)


def _texts(columns: list[str]) -> list[str]:
    return [f"CAST({column} AS VARCHAR)" for column in columns]


def _refuse_others(connection: duckdb.DuckDBPyConnection, one: Side, column: str) -> None:
    row = connection.execute(
        "SELECT first.key, first.row, other.row FROM repeated other JOIN "
        "(SELECT key, min(row) AS row, arg_min(content, row) AS content FROM repeated GROUP BY key) first USING (key) "
        "WHERE other.content IS DISTINCT FROM first.content ORDER BY other.row LIMIT 1"
    ).fetchone()
    if row is not None:
        places = [one.made.place(number, column) for number in row[1:]]
        raise Problem(
            f'the {one.name} side has the key "{row[0]}" twice, with different content: {places[0]} and {places[1]}; '
            f'the column "{column}" must name one row'
        )
