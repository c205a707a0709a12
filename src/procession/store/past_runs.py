"""What earlier runs of a process tell about the next one; try-outs tell only the next try-out."""

from __future__ import annotations

from procession.model.ids import ProcessId, UserId
from procession.model.runs import Run
from procession.store.database import Transaction
from procession.store.run_rows import RUN, run_of

# Among so many newest runs of a process a try-out is looked for: no index knows them.
TRIED_RUNS_MAX = 1_000


def last_tried(tx: Transaction, process: ProcessId, starter: UserId) -> Run | None:
    """The newest try-out that this user has started."""
    row = tx.one(
        f"SELECT {RUN} FROM run r WHERE r.version < 0 AND r.started_by = ? AND r.id IN"
        " (SELECT id FROM run WHERE process_id = ? ORDER BY id DESC LIMIT ?) ORDER BY r.id DESC LIMIT 1",
        *(starter.number, process.number, TRIED_RUNS_MAX),
    )
    return None if row is None else run_of(row)


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
