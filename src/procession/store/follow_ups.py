"""What steps ask for outside once their ends are on disk: every statement about it. A row is claimed by its tries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from procession.model.follow_ups import DueFollowUp, FollowUp, Unfollowed
from procession.model.ids import RunId, StepId
from procession.store import times
from procession.store.database import Row, Transaction
from procession.store.outbox import WAIT_MAX
from procession.store.runs import Superseded
from procession.store.step_rows import step_id


class FollowUpState(StrEnum):
    WAITING = "Waiting"
    DONE = "Done"
    GIVEN_UP = "GivenUp"


class NewFollowUp(msgspec.Struct, frozen=True, kw_only=True):
    attempt: int
    run: RunId
    step: StepId
    action: str
    connection: str
    asked: FollowUp


def add(tx: Transaction, new: NewFollowUp, now: datetime) -> None:
    """In the transaction that ends the step, and in no other."""
    at = times.to_column(now)
    tx.run(
        "INSERT INTO follow_up (attempt_id, run_id, step_id, action, connection, asked, created_at, next_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *(new.attempt, new.run.number, new.step.number, new.action, new.connection),
        *(msgspec.json.encode(new.asked).decode(), at, at),
    )


# What a cancelled run has fetched is nobody's until somebody restarts it: its row waits for that.
_IS_FREE = "f.state = 'Waiting' AND f.is_at_work = 0 AND f.is_held = 0 AND r.status <> 'Cancelled' AND r.is_held = 0"


def next_due(tx: Transaction, now: datetime) -> DueFollowUp | None:
    """The one that has waited longest; one whose time is further away than any wait waits for a clock that was set."""
    row = tx.one(
        "SELECT f.attempt_id, f.run_id, s.kind, f.step_id, f.action, f.connection, f.asked, f.tries, f.message"
        " FROM follow_up f JOIN run r ON r.id = f.run_id JOIN step s ON s.id = f.step_id"
        f" WHERE {_IS_FREE} AND (f.next_at <= ? OR f.next_at > ?) ORDER BY f.next_at, f.attempt_id LIMIT 1",
        *(times.to_column(now), times.to_column(now + WAIT_MAX)),
    )
    return None if row is None else _due(tx, row)


def _due(tx: Transaction, row: Row) -> DueFollowUp:
    attempt, run, kind, step, action, connection, asked, tries, message = row
    return DueFollowUp(
        attempt=attempt,
        run=RunId(run),
        step=step_id(kind, step),
        action=action,
        connection=connection,
        asked=msgspec.json.decode(asked, type=FollowUp),
        tries=tries,
        message=message,
        journal=_journal(tx, attempt),
    )


def _journal(tx: Transaction, attempt: int) -> tuple[str, ...]:
    rows = tx.all("SELECT entry FROM journal_entry WHERE attempt_id = ? ORDER BY number", attempt)
    return tuple(entry for (entry,) in rows)


def claim(tx: Transaction, due: DueFollowUp, until: datetime) -> bool:
    """Counts a try, which is at work from now on, and the moment of the next; False when somebody else makes it."""
    sql = (
        "UPDATE follow_up SET tries = ?, next_at = ?, is_at_work = 1"
        " WHERE attempt_id = ? AND tries = ? AND state = 'Waiting' AND is_at_work = 0"
    )
    return tx.run(sql, due.tries + 1, times.to_column(until), due.attempt, due.tries) == 1


def record(tx: Transaction, due: DueFollowUp, entry: str, now: datetime) -> None:
    """Adds to the journal of the attempt. Raises Superseded for a try that must do nothing more."""
    added = tx.run(
        "INSERT INTO journal_entry (attempt_id, number, entry, at) SELECT f.attempt_id,"
        " 1 + coalesce((SELECT max(number) FROM journal_entry j WHERE j.attempt_id = f.attempt_id), 0), ?, ?"
        " FROM follow_up f JOIN run r ON r.id = f.run_id WHERE f.attempt_id = ? AND f.is_at_work = 1"
        " AND r.status <> 'Cancelled'",
        *(entry, times.to_column(now), due.attempt),
    )
    if not added:
        raise Superseded


def end(tx: Transaction, due: DueFollowUp, state: FollowUpState, message: str, now: datetime) -> None:
    """The try is over; one that is still WAITING is tried again when it is time."""
    ended_at = None if state is FollowUpState.WAITING else times.to_column(now)
    sql = "UPDATE follow_up SET state = ?, message = ?, is_at_work = 0, ended_at = ? WHERE attempt_id = ?"
    tx.run(sql, state, message, ended_at, due.attempt)


def release_all(tx: Transaction, now: datetime) -> None:
    """Only for whoever holds the engine's lock, before it begins one: what is at work is of a server that is gone."""
    tx.run("UPDATE follow_up SET is_at_work = 0, next_at = ? WHERE is_at_work = 1", times.to_column(now))


def is_at_work(tx: Transaction, steps: Iterable[StepId]) -> bool:
    sql = "SELECT 1 FROM follow_up WHERE step_id = ? AND is_at_work = 1"
    return any(tx.one(sql, step.number) is not None for step in steps)


def drop(tx: Transaction, step: StepId) -> None:
    """What the step had asked for does not happen: a restart takes back what it did, and it asks anew."""
    tx.run("DELETE FROM follow_up WHERE step_id = ? AND state = 'Waiting'", step.number)


def has_untried(tx: Transaction, run: RunId) -> bool:
    sql = "SELECT 1 FROM follow_up WHERE run_id = ? AND state = 'Waiting' AND (tries = 0 OR is_at_work = 1)"
    return tx.one(sql, run.number) is not None


_UNFOLLOWED = "SELECT run_id, tries, message, created_at FROM follow_up WHERE"


def failing(tx: Transaction) -> list[Unfollowed]:
    """What waits after a try that failed, the latest first."""
    return _unfollowed(tx, f"{_UNFOLLOWED} state = 'Waiting' AND message <> '' ORDER BY attempt_id DESC")


def given_up(tx: Transaction, since: datetime) -> list[Unfollowed]:
    """The latest first."""
    sql = f"{_UNFOLLOWED} state = 'GivenUp' AND ended_at >= ? ORDER BY attempt_id DESC"
    return _unfollowed(tx, sql, times.to_column(since))


def _unfollowed(tx: Transaction, sql: str, *parameters: int) -> list[Unfollowed]:
    return [
        Unfollowed(run=RunId(run), tries=tries, message=message, created_at=times.from_column(created_at))
        for run, tries, message, created_at in tx.all(sql, *parameters)
    ]
