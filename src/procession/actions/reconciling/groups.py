"""All rows of a key on one side with all of the other, where their sums are equal: a batch and its parts.

A reference that is used again, as that of a card terminal, has a batch for each time: its rows are parted where more
days lie between two of them than one batch may have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.reconciling import matching
from procession.actions.reconciling.matching import MatchingRule, asked
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb


def apply(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> str:
    """Every day of a group is within the days of every day of the other side. One with one is no group."""
    connection.execute("CREATE TABLE found (id INTEGER, side TINYINT, row INTEGER)")
    _add(connection, rule, [asked(rule, side) for side in SIDES], rule.hashes)
    if rule.days is not None:
        _part(connection, rule, rule.days)
        if database.count(connection, "parted"):
            sides = [f"(SELECT * FROM parted WHERE side = {number})" for number in range(len(SIDES))]
            _add(connection, rule, sides, (*rule.hashes, "part"))
        connection.execute("DROP TABLE parted")
    connection.execute("DROP TABLE sums")
    return f"{matching.take_groups(connection, rule):,} groups"


def _add(connection: duckdb.DuckDBPyConnection, rule: MatchingRule, rows: Sequence[str], keys: Sequence[str]) -> None:
    """Adds to `found` the groups of equal `keys` among the rows of both sides, and makes `sums` of those keys."""
    left, right = (_sums(rule, one, keys) for one in rows)
    same = ", ".join(keys)
    # One with one is for the rules of pairs, which look at more than sums.
    connection.execute(
        f"CREATE OR REPLACE TABLE sums AS SELECT {same}, l: l, r: r FROM ({left}) l JOIN ({right}) r USING ({same}) "
        "WHERE l.n + r.n > 2"
    )
    # Of two sides that are settled by themselves, the one says nothing of the other.
    tests = ["(l.total <> 0 OR r.total <> 0)", rule.is_within("l.total", "r.total")]
    if rule.days is not None:
        least, most = rule.days
        tests += [f"r.first - l.last >= {least}", f"r.last - l.first <= {most}"]
    connection.execute(
        "CREATE TABLE batches AS SELECT row_number() OVER () + (SELECT coalesce(max(id), 0) FROM found) AS id, "
        f"{same} FROM sums WHERE {' AND '.join(tests)}"
    )
    # The same rows as were summed: one without an amount or a day is in no group.
    items = " UNION ALL ".join(
        f"SELECT id, {number} AS side, row FROM {one} JOIN batches USING ({same})" for number, one in enumerate(rows)
    )
    connection.execute(f"INSERT INTO found {items}")
    connection.execute("DROP TABLE batches")


def _sums(rule: MatchingRule, rows: str, keys: Sequence[str]) -> str:
    days = "" if rule.days is None else f", min(day_{rule.day}) AS first, max(day_{rule.day}) AS last"
    return f"SELECT {', '.join(keys)}, sum(amount) AS total, count(*) AS n{days} FROM {rows} GROUP BY ALL"


def _part(connection: duckdb.DuckDBPyConnection, rule: MatchingRule, days: tuple[int, int]) -> None:
    """Makes `parted`: the items, with side and part, of those keys of `sums` that are too far apart for one batch."""
    least, most = days
    # Of one side, two neighbours of a batch share a row of the other; of two sides they are within the days.
    gap = max(most - least, most, -least)
    day, keys = f"day_{rule.day}", ", ".join(rule.hashes)
    far = f"SELECT {keys} FROM sums WHERE greatest(l.last, r.last) - least(l.first, r.first) > {gap}"
    items = " UNION ALL ".join(
        f"SELECT {number} AS side, row, amount, {day}, {keys} FROM {asked(rule, side)} SEMI JOIN ({far}) USING ({keys})"
        for number, side in enumerate(SIDES)
    )
    by = f"OVER (PARTITION BY {keys} ORDER BY {day})"
    connection.execute(
        f"CREATE TABLE parted AS SELECT *, sum(is_first::INTEGER) {by} AS part FROM "
        f"(SELECT *, {day} - lag({day}, 1, {day}) {by} > {gap} AS is_first FROM ({items}))"
    )
