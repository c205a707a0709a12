"""To which process a thing belongs: its role there decides what a user may do with it."""

from __future__ import annotations

from procession.model.ids import ActionStepId, DataStepId, FileId, Id, ProcessId, RunId
from procession.store.database import Transaction

_PROCESS_OF = {
    ProcessId: "SELECT id FROM process WHERE id = ?",
    RunId: "SELECT process_id FROM run WHERE id = ?",
    DataStepId: "SELECT process_id FROM step WHERE id = ? AND kind = 'Data' AND is_retired = 0",
    ActionStepId: "SELECT process_id FROM step WHERE id = ? AND kind = 'Action' AND is_retired = 0",
    FileId: "SELECT s.process_id FROM file f JOIN property q ON q.id = f.property_id JOIN step s ON s.id = q.step_id"
    " WHERE f.id = ? AND q.is_retired = 0 AND s.is_retired = 0",
}


def process_of(tx: Transaction, thing: Id) -> ProcessId | None:
    """None when there is no such thing, or the present version of its process no longer has it."""
    row = tx.one(_PROCESS_OF[type(thing)], thing.number)
    return None if row is None else ProcessId(row[0])
