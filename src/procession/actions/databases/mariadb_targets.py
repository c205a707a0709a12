"""The table that rows go into, as MariaDB describes it: InnoDB alone, since nothing else can be rolled back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from procession.actions.databases import mariadb, targets
from procession.actions.databases.mariadb import MariadbSession
from procession.actions.databases.targets import Holds, TargetColumn
from procession.actions.problems import Problem

_TABLE = "SELECT TABLE_TYPE, ENGINE FROM information_schema.TABLES WHERE {where}"
_COLUMNS = (
    "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE,"
    " DATETIME_PRECISION, IS_NULLABLE = 'NO', COLUMN_DEFAULT IS NOT NULL OR EXTRA LIKE '%auto_increment%',"
    " IS_GENERATED <> 'NEVER' FROM information_schema.COLUMNS WHERE {where} ORDER BY ORDINAL_POSITION"
)
_KEYS = "SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE {where} AND NON_UNIQUE = 0"
_CASCADES = (
    "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, DELETE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS"
    " WHERE UNIQUE_CONSTRAINT_SCHEMA = {schema} AND REFERENCED_TABLE_NAME = {called}"
    " AND DELETE_RULE NOT IN ('RESTRICT', 'NO ACTION') LIMIT 1"
)
_WHOLE = {
    "tinyint": ("TINYINT", "UTINYINT"),
    "smallint": ("SMALLINT", "USMALLINT"),
    "mediumint": ("INTEGER", "UINTEGER"),
    "int": ("INTEGER", "UINTEGER"),
    "bigint": ("BIGINT", "UBIGINT"),
}
_HELD = {
    "varchar": Holds.TEXT,
    "char": Holds.TEXT,
    **dict.fromkeys(("tinytext", "text", "mediumtext", "longtext"), Holds.TEXT),
    "decimal": Holds.NUMBER,
    **dict.fromkeys(("float", "double"), Holds.BINARY),
    "date": Holds.DATE,
    **dict.fromkeys(("datetime", "timestamp"), Holds.MOMENT),
    "time": Holds.TIME,
    # Of a text "1" a bit would become the bits of the letter.
    **dict.fromkeys(("bit", "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), Holds.BYTES),
    **dict.fromkeys(("geometry", "point", "linestring", "polygon"), Holds.BYTES),
}
_WORDS_CHARACTERS_MAX = 60  # of a type; an enum may have thousands of values
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_ESCAPED = re.compile(r"\\(.)")
_SIGNS = {"n": "\n", "r": "\r"}
_YEARS = r"0000|190[1-9]|19[1-9]\d|20\d\d|21[0-4]\d|215[0-5]"  # 26 would become 2026


def look_up(session: MariadbSession, table: Sequence[str]) -> tuple[TargetColumn, ...]:
    """The columns of the table. Raises Problem where there is none that can be rolled back."""
    called, where = ".".join(table), _where(table)
    found = session.rows(_TABLE.format(where=where))
    if not found:
        raise Problem(f"there is no table {called} that the connection's user may see")
    kind, engine = found[0]
    if kind not in {"BASE TABLE", "SYSTEM VERSIONED"}:
        raise Problem(f"{called} is no table, and rows are written to tables only")
    if str(engine).lower() != "innodb":
        raise Problem(f"{called} is a table of {engine}, which takes nothing back; rows are written to InnoDB only")
    return tuple(map(_column, session.rows(_COLUMNS.format(where=where))))


def _parts(table: Sequence[str]) -> tuple[str, str]:
    return mariadb.text(table[0]) if len(table) > 1 else "DATABASE()", mariadb.text(table[-1])


def _where(table: Sequence[str]) -> str:
    schema, called = _parts(table)
    # By its letters too: the server compares names without regard to case, and may hold both.
    return f"TABLE_SCHEMA = {schema} AND TABLE_NAME = {called} AND BINARY TABLE_NAME = {called}"


def _column(row: Sequence[Any]) -> TargetColumn:
    name, kind, words, characters, digits, decimals, seconds, is_full, has_default, is_made = row
    held = _held(kind, words)
    # A double of two decimals is rounded to them, as a decimal would be.
    if held["holds"] is Holds.NUMBER or (held["holds"] is Holds.BINARY and decimals is not None):
        held |= {"holds": Holds.NUMBER, "digits": int(digits), "decimals": int(decimals)}
    if held["holds"] in {Holds.MOMENT, Holds.TIME}:
        held |= {"decimals": int(seconds)}
    # The longest of the other texts are counted in bytes, by the server.
    if kind in {"char", "varchar"}:
        held |= {"characters": int(characters)}
    return TargetColumn(
        name=name,
        words=words if len(words) <= _WORDS_CHARACTERS_MAX else kind,
        is_full=is_full == "1",
        is_needed=is_full == "1" and has_default == "0" and is_made == "0",
        is_made=is_made == "1",
        **held,
    )


def _held(kind: str, words: str) -> dict[str, Any]:
    if kind in _WHOLE:
        is_truth = words.startswith("tinyint(1)")
        return {"holds": Holds.WHOLE, "whole": _WHOLE[kind]["unsigned" in words], "takes_truth": is_truth}
    if kind in {"enum", "set"}:
        return {"holds": Holds.OTHER, "pattern": _choices(words, is_set=kind == "set")}
    if kind == "year":
        return {"holds": Holds.OTHER, "pattern": _YEARS}
    held = _HELD.get(kind, Holds.OTHER)
    return {
        "holds": held,
        "is_single": kind == "float",
        "drops_blanks": kind == "char",
        "has_zone": kind == "timestamp",
    }


def _choices(words: str, *, is_set: bool) -> str:
    """Exactly those: of a number the database would take the value at that place."""
    values = (value.replace("''", "'") for value in _QUOTED.findall(words))
    one = "|".join(re.escape(_ESCAPED.sub(lambda found: _SIGNS.get(found[1], found[1]), value)) for value in values)
    return f"((?:{one})(?:,(?:{one}))*)?" if is_set else one


def refuse_key(session: MariadbSession, table: Sequence[str], key: Sequence[str]) -> None:
    """Raises Problem unless the table has a unique key of these columns."""
    keys: dict[str, set[str]] = {}
    for index, column, first_letters in session.rows(_KEYS.format(where=_where(table))):
        # An index over the first letters of a text does not tell such texts apart: no column is called so.
        keys.setdefault(index, set()).add(column if first_letters is None else "")
    if set(key) not in keys.values():
        raise Problem(f"the table has no unique key of {', '.join(key)}, which upsert goes by")


def refuse_cascades(session: MariadbSession, table: Sequence[str]) -> None:
    """Raises Problem where rows of another table would go with those that are replaced."""
    schema, called = _parts(table)
    for other, name, rule in session.rows(_CASCADES.format(schema=schema, called=called)):
        targets.refuse_cascade(f"{other}.{name}", str(rule))
