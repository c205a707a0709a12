"""Choosing among candidates: each other's single best, again and again, or rows that have no other.

`candidates` has left_row, right_row and score. For reversals both are rows of one side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from procession.actions.reconciling import matching
from procession.actions.reconciling.matching import MatchingRule

if TYPE_CHECKING:
    import duckdb

ROUNDS_MAX = 1_000  # each takes at least one pair; real files are done after two or three
_ENDS = ("left_row", "right_row")
DOUBTS_SHOWN = 10  # candidates of a row that are kept for people to choose from


def find_twins(connection: duckdb.DuckDBPyConnection, ends: Sequence[tuple[str, str, Sequence[str]]]) -> None:
    """Adds left_twin and right_twin to the candidates: the first row of those that a rule cannot tell apart.

    `ends`: for each end the relation of its rows, its column among the candidates, the columns compared.
    """
    for relation, end, compared in ends:
        name = end.removesuffix("_row")
        connection.execute(
            f"CREATE TABLE {name}_twins AS SELECT row, min(row) OVER (PARTITION BY {', '.join(compared)}) AS twin "
            f"FROM (SELECT DISTINCT row, {', '.join(compared)} FROM {relation} "
            f"WHERE row IN (SELECT {end} FROM candidates))"
        )
    connection.execute(
        "CREATE TABLE told AS SELECT c.*, l.twin AS left_twin, r.twin AS right_twin FROM candidates c "
        "JOIN left_twins l ON l.row = left_row JOIN right_twins r ON r.row = right_row"
    )
    connection.execute("DROP TABLE candidates")
    connection.execute("ALTER TABLE told RENAME TO candidates")


def nearest(
    connection: duckdb.DuckDBPyConnection,
    rule: MatchingRule,
    take: Callable[[duckdb.DuckDBPyConnection, MatchingRule], int],
) -> int:
    """Takes pairs that are each other's single best choice until there are none; returns how many. What is left of
    `candidates` could not be decided."""
    total = 0
    # Kept until the end: a row whose twin was chosen is told as booked twice.
    connection.execute(
        "CREATE TABLE chosen (left_row INTEGER, right_row INTEGER, left_twin INTEGER, right_twin INTEGER)"
    )
    # Removing a pair may promote others' second choice.
    for _ in range(ROUNDS_MAX):
        connection.execute(f"CREATE TABLE best AS {_MUTUAL}")
        connection.execute("INSERT INTO chosen FROM best")
        # Before `take`, which may drop a pair that people ruled out: it would be found again for ever.
        connection.execute("CREATE TABLE found AS SELECT left_row, right_row FROM best")
        connection.execute(f"CREATE TABLE rest AS SELECT * FROM candidates {_without('best')}")
        for name in ("candidates", "best"):
            connection.execute(f"DROP TABLE {name}")
        connection.execute("ALTER TABLE rest RENAME TO candidates")
        count = take(connection, rule)
        total += count
        if not count:
            break
    return total


# Not score = best, of which DuckDB makes left best = right best, and joins all with all.
# Rows of one twin are one choice. Within a pair of twins the n-th row goes with the n-th.
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
QUALIFY dense_rank() OVER (PARTITION BY left_twin, right_twin ORDER BY left_row)
    = dense_rank() OVER (PARTITION BY left_twin, right_twin ORDER BY right_row)
"""


def _without(taken: str) -> str:
    return " ".join(f"ANTI JOIN (SELECT {end} FROM {taken}) USING ({end})" for end in _ENDS)


def only(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> int:
    """Takes pairs of rows with no other candidate. A nearer day or amount is no evidence."""
    # One round only: a row that is left alone because its rival was taken has had a choice.
    connection.execute("""
        CREATE TABLE best AS SELECT left_row, right_row, left_twin, right_twin FROM candidates
        QUALIFY count(*) OVER (PARTITION BY left_row) = 1 AND count(*) OVER (PARTITION BY right_row) = 1
    """)
    connection.execute("CREATE TABLE found AS SELECT left_row, right_row FROM best")
    connection.execute(f"CREATE TABLE rest AS SELECT * FROM candidates {_without('best')}")
    for name in ("candidates", "best"):
        connection.execute(f"DROP TABLE {name}")
    connection.execute("ALTER TABLE rest RENAME TO candidates")
    # A choice of one is none between twins, so nothing is said of twins.
    connection.execute(
        "CREATE TABLE chosen (left_row INTEGER, right_row INTEGER, left_twin INTEGER, right_twin INTEGER)"
    )
    return matching.take_pairs(connection, rule)


def keep_twice(connection: duckdb.DuckDBPyConnection, sides: Sequence[int]) -> None:
    """Keeps the rows whose twin was chosen and they were not; `sides` are those of both ends."""
    for end, side in zip(("left", "right"), sides, strict=True):
        connection.execute(
            f"INSERT INTO twice SELECT {side}, row FROM {end}_twins WHERE twin IN (SELECT {end}_twin FROM chosen) "
            f"AND row NOT IN (SELECT {end}_row FROM chosen)"
        )


def keep_doubts(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> int:
    """Keeps what is left of the candidates for people; returns how many left rows are in doubt."""
    # Before they are cut to what people can look at.
    row = connection.execute("SELECT count(DISTINCT left_row) FROM candidates").fetchone()
    assert row is not None
    connection.execute(
        f"INSERT INTO doubts SELECT {rule.number}, left_row, right_row FROM candidates "
        f"QUALIFY row_number() OVER (PARTITION BY left_row ORDER BY score, right_row) <= {DOUBTS_SHOWN}"
    )
    return int(row[0])


def clear(connection: duckdb.DuckDBPyConnection) -> None:
    for name in ("candidates", "chosen", "left_twins", "right_twins"):
        connection.execute(f"DROP TABLE {name}")
