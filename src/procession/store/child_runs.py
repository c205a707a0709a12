"""Runs that steps of other runs start: every statement about them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from procession.model.ids import ProcessId, RunId, StepId
from procession.store.database import Transaction
from procession.store.step_rows import step_id


class ChildState(StrEnum):
    WAITING = "Waiting"
    STARTED = "Started"
    OVER = "Over"  # a run for a row whose end has been seen
    REFUSED = "Refused"  # it could not be started, `why` says so
    LEFT_OUT = "LeftOut"  # one before it failed


class ChildRow(msgspec.Struct, frozen=True, kw_only=True):
    """Of one try of a step, by the id of its attempt: its only run, at place 0, or that of a row (child_rows)."""

    attempt: int
    place: int = 0
    key: str = ""
    run: RunId
    step: StepId
    child: RunId | None  # the same in several tries where a restart kept it
    inputs: str  # SHA-256 of what it was given
    waits: bool
    state: ChildState = ChildState.STARTED
    why: str = ""


_ROW = "c.attempt_id, c.place, c.row_key, c.run_id, s.kind, c.step_id, c.child_id, c.inputs, c.waits, c.state, c.why"
_FROM = "child_run c JOIN step s ON s.id = c.step_id"
# By its try, which ends with the step, however that ended: a later end of the run tells nobody.
_WAITED_FOR = "c.waits = 1 AND EXISTS (SELECT 1 FROM step_attempt t WHERE t.id = c.attempt_id AND t.status = 'Running')"


def add(tx: Transaction, row: ChildRow) -> None:
    tx.run(
        "INSERT INTO child_run (attempt_id, place, row_key, run_id, step_id, child_id, inputs, waits, state, why)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(row.attempt, row.place, row.key, row.run.number, row.step.number, row.child and row.child.number),
        *(row.inputs, int(row.waits), row.state, row.why),
    )


def of_attempt(tx: Transaction, attempt: int) -> ChildRow | None:
    """The try's only run; None for one of rows."""
    return next(iter(_rows(tx, "c.attempt_id = ? AND c.place = 0", attempt)), None)


def latest_of_step(tx: Transaction, step: StepId, key: str = "") -> ChildRow | None:
    """Of its last try that started or kept a run, for that row."""
    # Also of earlier attempts at the run: a restart asks what it may keep.
    found = _rows(
        tx,
        "c.step_id = ? AND c.row_key = ? AND c.child_id IS NOT NULL ORDER BY c.attempt_id DESC LIMIT 1",
        *(step.number, key),
    )
    return next(iter(found), None)


def of_run(tx: Transaction, run: RunId, *, limit: int) -> list[ChildRow]:
    """What its steps have started, in all attempts; the newest first. Without runs for rows, which may be thousands."""
    where = "c.run_id = ? AND c.place = 0 AND c.child_id IS NOT NULL ORDER BY c.attempt_id DESC LIMIT ?"
    return _rows(tx, where, run.number, limit)


def parent_of(tx: Transaction, child: RunId) -> ChildRow | None:
    """By which try of which step the run was started."""
    return next(iter(_rows(tx, "c.child_id = ? ORDER BY c.attempt_id LIMIT 1", child.number)), None)


def waited_for(tx: Transaction, run: RunId) -> list[RunId]:
    """The runs under way whose end its steps wait for."""
    # Among the thousands that a step may have started, only those that are left to be cancelled.
    rows = tx.all(
        "SELECT c.child_id FROM child_run c JOIN run r ON r.id = c.child_id WHERE c.run_id = ?"
        f" AND r.status IN ('Scheduled', 'Running') AND {_WAITED_FOR} ORDER BY c.attempt_id, c.place",
        run.number,
    )
    return [RunId(child) for (child,) in rows]


def waiting_for(tx: Transaction, child: RunId) -> list[RunId]:
    """The runs of which a step waits for the end of this one."""
    rows = tx.all(f"SELECT c.run_id FROM child_run c WHERE c.child_id = ? AND {_WAITED_FOR}", child.number)
    return [RunId(run) for (run,) in rows]


def chain(tx: Transaction, run: RunId, *, limit: int) -> list[tuple[RunId, ProcessId]]:
    """The run, the one that started it, and so on up; at most `limit`."""
    # By the first try: one that kept a run later did not start it.
    rows = tx.all(
        "WITH RECURSIVE above (id, place) AS (SELECT ?, 1 UNION ALL SELECT (SELECT c.run_id FROM child_run c"
        " WHERE c.child_id = above.id ORDER BY c.attempt_id LIMIT 1), place + 1 FROM above"
        " WHERE above.id IS NOT NULL AND place < ?)"
        " SELECT r.id, r.process_id FROM above JOIN run r ON r.id = above.id ORDER BY place",
        *(run.number, limit),
    )
    return [(RunId(number), ProcessId(process)) for number, process in rows]


def name(tx: Transaction, process: ProcessId, number: int, called: Mapping[str, ProcessId]) -> None:
    """Keep what the names of processes in this new version mean."""
    tx.many(
        "INSERT INTO process_version_process (process_id, number, name, called_id) VALUES (?, ?, ?, ?)",
        [(process.number, number, text, one.number) for text, one in called.items()],
    )


def named(tx: Transaction, process: ProcessId, number: int) -> dict[str, ProcessId]:
    """What the names of processes in the version mean."""
    rows = tx.all(
        "SELECT name, called_id FROM process_version_process WHERE process_id = ? AND number = ?",
        *(process.number, number),
    )
    return {text: ProcessId(called) for text, called in rows}


def called_by(tx: Transaction, process: ProcessId) -> list[ProcessId]:
    """The processes that the present version of this one runs."""
    rows = tx.all(
        "SELECT DISTINCT v.called_id FROM process_version_process v JOIN process p ON p.id = v.process_id"
        " AND p.version = v.number WHERE v.process_id = ?",
        process.number,
    )
    return [ProcessId(called) for (called,) in rows]


def _rows(tx: Transaction, where: str, *parameters: int | str) -> list[ChildRow]:
    # `where` is always a constant of this file.
    rows = tx.all(f"SELECT {_ROW} FROM {_FROM} WHERE {where}", *parameters)
    return [
        ChildRow(
            attempt=attempt,
            place=place,
            key=key,
            run=RunId(run),
            step=step_id(kind, step),
            child=None if child is None else RunId(child),
            inputs=inputs,
            waits=bool(waits),
            state=ChildState(state),
            why=why,
        )
        for attempt, place, key, run, kind, step, child, inputs, waits, state, why in rows
    ]
