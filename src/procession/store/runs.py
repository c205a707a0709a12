"""Runs: every statement about them, and the one place that writes a status (ARCHITECTURE.md, invariant 1).

Every write of the engine is fenced: it names the epoch under which it took the run, and a run that was cancelled,
timed out, restarted or taken by another since has a larger one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from procession.model import stopwatch
from procession.model.errors import Unavailable
from procession.model.ids import ProcessId, RunId, UserId
from procession.model.lifecycle import Outcome, RunEvent, RunStatus, move_run
from procession.model.processes import Process
from procession.model.runs import Run, RunProgress
from procession.store import conditions, times
from procession.store.database import Transaction
from procession.store.run_rows import RUN, RUN_UNNAMED, run_of

# Runs that follow a version; those of a try-out are for whoever made them.
PUBLISHED = ("version > 0",)


class Superseded(Unavailable):
    """Raised if the run changed since it was read: nothing was written."""

    def __init__(self) -> None:
        super().__init__("the process run changed at this moment, so nothing was saved; try again")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """The values of a new run."""

    process: ProcessId
    version: int
    name: str
    description: str
    alert_email: str
    alert_sms: str
    author: str


def add(tx: Transaction, new: NewRun, now: datetime) -> Run:
    """Not started, without steps yet."""
    moment = times.to_column(now)
    row = tx.one(
        "INSERT INTO run (process_id, version, name, description, alert_email, alert_sms, created_at, modified_at,"
        f" modified_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {RUN_UNNAMED}",
        *(new.process.number, new.version, new.name, new.description, new.alert_email, new.alert_sms),
        *(moment, moment, new.author),
    )
    assert row is not None
    return run_of(row)


def find(tx: Transaction, run: RunId) -> Run | None:
    row = tx.one(f"SELECT {RUN} FROM run r WHERE r.id = ?", run.number)
    return None if row is None else run_of(row)


def progress(tx: Transaction, run: RunId) -> RunProgress | None:
    """The few columns that a status shows: clients ask for it more often than for all else together."""
    row = tx.one(
        "SELECT status, outcome, attempt, revision, started_at, finished_at, duration, worked, beat"
        " FROM run WHERE id = ?",
        run.number,
    )
    if row is None:
        return None
    status, outcome, attempt, revision, started_at, finished_at, duration, worked, beat = row
    return RunProgress(
        id=run,
        status=RunStatus(status),
        outcome=outcome and Outcome(outcome),
        attempt=attempt,
        revision=revision,
        started_at=times.maybe_from_column(started_at),
        finished_at=times.maybe_from_column(finished_at),
        duration_seconds=times.seconds_from_column(duration),
        worked=times.stopwatch(worked, beat),
    )


def of_process(
    tx: Transaction, process: ProcessId, *, created_after: datetime | None, created_before: datetime | None
) -> list[tuple[RunId, str]]:
    """Ids and names, oldest first; bounds are strict."""
    where, parameters = conditions.given(
        ("process_id = ?", process.number),
        PUBLISHED,
        ("created_at > ?", times.maybe_to_column(created_after)),
        ("created_at < ?", times.maybe_to_column(created_before)),
    )
    rows = tx.all(f"SELECT id, name FROM run WHERE {where} ORDER BY id", *parameters)
    return [(RunId(number), name) for number, name in rows]


def unfinished_ids(tx: Transaction) -> list[RunId]:
    """Scheduled and Running ones, oldest first."""
    return [RunId(run) for (run,) in tx.all("SELECT id FROM run WHERE status IN ('Scheduled', 'Running') ORDER BY id")]


def beat(tx: Transaction, executor: str, steady: float) -> int:
    """Count what was worked on until now; what comes after the last beat is lost in a crash."""
    return tx.run(
        f"UPDATE run SET {_BEAT} WHERE status = 'Running' AND is_held = 0 AND executor = ?",
        *(*_beat(steady), executor),
    )


def stand_still(tx: Transaction) -> int:
    """Nobody works on any run: no stopwatch goes on from what an engine that is gone has written."""
    return tx.run("UPDATE run SET beat = NULL WHERE status = 'Running' AND is_held = 0")


# The stopwatch, moved on to a moment of the steady clock, which both parameters name.
_BEAT = "worked = worked + coalesce(? - beat, 0), beat = ?"


def _beat(steady: float) -> tuple[int, int]:
    moment = round(steady * 1_000_000)
    return moment, moment


def touch(tx: Transaction, run: Run, *, author: str, now: datetime) -> None:
    """Counts a revision for a change of an input. Raises Superseded once the run has started."""
    touched = tx.run(
        "UPDATE run SET revision = revision + 1, modified_at = ?, modified_by = ?"
        " WHERE id = ? AND status = 'NotStarted'",
        *(times.to_column(now), author, run.id.number),
    )
    if touched != 1:
        raise Superseded
    # Whoever filled in a run is no judge of it (store/approvals): here, no way to change an input goes round it.
    tx.run(
        "INSERT INTO run_preparer (run_id, user_id) SELECT ?, id FROM user_account WHERE login = ?"
        " ON CONFLICT DO NOTHING",
        *(run.id.number, author),
    )


def rename(tx: Transaction, run: Run, name: str) -> None:
    """Raises Superseded once it has started: evidence keeps its name."""
    if tx.run("UPDATE run SET name = ? WHERE id = ? AND status = 'NotStarted'", name, run.id.number) != 1:
        raise Superseded


# --- the status of a run -----------------------------------------------------------------------------------------


def start(tx: Transaction, run: Run, starter: UserId, *, inputs_sha256: str, author: str, now: datetime) -> Run:
    """Scheduled, attempt 1."""
    changes = f"attempt = 1, inputs_sha256 = ?, {_IN_LINE}"
    return _apply(tx, run, RunEvent.START, changes, inputs_sha256, *_in_line(starter, author, now))


# Behind all that its starter has waiting of the process, also when the clock was set back meanwhile.
_IN_LINE = (
    "scheduled_at = coalesce((SELECT n.scheduled_at FROM run n WHERE n.status = 'Scheduled' AND n.is_held = 0"
    " AND n.started_by = ? AND n.process_id = r.process_id AND n.scheduled_at > ? ORDER BY n.scheduled_at DESC"
    " LIMIT 1), ?), started_by = ?, modified_at = ?, modified_by = ?"
)


def _in_line(starter: UserId, author: str, now: datetime) -> tuple[int | str, ...]:
    moment = times.to_column(now)
    return starter.number, moment, moment, starter.number, moment, author


def take(tx: Transaction, run: Run, executor: str, *, now: datetime, steady: float, limit_seconds: float) -> Run:
    """Running under a new epoch; the first start keeps its date, and each attempt has the whole time limit."""
    changes = (
        "epoch = epoch + 1, executor = ?, beat = ?, started_at = coalesce(started_at, ?),"
        " worked_max = coalesce(worked_max, worked + ?)"
    )
    parameters = (
        executor,
        times.seconds_to_column(steady),
        times.to_column(now),
        times.seconds_to_column(limit_seconds),
    )
    return _apply(tx, run, RunEvent.TAKE, changes, *parameters)


def finish(tx: Transaction, run: Run, outcome: Outcome, *, now: datetime, seconds: float) -> Run:
    return _apply(tx, run, RunEvent.FINISH, f"outcome = ?, {_END}", outcome, *_end(run, now, seconds))


_END = "finished_at = ?, duration = ?, worked = coalesce(?, worked), beat = NULL, worked_max = NULL, is_held = 0"


def _end(run: Run, now: datetime, seconds: float | None) -> tuple[int | None, ...]:
    """`seconds` None: it had not begun, and its dates stay unset."""
    duration = times.seconds_to_column(seconds)
    if seconds is None or run.started_at is None:
        return None, duration, duration
    return times.to_column(stopwatch.end(run.started_at, seconds, now)), duration, duration


def end_early(tx: Transaction, run: Run, event: RunEvent, *, now: datetime, seconds: float | None) -> Run:
    """Cancel or time out: final at once, under a new epoch, so that whoever works on it finds itself superseded."""
    assert event in {RunEvent.CANCEL, RunEvent.TIME_OUT}
    return _apply(tx, run, event, f"epoch = epoch + 1, {_END}", *_end(run, now, seconds))


def follow(tx: Transaction, run: Run, version: int, process: Process) -> Run:
    """Make another version of its process the one that the run follows; its next move counts the revision."""
    row = tx.one(
        "UPDATE run AS r SET version = ?, description = ?, alert_email = ?, alert_sms = ?"
        f" WHERE r.id = ? AND r.epoch = ? RETURNING {RUN_UNNAMED}",
        *(version, process.description, process.alert_email, process.alert_sms, run.id.number, run.epoch),
    )
    if row is None:
        raise Superseded
    return run_of(row)


def restart(tx: Transaction, run: Run, key: str, starter: UserId, *, author: str, now: datetime) -> Run:
    """Scheduled again from the step `key`, attempt + 1, under a new epoch."""
    changes = (
        "epoch = epoch + 1, attempt = attempt + 1, outcome = NULL, finished_at = NULL, duration = NULL,"
        f" needs_person = 0, problem_step = NULL, problem = NULL, restarted_key = ?, {_IN_LINE}"
    )
    return _apply(tx, run, RunEvent.RESTART, changes, key, *_in_line(starter, author, now))


def _apply(tx: Transaction, run: Run, event: RunEvent, changes: str, *parameters: Any) -> Run:
    """Move the run, unless somebody else moved it first. Raises Superseded."""
    status = move_run(run.status, event)
    row = tx.one(
        # `changes` is always a constant of this file.
        f"UPDATE run AS r SET status = ?, revision = revision + 1, {changes}"
        f" WHERE r.id = ? AND r.status = ? AND r.epoch = ? RETURNING {RUN_UNNAMED}",
        *(status, *parameters, run.id.number, run.status, run.epoch),
    )
    if row is None:
        raise Superseded
    return run_of(row)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is held: the first new revision, and its stopwatch in seconds."""

    revision: int
    worked: float


def fence(tx: Transaction, run: RunId, epoch: int, *, revisions: int, steady: float) -> Held:
    """Hold a running run for this transaction's writes, and count its changes and its time.

    Raises Superseded when it is no longer ours.
    """
    row = tx.one(
        f"UPDATE run SET revision = revision + ?, {_BEAT} WHERE id = ? AND epoch = ? AND status = 'Running'"
        " RETURNING revision, worked",
        *(revisions, *_beat(steady), run.number, epoch),
    )
    if row is None:
        raise Superseded
    revision, worked = row
    return Held(revision=revision - revisions + 1, worked=worked / 1_000_000)
