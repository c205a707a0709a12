"""Warns of columns that SQL would compare across kinds: DuckDB takes the text 007 for the number 7."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from procession.actions import database
from procession.actions.database import quote

if TYPE_CHECKING:
    import duckdb

    from procession.actions.reading.columns import Relation

_NUMBER = re.compile(r"DECIMAL|DOUBLE|FLOAT|U?(TINY|SMALL|BIG|HUGE)?INT")
MIXED = (
    'a text is compared with a number, and SQL takes both for numbers, so that "007" equals 7: '
    "declare the column as Text, or write the number as '7'"
)
_CURRENCY_CHARACTERS_MAX = 3
_CREATES = re.compile(r"\s*+CREATE\s.*?\sAS\s++(?=\(|SELECT|FROM|WITH)", re.IGNORECASE | re.DOTALL)
_REFUSED = re.compile(
    r"Cannot compare values of type (VARCHAR and type (?P<right>\w+)|(?P<left>\w+).* and type VARCHAR)"
)
_COMPARES_EVERY_NAME = re.compile(r"\bNATURAL\b", re.IGNORECASE)


# Only columns that the SQL names: warnings about others would be noise.
def warnings(connection: duckdb.DuckDBPyConnection, made: Mapping[str, Relation], sql: str) -> Iterator[str]:
    """Columns named in `sql` that have one name in two relations and are not of one kind, zone or currency."""
    for column, kinds in _by_name(connection, made).items():
        if len(kinds) < 2 or not _is_named(column, sql):
            continue
        texts, numbers = kinds.get("text"), kinds.get("number")
        if texts and numbers and (value := _number_as_text(connection, texts, column)) is not None:
            yield (
                f'the column "{column}" is text in {texts} and a number in {numbers}; SQL compares them '
                f'as numbers, whatever zeros stand in front of "{value}": declare it as Text for both'
            )
        if (zoned := kinds.get("zoned")) and (clock := kinds.get("clock")):
            yield (
                f'the column "{column}" has a zone in {zoned} and none in {clock}; SQL compares them as clocks in UTC '
                f"show them: write timezone('Europe/Berlin', {column}) for what clocks there show"
            )
        if len(moneys := [kind for kind in kinds if len(kind) <= _CURRENCY_CHARACTERS_MAX]) > 1:
            shown = " and ".join(f"in {money} in {kinds[money]}" for money in moneys)
            yield f'the column "{column}" is {shown}; SQL adds and compares them: give each a name of its own'


def _by_name(connection: duckdb.DuckDBPyConnection, made: Mapping[str, Relation]) -> Mapping[str, Mapping[str, str]]:
    """Column -> "text", "number", "zoned", "clock" or a currency -> the first relation where it is so."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    spelled: dict[str, str] = {}
    for relation, one in made.items():
        for column, type_ in database.columns(connection, relation).items():
            kinds = found[spelled.setdefault(column.lower(), column)]
            for kind in (_kind(type_), one.currencies.get(column)):
                if kind is not None:
                    kinds.setdefault(kind, relation)
    return found


def _kind(type_: str) -> str | None:
    if _NUMBER.match(type_):
        return "number"
    return {"VARCHAR": "text", "TIMESTAMP WITH TIME ZONE": "zoned", "TIMESTAMP": "clock", "DATE": "clock"}.get(type_)


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

    # DuckDB serialises SELECTs alone.
    creates = _CREATES.match(statement)
    select = statement[creates.end() :] if creates else statement
    try:
        parsed = connection.execute("SELECT json_serialize_sql($1::VARCHAR)", [select]).fetchone()
        # In the parsed form: in the text, "=" also stands in strings and in assignments.
        asked = re.sub(r'"COMPARE_(EQUAL|NOTEQUAL)"', '"COMPARE_LESSTHAN"', str(parsed and parsed[0]))
        written = connection.execute("SELECT json_deserialize_sql($1::VARCHAR)", [asked]).fetchone()
        connection.execute(f"EXPLAIN {written and written[0]}", dict(bound) or None)
    except duckdb.Error as error:
        found = _REFUSED.search(str(error))
        return found is not None and bool(_NUMBER.match(found["right"] or found["left"]))
    return False
