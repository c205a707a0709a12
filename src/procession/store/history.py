"""What happened to a run: attempts, history, user log. Rows are only added, each with its entry of the audit trail."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from procession.model import figures
from procession.model.figures import Figures
from procession.model.ids import Id, RunId, StepId
from procession.model.lifecycle import StepStatus
from procession.model.runs import HistoryKind, HistoryRow, Run
from procession.model.steps import AttemptRow
from procession.store import audit, times
from procession.store.database import SealedRow, Transaction
from procession.store.step_rows import step_id


def add(
    tx: Transaction,
    run: Run,
    kind: HistoryKind,
    detail: Mapping[str, Any],
    *,
    now: datetime,
    user: str | None = None,
) -> None:
    """Record under the run's present revision, which the change itself has raised."""
    write(tx, run.id, [Entry(revision=run.revision, attempt=run.attempt, kind=kind, detail=detail, user=user)], now)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    revision: int
    attempt: int
    kind: HistoryKind
    detail: Mapping[str, Any]
    user: str | None = None
    step: StepId | None = None


class PersonSaid(msgspec.Struct, frozen=True, kw_only=True):
    user: str  # login name
    step: StepId
    detail: Mapping[str, Any]
    kind: HistoryKind = HistoryKind.APPROVAL


def write(tx: Transaction, run: RunId, entries: Sequence[Entry], now: datetime) -> None:
    moment = times.to_column(now)
    rows = [
        (
            *(run.number, entry.revision, moment, entry.attempt, entry.kind),
            *(entry.step and entry.step.number, entry.user, msgspec.json.encode(entry.detail).decode()),
        )
        for entry in entries
    ]
    tx.many(
        "INSERT INTO history (run_id, revision, at, attempt, kind, step_id, user_login, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    sealed = [
        SealedRow(kind=audit.HISTORY, number=row[0], revision=row[1], digest=audit.digest(row[2:])) for row in rows
    ]
    tx.seal(sealed)


def append(
    tx: Transaction, run: RunId, kind: HistoryKind, detail: Mapping[str, Any], *, now: datetime, step: StepId | None
) -> int:
    """Record what changes no status, such as a receipt. It is a new revision all the same, which it gives."""
    revision, attempt = _next_revision(tx, run)
    write(tx, run, [Entry(revision=revision, attempt=attempt, kind=kind, detail=detail, step=step)], now)
    return revision


def say(tx: Transaction, run: RunId, said: PersonSaid, now: datetime) -> None:
    """Record what a person has said of what a step asks or suggests."""
    revision, attempt = _next_revision(tx, run)
    entry = Entry(
        revision=revision,
        attempt=attempt,
        kind=said.kind,
        detail=said.detail,
        step=said.step,
        user=said.user,
    )
    write(tx, run, [entry], now)


def see(tx: Transaction, run: RunId, *, user: str, now: datetime) -> None:
    """Record that a person has seen how it ended."""
    revision, attempt = _next_revision(tx, run)
    write(tx, run, [Entry(revision=revision, attempt=attempt, kind=HistoryKind.SEEN, detail={}, user=user)], now)


def _next_revision(tx: Transaction, run: RunId) -> tuple[int, int]:
    """With the attempt of the run."""
    # The revision is what followers wait for: a row without a new one would be seen by nobody.
    row = tx.one("UPDATE run SET revision = revision + 1 WHERE id = ? RETURNING revision, attempt", run.number)
    assert row is not None
    revision, attempt = row
    return revision, attempt


def of_run(tx: Transaction, run: RunId, *, after: int = -1, limit: int = sys.maxsize) -> list[HistoryRow]:
    """Oldest first; of revisions after `after`, at most `limit`."""
    rows = tx.all(
        "SELECT h.revision, h.at, h.attempt, h.kind, s.kind, h.step_id, h.user_login, h.detail FROM history h"
        " LEFT JOIN step s ON s.id = h.step_id WHERE h.run_id = ? AND h.revision > ? ORDER BY h.revision LIMIT ?",
        *(run.number, after, limit),
    )
    return [
        HistoryRow(
            revision=revision,
            at=times.from_column(at),
            attempt=attempt,
            kind=HistoryKind(kind),
            step=None if step_number is None else step_id(step_kind, step_number),
            user=user,
            detail=json.loads(detail),
        )
        for revision, at, attempt, kind, step_kind, step_number, user, detail in rows
    ]


_ATTEMPT = (
    "a.id, s.kind, a.step_id, a.attempt, a.number, a.epoch, a.started_at, a.finished_at, a.duration, a.status,"
    " a.message, a.pid, a.started_ticks, a.boot_id, a.is_gone, a.figures"
)


class NewAttempt(msgspec.Struct, frozen=True, kw_only=True):
    run: RunId
    step: StepId
    attempt: int
    number: int
    epoch: int
    pid: int
    started_ticks: int
    boot_id: str


def add_attempt(tx: Transaction, new: NewAttempt, now: datetime) -> int:
    """Adds the row before the act: its id names the attempt's folder and log."""
    return tx.insert(
        "INSERT INTO step_attempt (run_id, step_id, attempt, number, epoch, started_at, status, pid, started_ticks,"
        " boot_id) VALUES (?, ?, ?, ?, ?, ?, 'Running', ?, ?, ?) RETURNING id",
        *(new.run.number, new.step.number, new.attempt, new.number, new.epoch, times.to_column(now)),
        *(new.pid, new.started_ticks, new.boot_id),
    )


