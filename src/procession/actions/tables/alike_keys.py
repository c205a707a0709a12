"""Keys of rows that an eye takes for those of others: written beside them, where they were meant to take their place.

A text stays as it is written, so "2026-01" and "2026-01 " are two keys. What a month imported again under the second
does, which is to count twice, nobody would see.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.rows import looks
from procession.actions.tables import sources
from procession.actions.tables.contract import RowsSettings
from procession.actions.tables.requests import SentRows
from procession.actions.tables.samples import TYPED
from procession.model.columns import ColumnType
from procession.model.table_uses import KEYED

if TYPE_CHECKING:
    import duckdb

_FRESH = "fresh_keys"  # of the given rows, those that no row of the table has


def told(connection: duckdb.DuckDBPyConnection, rows: SentRows, settings: RowsSettings) -> tuple[str, ...]:
    """One remark where new keys look like others, given or there. Before the rows are written."""
    if rows.mode not in KEYED or all(column.type is not ColumnType.TEXT for column in rows.key):
        return ()
    fields = [f"f{column.field}" for column in rows.key]
    given = f"SELECT DISTINCT {', '.join(fields)} FROM {TYPED}"
    named = ", ".join(f"{quote(column.name)} AS f{column.field}" for column in rows.key)
    current = sources.rows_of(connection, settings.contents.columns, settings.contents.parts)
    same = " AND ".join(f"t.{name} = g.{name}" for name in fields)
    connection.execute(
        f"CREATE TABLE {_FRESH} AS SELECT g.* FROM ({given}) g ANTI JOIN (SELECT {named} FROM {current}) t ON {same}"
    )
    # Keys that are there were told of when they came: the same remark every month would be read by nobody.
    fresh, known = _looked(_FRESH, fields), _looked(f"({given} UNION SELECT {named} FROM {current})", fields)
    found = sources.first(connection, f"SELECT count(*) FROM {_FRESH}")
    if found == (0,):
        return ()
    alike = f"FROM ({fresh}) f JOIN ({known}) k ON f.look = k.look AND f.x <> k.x"
    row = sources.first(connection, f"SELECT count(DISTINCT f.x), min((f.x, k.x)) {alike}")
    return (_said(*row),) if row is not None and row[0] else ()


def _looked(relation: str, fields: Sequence[str]) -> str:
    """SQL of the keys as texts, `x`, and as an eye takes them, `look`; case counts for nothing there."""
    texts = ", ".join(f"coalesce(CAST({name} AS VARCHAR), '')" for name in fields)
    whole = f"SELECT concat_ws({looks.BETWEEN}, {texts}) AS x FROM {relation}"
    return f"SELECT x, {looks.folded('x')} AS look FROM ({whole})"


def _said(count: object, pair: object) -> str:
    assert isinstance(pair, tuple)
    one, other = (looks.visible(text.replace("\x1f", ", ")) for text in pair)
    return (
        f"{count:,} new {'key looks' if count == 1 else 'keys look'} like another and"
        f' {"is" if count == 1 else "are"} not equal, such as "{one}" and "{other}": rows of both stand side by side'
    )
