"""What may belong together, for people to decide: all rows of it are still open when all rules were applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procession.actions.reconciling import choosing
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb

SEVERAL = "one of several candidates"

# Candidates that are still open, at most ten a row whatever rules they are of: people look through no list from each.
_DOUBTFUL = f"""
doubtful AS (
    SELECT left_row, right_row, min(rule) AS rule, arg_min(place, rule) AS place FROM doubts
    WHERE place <= {choosing.DOUBTS_SHOWN} AND left_row IN (SELECT row FROM left_open)
    AND right_row IN (SELECT row FROM right_open) GROUP BY ALL
),
shown AS (
    SELECT rule, left_row, right_row FROM doubtful QUALIFY greatest(
        row_number() OVER (PARTITION BY left_row ORDER BY rule, place, right_row),
        row_number() OVER (PARTITION BY right_row ORDER BY rule, place, left_row)
    ) <= {choosing.DOUBTS_SHOWN}
),
counted AS (
    SELECT *, count(*) OVER (PARTITION BY left_row) AS of_left,
        count(*) OVER (PARTITION BY right_row) AS of_right
    FROM shown
),
ends AS (
    SELECT rule, 'pair ' || left_row || ' ' || right_row AS id, UNNEST([0, 1]) AS side,
        UNNEST([left_row, right_row]) AS row,
        '{SEVERAL}: ' || of_left || ' of the left row, ' || of_right || ' of the right row' AS why
    FROM counted
)
"""


def make(connection: duckdb.DuckDBPyConnection) -> int:
    """Makes suggested_items (suggestion, rule, why, side, row); returns how many suggestions there are.

    They are numbered by rule, then by their smallest left row."""
    # A suggestion with a row that a later rule matched would offer what is decided already.
    is_open = " UNION ALL ".join(f"SELECT {number} AS side, row FROM {side}_open" for number, side in enumerate(SIDES))
    connection.execute(f"""
        CREATE TABLE suggested_items AS
        WITH open_rows AS ({is_open}),
        {_DOUBTFUL},
        every AS (
            SELECT rule, id::VARCHAR AS id, side, row, why FROM suggested WHERE id NOT IN (
                SELECT id FROM suggested ANTI JOIN open_rows USING (side, row)
            )
            UNION ALL SELECT rule, id, side, row, why FROM ends
        ),
        heads AS (
            SELECT rule, id, min(row) FILTER (side = 0) AS left_row, min(row) FILTER (side = 1) AS right_row
            FROM every GROUP BY rule, id
        ),
        numbered AS (
            SELECT rule, id, row_number() OVER (ORDER BY rule, left_row NULLS LAST, right_row, id) AS suggestion
            FROM heads
        )
        SELECT suggestion, rule, why, side, row FROM every JOIN numbered USING (rule, id)
    """)
    # Numbered without gaps, so the last number is how many there are.
    row = connection.execute("SELECT coalesce(max(suggestion), 0) FROM suggested_items").fetchone()
    assert row is not None
    return int(row[0])
