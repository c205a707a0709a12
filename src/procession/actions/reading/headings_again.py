"""Rows that say the headings again, as files do that were put one behind the other: read as rows, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.reading.columns import Relation
from procession.actions.rows.numbering import ROW, numbered

if TYPE_CHECKING:
    import duckdb

_COLUMNS_MIN = 2  # a cell alone may well say what its column is called
_COMPARED_MAX = 24  # columns: so many words are not the same by chance


def told(connection: duckdb.DuckDBPyConnection, made: Relation, relation: str) -> str:
    """What to warn of; "" for nothing."""
    types = database.columns(connection, relation)
    # A heading is no number and no day: with one of them among the types, such a row would have been refused.
    if set(types.values()) != {"VARCHAR"}:
        return ""
    headings = [(name, made.headings[name]) for name in types if made.headings.get(name, "").strip()][:_COMPARED_MAX]
    if len(headings) < _COLUMNS_MIN:
        return ""
    # Behind a mark, where each of the files began with one.
    is_again = " AND ".join(f"ltrim({quote(name)}, '\ufeff') = {literal(heading)}" for name, heading in headings)
    rows = numbered(connection, relation)
    found = connection.execute(f"SELECT count(*), min({ROW}) FROM {rows} WHERE {is_again}").fetchone()
    if found is None or not found[0]:
        return ""
    place = f"{made.place(found[1], headings[0][0])} of {made.file}"
    if found[0] == 1:
        return f"{place} says the headings again, and is read as a row"
    return f"{found[0]:,} rows say the headings again, and are read like the others; the first is {place}"
