"""DuckDB's errors about a user's SQL in the user's words: what is missing, and what there is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from procession.actions import database

if TYPE_CHECKING:
    import duckdb

    from procession.actions.reading.columns import Relation

_TYPOGRAPHIC = frozenset("\u2018\u2019\u201a\u201c\u201d\u201e")
NAMES_MAX = 30  # of columns or tables in a message
NAME_CHARACTERS_MAX = 80  # a heading may be as long as a text
NOTES_MAX = 3
_COLUMN = re.compile(
    r'(?:Referenced column|Table "[^"]*" does not have a column (?:with name|named)|Referenced update column|Column)'
    r' "?(.+?)"?(?: in (?:EXCLUDE|REPLACE|RENAME) list)?'
    r"(?: not found in (?:FROM clause|table)| was not found because the FROM clause is missing| does not exist on"
    r" \w+ side of join)?[!.]?"
)
_TABLE = re.compile(r'(?:Table with name|Referenced table) "?(.+?)"? (?:does not exist|not found)\b.*')
_OTHER = re.compile(
    r'(?:\w+ )?(Function|Type|Sequence|View|Macro) with name "?(.+?)"? (?:does not exist|is not in)\b.*'
)
_CALL = re.compile(
    r"(?:No function matches the given name and argument types '(?P<none>.+)'"
    r'|Could not choose a best candidate function for the function call "(?P<several>.+)")\..*'
)
_CANDIDATES = re.compile(r"^Candidate bindings: :? ?(.+)$", re.MULTILINE)


def complaint(error: duckdb.Error, connection: duckdb.DuckDBPyConnection, sql: str, hidden: Mapping[str, str]) -> str:
    """The message about the statement `sql`; `hidden` as for database.hide."""
    said = database.complaint(error, hidden)
    # fullmatch(): a message that only begins so has more to tell, and is left as it is.
    if missing := _TABLE.fullmatch(said):
        tables = database.tables(connection)
        return f'there is no table "{missing[1]}"; there are: {listed(list(tables))}'
    if missing := _OTHER.fullmatch(said):
        return f'there is no {missing[1].lower()} "{missing[2]}"'
    if missing := _COLUMN.fullmatch(said):
        there = _columns(connection, sql) or _near(error)
        return f'there is no column "{missing[1]}" here{quotes(missing[1])}{there}'
    if call := _CALL.fullmatch(said):
        shown = (call["none"] or call["several"]).replace("_LITERAL", "").replace("STRING", "VARCHAR")
        return f"{shown} is not possible with values of these types; CAST(value AS type) gives one another type"
    return said


def quotes(text: str) -> str:
    """A hint if a word processor made the quotes."""
    return "; write ' and \" as quotes, not typographic ones" if _TYPOGRAPHIC & set(text) else ""


def _columns(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Columns of every table that the statement names."""
    # Roughly: a table too many in the list does no harm.
    words = set(re.findall(r'"(?:[^"]|"")*"|\w+', sql.lower()))
    spoken_of = {
        name: columns
        for name, columns in database.tables(connection).items()
        if name.lower() in words or database.quote(name.lower()) in words
    }
    return "".join(f"; {name} has: {listed(columns)}" for name, columns in spoken_of.items())


def _near(error: duckdb.Error) -> str:
    """Similar names of columns of a WITH, which only DuckDB knows."""
    found = _CANDIDATES.search(str(error))
    return f"; there is: {found[1]}" if found else ""


def listed(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - NAMES_MAX:,} more" if len(names) > NAMES_MAX else ""
    return (", ".join(name[:NAME_CHARACTERS_MAX] for name in names[:NAMES_MAX]) or "none") + more


def hint(error: duckdb.Error, made: Mapping[str, Relation]) -> str:
    """Why a column is text: usually the cause of the error."""
    if "VARCHAR" not in str(error):
        return ""
    notes = [
        f'{name}: the column "{column}" {note}' for name, one in made.items() for column, note in one.notes.items()
    ]
    return "".join(f"; {note}" for note in notes[:NOTES_MAX])
