"""Reads a version's rows as SQL, and writes Parquet files with field ids, so columns can be renamed and moved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.contract import FileOutput
from procession.actions.database import literal, quote
from procession.actions.tables import conversion
from procession.actions.tables.contract import Contents, PartFile
from procession.model.columns import RECORD_ID, Column

if TYPE_CHECKING:
    import duckdb

RECORD = quote(RECORD_ID)
PATH = "path\tof part"  # no column can have this name: names are printable


def rows_of(columns: Iterable[Column], parts: Iterable[PartFile], *, with_path: bool = False) -> str:
    """An SQL relation: the rows of these files under these columns. Fields that a file lacks have their `initial`.

    `with_path` adds the column PATH, the file that a row comes from.
    """
    columns, paths = tuple(columns), [literal(part.path) for part in parts]
    if not paths:
        # read_parquet() takes no empty list.
        nothing = ", ".join(f"{conversion.constant(column, None)} AS {quote(column.name)}" for column in columns)
        return f"(SELECT {nothing} WHERE false)"
    fields = ", ".join(_field(column) for column in columns)
    path = f", filename = {literal(PATH)}" if with_path else ""
    # By field ids: a renamed column is the same one in old files.
    return f"read_parquet([{', '.join(paths)}], schema = map {{{fields}}}{path})"


def _field(column: Column) -> str:
    kind = literal(conversion.sql_type(column))
    initial = "NULL::VARCHAR" if column.initial is None else literal(column.initial)
    return f"{column.field}: {{name: {literal(column.name)}, type: {kind}, default_value: {initial}}}"


def write(
    connection: duckdb.DuckDBPyConnection, query: str, columns: Iterable[Column], path: Path
) -> tuple[FileOutput, int]:
    """The query's rows as one file, in the order of their ids; the file, and how many rows it has."""
    fields = ", ".join(f"{quote(column.name)}: {column.field}" for column in columns)
    row = connection.execute(
        # In the order of the ids, so that a page reads few row groups.
        f"COPY (SELECT * FROM ({query}) ORDER BY {RECORD}) TO {literal(str(path))}"
        f" (FORMAT parquet, COMPRESSION zstd, FIELD_IDS {{{fields}}})"
    ).fetchone()
    assert row is not None
    return FileOutput(path=str(path), name=path.name), int(row[0])


def hidden(folder: Path, contents: Contents, request: str = "") -> dict[str, str]:
    """Replacements for our paths in DuckDB's messages."""
    places = {f"{folder}/": "", request: "the body"} | {part.path: "a file of the table" for part in contents.parts}
    return {path: words for path, words in places.items() if path}


def first(connection: duckdb.DuckDBPyConnection, query: str, *parameters: object) -> tuple[object, ...] | None:
    found: tuple[object, ...] | None = connection.execute(query, list(parameters) or None).fetchone()
    return found
