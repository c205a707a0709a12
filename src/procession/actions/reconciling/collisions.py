"""Whether rows that a rule took for equal are equal: their hashes were compared, and here their values are.

The values of pairs are compared as the pairs are written, where that is sure to come; otherwise by found().
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote
from procession.actions.reconciling import matching
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule

if TYPE_CHECKING:
    import duckdb

TOLD = "different values had one hash"


def found(
    connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rules: Sequence[MatchingRule], *, in_pairs: bool
) -> bool:
    """Whether any match holds rows whose values differ in a column that must be equal; without `in_pairs`, whether any
    group does."""
    left, right = valued = [
        f"SELECT {one.row} AS row{compared(ledgers, rules, one.name)} FROM {one.rows}" for one in ledgers.sides
    ]
    # Only matches are read again: among open rows a false hash costs a match, and makes no wrong one.
    row = (
        in_pairs
        and connection.execute(
            f"SELECT 1 FROM pairs p JOIN ({left}) l ON l.row = p.left_row JOIN ({right}) r ON r.row = p.right_row "
            f"WHERE {_differ(rules, 'p.rule', 'r')} LIMIT 1"
        ).fetchone()
    )
    return bool(row) or _in_groups(connection, valued, rules)


def guarded(value: str, rules: Sequence[MatchingRule], rule: str, right: str) -> str:
    """SQL of the value, which raises an error that told() knows where l and `right` differ although the rule took them
    for equal; both have the columns of compared()."""
    return f"CASE WHEN {_differ(rules, rule, right)} THEN error({literal(TOLD)}) ELSE {value} END" if rules else value


def told(error: Exception) -> bool:
    return TOLD in str(error)


def compared(ledgers: Ledgers, rules: Sequence[MatchingRule], side: str) -> str:
    """SQL, behind other columns, of the values that must be equal, over the side's rows."""
    return "".join(f", {_value(ledgers, side, key)} AS {_name(key)}" for key in matching.columns_of(rules))


def _value(ledgers: Ledgers, side: str, key: int) -> str:
    pair = ledgers.keys[key]
    is_plain = all(one.types[pair.of(one.name)] == "VARCHAR" for one in ledgers.sides)
    # A text that nothing cleans is what it is compared by, but for one of blanks, which no match has.
    if is_plain and ledgers.is_text(key) and not pair.clean:
        return ledgers.side(side).written(pair.of(side))
    return ledgers.values[side][key]


def names(rules: Sequence[MatchingRule], alias: str) -> str:
    """The same columns as they are passed on."""
    return "".join(f", {alias}.{_name(key)}" for key in matching.columns_of(rules))


def _name(key: int) -> str:
    return quote(f"compared value {key}")  # a name that no file has


def _differ(rules: Sequence[MatchingRule], rule: str, right: str) -> str:
    by_keys: dict[tuple[int, ...], list[str]] = {}
    for one in rules:
        by_keys.setdefault(one.keys, []).append(str(one.number))
    # Only what the rule compares: two rows may differ in every other column.
    cases = " ".join(
        f"WHEN {rule} IN ({', '.join(numbers)}) THEN "
        + " OR ".join(f"l.{_name(key)} IS DISTINCT FROM {right}.{_name(key)}" for key in keys)
        for keys, numbers in by_keys.items()
    )
    return f"CASE {cases} ELSE false END"


def _in_groups(connection: duckdb.DuckDBPyConnection, valued: Sequence[str], rules: Sequence[MatchingRule]) -> bool:
    items = " UNION ALL ".join(
        f"SELECT g.rule, g.id, v.* FROM grouped g JOIN ({values}) v ON v.row = g.row WHERE g.side = {number}"
        for number, values in enumerate(valued)
    )
    # A missing value beside others would not be seen by min and max.
    differ = " ".join(
        f"WHEN {rule.number} THEN "
        + " OR ".join(f"min({_name(key)}) <> max({_name(key)}) OR count({_name(key)}) < count(*)" for key in rule.keys)
        for rule in rules
    )
    # What people joined has no rule, and may differ.
    row = connection.execute(
        f"SELECT 1 FROM ({items}) GROUP BY rule, id HAVING CASE rule {differ} ELSE false END LIMIT 1"
    ).fetchone()
    return row is not None
