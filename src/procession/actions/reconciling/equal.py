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
    """Keys that occur once on both sides pair by a join; only twins are numbered, and pair n-th with n-th."""
    key = f"hash({', '.join(rule.compared)})"
    left, right = (f"(SELECT {key} AS k, row FROM {asked(rule, side)})" for side in SIDES)
    # One row of the right for each key, so that a million twins make no more lines than there are left rows.
    connection.execute(
        "CREATE TABLE met AS SELECT l.row AS left_row, r.row AS right_row, r.n = 1 AS is_single FROM "
        f"{left} l JOIN (SELECT k, min(row) AS row, count(*) AS n FROM {right} GROUP BY k) r USING (k)"
    )
    connection.execute(
        "CREATE TABLE crowded AS SELECT right_row FROM met GROUP BY 1 HAVING count(*) > 1 OR NOT any_value(is_single)"
    )
    # Almost all keys of real files: they need no numbering, which is a sort of all rows.
    connection.execute("CREATE TABLE found AS SELECT left_row, right_row FROM met ANTI JOIN crowded USING (right_row)")
    if database.count(connection, "crowded"):
        _pair_twins(connection, rule, key)
    for name in ("met", "crowded"):
        connection.execute(f"DROP TABLE {name}")
    count = database.count(connection, "found")
    pairs = matching.take_pairs(connection, rule)
    if pairs == count:
        return f"{pairs:,} pairs"
    # A pair that people ruled out may have kept two rows apart from their twins.
    return f"{pairs:,} pairs, then {nearest_pairs.apply(connection, ledgers, rule)}"


def _pair_twins(connection: duckdb.DuckDBPyConnection, rule: MatchingRule, key: str) -> None:
    connection.execute(
        f"CREATE TABLE twin_keys AS SELECT {key} AS k FROM right_open WHERE row IN (SELECT right_row FROM crowded)"
    )
    # By their place in the file, so that the same files always give the same pairs; and those that people ruled a
    # pair out of first on the left and last on the right, where each other's twins are.
    for side, last in zip(SIDES, ("NOT IN", "IN"), strict=True):
        order = f"row {last} (SELECT {side}_row FROM never), row"
        connection.execute(
            f"CREATE TABLE {side}_twins AS SELECT row, k, row_number() OVER (PARTITION BY k ORDER BY {order}) AS turn "
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
    for name in ("twin_keys", *(f"{side}_twins" for side in SIDES)):
        connection.execute(f"DROP TABLE {name}")
