"""One pass over the open items for each rule; every kind of rule has its module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procession.actions.reconciling import equal, groups, nearest_pairs, reversals, subsets
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb


def apply(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rule: MatchingRule) -> str:
    """Matches what the rule can among the open items; returns what is to be said of it in the log. Raises Problem."""
    for one, condition in zip(ledgers.sides, rule.where, strict=True):
        # Over the rows as read, because items have none of the columns that a user can name.
        if condition is not None:
            connection.execute(
                f"CREATE TABLE {one.name}_narrowed AS SELECT CAST({one.row} AS INTEGER) AS row FROM {one.bare} "
                f"WHERE {condition}"
            )
    # Also after a Problem: the rules may be applied again with another salt.
    try:
        return _pass(connection, ledgers, rule)
    finally:
        for side in SIDES:
            connection.execute(f"DROP TABLE IF EXISTS {side}_narrowed")


def _pass(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rule: MatchingRule) -> str:
    match rule.kind:
        case "groups":
            return groups.apply(connection, rule)
        case "reversals":
            return reversals.apply(connection, ledgers, rule)
        case "subsets":
            return subsets.apply(connection, rule)
        # Nothing to choose among: no candidates are made.
        case _ if rule.is_exact and not rule.only:
            return equal.apply(connection, ledgers, rule)
        case _:
            return nearest_pairs.apply(connection, ledgers, rule)
