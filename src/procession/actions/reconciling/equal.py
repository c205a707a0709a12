"""Pairs of rows that are equal in all that the rule looks at: no choice to make, so no ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.reconciling import matching, nearest_pairs
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule, asked
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb


def apply(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rule: MatchingRule) -> str:
    """Keys that occur once on both sides pair by an aggregate; only twins are numbered, and pair n-th with n-th."""
    key = f"hash({', '.join(rule.compared)})"
    sides = [f"SELECT {key} AS k, min(row) AS row, count(*) AS n FROM {asked(rule, side)} GROUP BY 1" for side in SIDES]
    connection.execute(
        f"CREATE TABLE keys AS SELECT l.k, l.row AS left_row, r.row AS right_row, l.n = 1 AND r.n = 1 AS is_single "
        f"FROM ({sides[0]}) l JOIN ({sides[1]}) r USING (k)"
    )
    # Almost all keys of real files: they need no numbering, which is a sort of all rows.
    connection.execute("CREATE TABLE found AS SELECT left_row, right_row FROM keys WHERE is_single")
    connection.execute("CREATE TABLE twin_keys AS SELECT k FROM keys WHERE NOT is_single")
    connection.execute("DROP TABLE keys")
    if database.count(connection, "twin_keys"):
        _pair_twins(connection, rule, key)
    connection.execute("DROP TABLE twin_keys")
    count = database.count(connection, "found")
    pairs = matching.take_pairs(connection, rule)
    if pairs == count:
        return f"{pairs:,} pairs"
    # A pair that people ruled out may have kept two rows apart from their twins.
    return f"{pairs:,} pairs, then {nearest_pairs.apply(connection, ledgers, rule)}"


def _pair_twins(connection: duckdb.DuckDBPyConnection, rule: MatchingRule, key: str) -> None:
    # By their place in the file, so that the same files always give the same pairs.
    for side in SIDES:
        connection.execute(
            f"CREATE TABLE {side}_twins AS SELECT row, k, row_number() OVER (PARTITION BY k ORDER BY row) AS turn "
            f"FROM (SELECT row, {key} AS k FROM {asked(rule, side)}) WHERE k IN (FROM twin_keys)"
        )
    connection.execute("INSERT INTO found SELECT l.row, r.row FROM left_twins l JOIN right_twins r USING (k, turn)")
    for number, side in enumerate(SIDES):
        # Beside a mere suggestion nothing was booked twice.
        if not rule.suggests:
            connection.execute(
                f"INSERT INTO twice SELECT {number}, row FROM {side}_twins ANTI JOIN "
                f"(SELECT {side}_row AS row FROM found) USING (row)"
            )
    for side in SIDES:
        connection.execute(f"DROP TABLE {side}_twins")
