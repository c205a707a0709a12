"""Chooses the next run on one machine: asks the store when there is room and runs may be waiting."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from functools import partial

from procession.engine.changes import Change
from procession.engine.events import BeatDue, ScanDue
from procession.engine.executor import Executor
from procession.engine.loop import Loop
from procession.engine.options import EngineResources
from procession.engine.preparation import Preparations
from procession.engine.queue import FairQueue
from procession.engine.taking import Taker
from procession.model.ids import ProcessId, RunId
from procession.store import queueing, runs
from procession.store.database import Task, Transaction
from procession.store.queueing import Head, Lines

log = logging.getLogger(__name__)

TAKEN_AT_ONCE = 16  # in one transaction
THROWN_REST_SECONDS = 0.5
LIMITS_KEPT = 10_000  # of versions: a number each


class LocalSource:
    """Belongs to the loop's thread. `executor_id` names this engine in the rows of its runs."""

    def __init__(self, resources: EngineResources, loop: Loop, executor_id: str) -> None:
        self._resources = resources
        self._loop = loop
        self._id = executor_id
        self.executor = Executor(resources, loop, left=self._on_left, parked=self._ask)
        self._preparations = Preparations(resources.actions)
        self._taker = Taker(executor=executor_id, preparations=self._preparations, clock=resources.clock)
        self._queue = FairQueue(resources.settings.runs_max, user_runs_max=resources.settings.user_runs_max)
        self._orphans: dict[RunId, Head] = {}  # Running in the store, but nobody works on them
        self._refused: set[RunId] = set()  # could not be taken, until the next scan
        self._riding: list[Head] = []  # taken in a transaction that is not committed yet
        self._recorded: list[Change] = []  # what follows for them, in the same transaction
        self._may_wait = False  # something may wait that could be taken
        self._next_scan: int | None = None
        self._is_beating = False  # a beat waits to be written
        self._rides_at = 0.0  # monotonic; not before
        self._limits: dict[tuple[ProcessId, int], int | None] = {}  # of versions: how many runs at once

    def start(self) -> None:
        self._loop.after(0.0, ScanDue())
        self._loop.after(self._resources.settings.beat_seconds, BeatDue())

    def look(self, run_id: RunId) -> None:
        """Looks at a run that may have been moved."""
        self._resources.announcements.ring(run_id)
        active = self.executor.active_runs.get(run_id)
        if active is not None:
            with self._resources.database.read() as tx:
                run = runs.find(tx, run_id)
                if run is not None and run.epoch == active.run.epoch:
                    self.executor.settle_waits(active, tx)
                    return
            self.executor.drop(active)
        elif run_id not in self._queue:
            self._ask()

    def scan(self) -> None:
        """Find what nobody announced; the database is the queue."""
        self._loop.cancel(self._next_scan)  # one that failed comes again by itself, and sooner
        self._next_scan = self._loop.after(self._resources.settings.scan_seconds, ScanDue())
        with self._resources.database.read() as tx:
            running = queueing.running(tx)
            for active in tuple(self.executor.active_runs.values()):
                self.executor.settle_waits(active, tx)
        self._refused.clear()
        self._orphans = {head.run: head for head in running if not self._is_busy_with(head.run)}
        self._ask()

    def beat(self) -> None:
        self._loop.after(self._resources.settings.beat_seconds, BeatDue())
        if self.executor.active_runs and not self._is_beating:  # one that waits for a full disk is enough
            self._is_beating = True
            self._loop.enlist(self.count_time, self._beaten)

    def _beaten(self, _: Task[None]) -> None:
        self._is_beating = False

    def count_time(self, tx: Transaction) -> None:
        # In the rows of the runs that are under work here.
        runs.beat(tx, self._id, self._resources.clock.monotonic())

    def _ask(self) -> None:
        self._may_wait = True
        self._loop.again()

    def _is_busy_with(self, run: RunId) -> bool:
        return run in self._queue or run in self.executor.dying

    def _on_left(self, run: RunId) -> None:
        """The executor has let the run go; it may have been restarted meanwhile."""
        self._queue.leave(run)
        self._ask()

    # --- as part of a commit

    def wants_to_ride(self) -> bool:
        return self._may_wait and not self.executor.is_closing and self._resources.clock.monotonic() >= self._rides_at

    def noticed(self, run: RunId) -> None:
        if run not in self._queue:
            self._may_wait = True

    def end_first(self, run: RunId) -> None:
        """Its cancel waits for room that its own steps may hold; what they were is settled when it is recorded."""
        if (active := self.executor.active_runs.get(run)) is not None:
            self.executor.halt(active)

    def ride(self, tx: Transaction) -> None:
        """Takes waiting runs while there is room, in the transaction about to be committed."""
        passed = {*self.executor.dying, *self._refused}
        lines, parked, head = Lines(tx, without=passed), self._parked(), None
        for _ in range(TAKEN_AT_ONCE):
            head = self._next(tx, (self._interrupted(passed), lines.heads()), parked)
            if head is None:
                break
            self._take(tx, head)
            lines.pass_by(head)
        if self._riding:
            self._record(tx)
        self._may_wait = head is not None

    def _record(self, tx: Transaction) -> None:
        """Records the first steps of the taken runs in the same transaction."""
        for change in self.executor.decide_for([head.run for head in self._riding]):
            run = change.active.run.id
            if self._is_done_apart(tx, run, partial(change.record, tx)):
                self._recorded.append(change)
            else:
                self._queue.leave(run)
                self._riding = [head for head in self._riding if head.run != run]

    def _next(self, tx: Transaction, sources: Iterable[Collection[Head]], parked: Collection[RunId]) -> Head | None:
        """Interrupted runs go first: who waits for a process with a limit must find it taken by them."""
        limit_of = partial(self._limit_of, tx)
        found = (self._queue.choose(heads, limit_of, parked) for heads in sources)
        return next((head for head in found if head is not None), None)

    def _interrupted(self, passed: Collection[RunId]) -> list[Head]:
        return [head for run, head in self._orphans.items() if run not in passed and run not in self._refused]

    def _parked(self) -> set[RunId]:
        return {run for run, active in self.executor.active_runs.items() if active.is_parked()}

    def _take(self, tx: Transaction, head: Head) -> None:
        if self._is_done_apart(tx, head.run, partial(self._begin, tx, head)):
            self._orphans.pop(head.run, None)
            self._queue.take(head)
            self._riding.append(head)

    def _begin(self, tx: Transaction, head: Head) -> None:
        taken = self._taker.take(tx, head)
        if taken is not None:
            self.executor.begin(taken)

    def _is_done_apart(self, tx: Transaction, run: RunId, act: Callable[[], None]) -> bool:
        """Isolates a run whose part fails: it waits for the next scan, the others go on."""
        try:
            with tx.part():
                act()
        except Exception as error:
            if tx.is_lost_with(error):
                raise
            log.exception("a run could not be taken", extra={"run": str(run)})
            self.executor.abandon([run])
            self._refused.add(run)
            return False
        return True

    def arrived(self) -> None:
        """The commit is on disk."""
        runs_taken, self._riding = [head.run for head in self._riding], []
        recorded, self._recorded = self._recorded, []
        self.executor.recorded(recorded)
        for run in runs_taken:
            if run not in self.executor.active_runs:
                self._on_left(run)

    def thrown_off(self) -> None:
        """Nothing was committed, so nothing is taken. The cause may last: rest before the next try."""
        heads, self._riding = self._riding, []
        self._recorded.clear()
        self._may_wait = True
        self._rides_at = self._resources.clock.monotonic() + THROWN_REST_SECONDS
        self.executor.abandon([head.run for head in heads])
        for head in heads:
            self._queue.leave(head.run)
        self._preparations.forget()  # they may have been read from what was not committed
        self._limits.clear()

    def _limit_of(self, tx: Transaction, head: Head) -> int | None:
        version = head.process, head.version
        if version not in self._limits:
            if len(self._limits) >= LIMITS_KEPT:
                self._limits.clear()
            self._limits[version] = self._read_limit(tx, head)
        return self._limits[version]

    def _read_limit(self, tx: Transaction, head: Head) -> int | None:
        try:
            return self._preparations.get(tx, head.process, head.version).process.runs_at_once
        except Exception as error:
            if tx.is_lost_with(error):
                raise
            return None  # whoever takes it finds the same, and says so
