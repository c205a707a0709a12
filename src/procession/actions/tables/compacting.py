"""Makes one file of several of a version: the same rows, in the order of their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procession.actions.contract import Context, FileOutput
from procession.actions.tables import sources
from procession.actions.tables.contract import CompactSettings, Written

if TYPE_CHECKING:
    import duckdb

ADDED = "job.rows"


def perform(context: Context, connection: duckdb.DuckDBPyConnection) -> tuple[Written, dict[str, FileOutput]]:
    settings: CompactSettings = context.settings
    contents = settings.contents
    query = f"SELECT * FROM {sources.rows_of(connection, contents.columns, contents.parts)}"
    file, count = sources.write(connection, query, contents.columns, context.folder / "rows.parquet")
    written = Written(
        mode="compact",
        added={ADDED: count} if count else {},
        removed=tuple(part.number for part in contents.parts),
        rows_given=count,
        rows_updated=0,
        next_record=0,
    )
    return written, {ADDED: file} if count else {}
