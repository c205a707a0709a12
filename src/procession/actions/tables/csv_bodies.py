"""Reads rows as CSV, like every CSV file. The delimiter is the one that splits the header into column names."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading import delimited, kinds, records, text
from procession.actions.reading.cells import Cells
from procession.actions.reading.kinds import FileKind
from procession.actions.reading.options import FileOptions
from procession.actions.reading.records import Dialect, Unreadable
from procession.actions.reading.text import Text
from procession.actions.tables.json_cells import COLUMNS_MAX

if TYPE_CHECKING:
    import duckdb

_ADVICE = {
    FileKind.SHEET: "is a workbook; save it as CSV",
    FileKind.PARQUET: "is Parquet; send Content-Type: application/vnd.apache.parquet",
}


def read(
    connection: duckdb.DuckDBPyConnection,
    source: FileInput,
    options: FileOptions,
    folder: Path,
    is_known: Callable[[str], bool],
) -> Cells:
    """Makes the table of cells; `is_known` tells column names. Raises Problem naming the line."""
    kind = kinds.kind_of(source)
    if kind in _ADVICE:
        raise Problem(f"{source.called} {_ADVICE[kind]}")
    _refuse_unmarked(source, options)
    file = text.prepare(source, options, folder)
    try:
        delimiter = file.separator or _of_header(file, is_known) or delimited.delimiter_of(file, options)
        dialect = Dialect(delimiter=delimiter, trims=options.trim, tells_empty=True)
        return delimited.take(connection, file, dialect, has_header=True)
    except Unreadable as error:
        raise Problem(f"{source.called} cannot be read: {error}") from error


def _refuse_unmarked(source: FileInput, options: FileOptions) -> None:
    with Path(source.path).open("rb") as file:
        # Without the mark, nobody can tell which of two bytes comes first.
        if options.encoding is None and b"\0" in file.read(2):
            raise Problem(f"{source.called} is UTF-16 without a byte order mark; say charset=utf-16-le or utf-16-be")


def _of_header(file: Text, is_known: Callable[[str], bool]) -> str:
    """The delimiter that splits the header into the most column names and nothing else; "" if none does."""
    headers = {mark: _header(file, mark) for mark in delimited.DELIMITERS}
    # The table knows its columns, which is better evidence than counting marks.
    # The table looks through all its columns for a name: a header of a million names is not asked about.
    possible = {mark: names for mark, names in headers.items() if any(names) and len(names) <= COLUMNS_MAX}
    known = [mark for mark, names in possible.items() if all(map(is_known, filter(None, names)))]
    return max(known, key=lambda mark: len(headers[mark]), default="")


def _header(file: Text, delimiter: str) -> list[str]:
    with suppress(Unreadable):  # a wrong delimiter may break quoting
        for _, values in records.read(file, Dialect(delimiter=delimiter)):
            return values
    return []
