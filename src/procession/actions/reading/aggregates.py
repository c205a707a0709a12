"""Asks a wide table about many of its columns: a few in a statement, neither one by one nor all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from procession.actions.database import quote
from procession.actions.reading.cells import RELATION

if TYPE_CHECKING:
    import duckdb

# DuckDB's memory for a statement grows with its aggregates, and its time for each with the width of the table.
_ASKED_MAX = 24

T = TypeVar("T")


def in_groups(asked: Sequence[T]) -> Iterator[Sequence[T]]:
    """In groups, so a query about many columns needs no more memory than one about a few."""
    for start in range(0, len(asked), _ASKED_MAX):
        yield asked[start : start + _ASKED_MAX]


def over_cells(connection: duckdb.DuckDBPyConnection, terms: Sequence[str]) -> list[Any]:
    """What each SQL aggregate gives over all rows of the table of cells."""
    return over(connection, terms, quote(RELATION))


def over(connection: duckdb.DuckDBPyConnection, terms: Sequence[str], source: str) -> list[Any]:
    """The same over the rows of an SQL source."""
    found: list[Any] = []
    for group in in_groups(terms):
        found += connection.execute(f"SELECT {', '.join(group)} FROM {source}").fetchone() or ()
    return found
