"""A file as a step gets it: the types of its columns, its rows as text, and what was said of them."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import duckdb
import msgspec

from procession.actions import database
from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading import loading
from procession.actions.reading.columns import WantedRelation
from procession.actions.reading.options import FileOptions
from tests.actions.context import LocalContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    types: dict[str, str]
    rows: list[tuple[str | None, ...]]
    logged: str
    warnings: tuple[str, ...]

    def column(self, name: str) -> tuple[str, list[str | None]]:
        at = list(self.types).index(name)
        return self.types[name], [row[at] for row in self.rows]


def read(folder: Path, content: bytes | str, name: str = "t.csv", **options: object) -> Read:
    """Raises Problem as a step would fail with it."""
    raw = content.encode() if isinstance(content, str) else content
    folder.mkdir(exist_ok=True)
    path = folder / "given"
    path.write_bytes(raw)
    source = FileInput(path=str(path), name=name, size_bytes=len(raw))
    context = LocalContext(settings=None, folder=folder, values={"f.t": source}, targets={})
    given = msgspec.convert({"file": "${f.t}", **options}, FileOptions)
    with _own_schema() as connection:
        made = loading.load(context, connection, WantedRelation(name="t"), given)
        types = database.columns(connection, "t")
        return Read(
            types=types,
            rows=_rows(connection, "t", types),
            logged=context.logged,
            warnings=made.warnings,
        )


@contextmanager
def _own_schema() -> Iterator[duckdb.DuckDBPyConnection]:
    """Of the one database of a process: another takes as long to open as most files to read."""
    with _opened().cursor() as connection:
        connection.execute("CREATE SCHEMA own")
        try:
            connection.execute("USE own")
            yield connection
        finally:
            connection.execute("USE main")
            connection.execute("DROP SCHEMA own CASCADE")


@cache
def _opened() -> duckdb.DuckDBPyConnection:
    folder = Path(mkdtemp())
    atexit.register(shutil.rmtree, folder)
    return database.connect(folder, 1 << 30)


def _rows(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: dict[str, str]
) -> list[tuple[str | None, ...]]:
    shown = ", ".join(f"CAST({database.quote(name)} AS VARCHAR)" for name in columns)
    return connection.execute(f"SELECT {shown} FROM {database.quote(relation)}").fetchall()


def refusal(folder: Path, content: bytes | str, name: str = "t.csv", **options: object) -> str:
    try:
        read(folder, content, name, **options)
    except Problem as problem:
        return str(problem)
    raise AssertionError("it was read")
