"""How long rows have been open, and how often: by their day, and by what earlier reconciliations carried forward."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.sides import SIDES, Side
from procession.actions.reconciling.sources import FIRST_OPEN_ON, TIMES_OPEN

if TYPE_CHECKING:
    import duckdb

_LATER = "later"  # of rows dated after the day as of which they are open


def make(
    connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, day: int | None, as_of: date | None, key: int | None
) -> None:
    """Makes left_aged and right_aged of the open rows: row, reason, near_row, first_open_on, times_open, age_days."""
    # Never the clock's day: last month reconciled again must give last month's ages.
    today = "NULL::DATE" if as_of is None else f"DATE '{as_of}'"
    for one in ledgers.sides:
        carried, joined = _carried(connection, ledgers, one, key)
        own = "NULL" if day is None else f"i.day_{day}"
        opened = "CAST(date_diff('day', DATE '1970-01-01', first_open_on) AS INTEGER)"
        connection.execute(f"""
            CREATE TABLE {one.name}_aged AS
            SELECT row, reason, near_row, first_open_on, times_open, day,
                CAST(date_diff('day', DATE '1970-01-01', {today}) AS INTEGER) - coalesce(day, {opened}) AS age_days
            FROM (
                SELECT s.row, s.reason, s.near_row, coalesce({carried[0]}, {today}) AS first_open_on,
                    coalesce({carried[1]}, 0) + 1 AS times_open, {own} AS day
                FROM {one.name}_reasons s JOIN {one.name}_open i USING (row) {joined}
            )
        """)


def _carried(
    connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, one: Side, key: int | None
) -> tuple[tuple[str, str], str]:
    """SQL of first_open_on and times_open as carried forward, and what joins them."""
    # A side that nothing was carried into has no such columns, and every open row is new.
    added = one.made.added
    if not added:
        return ("NULL::DATE", "NULL::INTEGER"), ""
    # What people changed in between, to no date, counts as nothing said.
    first = f"TRY_CAST(t.{quote(added[FIRST_OPEN_ON])} AS DATE)"
    times = f"TRY_CAST(t.{quote(added[TIMES_OPEN])} AS INTEGER)"
    # A row that is in this month's file as well counts once, as the first of both; what is known of it is of either.
    by = "i.row" if key is None else "i.key"
    value = one.row if key is None else ledgers.values[one.name][key]
    rows = (
        f"SELECT {one.row} AS row, coalesce(CAST({value} AS VARCHAR), 'row ' || {one.row}) AS key, {first} AS f, "
        f"{times} AS n FROM {one.rows}"
    )
    connection.execute(
        f"CREATE TABLE {one.name}_carried AS SELECT row, min(f) OVER same AS first_open_on, "
        f"max(n) OVER same AS times_open FROM ({rows}) i WINDOW same AS (PARTITION BY {by})"
    )
    return ("c.first_open_on", "c.times_open"), f"LEFT JOIN {one.name}_carried c USING (row)"


def classify(connection: duckdb.DuckDBPyConnection, ages: Sequence[int]) -> None:
    """Adds `age`, the class, to left_aged and right_aged."""
    bounds = list(zip([0, *(age + 1 for age in ages)], ages, strict=False))
    cases = " ".join(f"WHEN age_days <= {last} THEN '{first} to {last}'" for first, last in bounds)
    # A class of their own: among the youngest, rows with a wrong date would go unseen.
    age = f"CASE WHEN age_days IS NULL THEN NULL WHEN age_days < 0 THEN '{_LATER}' {cases} ELSE 'over {ages[-1]}' END"
    for side in SIDES:
        connection.execute(f"CREATE OR REPLACE TABLE {side}_aged AS SELECT *, {age} AS age FROM {side}_aged")


def summarise(connection: duckdb.DuckDBPyConnection, currency: int | None) -> None:
    """The relation `ages`: side, currency where there is one, age, from_days, rows, total."""
    name = (
        ("", "")
        if currency is None
        else ("c.name AS currency, ", f"LEFT JOIN currency_names c ON c.hash = i.hash_{currency}")
    )
    sides = " UNION ALL ".join(
        f"SELECT {number} AS side_order, {literal(side)} AS side, {name[0]}age, age_days, amount "
        f"FROM {side}_aged JOIN {side}_items i USING (row) {name[1]}"
        for number, side in enumerate(SIDES)
    )
    by = "" if currency is None else "currency, "
    connection.execute(
        f"CREATE TABLE ages AS SELECT side, {by}age, count(*) AS rows, coalesce(sum(amount), 0) AS total "
        f"FROM ({sides}) GROUP BY side_order, side, {by}age ORDER BY side_order, {by}min(age_days)"
    )
