"""What earlier runs of a process tell about the next one; try-outs tell nothing."""

from __future__ import annotations

from procession.model.ids import ProcessId
from procession.model.runs import Run
from procession.store.database import Transaction
from procession.store.run_rows import RUN, run_of


def last_started(tx: Transaction, process: ProcessId) -> Run | None:
    """The newest run that somebody has filled in and started."""
    row = tx.one(
        f"SELECT {RUN} FROM run r WHERE r.process_id = ? AND r.version > 0 AND r.status <> 'NotStarted'"
        " ORDER BY r.id DESC LIMIT 1",
        process.number,
    )
    return None if row is None else run_of(row)


def last_finished(tx: Transaction, process: ProcessId) -> Run | None:
    """The newest run that ended well, with or without remarks."""
    row = tx.one(
        f"SELECT {RUN} FROM run r WHERE r.process_id = ? AND r.version > 0 AND r.outcome IN ('Success', 'Warning')"
        " ORDER BY r.id DESC LIMIT 1",
        process.number,
    )
    return None if row is None else run_of(row)
