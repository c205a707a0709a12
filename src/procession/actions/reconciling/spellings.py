"""Finds keys that differ only in spelling: 4100.1 in a sheet, 4100.10 in a CSV file.

Texts that look alike are left apart, because they may be codes. Where a file's own word is that they are numbers or
yes and no, that is likely to be a mistake, and people are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from procession.actions.reconciling import ledgers
from procession.actions.reconciling.ledgers import Pair, Side

if TYPE_CHECKING:
    import duckdb

_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"


def warnings(connection: duckdb.DuckDBPyConnection, sides: tuple[Side, Side], keys: Sequence[Pair]) -> list[str]:
    """Warnings about open rows, one for each pair of columns."""
    found = []
    for number, pair in enumerate(keys):
        if ledgers.compares_texts(sides, pair) and any(pair.of(one.name) in one.made.typed for one in sides):
            found += _told(connection, number, pair)
    return found


def _told(connection: duckdb.DuckDBPyConnection, number: int, pair: Pair) -> list[str]:
    row = connection.execute(
        f"SELECT l.text, r.text FROM {_open('left', number)} l JOIN {_open('right', number)} r USING (value) "
        # Ordered, so that the same files give the same message.
        "WHERE l.text <> r.text ORDER BY ALL LIMIT 1"
    ).fetchone()
    if row is None:
        return []
    return [
        f'"{row[0]}" in the left column "{pair.left}" and "{row[1]}" in the right column "{pair.right}" are not equal '
        "as texts; where they are the same value, declare both columns"
    ]


def _open(side: str, number: int) -> str:
    text = f"CAST(key_{number} AS VARCHAR)"  # of a day, too
    value = (
        f"CASE WHEN regexp_full_match({text}, '{_NUMBER}') THEN TRY_CAST({text} AS DECIMAL(38,10))::VARCHAR "
        f"ELSE lower({text}) END"
    )
    return f"(SELECT DISTINCT {text} AS text, {value} AS value FROM {side}_open WHERE {text} IS NOT NULL)"
