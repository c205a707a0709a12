"""Does outside what steps ask for once their ends are on disk: at least once, retried for days, then given up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from procession.actions.contract import Action, ConnectionInput, FileInput, StepOutcome
from procession.engine.isolation.contract import Job, Limits
from procession.engine.step_connections import ConnectionUse, StepConnections
from procession.engine.table_workers import JobEnd, Needs, TableWorkers
from procession.model.errors import Invalid, ProcessionError
from procession.model.follow_ups import LIST_REFERENCE, DueFollowUp
from procession.model.ids import RunId
from procession.model.lifecycle import RunStatus, StepStatus
from procession.model.runs import HistoryKind, Run
from procession.operations.follow_up_lanes import RESTS, FollowUpLanes
from procession.store import follow_ups, history, people, runs, unsolved
from procession.store.database import Database, Transaction
from procession.store.follow_ups import FollowUpState, Turns
from procession.store.outbox import WAIT_MAX

log = logging.getLogger(__name__)

REST_SECONDS = 1.0  # between two looks for what a step has asked for
SECONDS_MAX = 900.0  # of one try: a thousand files, each read once more
# As with mail: a try a minute later, then two, at last one an hour, for about three days.
REST = timedelta(minutes=1)
TRIES_MAX = 78
MESSAGE_CHARS_MAX = 1_000
# What becomes of a try that a fault of ours has ended, which the loop writes to the log.
_LOST = StepOutcome(status=StepStatus.FAILED, message="an unexpected error, which the log of the server tells")


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUps:
    """`ring` tells listeners that the history of a run has grown. Each lane has a thread; close() is another's."""

    database: Database
    actions: Mapping[str, Action]
    connections: StepConnections
    workers: TableWorkers
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    ring: Callable[[RunId], object]
    limits: Limits
    is_closing: threading.Event = field(default_factory=threading.Event)
    lanes: FollowUpLanes = field(default_factory=FollowUpLanes)

    def start(self) -> None:
        """Before the first tick, and only by whoever holds the engine's lock."""
        self.database.write(partial(follow_ups.release_all, now=self.clock()))

    def close(self) -> None:
        """Ends the tries under way, if any. They are made again by the next start."""
        self.is_closing.set()
        self.workers.close()

    def tick(self, lane: int = 0) -> bool:
        """Makes one try: of connections that answer first, and there of what has waited longest. True if it did.

        Each lane is a thread of its own, so that a server that is slow holds up no other.
        """
        # Of a tick that failed: without its end the row would be at work until the next start.
        self.lanes.write_owed(self._write_end)
        due = None if self.is_closing.is_set() else self.lanes.take(lane, self._find, self.monotonic)
        if due is None:
            # A server on which nobody asks for anything keeps no process for it.
            self.lanes.when_idle(self.workers.let_go)
            return False
        began, end = self.monotonic(), _LOST
        try:
            end = self._perform(due)
        finally:
            seconds = self.monotonic() - began
            is_over = end.status is not StepStatus.FAILED
            self.lanes.leave(due, rests_until=None if is_over else self.monotonic() + RESTS * seconds)
            if not self.is_closing.is_set():
                self.lanes.owe(due, end)
        if self.is_closing.is_set():
            return False
        self.lanes.write_owed(self._write_end)
        return True

    def _find(self, turns: Turns) -> DueFollowUp | None:
        now = self.clock()
        # Asked without a transaction that writes: nearly always there is nothing.
        with self.database.read() as tx:
            is_due = follow_ups.next_due(tx, now, turns) is not None
        # The next try is written down before this one: a crash in the middle delays a follow-up and never loses it.
        return self.database.write(partial(_take, now=now, turns=turns)) if is_due else None

    def _write_end(self, due: DueFollowUp, end: StepOutcome) -> None:
        self.database.write(partial(_end, due=due, outcome=end, now=self.clock()))
        self.ring(due.run)

    def _perform(self, due: DueFollowUp) -> StepOutcome:
        try:
            found = self._try(due)
        # Whatever is wrong now may be mended by the next try, or by a person who reads of it.
        except (ProcessionError, OSError) as error:
            words = error.message if isinstance(error, ProcessionError) else error.strerror or str(error)
            return StepOutcome(status=StepStatus.FAILED, message=words)
        return found.outcome or StepOutcome(status=StepStatus.FAILED, message=f"it was not done: {found.reason}")

    def _try(self, due: DueFollowUp) -> JobEnd:
        connection = self._connection(due)
        with self.workers.temporary_folder() as place:
            (place / "list.csv").write_text(due.asked.listed, "utf-8")
            (place / "work").mkdir()
            needs = Needs(reaching=True, record=partial(self._record, due))
            job = _job(due, connection, place, self.limits)
            return self.workers.run(job, place=Path(job.folder), seconds_max=SECONDS_MAX, needs=needs)

    def _connection(self, due: DueFollowUp) -> ConnectionInput:
        with self.database.read() as tx:
            run = _run(tx, due)
            user = None if run.started_by is None else people.user(tx, run.started_by)
        action = self.actions.get(due.action)
        if user is None or action is None:
            raise Invalid("whoever started the run, or the action of the step, is not there any more")
        use = ConnectionUse(name=due.connection, kinds=action.connection_kinds, run=run, user=user)
        return self.connections.open(use)

    def _record(self, due: DueFollowUp, entry: str) -> None:
        self.database.write(partial(follow_ups.record, due=due, entry=entry, now=self.clock()))


