"""What was frozen at a run's start and what its steps wrote, with what restarts have undone: for the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from procession.model.ids import FileId, PropertyId, RunId, StepId
from procession.store import steps, times
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRow:
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
    return [
        WriteRow(
            property=PropertyId(row[0]),
            reference=row[1],
            file=None if row[2] is None else FileId(row[2]),
            step=None if row[4] is None else steps.step_id(row[3], row[4]),
            attempt=row[5],
            value=row[6],
            file_name=row[7],
            sha256=row[8],
            size_bytes=row[9],
            written_at=times.from_column(row[10]),
            undone_by=row[11],
        )
        for row in rows
    ]
