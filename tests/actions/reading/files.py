"""Files given to a reader, and what it made of them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from procession.actions.contract import FileInput
from procession.actions.reading import json_files, parquet
from procession.actions.reading.cells import RELATION, Cells
from procession.actions.reading.options import ColumnOptions, FileOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """`rows` as DuckDB has them, without the columns of kinds; `places` of all cells, row by row."""

    cells: Cells
    rows: list[tuple[Any, ...]]
    places: list[list[str]]

    @property
    def headings(self) -> list[str]:
        return [column.heading for column in self.cells.columns]

    @property
    def kinds(self) -> list[Any]:
        return [column.kind for column in self.cells.columns]


def given(folder: Path, content: bytes, name: str) -> FileInput:
    path = folder / "input"
    path.write_bytes(content)
    return FileInput(path=str(path), name=name, size_bytes=len(content))


def read_json(content: bytes | str, *, lines: bool = False, **options: Any) -> Read:
    data = content.encode() if isinstance(content, str) else content
    with tempfile.TemporaryDirectory() as place, _connection() as connection:
        folder = Path(place)
        source = given(folder, data, "a.jsonl" if lines else "a.json")
        cells = json_files.read(connection, source, FileOptions(file="${a.b}", **options), folder, lines=lines)
        return _read(connection, cells)


def read_parquet(path: Path, **options: Any) -> Read:
    source = FileInput(path=str(path), name="a.parquet", size_bytes=path.stat().st_size)
    with tempfile.TemporaryDirectory() as place, _connection() as connection:
        return _read(connection, parquet.read(connection, source, FileOptions(file="${a.b}", **options), Path(place)))


def declared(*headings: str) -> dict[str, ColumnOptions]:
    return {heading: ColumnOptions(type="Text") for heading in headings}


def _connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": "2"})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _read(connection: duckdb.DuckDBPyConnection, cells: Cells) -> Read:
    source, cells = cells.source, cells.load() if cells.load else cells
    # Moments with a zone as text: Python would need a module for them.
    texts = ", ".join(f"t{number}::VARCHAR" for number in range(len(cells.columns)))
    rows = connection.execute(f'SELECT {texts} FROM "{RELATION}" ORDER BY rowid').fetchall()
    assert _at_once(connection, source, texts) in (rows, None)
    few = range(min(len(rows), 5))
    places = [[cells.place(row, column) for column in range(len(cells.columns))] for row in few]
    return Read(cells=cells, rows=rows, places=places)


def _at_once(connection: duckdb.DuckDBPyConnection, source: str, texts: str) -> list[tuple[Any, ...]] | None:
    """The rows as they are read without a table of cells; None where it was not sure."""
    try:
        return connection.execute(f"SELECT {texts} FROM {source}").fetchall()
    except duckdb.InvalidInputException:
        return None
