"""Whether rows that a rule took for equal are equal: their hashes were compared, and here their values are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb


def found(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rules: Sequence[MatchingRule]) -> bool:
    """Whether any match holds rows whose values differ in a column that must be equal."""
    keys = list(dict.fromkeys(key for rule in rules for key in rule.keys))
    values = {side: ", ".join(f"{ledgers.values[side][key]} AS v{key}" for key in keys) for side in SIDES}
    valued = [f"SELECT {one.row} AS row, {values[one.name]} FROM {one.rows}" for one in ledgers.sides]
    # Only what the rule compares: two rows may differ in every other column.
    wrong = " ".join(
        f"WHEN {rule.number} THEN {' OR '.join(f'l.v{key} IS DISTINCT FROM r.v{key}' for key in rule.keys)}"
        for rule in rules
    )
    # Only matches are read again: among open rows a false hash costs a match, and makes no wrong one.
    row = connection.execute(
        f"SELECT 1 FROM pairs p JOIN ({valued[0]}) l ON l.row = p.left_row JOIN ({valued[1]}) r ON r.row = p.right_row "
        f"WHERE CASE p.rule {wrong} ELSE false END LIMIT 1"
    ).fetchone()
    return row is not None or _in_groups(connection, valued, rules)


def _in_groups(connection: duckdb.DuckDBPyConnection, valued: Sequence[str], rules: Sequence[MatchingRule]) -> bool:
    items = " UNION ALL ".join(
        f"SELECT g.rule, g.id, v.* FROM grouped g JOIN ({values}) v ON v.row = g.row WHERE g.side = {number}"
        for number, values in enumerate(valued)
    )
    # A missing value beside others would not be seen by min and max.
    differ = " ".join(
        f"WHEN {rule.number} THEN "
        + " OR ".join(f"min(v{key}) <> max(v{key}) OR count(v{key}) < count(*)" for key in rule.keys)
        for rule in rules
    )
    # What people joined has no rule, and may differ.
    row = connection.execute(
        f"SELECT 1 FROM ({items}) GROUP BY rule, id HAVING CASE rule {differ} ELSE false END LIMIT 1"
    ).fetchone()
    return row is not None
