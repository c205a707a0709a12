"""What an Iceberg table is made of: files that get their names when they are whole."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestEntry

FORMAT: Literal[2] = 2  # every reader knows it; 3 brings nothing that we have


class AvroOutput:
    """A file that gets its name when it is whole."""

    def __init__(self, path: Path, location: str) -> None:
        from pyiceberg.io.fsspec import FsspecFileIO

        self.path, self._passing = path, path.with_name(f".{path.name}.{uuid.uuid4()}")
        self.address = f"{location}/metadata/{path.name}"
        self.file = FsspecFileIO({}).new_output(str(self._passing))

    def settle(self) -> None:
        settle(self._passing, self.path)


def entry(address: str, path: Path, *, rows: int, since: int) -> ManifestEntry:
    """The file at `path` as its manifest tells of it, new in the snapshot `since`."""
    from pyiceberg import manifest
    from pyiceberg.typedef import Record

    file = manifest.DataFile.from_args(
        FORMAT,
        content=manifest.DataFileContent.DATA,
        file_path=address,
        file_format=manifest.FileFormat.PARQUET,
        # No partitions: what to skip, readers see in the files themselves.
        partition=Record(),
        record_count=rows,
        file_size_in_bytes=path.stat().st_size,
    )
    file.spec_id = 0
    return manifest.ManifestEntry.from_args(
        FORMAT,
        status=manifest.ManifestEntryStatus.ADDED,
        snapshot_id=since,
        sequence_number=since,
        file_sequence_number=since,
        data_file=file,
    )


def counts(rows: int) -> dict[str, int]:
    """Of a manifest with one file, which is new in it."""
    of_files = {"added_files_count": 1, "existing_files_count": 0, "deleted_files_count": 0}
    return of_files | {"added_rows_count": rows, "existing_rows_count": 0, "deleted_rows_count": 0}


def settle(passing: Path, path: Path) -> None:
    """Gives a file its name once its bytes are on disk."""
    sync(passing)
    passing.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
