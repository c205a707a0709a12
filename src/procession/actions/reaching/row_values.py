"""Rows as Python values, for what is done one by one, and back into a relation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.rows.numbering import ROW, numbered

if TYPE_CHECKING:
    import duckdb


def of(connection: duckdb.DuckDBPyConnection, relation: str, *, rows_max: int) -> list[dict[str, Any]]:
    """In their order. Raises Problem for more than so many."""
    # By number: the order of the source is the order in which things are done, in every try.
    rows_in_order = f"SELECT * EXCLUDE ({ROW}) FROM {numbered(connection, relation)} ORDER BY {ROW}"
    cursor = connection.execute(f"{rows_in_order} LIMIT {rows_max + 1}")
    names = [column[0] for column in cursor.description or []]
    rows = cursor.fetchall()
    if len(rows) > rows_max:
        raise Problem(f"there are more than {rows_max:,} rows; a step does so many things outside at most")
    return [dict(zip(names, row, strict=True)) for row in rows]


def make(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Mapping[str, str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """A table of these columns (name to type of DuckDB)."""
    names = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
    connection.execute(f"CREATE TABLE {quote(relation)} ({names})")
    lists = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    # A list a column: row by row it would take half a millisecond each.
    parts = ", ".join(f"unnest(${number}::{kind}[])" for number, kind in enumerate(columns.values(), start=1))
    connection.execute(f"INSERT INTO {quote(relation)} SELECT {parts}", lists)
