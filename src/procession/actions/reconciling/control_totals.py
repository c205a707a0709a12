"""Counts and totals of a reconciliation, and the proof that nothing was lost: each side adds up to what came in."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.problems import Problem

if TYPE_CHECKING:
    import duckdb

_ALL = "All"
_EXACT = Context(prec=80)  # Python's default rounds to 28 digits; two totals have up to 38 each
# The column names of the summary, which a user's key may not have twice.
_OURS = frozenset({"line", "left_count", "left_total", "right_count", "right_total", "difference"})
_SUMS = "count(left_row) AS left_count, coalesce(sum(left_amount), 0) AS left_total, " \
    "count(right_row) AS right_count, coalesce(sum(right_amount), 0) AS right_total"  # fmt: skip


def make(connection: duckdb.DuckDBPyConnection, rules: list[str], key: int | None, name: str) -> None:
    """The relation `summary`: for all rows, and for each value of key_N, where `key` is N, a line for each rule, for
    all that matched, for what is only left and only right, and for everything. Columns: the key under its `name`, if
    there is one, line, left_count, left_total, right_count, right_total, difference (left minus right)."""
    _make_facts(connection, rules, "NULL" if key is None else _purpose(connection, f"key_{key}"))
    purposes = f"SELECT {literal(_ALL)} AS purpose, 0 AS purpose_order, * EXCLUDE (purpose) FROM facts"
    if key is not None:
        purposes += " UNION ALL BY NAME SELECT *, 1 AS purpose_order FROM facts"
    heading = f"purpose AS {quote(_heading(name))}, " if key is not None else ""
    connection.execute(f"""
        CREATE TABLE summary AS
        WITH sums AS (
            SELECT purpose_order, purpose, line_order, line, {_SUMS} FROM ({purposes})
            GROUP BY ALL
        )
        SELECT {heading} line, left_count, left_total, right_count, right_total, left_total - right_total AS difference
        FROM sums ORDER BY purpose_order, purpose, line_order
    """)


def _heading(name: str) -> str:
    """A user's column may have the name of one of ours."""
    return f"{name} (by)" if name.lower() in _OURS else name


def _purpose(connection: duckdb.DuckDBPyConnection, key: str) -> str:
    """SQL of the key as a text that is the same for equal keys of both sides."""
    text = f"{key}::VARCHAR"
    is_padded = database.columns(connection, "left_keys")[key].startswith("DECIMAL")
    return f"rtrim(rtrim({text}, '0'), '.')" if is_padded else text


def _make_facts(connection: duckdb.DuckDBPyConnection, rules: list[str], purpose: str) -> None:
    """Each pair and each single row, once for every line that counts it."""
    names = ", ".join(f"({number}, {literal(name)})" for number, name in enumerate(rules, start=1))
    connection.execute(f"""
        CREATE TABLE facts AS
        WITH left_side AS (SELECT row, amount, {purpose} AS purpose FROM left_keys),
        right_side AS (SELECT row, amount, {purpose} AS purpose FROM right_keys),
        single AS (
            SELECT p.rule, coalesce(l.purpose, r.purpose, '') AS purpose, l.row AS left_row, l.amount AS left_amount,
                r.row AS right_row, r.amount AS right_amount
            FROM left_side l
            FULL JOIN pairs p ON p.left_row = l.row
            FULL JOIN right_side r ON p.right_row = r.row
        )
        SELECT rule AS line_order, name AS line, single.* EXCLUDE (rule) FROM single JOIN (VALUES {names}) t(rule, name)
        USING (rule)
        UNION ALL SELECT 1001, 'Matched', * EXCLUDE (rule) FROM single WHERE rule IS NOT NULL
        UNION ALL SELECT 1002, 'Only left', * EXCLUDE (rule) FROM single WHERE rule IS NULL AND left_row IS NOT NULL
        UNION ALL SELECT 1003, 'Only right', * EXCLUDE (rule) FROM single WHERE rule IS NULL AND right_row IS NOT NULL
        UNION ALL SELECT 1004, 'Everything', * EXCLUDE (rule) FROM single
    """)


def check(connection: duckdb.DuckDBPyConnection) -> dict[str, Decimal]:
    """Compare what came in with what is paired or left alone, side by side.

    Returns left_total, right_total and difference (left less right) of all rows that came in.

    Raises Problem when a row is in no result or in two, or when the totals differ."""
    totals: dict[str, Decimal] = {}
    for side in ("left", "right"):
        came = _sums(connection, f"SELECT row, amount FROM {side}_keys")
        went = _sums(
            connection,
            f"SELECT row, amount FROM {side}_keys JOIN pairs ON row = {side}_row "
            f"UNION ALL SELECT row, amount FROM {side}_keys WHERE row IN (SELECT row FROM only_{side}_rows)",
        )
        # Rows, totals and different rows: a row that is in two results cannot be hidden by one that is in none.
        if came != went or came[0] != came[2]:
            raise Problem(
                f"the control totals of the {side} side do not balance: {came[0]:,} rows and {came[1]} came in, "
                f"{went[0]:,} rows and {went[1]} would go out; nothing was published"
            )
        totals[f"{side}_total"] = came[1]
    return totals | {"difference": _EXACT.subtract(totals["left_total"], totals["right_total"])}


def _sums(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, Decimal, int]:
    """Rows, total amount, different rows."""
    row = connection.execute(
        f"SELECT count(*), coalesce(sum(amount), 0), count(DISTINCT row) FROM ({query})"
    ).fetchone()
    assert row is not None
    return row[0], Decimal(row[1]), row[2]
