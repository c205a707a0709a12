"""Rows that are no item but the sum of the rows before them: "Summe;;;239456058.83" doubles what a side adds up to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from procession.actions import values
from procession.actions.reading.total_rows import WORDS
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.sides import Side

if TYPE_CHECKING:
    import duckdb

_LOOKED_AT_MAX = 100_000  # rows that may be totals
_SHOWN_MAX = 5
_BEFORE_MIN = 2  # a row that equals the only one before it is another item


def warnings(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, keys: Sequence[int]) -> Iterator[str]:
    """`keys`: the columns that name rows and documents. A total has them empty, or has a word for a total there."""
    for one in ledgers.sides:
        found = list(_totals(_suspects(connection, ledgers, one, keys)))
        if not found:
            continue
        # Any column says which line it is.
        column = ledgers.keys[keys[0]].of(one.name)
        at = ", ".join(one.made.place(row, column) for row, _ in found[:_SHOWN_MAX])
        more = f" and {len(found) - _SHOWN_MAX:,} more" if len(found) > _SHOWN_MAX else ""
        [amount] = values.alike(found[0][1])
        # Told and not taken out: an item may have that very amount.
        yield (
            f"the {one.name} side counts what looks like a total as a row: {at}{more} ({amount} is the sum of the rows "
            "before it); leave such rows out of the file"
        )


def _suspects(
    connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, one: Side, keys: Sequence[int]
) -> list[tuple[int, Decimal, Decimal, bool]]:
    """row, amount, sum of all rows before it, whether a word says that it is a total."""
    # First of all, as it reads no texts: where no row is the sum of all before it, no total begins.
    if not keys or not _has_sum(connection, ledgers, one):
        return []
    texts = [f"CAST({ledgers.values[one.name][key]} AS VARCHAR)" for key in keys]
    word = " OR ".join(f"coalesce(regexp_full_match({text}, '{WORDS}'), false)" for text in texts)
    empty = " OR ".join(f"{text} IS NULL" for text in texts)
    # Not by format(): a user's column may have braces in its name.
    before, after = (
        f"""
        WITH marked AS (
            SELECT {one.row} AS row, {ledgers.amount[one.name]} AS amount, {word} AS is_word, {empty} AS is_empty
            FROM {one.rows} WHERE {ledgers.amount[one.name]} IS NOT NULL
        ),
        summed AS (SELECT *, sum(amount) OVER (ORDER BY row ROWS UNBOUNDED PRECEDING) - amount AS total FROM marked)
        SELECT row, amount, total, is_word FROM summed WHERE (is_word OR is_empty) AND amount <> 0 """,
        f"ORDER BY row LIMIT {_LOOKED_AT_MAX}",
    )
    first = connection.execute(f"{before} AND (is_word OR amount = total) {after}").fetchall()
    # Totals of sections begin anew behind each other; only where there is one is it worth looking at more.
    return connection.execute(before + after).fetchall() if any(True for _ in _totals(first)) else []


def _has_sum(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, one: Side) -> bool:
    """Whether the amount of a row is, with any sign, the sum of all before it."""
    # No order is asked for: rows of a table come in theirs, and a window without one is a running sum and no sort.
    found = connection.execute(
        "SELECT 1 FROM (SELECT amount, sum(amount) OVER (ROWS UNBOUNDED PRECEDING) AS total FROM "
        f"(SELECT {ledgers.amount[one.name]} AS amount FROM {one.rows})) "
        "WHERE amount <> 0 AND (total - amount = amount OR total = 0) LIMIT 1"
    ).fetchone()
    return found is not None


def _totals(suspects: Sequence[tuple[int, Decimal, Decimal, bool]]) -> Iterator[tuple[int, Decimal]]:
    """The rows that are the sum of all items before them, or of those since the last total."""
    counted, since, first = Decimal(0), Decimal(0), 0
    for row, amount, total, is_word in suspects:
        section, items = total - since, total - counted
        # A balance may be shown with its sign turned, but then a word must say so.
        signs = (amount, -amount) if is_word else (amount,)
        if (row - first >= _BEFORE_MIN and section in signs) or (row >= _BEFORE_MIN and items in signs):
            yield row, amount
            counted, since, first = counted + amount, total + amount, row + 1
