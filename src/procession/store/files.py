"""Files: every statement about their names and contents; the bytes are in blobs.py."""

from __future__ import annotations

from msgspec.structs import replace

from procession.model.files import Content, File
from procession.model.ids import FileId, ProcessId, PropertyId, RunId
from procession.model.processes import Flow
from procession.store.database import Transaction

_FILE = "f.id, f.property_id, s.process_id, s.run_id, f.name, f.sha256, f.size"


def find(tx: Transaction, file: FileId) -> File | None:
    row = tx.one(
        f"SELECT {_FILE} FROM file f JOIN property q ON q.id = f.property_id JOIN step s ON s.id = q.step_id"
        " WHERE f.id = ?",
        file.number,
    )
    if row is None:
        return None
    number, property_number, process, run, name, sha256, size_bytes = row
    return File(
        id=FileId(number),
        property=PropertyId(property_number),
        process=ProcessId(process),
        run=None if run is None else RunId(run),
        name=name,
        sha256=sha256,
        size_bytes=size_bytes,
    )


def rename(tx: Transaction, file: FileId, name: str) -> None:
    tx.run("UPDATE file SET name = ? WHERE id = ?", name, file.number)


def fill(tx: Transaction, file: FileId, *, name: str, content: Content | None) -> None:
    """Give the file this content; None empties it."""
    sha256, size = (content.sha256, content.size_bytes) if content else (None, 0)
    tx.run("UPDATE file SET name = ?, sha256 = ?, size = ? WHERE id = ?", name, sha256, size, file.number)


def flow(tx: Transaction, file: FileId) -> Flow:
    """Of the property that the file belongs to."""
    row = tx.one("SELECT q.flow FROM file f JOIN property q ON q.id = f.property_id WHERE f.id = ?", file.number)
    assert row is not None
    (direction,) = row
    return Flow(direction)


def at_attempt(tx: Transaction, file: File, attempt: int) -> File:
    """The file after the last write of that attempt or an earlier one which no restart up to then had undone."""
    row = tx.one(
        "SELECT file_name, sha256, size FROM property_write WHERE property_id = ? AND attempt <= ?"
        # What a later restart took back still counted then.
        " AND (undone_by IS NULL OR undone_by > ?) ORDER BY id DESC LIMIT 1",
        *(file.property.number, attempt, attempt),
    )
    name, sha256, size = row or ("", None, 0)
    return replace(file, name=name, sha256=sha256, size_bytes=size)
