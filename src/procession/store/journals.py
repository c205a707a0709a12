"""The journals of steps: what their tries have done outside. Rows are only added."""

from __future__ import annotations

from datetime import datetime

import msgspec

from procession.model.ids import RunId, StepId
from procession.model.journals import IN_DOUBT, RELEASED
from procession.store import times
from procession.store.database import Transaction
from procession.store.runs import Superseded


class NewEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt's next entry; `attempt` is the id of its row, `epoch` that under which its run was taken."""

    run: RunId
    epoch: int
    attempt: int
    number: int  # from 1
    entry: str


def add(tx: Transaction, new: NewEntry, now: datetime) -> None:
    """Add the entry.

    Raises Superseded where the run was moved since this epoch, or the attempt has ended: it must do nothing more.
    """
    # No new revision: what is recorded is for the next try, and no follower waits for it.
    added = tx.run(
        "INSERT INTO journal_entry (attempt_id, number, entry, at) SELECT a.id, ?, ?, ? FROM step_attempt a"
        " JOIN run r ON r.id = a.run_id WHERE a.id = ? AND a.status = 'Running' AND r.id = ? AND r.epoch = ?"
        " AND r.status = 'Running'",
        *(new.number, new.entry, times.to_column(now), new.attempt, new.run.number, new.epoch),
    )
    if not added:
        raise Superseded


_SINCE_WELL = (
    "FROM step_attempt a JOIN journal_entry j ON j.attempt_id = a.id WHERE a.step_id = ?"
    " AND a.id > coalesce((SELECT max(e.id) FROM step_attempt e WHERE e.step_id = a.step_id"
    " AND e.status IN ('Success', 'Warning')), 0)"
)


def release(tx: Transaction, step: StepId, now: datetime) -> None:
    """A person has released the step, which has begun before: its next try reads that behind all that was recorded."""
    tx.run(
        "INSERT INTO journal_entry (attempt_id, number, entry, at) SELECT a.id,"
        " 1 + coalesce((SELECT max(number) FROM journal_entry j WHERE j.attempt_id = a.id), 0), ?, ?"
        " FROM step_attempt a WHERE a.step_id = ? ORDER BY a.id DESC LIMIT 1",
        *(RELEASED, times.to_column(now), step.number),
    )


def is_in_doubt(tx: Transaction, step: StepId) -> bool:
    """Whether its last try could not tell if an earlier one had done it."""
    # The last alone: a plan is made for each look at it, and a journal may hold a hundred thousand.
    row = tx.one(f"SELECT j.entry {_SINCE_WELL} ORDER BY a.id DESC, j.number DESC LIMIT 1", step.number)
    return row is not None and row[0] == IN_DOUBT


def of_step(tx: Transaction, step: StepId) -> tuple[str, ...]:
    """What its tries have recorded since it last ended well, in order: what the next try must not do again.

    A crash, a retry and a release go on with it. A step that had ended in Success or Warning begins anew.
    """
    rows = tx.all(f"SELECT j.entry {_SINCE_WELL} ORDER BY a.id, j.number", step.number)
    return tuple(entry for (entry,) in rows)
