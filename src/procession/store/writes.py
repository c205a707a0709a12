"""Writes to the properties of a run: frozen at its start, then by its steps. Nothing is overwritten."""

from __future__ import annotations

from datetime import datetime

import msgspec

from procession.model import values
from procession.model.files import Content
from procession.model.ids import FileId, PropertyId, RunId, StepId
from procession.model.processes import Value
from procession.store import times
from procession.store.database import Row, Transaction
from procession.store.step_rows import step_id


class PropertyWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A value or a file's content for a property. `step` None: frozen at the start."""

    property: PropertyId
    step: StepId | None
    attempt: int
    value: Value = None
    file_name: str = ""
    content: Content | None = None


def write_property(tx: Transaction, written: PropertyWrite, now: datetime) -> None:
    """Records the write; a step's write becomes the present value."""
    _record(tx, written, now)
    if written.step is not None:
        _make_present(tx, written)


def freeze(tx: Transaction, run: RunId, now: datetime) -> None:
    """Record what every property of the run holds at its start, in order; an empty one has nothing to record."""
    tx.run(
        "INSERT INTO property_write (property_id, attempt, value, file_name, sha256, size, written_at)"
        " SELECT q.id, 1, q.value, coalesce(f.name, ''), f.sha256, coalesce(f.size, 0), ? FROM step s"
        " JOIN property q ON q.step_id = s.id LEFT JOIN file f ON f.property_id = q.id"
        " WHERE s.run_id = ? AND s.is_retired = 0 AND q.is_retired = 0"
        # Empty ones are left out: most properties of most runs are.
        " AND (q.value IS NOT NULL OR f.sha256 IS NOT NULL OR f.name <> '') ORDER BY s.position, q.position",
        *(times.to_column(now), run.number),
    )


def begin_property(tx: Transaction, written: PropertyWrite, now: datetime) -> None:
    """What the property begins with in this attempt: recorded as frozen, and the present value."""
    assert written.step is None
    _record(tx, written, now)
    _make_present(tx, written)


def _record(tx: Transaction, written: PropertyWrite, now: datetime) -> None:
    content = written.content
    tx.run(
        "INSERT INTO property_write (property_id, step_id, attempt, value, file_name, sha256, size, written_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *(written.property.number, written.step and written.step.number, written.attempt),
        *(values.to_text(written.value), written.file_name),
        *(content and content.sha256, content.size_bytes if content else 0, times.to_column(now)),
    )


def _make_present(tx: Transaction, written: PropertyWrite) -> None:
    text = values.to_text(written.value)
    _set_present(tx, written.property.number, text, written.file_name, written.content)


def undo_writes(tx: Transaction, step: StepId, attempt: int) -> None:
    """What the step wrote no longer counts from `attempt` on: each property returns to the write before."""
    rows = tx.all(
        "SELECT DISTINCT property_id FROM property_write WHERE step_id = ? AND undone_by IS NULL", step.number
    )
    # Marked and not deleted: the history must still show what an earlier attempt wrote.
    tx.run("UPDATE property_write SET undone_by = ? WHERE step_id = ? AND undone_by IS NULL", attempt, step.number)
    for (number,) in rows:
        row = tx.one(
            "SELECT value, file_name, sha256, size FROM property_write WHERE property_id = ? AND undone_by IS NULL"
            " ORDER BY id DESC LIMIT 1",
            number,
        )
        value, name, sha256, size = row or (None, "", None, 0)
        content = None if sha256 is None else Content(sha256=sha256, size_bytes=size)
        _set_present(tx, number, value, name, content)


def _set_present(tx: Transaction, number: int, text: str | None, name: str, content: Content | None) -> None:
    sha256, size = (content.sha256, content.size_bytes) if content else (None, 0)
    tx.run("UPDATE property SET value = ? WHERE id = ?", text, number)
    tx.run("UPDATE file SET name = ?, sha256 = ?, size = ? WHERE property_id = ?", name, sha256, size, number)


def written_by_steps(tx: Transaction, run: RunId) -> set[int]:
    """The numbers of the properties whose present value a step wrote."""
    rows = tx.all(
        "SELECT DISTINCT w.property_id FROM property_write w JOIN step s ON s.id = w.step_id"
        " WHERE s.run_id = ? AND w.undone_by IS NULL",
        run.number,
    )
    return {number for (number,) in rows}


class WriteRow(msgspec.Struct, frozen=True, kw_only=True):
    """`step` is None for what was frozen at the start; `undone_by` is the attempt whose restart took it back."""

    property: PropertyId
    reference: str  # "step.property"
    file: FileId | None
    step: StepId | None
    attempt: int
    value: str | None
    file_name: str
    sha256: str | None
    size_bytes: int
    written_at: datetime
    undone_by: int | None


def of_run(tx: Transaction, run: RunId) -> list[WriteRow]:
    """In the order in which they were written."""
    rows = tx.all(
        "SELECT w.property_id, o.key || '.' || q.key, f.id, s.kind, w.step_id, w.attempt, w.value, w.file_name,"
        " w.sha256, w.size, w.written_at, w.undone_by FROM step o JOIN property q ON q.step_id = o.id"
        " JOIN property_write w ON w.property_id = q.id LEFT JOIN file f ON f.property_id = q.id"
        " LEFT JOIN step s ON s.id = w.step_id WHERE o.run_id = ? ORDER BY w.id",
        run.number,
    )
    return [_written(row) for row in rows]


def _written(row: Row) -> WriteRow:
    (
        property_number,
        reference,
        file,
        step_kind,
        step,
        attempt,
        value,
        file_name,
        sha256,
        size_bytes,
        written_at,
        undone_by,
    ) = row
    return WriteRow(
        property=PropertyId(property_number),
        reference=reference,
        file=None if file is None else FileId(file),
        step=None if step is None else step_id(step_kind, step),
        attempt=attempt,
        value=value,
        file_name=file_name,
        sha256=sha256,
        size_bytes=size_bytes,
        written_at=times.from_column(written_at),
        undone_by=undone_by,
    )
