"""The table that rows go into, as PostgreSQL describes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from procession.actions.databases.targets import Holds, TargetColumn
from procession.actions.problems import Problem

if TYPE_CHECKING:
    import psycopg

# Of a domain what it is made of: its own type says nothing about digits and lengths.
_COLUMNS = """
WITH RECURSIVE base AS (
    SELECT a.attnum, a.atttypid AS oid, a.atttypmod AS modifier FROM pg_attribute a
    WHERE a.attrelid = %(table)s AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT b.attnum, t.typbasetype, CASE WHEN t.typtypmod = -1 THEN b.modifier ELSE t.typtypmod END
    FROM base b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype = 'd'
)
SELECT a.attname, b.oid::int8, b.modifier, a.attnotnull, a.atthasdef, a.attidentity::text, a.attgenerated::text,
    format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a JOIN base b ON b.attnum = a.attnum JOIN pg_type t ON t.oid = b.oid AND t.typtype <> 'd'
WHERE a.attrelid = %(table)s ORDER BY a.attnum
"""
_TABLES = frozenset("rp")  # ordinary and partitioned: a view may put rows anywhere
_HEADER_BYTES = 4  # that a type's modifier counts too
# By the ids of PostgreSQL's own types, which never change.
_HELD: dict[int, dict[str, Any]] = {
    16: {"holds": Holds.TRUTH},
    17: {"holds": Holds.BYTES},
    20: {"holds": Holds.WHOLE, "whole": "BIGINT"},
    21: {"holds": Holds.WHOLE, "whole": "SMALLINT"},
    23: {"holds": Holds.WHOLE, "whole": "INTEGER"},
    25: {"holds": Holds.TEXT},
    700: {"holds": Holds.BINARY, "is_single": True},
    701: {"holds": Holds.BINARY},
    790: {"holds": Holds.MONEY},
    1042: {"holds": Holds.TEXT},
    1043: {"holds": Holds.TEXT},
    1082: {"holds": Holds.DATE},
    1114: {"holds": Holds.MOMENT},
    1184: {"holds": Holds.MOMENT, "has_zone": True},
    1700: {"holds": Holds.NUMBER},
}


def look_up(session: psycopg.Connection[Any], table: Sequence[str]) -> tuple[TargetColumn, ...]:
    """The columns of the table. Raises Problem where there is none."""
    from psycopg import sql

    name = sql.Identifier(*table)
    row = session.execute(
        "SELECT c.oid::int8, c.relkind::text FROM pg_class c WHERE c.oid = to_regclass(%s)", (name.as_string(session),)
    ).fetchone()
    called = ".".join(table)
    if row is None:
        raise Problem(f"there is no table {called} that the connection's user may see")
    if row[1] not in _TABLES:
        raise Problem(f"{called} is no table, and rows are written to tables only")
    found = session.execute(_COLUMNS, {"table": row[0]}).fetchall()
    return tuple(
        TargetColumn(
            name=column,
            words=words,
            is_full=is_full,
            is_needed=is_full and not (has_default or identity or generated),
            is_made=generated != "" or identity == "a",
            **_held(oid, modifier),
        )
        for column, oid, modifier, is_full, has_default, identity, generated, words in found
    )


def _held(oid: int, modifier: int) -> dict[str, Any]:
    """What the type takes, and how much of it as its modifier says."""
    held = _HELD.get(oid, {})
    match held.get("holds"):
        case Holds.MOMENT if modifier >= 0:
            return held | {"decimals": modifier}
        case Holds.NUMBER if modifier >= _HEADER_BYTES:
            packed = modifier - _HEADER_BYTES
            return held | {"digits": (packed >> 16) & 0xFFFF, "decimals": packed & 0x7FF}
        case Holds.TEXT if modifier >= _HEADER_BYTES:
            return held | {"characters": modifier - _HEADER_BYTES}
    return held
