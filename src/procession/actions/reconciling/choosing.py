"""Choosing among candidates: each other's single best, again and again, or rows that have no other.

`candidates` has left_row, right_row and score. For reversals both are rows of one side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.reconciling import matching
from procession.actions.reconciling.matching import MatchingRule
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb

ROUNDS_MAX = 1_000  # each takes at least one pair; real files are done after two or three
_ENDS = tuple(f"{side}_row" for side in SIDES)
DOUBTS_SHOWN = 10  # candidates of a row that people choose from


def part_lonely(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> None:
    """Parts the candidates whose rows both have no other from the rest: they are the relation `lonely`."""
    # As most are: nothing is to be weighed, and what weighs is a dozen passes over them.
    single = " AND ".join(f"{end} IN (SELECT {end} FROM candidates GROUP BY 1 HAVING count(*) = 1)" for end in _ENDS)
    # A row's twin has the same candidates, unless people ruled some out: then all are weighed.
    is_sure = rule.only or not database.count(connection, "never")
    connection.execute(
        f"CREATE TABLE lonely AS SELECT left_row, right_row FROM candidates WHERE {single if is_sure else 'false'}"
    )
    connection.execute(f"CREATE OR REPLACE TABLE candidates AS SELECT * FROM candidates {_without('lonely')}")


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One of both ends of the candidates: its side, the relation of its rows, the columns that a rule compares."""

    side: int
    relation: str
    compared: Sequence[str]


def nearest(
    connection: duckdb.DuckDBPyConnection,
    rule: MatchingRule,
    ends: tuple[End, End],
    take: Callable[[duckdb.DuckDBPyConnection, MatchingRule], int],
) -> int:
    """Takes the lonely pairs, and pairs that are each other's single best choice until there are none; returns how
    many. What is left of `candidates` could not be decided."""
    # As a rule all are lonely, and there is nothing to weigh.
    if not database.count(connection, "candidates"):
        connection.execute("CREATE TABLE found AS FROM lonely")
        return take(connection, rule)
    _find_twins(connection, ends)
    _choose(connection)
    connection.execute("CREATE TABLE found AS FROM lonely UNION ALL SELECT left_row, right_row FROM chosen")
    count = take(connection, rule)
    # Beside a mere suggestion nothing was booked twice.
    if not rule.suggests:
        _keep_twice(connection, ends)
    return count


def _find_twins(connection: duckdb.DuckDBPyConnection, ends: tuple[End, End]) -> None:
    """Adds left_twin and right_twin to the candidates: the first row of those that a rule cannot tell apart."""
    for name, end in zip(SIDES, ends, strict=True):
        columns = ", ".join(end.compared)
        connection.execute(
            f"CREATE TABLE {name}_twins AS SELECT row, min(row) OVER (PARTITION BY {columns}) AS twin FROM "
            f"(SELECT DISTINCT row, {columns} FROM {end.relation} WHERE row IN (SELECT {name}_row FROM candidates))"
        )
    connection.execute(
        "CREATE OR REPLACE TABLE candidates AS SELECT c.*, l.twin AS left_twin, r.twin AS right_twin FROM candidates c "
        "JOIN left_twins l ON l.row = left_row JOIN right_twins r ON r.row = right_row"
    )


def _choose(connection: duckdb.DuckDBPyConnection) -> None:
    """Moves the pairs that are each other's single best choice from the candidates to `chosen`."""
    # Kept until the end: a row whose twin was chosen is told as booked twice.
    connection.execute(
        "CREATE TABLE chosen (left_row INTEGER, right_row INTEGER, left_twin INTEGER, right_twin INTEGER)"
    )
    # Removing a pair may promote others' second choice.
    for _ in range(ROUNDS_MAX):
        connection.execute(f"CREATE OR REPLACE TABLE best AS {_MUTUAL}")
        if not database.count(connection, "best"):
            break
        connection.execute("INSERT INTO chosen FROM best")
        connection.execute(f"CREATE OR REPLACE TABLE candidates AS SELECT * FROM candidates {_without('best')}")


