"""The table that rows go into: its columns as the database describes them, and those that the rows name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from procession.actions.problems import Problem
from procession.model.nearest import nearest

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
NAMED_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetColumn:
    """`oid` and `modifier` are those of its type, of a domain those beneath it; `words` is the type for people."""

    name: str
    oid: int
    modifier: int
    words: str
    is_full: bool  # takes no NULL
    is_needed: bool
    is_made: bool  # by the database alone


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
            oid=oid,
            modifier=modifier,
            words=words,
            is_full=is_full,
            is_needed=is_full and not (has_default or identity or generated),
            is_made=generated != "" or identity == "a",
        )
        for column, oid, modifier, is_full, has_default, identity, generated, words in found
    )


def matched(
    columns: Sequence[TargetColumn], given: Sequence[str], *, marker: str | None, key: Sequence[str]
) -> dict[str, TargetColumn]:
    """For each column of the rows that of the table; its name is exact, or the only one in another case.

    Raises Problem for columns that either side lacks.
    """
    named = {name: _find(columns, name) for name in given}
    # Of two columns in one, only the last would be kept.
    taken = [column.name for column in named.values()]
    if marker is not None:
        if _find(columns, marker).name in taken:
            raise Problem(f'the rows have a column "{marker}" of their own, and it is the marker of the batch')
        taken.append(_find(columns, marker).name)
    twice = next((name for name in taken if taken.count(name) > 1), None)
    if twice is not None:
        raise Problem(f'two columns of the rows are "{twice}" of the table')
    lacking = [f'"{column.name}"' for column in columns if column.is_needed and column.name not in taken]
    if lacking:
        raise Problem(f"the rows lack {', '.join(lacking[:NAMED_MAX])}, which the table cannot do without")
    for name in key:
        if _find(columns, name).name not in taken:
            raise Problem(f'the rows have no column "{name}", which is part of the key')
    return named


def _find(columns: Sequence[TargetColumn], name: str) -> TargetColumn:
    # Names differ by case there, and people seldom mean that.
    exact = [column for column in columns if column.name == name]
    found = exact or [column for column in columns if column.name.lower() == name.lower()]
    if len(found) != 1:
        known = [column.name for column in columns]
        near = nearest(name, known)
        hint = f'; did you mean "{near}"?' if near else f" (it has {', '.join(known[:20])})"
        raise Problem(f'the table has no column "{name}"{hint}')
    if found[0].is_made:
        raise Problem(f'the column "{found[0].name}" is made by the database; leave it out')
    return found[0]
