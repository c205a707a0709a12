"""Warns of columns that SQL would compare across kinds: DuckDB takes the text 007 for the number 7."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from procession.actions import database
from procession.actions.database import quote

if TYPE_CHECKING:
    import duckdb

_NUMBER = re.compile(r"DECIMAL|DOUBLE|FLOAT|U?(TINY|SMALL|BIG|HUGE)?INT")
MIXED = (
    'a text is compared with a number, and SQL takes both for numbers, so that "007" equals 7: '
    "declare the column as Text, or write the number as '7'"
)
_CREATES = re.compile(r"\s*CREATE\s.*?\sAS\s+(?=\(|SELECT|FROM|WITH)", re.IGNORECASE | re.DOTALL)
_REFUSED = re.compile(
    r"Cannot compare values of type (VARCHAR and type (?P<right>\w+)|(?P<left>\w+).* and type VARCHAR)"
)
_COMPARES_EVERY_NAME = re.compile(r"\bNATURAL\b", re.IGNORECASE)


def warnings(connection: duckdb.DuckDBPyConnection, relations: Iterable[str], sql: str) -> Iterator[str]:
    """Columns named in `sql` that are text in one relation and a number in another."""
    texts: dict[str, str] = {}
    numbers: dict[str, str] = {}
    spelled: defaultdict[str, str] = defaultdict(str)
    for relation in relations:
        for column, type_ in database.columns(connection, relation).items():
            side = texts if type_ == "VARCHAR" else numbers if _NUMBER.match(type_) else {}
            side.setdefault(column.lower(), relation)
            spelled[column.lower()] = column
    for name in (name for name in spelled if name in texts and name in numbers):
        column = spelled[name]
        if _is_named(column, sql) and (value := _number_as_text(connection, texts[name], column)) is not None:
            yield (
                f'the column "{column}" is text in {texts[name]} and a number in {numbers[name]}; SQL compares them '
                f'as numbers, whatever zeros stand in front of "{value}": declare it as Text for both'
            )


def _is_named(column: str, sql: str) -> bool:
    name = re.compile(rf"(?<!\w){re.escape(column)}(?!\w)", re.IGNORECASE)
    return bool(name.search(sql) or _COMPARES_EVERY_NAME.search(sql))


def _number_as_text(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> str | None:
    """Whether some text could equal a number. If none can, DuckDB itself refuses to compare."""
    row = connection.execute(
        f"SELECT {quote(column)} FROM {quote(relation)} WHERE TRY_CAST({quote(column)} AS DOUBLE) IS NOT NULL LIMIT 1"
    ).fetchone()
    return str(row[0]) if row else None


def is_mixed(connection: duckdb.DuckDBPyConnection, statement: str, bound: Mapping[str, Any]) -> bool:
    """Whether a SELECT, or what is created AS one, has a text on one side of `=` and a number on the other.

    DuckDB allows `=` between the two but not `<`, so bind the query with `<`, without running it.
    """
    import duckdb

    select = _CREATES.sub("", statement, count=1)
    try:
        parsed = connection.execute("SELECT json_serialize_sql($1::VARCHAR)", [select]).fetchone()
        asked = re.sub(r'"COMPARE_(EQUAL|NOTEQUAL)"', '"COMPARE_LESSTHAN"', str(parsed and parsed[0]))
        written = connection.execute("SELECT json_deserialize_sql($1::VARCHAR)", [asked]).fetchone()
        connection.execute(f"EXPLAIN {written and written[0]}", dict(bound) or None)
    except duckdb.Error as error:
        found = _REFUSED.search(str(error))
        return found is not None and bool(_NUMBER.match(found["right"] or found["left"]))
    return False
