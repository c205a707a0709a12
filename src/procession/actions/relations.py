"""Loads files as relations of a step's DuckDB: a reader for each kind of file, one rule for all columns."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.contract import Context, FileInput
from procession.actions.problems import Problem
from procession.actions.reading import columns, delimited, json_files, kinds, meant, parquet, patterns, sheets
from procession.actions.reading.cells import Cells
from procession.actions.reading.columns import Relation, WantedRelation
from procession.actions.reading.kinds import FileKind
from procession.actions.reading.options import FileOptions
from procession.actions.references import only

if TYPE_CHECKING:
    import duckdb

_BINARY = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".parquet"})
LOGGED_CHARACTERS_MAX = 4_000  # DuckDB's message repeats the faulty line

_READERS: Mapping[FileKind, Callable[..., Cells]] = {
    FileKind.CSV: delimited.read,
    FileKind.SHEET: sheets.read,
    FileKind.JSON: partial(json_files.read, lines=False),
    FileKind.JSON_LINES: partial(json_files.read, lines=True),
    FileKind.PARQUET: parquet.read,
}


def check(path: str, options: FileOptions) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    found = []
    if options.encoding is not None:
        try:
            "".encode(options.encoding)
        except (LookupError, UnicodeError):
            found.append(f'{path}.encoding: "{options.encoding}" is not a known encoding; try utf-8, latin-1 or cp1252')
    if isinstance(options.sheet, int) and options.sheet < 1:
        found.append(f"{path}.sheet: sheets are counted from 1")
    try:
        zoneinfo.ZoneInfo(options.zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        found.append(f'{path}.zone: "{options.zone}" is no zone; write an IANA name such as Europe/Berlin')
    return (*found, *_check_marks(path, options), *meant.mistakes(path, options))


def _check_marks(path: str, options: FileOptions) -> list[str]:
    """The decimal and the grouping mark must differ, and a pattern must give a whole date."""
    found = []
    sides = [(path, options.decimal, options.thousands, options.date)]
    for name, column in options.columns.items():
        decimal, thousands = column.decimal or options.decimal, column.thousands or options.thousands
        sides.append((f"{path}.columns.{name}", decimal, thousands, column.pattern))
    for where, decimal, thousands, pattern in sides:
        if thousands is not None and thousands == (decimal or "."):
            found.append(f'{where}: decimal and thousands are both "{thousands}"')
        if pattern is not None and (wrong := patterns.mistake(pattern)):
            found.append(f"{where}: {wrong}")
    return found


def load(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    name: str,
    options: FileOptions,
    *,
    texts: frozenset[str] = frozenset(),
) -> Relation:
    """Make the table `name` of the file that `options` names; `texts` as in columns.make. Raises Problem."""
    import duckdb

    source = context.value(only([options.file])[0])
    if not isinstance(source, FileInput):
        what = "has no file yet" if source is None else "is not a file"
        raise Problem(f'the input "{name}" {what} ({options.file})')
    if source.size_bytes == 0:
        raise Problem(f'the file "{source.name}" is empty')
    hidden = {source.path: source.name, f"{context.folder}/": ""}
    try:
        kind = kinds.kind_of(source)
        meant.refuse(source, options, kind)
        cells = _READERS[kind](connection, source, options, context.folder)
        _refuse_text(source, kind, cells)
        made = columns.make(connection, cells, options, WantedRelation(file=source.name, name=name, texts=texts))
    except duckdb.OutOfMemoryException as error:
        raise Problem(
            f'the file "{source.name}" cannot be read: it needs more memory than this step may use'
        ) from error
    except duckdb.Error as error:
        context.log(f"{database.hide(str(error), hidden)[:LOGGED_CHARACTERS_MAX]}\n")
        raise Problem(f'the file "{source.name}" cannot be read: {database.complaint(error, hidden)}') from error
    context.log(f"{name}: {made.rows:,} rows of {source.name}\n")
    for said in (*made.remarks, *made.warnings):
        context.log(f"{name}: {said}\n")
    return made


def _refuse_text(source: FileInput, kind: FileKind, cells: Cells) -> None:
    """Banks send CSV named as workbooks, which we read; a text of one column is something else."""
    suffix = Path(source.name).suffix.lower()
    if kind is FileKind.CSV and len(cells.columns) == 1 and suffix in _BINARY:
        raise Problem(
            f'the file "{source.name}" cannot be read: it is a text without columns, and no {suffix[1:]} file'
        )
