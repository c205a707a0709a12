"""Reads a version's rows as SQL, and writes Parquet files with field ids, so columns can be renamed and moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
LAYOUTS_MAX = 4  # each is a SELECT of all columns
PATH = "path\tof part"  # no column can have this name: names are printable


def rows_of(
    connection: duckdb.DuckDBPyConnection,
    columns: Iterable[Column],
    parts: Iterable[PartFile],
    *,
    with_path: bool = False,
) -> str:
    """An SQL relation: the rows of these files under these columns. Fields that a file lacks have their `initial`.

    `with_path` adds the column PATH, the file that a row comes from.
    """
    columns, paths = tuple(columns), [part.path for part in parts]
    if not paths:
        # read_parquet() takes no empty list.
        nothing = ", ".join(f"{conversion.constant(column, None)} AS {quote(column.name)}" for column in columns)
        return f"(SELECT {nothing} WHERE false)"
    path, own = (f", filename = {literal(PATH)}", f", {quote(PATH)}") if with_path else ("", "")
    read = []
    for names, of_layout in _layouts(connection, columns, paths).items():
        shown = [quote(column.name) for column in columns]
        more = path
        if names:
            shown = [f"{quote(name)} AS {to}" for name, to in zip(names, shown, strict=True)]
        else:
            # By field ids: a renamed column is the same one in old files.
            more += f", schema = map {{{', '.join(map(_field, columns))}}}"
        listed = ", ".join(map(literal, of_layout))
        read.append(f"SELECT {', '.join(shown)}{own} FROM read_parquet([{listed}]{more})")
    return f"({' UNION ALL '.join(read)})"


def _layouts(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], paths: Sequence[str]
) -> dict[tuple[str, ...], list[str]]:
    """The files by what they call these columns; by () those that lack one, or have it with another type.

    With `schema` DuckDB takes every file for one row, and builds its joins over the millions that there are.
    """
    found: dict[str, dict[int, tuple[str, str]]] = {}
    query = f"SELECT file_name, field_id, name, duckdb_type FROM parquet_schema([{', '.join(map(literal, paths))}])"
    for path, field, *named in connection.execute(f"{query} WHERE field_id IS NOT NULL").fetchall():
        found.setdefault(path, {})[field] = (named[0], named[1])
    layouts: dict[tuple[str, ...], list[str]] = {}
    for path in paths:
        own = [found.get(path, {}).get(column.field, ("", "")) for column in columns]
        fits = all(kind == conversion.sql_type(column) for (_, kind), column in zip(own, columns, strict=True))
        layouts.setdefault(tuple(name for name, _ in own) if fits else (), []).append(path)
    return layouts if len(layouts) <= LAYOUTS_MAX else {(): list(paths)}


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