class AttemptEnd(msgspec.Struct, frozen=True, kw_only=True):
    """`is_gone`: its process is gone or free for other work; one that was ended by force is gone later."""

    status: StepStatus
    message: str
    at: datetime
    seconds: float
    is_gone: bool = True
    figures: Figures = {}


def end_attempt(tx: Transaction, attempt: int, end: AttemptEnd) -> None:
    tx.run(
        f"UPDATE step_attempt SET status = ?, message = ?, finished_at = {times.NOT_BEFORE_START}, duration = ?,"
        # The first end stays: a late result must not rewrite what the history has told.
        " is_gone = ?, figures = ? WHERE id = ? AND status = 'Running'",
        *(end.status, end.message, *times.end_to_columns(end.at, end.seconds)),
        *(times.seconds_to_column(end.seconds), int(end.is_gone), figures.encode(end.figures), attempt),
    )


def stop_attempts(
    tx: Transaction, run: RunId, status: StepStatus, message: str, now: datetime, *, only_processes: bool = False
) -> None:
    """Marks running attempts as ended; their processes may still live. Those without one wait for people."""
    tx.run(
        f"UPDATE step_attempt SET status = ?, message = ?, finished_at = {times.NOT_BEFORE_START}"
        f" WHERE run_id = ? AND status = 'Running'{' AND pid > 0' if only_processes else ''}",
        *(status, message, *times.end_to_columns(now, None), run.number),
    )


def waiting_attempts(tx: Transaction, run: RunId) -> dict[StepId, int]:
    """The row ids of running attempts that have no process: they wait for people."""
    rows = tx.all(
        "SELECT s.kind, s.id, a.id FROM step s JOIN step_attempt a ON a.step_id = s.id"
        " WHERE s.run_id = ? AND a.status = 'Running' AND a.pid = 0",
        run.number,
    )
    return {step_id(kind, number): attempt for kind, number, attempt in rows}


def mark_gone(tx: Transaction, attempt: int) -> None:
    tx.run("UPDATE step_attempt SET is_gone = 1 WHERE id = ?", attempt)


def wait_on(tx: Transaction, attempt: int, message: str) -> None:
    """The try goes on without its process, which is free; `message` is kept until its end."""
    tx.run(
        "UPDATE step_attempt SET pid = 0, started_ticks = 0, boot_id = '', is_gone = 1, message = ? WHERE id = ?",
        *(message, attempt),
    )


def remark_of(tx: Transaction, attempt: int) -> str:
    """What wait_on() was told."""
    row = tx.one("SELECT message FROM step_attempt WHERE id = ?", attempt)
    return "" if row is None else str(row[0])


def not_gone(tx: Transaction) -> list[tuple[RunId, AttemptRow]]:
    """Attempts whose processes may still live: what a server that crashed has left."""
    rows = tx.all(
        f"SELECT a.run_id, {_ATTEMPT} FROM step_attempt a JOIN step s ON s.id = a.step_id WHERE a.is_gone = 0"
    )
    return [(RunId(number), _attempt(attempt)) for number, *attempt in rows]


def attempts_of_run(tx: Transaction, run: RunId, *, after: int = 0) -> list[AttemptRow]:
    """In the order in which they began; those after the attempt with the row id `after`."""
    rows = tx.all(
        # By way of the step: its index leads to the attempts of a run, of which there is none.
        f"SELECT {_ATTEMPT} FROM step s JOIN step_attempt a ON a.step_id = s.id WHERE s.run_id = ? AND a.id > ?"
        " ORDER BY a.id",
        *(run.number, after),
    )
    return [_attempt(row) for row in rows]


def attempts_of_step(tx: Transaction, step: StepId) -> list[AttemptRow]:
    rows = tx.all(
        f"SELECT {_ATTEMPT} FROM step_attempt a JOIN step s ON s.id = a.step_id WHERE a.step_id = ? ORDER BY a.id",
        step.number,
    )
    return [_attempt(row) for row in rows]


def add_log(tx: Transaction, login: str, message: str, now: datetime, *, about: Id | None = None) -> None:
    """`about`: the one thing that it tells of, to which pages lead."""
    columns = (times.to_column(now), login, message, None if about is None else str(about))
    number = tx.insert("INSERT INTO log (at, user_login, message, about) VALUES (?, ?, ?, ?) RETURNING id", *columns)
    tx.seal([SealedRow(kind=audit.LOG, number=number, digest=audit.digest(columns))])


def _attempt(row: Sequence[Any]) -> AttemptRow:
    (
        number,
        step_kind,
        step_number,
        attempt,
        try_number,
        epoch,
        started_at,
        finished_at,
        duration,
        status,
        message,
        pid,
        started_ticks,
        boot_id,
        is_gone,
        said,
    ) = row
    return AttemptRow(
        id=number,
        step=step_id(step_kind, step_number),
        attempt=attempt,
        number=try_number,
        epoch=epoch,
        started_at=times.from_column(started_at),
        finished_at=times.maybe_from_column(finished_at),
        duration_seconds=times.seconds_from_column(duration),
        status=StepStatus(status),
        message=message,
        pid=pid,
        started_ticks=started_ticks,
        boot_id=boot_id,
        is_gone=bool(is_gone),
        figures=figures.decode(said),
    )
