"""Takes the first rows of a file, as the bytes that they are, so that a step can be tried on them.

What cannot be cut without reading all of it, such as a workbook, stays whole.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from procession.actions.contract import Context, FileInput, FileOutput
from procession.actions.database import literal
from procession.actions.problems import Problem
from procession.actions.reading import kinds
from procession.actions.reading.kinds import FileKind
from procession.actions.tables.contract import SampleSettings, TakenSample

if TYPE_CHECKING:
    import duckdb

_HEAD_BYTES = 4_096
_WIDE = "its encoding has more than one byte for each sign"


def perform(context: Context, connection: duckdb.DuckDBPyConnection) -> tuple[TakenSample, dict[str, FileOutput]]:
    return take(connection, context.settings), {}


def take(connection: duckdb.DuckDBPyConnection, settings: SampleSettings) -> TakenSample:
    """A file that nobody can read is given whole: the step that is tried says what is wrong with it."""
    path, target = Path(settings.request), Path(settings.target)
    try:
        kind = kinds.kind_of(FileInput(path=str(path), name=settings.name, size_bytes=path.stat().st_size))
    # Not refused here: its words name what the step expects of the file.
    except Problem:
        return _whole(path, target, "")
    if kind is FileKind.PARQUET:
        return _of_parquet(connection, settings)
    if kind in {FileKind.CSV, FileKind.JSON_LINES}:
        with path.open("rb") as source, target.open("wb") as sample:
            # Cut between the bytes of a sign, the rest would be no text.
            if b"\0" in source.read(_HEAD_BYTES):
                return _whole(path, target, _WIDE)
            source.seek(0)
            # Lines before the heading are records as well, to whoever counts.
            heading = settings.skip + 1 if kind is FileKind.CSV else 0
            return TakenSample(is_cut=_cut(source, sample, settings.rows + heading))
    return _whole(path, target, f"a {kind} file is read as a whole")


def _whole(path: Path, target: Path, why: str) -> TakenSample:
    shutil.copyfile(path, target)
    return TakenSample(whole=why)


def _cut(source: BinaryIO, sample: BinaryIO, records: int) -> bool:
    """Copies so many records; a line break between quotes ends none. True where more follow."""
    is_quoted = False
    for line in source:
        if not records:
            return True
        sample.write(line)
        # An apostrophe for inches never closes: then more is taken than was asked for, and never half a record.
        is_quoted ^= line.count(b'"') % 2 == 1
        records -= not is_quoted
    return False


def _of_parquet(connection: duckdb.DuckDBPyConnection, settings: SampleSettings) -> TakenSample:
    source = f"read_parquet({literal(settings.request)})"
    row = connection.execute(f"SELECT count(*) FROM {source}").fetchone()
    assert row is not None
    connection.execute(
        f"COPY (SELECT * FROM {source} LIMIT {settings.rows}) TO {literal(settings.target)} (FORMAT parquet)"
    )
    return TakenSample(is_cut=row[0] > settings.rows)
