"""How many digits the numbers of a column have: SQL aggregates, so that many columns are asked about at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.reading.cells import RELATION

if TYPE_CHECKING:
    import duckdb

LONG = "DECIMAL(38,10)"  # of every number that is read


def of_number(text: str) -> tuple[str, str]:
    """The most digits before the point, and behind it."""
    decimals = f"CASE WHEN contains({text}, '.') THEN length({text}) - instr({text}, '.') ELSE 0 END"
    return f"max(length(ltrim(split_part({text}, '.', 1), '-')))", f"max({decimals})"


def of_text(number: str) -> tuple[str, str, str, str]:
    """Most digits before the point, least and most behind it, and whether a fraction ends in a zero."""
    scale = f"CASE WHEN contains({number}, '.') THEN length({number}) - instr({number}, '.') END"
    return (
        f"max(length(regexp_extract({number}, '^-?([0-9]+)', 1)))",
        *(f"min({scale})", f"max({scale})"),
        f"coalesce(bool_or(contains({number}, '.') AND suffix({number}, '0')), false)",
    )


def has_twins(connection: duckdb.DuckDBPyConnection, text: str, number: str, *, may_group: bool) -> bool:
    """Whether two texts are the same number. With equal decimals, only whole ones can be, but for marks in them."""
    among = "" if may_group else f"WHERE regexp_full_match({number}, '-?[0-9]+(\\.0*)?')"
    row = connection.execute(
        f"SELECT 1 FROM (SELECT DISTINCT {text} AS text, CAST({number} AS {LONG}) AS number "
        f"FROM {quote(RELATION)} {among}) WHERE text IS NOT NULL GROUP BY number HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    return row is not None
