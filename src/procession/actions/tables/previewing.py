"""Looks at a file as a step will read it: its columns, how many rows, the first of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.contract import Context, FileInput, FileOutput
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import loading
from procession.actions.reading.columns import WantedRelation
from procession.actions.reading.loading import LoadedFile
from procession.actions.reading.rejecting import RejectedRows
from procession.actions.tables.contract import PreviewSettings
from procession.model.previews import ColumnKind, Preview, PreviewColumn

if TYPE_CHECKING:
    import duckdb

ROWS_SHOWN = 4
COLUMNS_SHOWN = 100
CELL_CHARACTERS_MAX = 200  # of a page that shows a file, not of the file
NAME_CHARACTERS_MAX = 200
SAID_MAX = 20
_RELATION = "preview"
_NUMBERS = ("DECIMAL", "BIGINT", "INTEGER", "HUGEINT", "SMALLINT", "TINYINT", "UBIGINT", "UINTEGER", "DOUBLE", "FLOAT")


def perform(context: Context, connection: duckdb.DuckDBPyConnection) -> tuple[Preview, dict[str, FileOutput]]:
    """A file that cannot be read is an answer too: nothing is wrong with the request."""
    import duckdb

    settings: PreviewSettings = context.settings
    path = Path(settings.request)
    source = FileInput(path=str(path), name=settings.name, size_bytes=path.stat().st_size)
    wanted = WantedRelation(file=settings.name, name=_RELATION, rejects=settings.rejects)
    try:
        found = loading.relation_of(context, connection, source, settings.options, wanted)
    except Problem as problem:
        # Memory and disk are ours to give: a step may have more of them, so this says nothing about the file.
        if isinstance(problem.__cause__, duckdb.OutOfMemoryException | duckdb.IOException):
            return Preview(trouble="looking at it takes more memory or disk than there is for it"), {}
        return Preview(problem=str(problem)), {}
    return _shown(connection, found), {}


def _shown(connection: duckdb.DuckDBPyConnection, found: LoadedFile) -> Preview:
    columns = [(name, kind) for name, kind, *_ in connection.execute(f"DESCRIBE {quote(_RELATION)}").fetchall()]
    shown = _values(connection, columns)
    # All are named, to be compared; a page shows the first.
    texts = ", ".join(f"left(CAST({value} AS VARCHAR), {CELL_CHARACTERS_MAX + 1})" for value in shown[:COLUMNS_SHOWN])
    first = connection.execute(f"SELECT {texts} FROM {quote(_RELATION)} LIMIT {ROWS_SHOWN}").fetchall()
    recognised, relation = found.recognised, found.relation
    return Preview(
        kind=found.kind,
        delimiter=recognised.delimiter,
        encoding=recognised.encoding,
        sheet=recognised.sheet,
        sheets=recognised.sheets,
        rows=database.count(connection, _RELATION),
        columns=tuple(PreviewColumn(name=name[:NAME_CHARACTERS_MAX], kind=_kind(kind)) for name, kind in columns),
        first=tuple(tuple(map(_cut, row)) for row in first),
        remarks=relation.remarks[:SAID_MAX],
        warnings=(*_rejected(relation.rejected), *relation.warnings)[:SAID_MAX],
    )


def _rejected(rejected: RejectedRows | None) -> Iterator[str]:
    if rejected is not None:
        rows = "1 row does" if rejected.rows == 1 else f"{rejected.rows:,} rows do"
        yield f"{rows} not fit the columns ({rejected.first}{'; and others' if rejected.rows > 1 else ''})"


def _values(connection: duckdb.DuckDBPyConnection, columns: list[tuple[str, str]]) -> list[str]:
    """SQL of what is shown of each column: decimals as many as some value of it needs, none or two as a rule.

    The type has room for more, and nobody reads 12.5000 as what the file says.
    """
    names = [quote(name) for name, kind in columns if kind.startswith("DECIMAL")]
    if not names:
        return [quote(name) for name, _ in columns]
    tests = ", ".join(f"bool_and({name} = trunc({name})), bool_and({name} = round({name}, 2))" for name in names)
    row = connection.execute(f"SELECT {tests} FROM {quote(_RELATION)}").fetchone()
    assert row is not None
    found = dict(zip(names, zip(row[::2], row[1::2], strict=True), strict=True))
    return [_value(quote(name), *found.get(quote(name), (False, False))) for name, _ in columns]


def _value(name: str, is_whole: bool, is_money: bool) -> str:
    if is_whole:
        return f"CAST({name} AS DECIMAL(38, 0))"
    return f"CAST({name} AS DECIMAL(38, 2))" if is_money else name


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= CELL_CHARACTERS_MAX else f"{text[:CELL_CHARACTERS_MAX]}…"


def _kind(sql_type: str) -> ColumnKind:
    if sql_type.startswith(_NUMBERS):
        return ColumnKind.NUMBER
    if sql_type.startswith("TIMESTAMP"):
        return ColumnKind.MOMENT
    return {"DATE": ColumnKind.DATE, "BOOLEAN": ColumnKind.TRUTH}.get(sql_type, ColumnKind.TEXT)
