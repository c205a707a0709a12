"""Finds binary fractions in outputs that were meant to be amounts: 0.6000000000000001 where 0.6 was added up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from procession.actions.database import quote

if TYPE_CHECKING:
    import duckdb

_DECIMALS = 4  # of money
_APART = "1e-14"  # of a value, what a few sums of binary fractions miss
_LEAST = "1e-20"  # less than a sum of amounts that cancel each other leaves: 0.1 + 0.2 - 0.3 is 5.6e-17


def warnings(connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str]) -> Iterator[str]:
    """For each column of which most values with long fractions miss an amount by next to nothing.

    Shares and averages have long fractions too, and lie anywhere between two amounts.
    """
    for column in (column for column, kind in types.items() if kind == "DOUBLE"):
        value, amount = quote(column), f"round({quote(column)}, {_DECIMALS})"
        misses = f"abs({value} - {amount}) <= greatest(abs({value}), 1) * {_APART} AND abs({value}) > {_LEAST}"
        row = connection.execute(
            f"SELECT count(*), count(*) FILTER ({misses}), any_value({value}::VARCHAR) FILTER ({misses}) "
            f"FROM {quote(relation)} WHERE {value} <> {amount}"
        ).fetchone()
        assert row is not None
        count, near, shown = row
        if near and 2 * near >= count:
            yield (
                f'the column "{column}" holds {near:,} binary fractions such as {shown}, which a division, avg or '
                "DOUBLE made of amounts: round them, or compute with CAST(... AS DECIMAL(38,10))"
            )
