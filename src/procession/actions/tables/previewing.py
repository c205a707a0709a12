"""Looks at a file as a step will read it: its columns, how many rows, the first of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.contract import Context, FileInput, FileOutput
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import loading
from procession.actions.reading.columns import WantedRelation
from procession.actions.reading.loading import Loaded
from procession.actions.tables.contract import PreviewSettings
from procession.model.previews import ColumnKind, Preview, PreviewColumn

if TYPE_CHECKING:
    import duckdb

ROWS_SHOWN = 4
CELL_CHARACTERS_MAX = 200  # of a page that shows a file, not of the file
NAME_CHARACTERS_MAX = 200
SAID_MAX = 20
_RELATION = "preview"
_NUMBERS = ("DECIMAL", "BIGINT", "INTEGER", "HUGEINT", "SMALLINT", "TINYINT", "UBIGINT", "UINTEGER", "DOUBLE", "FLOAT")


def perform(context: Context, connection: duckdb.DuckDBPyConnection) -> tuple[Preview, dict[str, FileOutput]]:
    """A file that cannot be read is an answer too: nothing is wrong with the request."""
    settings: PreviewSettings = context.settings
    path = Path(settings.request)
    source = FileInput(path=str(path), name=settings.name, size_bytes=path.stat().st_size)
    wanted = WantedRelation(file=settings.name, name=_RELATION)
    try:
        found = loading.relation_of(context, connection, source, settings.options, wanted)
    except Problem as problem:
        return Preview(problem=str(problem)), {}
    return _shown(connection, found), {}


def _shown(connection: duckdb.DuckDBPyConnection, found: Loaded) -> Preview:
    columns = connection.execute(f"DESCRIBE {quote(_RELATION)}").fetchall()
    texts = ", ".join(f"left(CAST({quote(name)} AS VARCHAR), {CELL_CHARACTERS_MAX + 1})" for name, *_ in columns)
    first = connection.execute(f"SELECT {texts} FROM {quote(_RELATION)} LIMIT {ROWS_SHOWN}").fetchall()
    recognised, relation = found.recognised, found.relation
    return Preview(
        kind=found.kind,
        delimiter=recognised.delimiter,
        encoding=recognised.encoding,
        sheet=recognised.sheet,
        sheets=recognised.sheets,
        rows=database.count(connection, _RELATION),
        columns=tuple(PreviewColumn(name=name[:NAME_CHARACTERS_MAX], kind=_kind(kind)) for name, kind, *_ in columns),
        first=tuple(tuple(map(_cut, row)) for row in first),
        remarks=relation.remarks[:SAID_MAX],
        warnings=relation.warnings[:SAID_MAX],
    )


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= CELL_CHARACTERS_MAX else f"{text[:CELL_CHARACTERS_MAX]}…"


def _kind(sql_type: str) -> ColumnKind:
    if sql_type.startswith(_NUMBERS):
        return ColumnKind.NUMBER
    if sql_type.startswith("TIMESTAMP"):
        return ColumnKind.MOMENT
    return {"DATE": ColumnKind.DATE, "BOOLEAN": ColumnKind.TRUTH}.get(sql_type, ColumnKind.TEXT)
