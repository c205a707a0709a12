"""Converts a column to another type, length or nullability, unless a row does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.contract import Context, FileOutput
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading.cells import CellColumn
from procession.actions.reading.fitting import Declared
from procession.actions.reading.values import Style
from procession.actions.tables import conversion, sources
from procession.actions.tables.contract import ChangeSettings, PartFile, Written
from procession.actions.tables.sources import RECORD, first
from procession.model import columns
from procession.model.columns import Column

if TYPE_CHECKING:
    import duckdb


def perform(context: Context, connection: duckdb.DuckDBPyConnection) -> tuple[Written, dict[str, FileOutput]]:
    """Raises Problem naming the record, the column and the value."""
    settings: ChangeSettings = context.settings
    _check(connection, settings)
    files: dict[str, FileOutput] = {}
    added: dict[str, int] = {}
    if settings.rewrites:
        for part in settings.contents.parts:
            name = f"job.part{part.number}"
            # File by file: memory for the largest is enough.
            files[name], added[name] = _convert(connection, settings, part, context.folder / f"{name}.parquet")
    written = Written(
        mode="changeColumn",
        added=added,
        removed=tuple(part.number for part in settings.contents.parts) if settings.rewrites else (),
        rows_given=0,
        rows_updated=0,
        next_record=0,
    )
    return written, files


def _check(connection: duckdb.DuckDBPyConnection, settings: ChangeSettings) -> None:
    before, after = settings.before, settings.after
    rows = sources.rows_of(connection, settings.contents.columns, settings.contents.parts)
    name = quote(before.name)
    if before.nullable and not after.nullable:
        found = first(connection, f"SELECT {RECORD} FROM {rows} WHERE {name} IS NULL ORDER BY {RECORD} LIMIT 1")
        if found:
            raise Problem(f'the record {found[0]} has null in "{before.name}", so the column cannot be not null')
    # Only null is asked about, and the values need not be read.
    if (before.type, before.length) == (after.type, after.length):
        return
    said = _as_another(before, after)
    misfits = f"{name} IS NOT NULL AND {said.value} IS NULL"
    found = first(connection, f"SELECT {RECORD}, {said.text} FROM {rows} WHERE {misfits} ORDER BY {RECORD} LIMIT 1")
    if found:
        shown = columns.shown(found[1])
        raise Problem(f'the record {found[0]} has {shown} in "{before.name}", which is not {said.expected}')


def _as_another(before: Column, after: Column) -> Declared:
    # By its text, so that a change of type takes no value that a write would refuse.
    return Declared(
        number=0,
        heading=before.name,
        cells=CellColumn(heading=before.name),
        text=f"({conversion.to_text(before, quote(before.name))})",
        type=conversion.TYPES[after.type],
        style=Style(),
        length=after.length,
    )


def _convert(
    connection: duckdb.DuckDBPyConnection, settings: ChangeSettings, part: PartFile, path: Path
) -> tuple[FileOutput, int]:
    before, after = settings.before, settings.after
    values = []
    for column in settings.contents.columns:
        name = quote(column.name)
        if column.field == before.field:
            name = f"{_as_another(before, after).value} AS {name}"
        values.append(name)
    source = sources.rows_of(connection, settings.contents.columns, [part])
    return sources.write(connection, f"SELECT {', '.join(values)} FROM {source}", settings.contents.columns, path)
