"""Warns of columns that SQL would compare across kinds: DuckDB takes the text 007 for the number 7."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import quote

if TYPE_CHECKING:
    import duckdb

_NUMBER = re.compile(r"DECIMAL|DOUBLE|FLOAT|U?(TINY|SMALL|BIG|HUGE)?INT")
_COMPARES_EVERY_NAME = re.compile(r"\bNATURAL\b", re.IGNORECASE)


def warnings(connection: duckdb.DuckDBPyConnection, relations: Iterable[str], sql: str) -> Iterator[str]:
    """Columns of one name that are text in one relation and a number in another, where `sql` names them."""
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
    """A text that a number could equal. Without one, DuckDB itself refuses to compare."""
    row = connection.execute(
        f"SELECT {quote(column)} FROM {quote(relation)} WHERE TRY_CAST({quote(column)} AS DOUBLE) IS NOT NULL LIMIT 1"
    ).fetchone()
    return row and str(row[0])