def _job(due: DueFollowUp, connection: ConnectionInput, place: Path, limits: Limits) -> Job:
    size = (place / "list.csv").stat().st_size
    return Job(
        action=due.action,
        settings=due.asked.settings,
        values={LIST_REFERENCE: FileInput(path=str(place / "list.csv"), name="what was fetched", size_bytes=size)},
        types={LIST_REFERENCE: "File"},
        targets={},
        folder=str(place / "work"),
        step_key="follow_up",
        idempotency_key=f"follow-up/{due.attempt}",
        limits=limits,
        connection=connection,
        journal=due.journal,
    )


def _take(tx: Transaction, now: datetime, turns: Turns) -> DueFollowUp | None:
    due = follow_ups.next_due(tx, now, turns)
    # The power is bounded before the minimum is taken: 2 ** 78 minutes is no timedelta.
    if due is None or not follow_ups.claim(tx, due, now + min(REST * 2 ** min(due.tries, 10), WAIT_MAX)):
        return None
    return due


def _end(tx: Transaction, due: DueFollowUp, outcome: StepOutcome, now: datetime) -> None:
    run = runs.find(tx, due.run)
    # A cancelled run may be deleted with all that it had asked for.
    if run is None:
        return
    state, message = _state(due, run, outcome), outcome.message[:MESSAGE_CHARS_MAX]
    follow_ups.end(tx, due, state, message, now)
    # The same as before is no news an hour later.
    if state is not FollowUpState.WAITING or message != due.message:
        _tell(tx, due, _Told(run=run, status=outcome.status, state=state, message=message), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """How a try has ended, for the history."""

    run: Run
    status: StepStatus
    state: FollowUpState
    message: str


def _tell(tx: Transaction, due: DueFollowUp, told: _Told, now: datetime) -> None:
    run, message = told.run, told.message
    detail = {"status": told.status, "state": told.state, "message": message, "try": due.tries + 1}
    history.append(tx, run.id, HistoryKind.FOLLOWED_UP, detail, now=now, step=due.step)
    level = logging.INFO if told.status is StepStatus.SUCCESS else logging.WARNING
    fields = {"run": str(run.id), "step": str(due.step), "try": due.tries + 1, "reason": message}
    log.log(level, "a step's follow-up was tried", extra=fields)
    is_given_up = told.state is FollowUpState.GIVEN_UP
    if told.status is StepStatus.WARNING or is_given_up:
        unsolved.note_afterwards(tx, run, due.step, why=f"afterwards: {message}")
    if is_given_up:
        line = f'Process run "{run.name}": what step {due.step} was to do afterwards was given up: {message}'
        history.add_log(tx, run.modified_by, line, now, about=run.id)


def _state(due: DueFollowUp, run: Run, outcome: StepOutcome) -> FollowUpState:
    if outcome.status is not StepStatus.FAILED:
        return FollowUpState.DONE
    # It ended because the run was cancelled, or waits for a restart: no try of its own.
    is_last = due.tries + 1 >= TRIES_MAX and run.status is not RunStatus.CANCELLED
    return FollowUpState.GIVEN_UP if is_last else FollowUpState.WAITING


def _run(tx: Transaction, due: DueFollowUp) -> Run:
    run = runs.find(tx, due.run)
    assert run is not None, "a run with a follow-up that waits is kept"
    return run
