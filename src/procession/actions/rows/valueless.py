"""Columns without a value: nothing says what they are, so they are text; told where a step fails for that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import quote

if TYPE_CHECKING:
    import duckdb

    from procession.actions.reading.columns import Relation

_TEXT_IN = (" text", "VARCHAR", "no number")  # messages that speak of the kind of a column


def hint(connection: duckdb.DuckDBPyConnection, loaded: Mapping[str, Sequence[Relation]], message: str) -> str:
    """What to put behind the message of a failure; empty where no column without a value may be the cause."""
    if not any(word in message for word in _TEXT_IN):
        return ""
    found = dict.fromkeys(told for name, parts in loaded.items() for told in _told(connection, name, parts, message))
    return "".join(f"; {told}" for told in found)


def _told(connection: duckdb.DuckDBPyConnection, name: str, parts: Sequence[Relation], message: str) -> Iterator[str]:
    files = " and ".join(one.file for one in parts)
    if not any(one.rows for one in parts):
        yield f"0 rows in {files}: its columns are text unless columns declares them"
        return
    # By then a step may have put others in the place of what was loaded.
    there = database.columns(connection, name) if name in database.tables(connection) else {}
    for column, kind in there.items():
        if kind == "VARCHAR" and f'"{column}"' in message and not any(column in one.declared for one in parts):
            row = connection.execute(f"SELECT count({quote(column)}) FROM {quote(name)}").fetchone()
            if row == (0,):
                yield f'"{column}" has no value in {files}, and is text unless columns declares it'