# Not score = best, of which DuckDB makes left best = right best, and joins all with all.
# Rows of one twin are one choice. Within a pair of twins the n-th row goes with the n-th; those that people ruled a
# pair out of are first on the left and last on the right. Where these stand across, what is left for each is one row.
_MUTUAL = """
WITH left_best AS (SELECT left_row, min(score) AS best FROM candidates GROUP BY 1),
right_best AS (SELECT right_row, min(score) AS best FROM candidates GROUP BY 1),
left_single AS (
    SELECT left_row, any_value(best) AS best FROM candidates JOIN left_best USING (left_row)
    WHERE score = best GROUP BY 1 HAVING min(right_twin) = max(right_twin)
),
right_single AS (
    SELECT right_row, any_value(best) AS best FROM candidates JOIN right_best USING (right_row)
    WHERE score = best GROUP BY 1 HAVING min(left_twin) = max(left_twin)
),
mutual AS (
    SELECT c.left_row, c.right_row, c.left_twin, c.right_twin FROM candidates c
    JOIN left_single l ON l.left_row = c.left_row JOIN right_single r ON r.right_row = c.right_row
    WHERE c.score <= l.best AND c.score <= r.best
)
SELECT left_row, right_row, left_twin, right_twin FROM mutual
QUALIFY dense_rank() OVER (
    PARTITION BY left_twin, right_twin ORDER BY left_row NOT IN (SELECT left_row FROM never), left_row
) = dense_rank() OVER (
    PARTITION BY left_twin, right_twin ORDER BY right_row IN (SELECT right_row FROM never), right_row
) OR greatest(count(*) OVER (PARTITION BY left_row), count(*) OVER (PARTITION BY right_row)) = 1
"""


def _without(taken: str) -> str:
    return " ".join(f"ANTI JOIN (SELECT {end} FROM {taken}) USING ({end})" for end in _ENDS)


def _keep_twice(connection: duckdb.DuckDBPyConnection, ends: tuple[End, End]) -> None:
    """Keeps the rows whose twin was chosen and they were not."""
    for name, end in zip(SIDES, ends, strict=True):
        connection.execute(
            f"INSERT INTO twice SELECT {end.side}, row FROM {name}_twins "
            f"WHERE twin IN (SELECT {name}_twin FROM chosen) AND row NOT IN (SELECT {name}_row FROM chosen)"
        )


def only(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> int:
    """Takes pairs of rows with no other candidate. A nearer day or amount is no evidence."""
    # Once only: a row that is left alone because its rival was taken has had a choice.
    connection.execute("CREATE TABLE found AS FROM lonely")
    return matching.take_pairs(connection, rule)


def keep_doubts(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> int:
    """Keeps what is left of the candidates for people; returns how many left rows are in doubt."""
    if not database.count(connection, "candidates"):
        return 0
    # Before they are cut to what people can look at.
    row = connection.execute("SELECT count(DISTINCT left_row) FROM candidates").fetchone()
    assert row is not None
    ranks = [
        f"row_number() OVER (PARTITION BY {end} ORDER BY score, {_ENDS[1 - number]})"
        for number, end in enumerate(_ENDS)
    ]
    # The first of each row too, shown or not: it has candidates, and says so.
    connection.execute(
        f"INSERT INTO doubts SELECT {rule.number}, left_row, right_row, greatest(l, r) FROM "
        f"(SELECT left_row, right_row, l: {ranks[0]}, r: {ranks[1]} FROM candidates) "
        f"WHERE greatest(l, r) <= {DOUBTS_SHOWN} OR least(l, r) = 1"
    )
    return int(row[0])


def clear(connection: duckdb.DuckDBPyConnection) -> None:
    # A choice of one is none between twins, so they were not always looked for.
    for name in ("candidates", "lonely", "best", "chosen", "left_twins", "right_twins"):
        connection.execute(f"DROP TABLE IF EXISTS {name}")
