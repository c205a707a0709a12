"""A row and its reversal on the same side: equal keys, opposite amounts, not too many days between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procession.actions.problems import Problem
from procession.actions.reconciling import choosing, matching
from procession.actions.reconciling.choosing import End
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule, asked
from procession.actions.reconciling.nearest_pairs import CANDIDATES_MAX
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb


def apply(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rule: MatchingRule) -> str:
    """The nearest day; a tie stays open."""
    counts = {side: _of(connection, rule, side) for side in rule.sides}
    return ", ".join(f"{count:,} on the {side}" for side, count in counts.items())


def _of(connection: duckdb.DuckDBPyConnection, rule: MatchingRule, side: str) -> int:
    number = SIDES.index(side)
    connection.execute(f"CREATE TABLE reversible AS SELECT * FROM {asked(rule, side)}")
    _refuse_many(connection, rule)
    keys = " AND ".join(f"p.{key} = q.{key}" for key in rule.hashes)
    apart = "0" if rule.days is None else f"abs(p.day_{rule.day} - q.day_{rule.day})"
    # Whichever came first: corrections are also dated back.
    near = "" if rule.days is None else f" AND {apart} <= {rule.days[1]}"
    # The positive row stands left, or each pair would be found twice.
    connection.execute(
        f"CREATE TABLE candidates AS SELECT p.row AS left_row, q.row AS right_row, {apart} AS score "
        f"FROM reversible p JOIN reversible q ON {keys} AND p.amount = -q.amount AND p.amount > 0{near}"
    )
    choosing.part_lonely(connection, rule)

    # As groups, because `pairs` has a row of each side, and here both are of one.
    def take(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> int:
        connection.execute(
            f"CREATE TABLE groups AS SELECT id, {number} AS side, unnest([left_row, right_row]) AS row FROM "
            "(SELECT row_number() OVER (ORDER BY left_row) AS id, * FROM found)"
        )
        connection.execute("DROP TABLE found")
        connection.execute("ALTER TABLE groups RENAME TO found")
        return matching.take_groups(connection, rule)

    end = End(side=number, relation="reversible", compared=rule.compared)
    count = choosing.nearest(connection, rule, (end, end), take)
    choosing.clear(connection)
    connection.execute("DROP TABLE reversible")
    return count


def _refuse_many(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> None:
    row = connection.execute(
        "SELECT coalesce(sum(more * fewer), 0) FROM (SELECT CAST(count(*) FILTER (amount > 0) AS HUGEINT) AS more, "
        f"count(*) FILTER (amount < 0) AS fewer FROM reversible GROUP BY {', '.join(rule.hashes)}, abs(amount))"
    ).fetchone()
    assert row is not None
    if row[0] > CANDIDATES_MAX:
        raise Problem(
            f'the rule "{rule.name}" would have to look at {row[0]:,} pairs of rows with equal keys, more than '
            f"{CANDIDATES_MAX:,}; compare more columns, or narrow it by where"
        )
