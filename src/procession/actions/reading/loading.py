"""Loads files as relations of a step's DuckDB: a reader for each kind of file, one rule for all columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from procession.actions import database
from procession.actions.contract import Context, FileInput
from procession.actions.problems import Problem
from procession.actions.reading import (
    columns,
    delimited,
    fixed_width,
    headings_again,
    json_files,
    kinds,
    meant,
    parquet,
    sheets,
    total_rows,
    xml_files,
)
from procession.actions.reading.cells import Cells, Recognised
from procession.actions.reading.columns import Relation, WantedRelation
from procession.actions.reading.kinds import FileKind
from procession.actions.reading.options import FileOptions
from procession.actions.references import only, parse

if TYPE_CHECKING:
    import duckdb

_NO_TEXT = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".parquet", ".json", ".jsonl", ".ndjson"})
_FOR_PEOPLE = frozenset({FileKind.CSV, FileKind.SHEET})
_MANY_COLUMNS = 1_000
LOGGED_CHARACTERS_MAX = 4_000  # DuckDB's message repeats the faulty line

_READERS: Mapping[FileKind, Callable[..., Cells]] = {
    FileKind.CSV: delimited.read,
    FileKind.SHEET: sheets.read,
    FileKind.JSON: partial(json_files.read, lines=False),
    FileKind.JSON_LINES: partial(json_files.read, lines=True),
    FileKind.PARQUET: parquet.read,
    FileKind.FIXED: fixed_width.read,
    FileKind.XML: xml_files.read,
}


def load(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    wanted: WantedRelation,
    options: FileOptions,
) -> Relation:
    """Make the wanted relation of what `options` names, which gives its `file`. Raises Problem."""
    name = wanted.name
    if options.table:
        # Here: that room reads files by this module.
        from procession.actions.tables import inputs

        return inputs.load(context, connection, name, options, texts=wanted.texts)
    source = context.value(only([options.file])[0])
    if not isinstance(source, FileInput):
        what = "has no file yet" if source is None else "is not a file"
        raise Problem(f'the input "{name}" {what} ({options.file})')
    options = _on_sheet(context, options)
    loaded = relation_of(context, connection, source, options, replace(wanted, file=source.name))
    made = _with_rows_told(connection, loaded, options, wanted)
    context.log(f"{name}: {made.rows:,} rows of {source.name}\n")
    for said in (*made.remarks, *made.warnings):
        context.log(f"{name}: {said}\n")
    return made


def _on_sheet(context: Context, options: FileOptions) -> FileOptions:
    """With the sheet that a property names: months have a sheet each. Raises Problem where it holds none."""
    if (reference := parse(options.sheet)) is None:
        return options
    value = context.value(reference)
    # A Number is the place of a sheet; "2" in a text is its name.
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        what = "has no value" if value in (None, "") else "is no name of a sheet, nor its number"
        raise Problem(f"sheet: {options.sheet} {what}")
    return msgspec.structs.replace(options, sheet=value)


def _with_rows_told(
    connection: duckdb.DuckDBPyConnection, loaded: LoadedFile, options: FileOptions, wanted: WantedRelation
) -> Relation:
    """With warnings of rows that are none, it seems."""
    # What programs wrote for programs has no totals; where texts are wanted, they are looked for among all rows.
    if loaded.kind not in _FOR_PEOPLE or wanted.texts:
        return loaded.relation
    made, found = loaded.relation, list[str]()
    if options.header:
        found.append(headings_again.told(connection, made, wanted.name))
    if options.total_row is None:
        found.append(total_rows.overlooked(connection, made, wanted.name))
    return replace(made, warnings=(*made.warnings, *filter(None, found)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFile:
    """A file as a relation, and what it was recognised as."""

    kind: FileKind
    recognised: Recognised
    relation: Relation


def relation_of(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    source: FileInput,
    options: FileOptions,
    wanted: WantedRelation,
) -> LoadedFile:
    """Make the wanted table of the file. Raises Problem."""
    import duckdb

    if source.size_bytes == 0:
        raise Problem(f'the file "{source.name}" is empty')
    hidden = {source.path: source.name, f"{context.folder}/": ""}
    cells: Cells | None = None
    try:
        # By its bytes: a workbook called .csv is read as what it is.
        kind = kinds.kind_of(source, takes_xml=options.records is not None, said=options.format)
        # No byte tells it: such a file is text like any other.
        kind = FileKind.FIXED if options.fixed and kind is FileKind.CSV else kind
        # An option without effect would be believed to have one.
        meant.refuse(source, options, kind)
        cells = _READERS[kind](connection, source, meant.completed(options), context.folder)
        _refuse_text(source, kind, cells)
        made = _made(connection, cells, options, wanted)
    # Before duckdb.Error, of which it is one: here the file is fine.
    except duckdb.OutOfMemoryException as error:
        raise _too_large(source, cells) from error
    except duckdb.Error as error:
        context.log(f"{database.hide(str(error), hidden)[:LOGGED_CHARACTERS_MAX]}\n")
        raise Problem(f'the file "{source.name}" cannot be read: {database.complaint(error, hidden)}') from error
    return LoadedFile(kind=kind, recognised=cells.recognised, relation=made)


def _too_large(source: FileInput, cells: Cells | None) -> Problem:
    # Every column takes memory of its own, however few rows there are.
    columns = len(cells.columns) if cells is not None else 0
    width = f" for its {columns:,} columns" if columns >= _MANY_COLUMNS else ""
    return Problem(f'the file "{source.name}" cannot be read: it needs more memory{width} than this step may use')


def _made(
    connection: duckdb.DuckDBPyConnection, cells: Cells, options: FileOptions, wanted: WantedRelation
) -> Relation:
    if options.total_row is None:
        return columns.make(connection, cells, options, wanted)
    # Before the columns are known: a word such as Total is no amount of theirs.
    cells, last = total_rows.take_off(connection, cells, wanted.file)
    made = columns.make(connection, cells, options, wanted)
    warning = total_rows.check(connection, last, made, wanted.name, refuses=options.total_row == "check")
    return replace(made, warnings=(*made.warnings, *([warning] if warning else [])))


def _refuse_text(source: FileInput, kind: FileKind, cells: Cells) -> None:
    """Banks send CSV named as workbooks, which we read; a text of one column is something else."""
    suffix = Path(source.name).suffix.lower()
    named = [column for column in cells.columns if column.heading]
    if kind is FileKind.CSV and 1 in {len(cells.columns), len(named)} and suffix in _NO_TEXT:
        raise Problem(
            f'the file "{source.name}" cannot be read: it is a text without columns, and no {suffix[1:]} file'
        )
