"""Numbers of the rows of a relation, which keep their order and tell equal ones apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import quote

if TYPE_CHECKING:
    import duckdb

# With blanks, so that no column of a file is likely to have the name.
ROW = quote("row of the rows")


def numbered(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """SQL of the relation with one more column, ROW, from 0. A user's column named rowid hides DuckDB's."""
    if "rowid" not in {name.lower() for name in database.columns(connection, relation)}:
        return f"(SELECT rowid AS {ROW}, * FROM {quote(relation)})"
    # Tables keep the order of their rows, and so does a join by position.
    numbers = f"(SELECT range AS {ROW} FROM range({database.count(connection, relation)}))"
    return f"(SELECT * FROM {numbers} POSITIONAL JOIN {quote(relation)})"
