"""All rows of a key on one side with all of the other, where their sums are equal: a batch and its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procession.actions.reconciling import matching
from procession.actions.reconciling.matching import MatchingRule, asked
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb


def apply(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> str:
    """Every day of a group is within the days of every day of the other side. One with one is no group."""
    sides = [_sums(rule, side) for side in SIDES]
    # One with one is for the rules of pairs, which look at more than sums.
    tests = ["l.n + r.n > 2", rule.is_within("l.total", "r.total")]
    if rule.days is not None:
        least, most = rule.days
        tests += [f"r.first - l.last >= {least}", f"r.last - l.first <= {most}"]
    # Numbered by the first left row, because groups come in the order of threads.
    connection.execute(
        f"CREATE TABLE sums AS SELECT row_number() OVER (ORDER BY l.row) AS id, {', '.join(rule.hashes)} "
        f"FROM ({sides[0]}) l JOIN ({sides[1]}) r USING ({', '.join(rule.hashes)}) WHERE {' AND '.join(tests)}"
    )
    # The same rows as were summed: one without an amount or a day is in no group.
    items = " UNION ALL ".join(
        f"SELECT id, {number} AS side, row FROM {asked(rule, side)} JOIN sums USING ({', '.join(rule.hashes)})"
        for number, side in enumerate(SIDES)
    )
    connection.execute(f"CREATE TABLE found AS {items}")
    connection.execute("DROP TABLE sums")
    return f"{matching.take_groups(connection, rule):,} groups"


def _sums(rule: MatchingRule, side: str) -> str:
    days = "" if rule.days is None else f", min(day_{rule.day}) AS first, max(day_{rule.day}) AS last"
    return (
        f"SELECT {', '.join(rule.hashes)}, min(row) AS row, sum(amount) AS total, count(*) AS n{days} "
        f"FROM {asked(rule, side)} GROUP BY ALL"
    )
