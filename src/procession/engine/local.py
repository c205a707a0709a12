"""The embedded engine: one thread that takes runs from the store, listens to their processes and drives them on."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta

from procession.engine.attempts import receipt_detail
from procession.engine.executor import Executor
from procession.engine.isolation.contract import KillReceipt, ProcessMark, Worker
from procession.engine.options import Tools
from procession.engine.preparation import Preparations
from procession.engine.queue import FairQueue, Waiting
from procession.engine.taking import Taken, Taker
from procession.engine.timers import Timers
from procession.model.ids import RunId
from procession.model.lifecycle import RUN_ACTIVE, RunStatus
from procession.model.runs import HistoryKind, Run
from procession.model.steps import AttemptRow
from procession.store import history, runs
from procession.store.database import Transaction

log = logging.getLogger(__name__)

REST_SECONDS_MAX = 1.0
EVENTS_AT_ONCE = 64


class LocalEngine:
    """Engine (contract.py) on one machine. Whoever starts it holds the home's lock: there is one engine a home."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._id = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(6)}"
        self._inbox: deque[Callable[[], None]] = deque()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._is_ringing = False
        self._events = select.epoll()
        self._heard: dict[int, Callable[[], None]] = {}
        self._timers = Timers(tools.clock.monotonic)
        self._executor = Executor(tools, post=self._post, timers=self._timers, watch=self._watch)
        self._executor.left = self._on_left
        self._preparations = Preparations(tools.actions)
        self._taker = Taker(
            executor=self._id, preparations=self._preparations, lease_seconds=tools.settings.lease_seconds
        )
        self._queue = FairQueue()
        self._under_work: dict[RunId, Waiting] = {}
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    def start(self) -> None:
        self._tools.isolation.start()
        self._recover()
        self._listen(self._bell, self._on_bell)
        self._listen(self._tools.isolation.fileno(), self._on_ready)
        self._timers.after(0.0, self._scan)
        self._timers.after(self._tools.settings.lease_seconds / 3, self._renew_leases)
        self._thread.start()

    def look(self, run: RunId) -> None:
        self._post(lambda: self._look(run))

    def close(self) -> None:
        """Steps under way get the grace period to end; what does not is ended and runs again at the next start."""
        if not self._thread.is_alive():
            return
        self._post(self._stop_when_idle)
        self._thread.join(self._tools.settings.grace_seconds + 2.0)
        self._is_stopped.set()
        self._ring()
        self._thread.join()
        self._tools.isolation.close()
        self._executor.close()
        self._events.close()

    # --- the loop

    def _work(self) -> None:
        while not self._is_stopped.is_set():
            # A failing turn must not end the engine: the next one may find the cause gone.
            try:
                self._turn()
            except Exception:
                log.exception("the engine stumbled")

    def _turn(self) -> None:
        rest = 0.0 if self._inbox else self._timers.rest_seconds(REST_SECONDS_MAX)
        for handle, _ in self._events.poll(rest, EVENTS_AT_ONCE):
            if (hear := self._heard.get(handle)) is not None:
                hear()
        for _ in range(len(self._inbox)):
            self._inbox.popleft()()
        self._timers.run_due()

    def _post(self, call: Callable[[], None]) -> None:
        self._inbox.append(call)
        if threading.current_thread() is not self._thread:
            self._ring()

    def _ring(self) -> None:
        # A bell that rings will be heard, and the inbox is emptied after that: many calls cost one wake-up.
        if not self._is_ringing:
            self._is_ringing = True
            with contextlib.suppress(BlockingIOError):
                os.eventfd_write(self._bell, 1)

    def _on_bell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        self._is_ringing = False

    def _on_ready(self) -> None:
        self._tools.isolation.collect()
        self._executor.fill_slots()

    def _listen(self, handle: int, hear: Callable[[], None]) -> None:
        self._heard[handle] = hear
        self._events.register(handle, select.EPOLLIN)

    def _watch(self, worker: Worker, hear: Callable[[], None] | None) -> None:
        """Call `hear` whenever the worker has said something; None ends it."""
        try:
            handle = worker.fileno()
        except ValueError:
            return
        if hear is not None:
            self._listen(handle, hear)
        elif self._heard.pop(handle, None) is not None:
            with contextlib.suppress(OSError):
                self._events.unregister(handle)

    def _stop_when_idle(self) -> None:
        self._executor.is_closing = True
        if self._executor.busy() == 0:
            self._is_stopped.set()
        else:
            self._timers.after(0.02, self._stop_when_idle)

    # --- which runs

    def _look(self, run_id: RunId, *, is_scan: bool = False) -> None:
        self._tools.announcements.ring(run_id)
        with self._tools.database.read() as tx:
            run = runs.find(tx, run_id)
        board = self._executor.boards.get(run_id)
        if board is not None and (run is None or run.epoch != board.run.epoch):
            self._executor.drop(board)
        if run is None or run.status not in RUN_ACTIVE:
            self._queue.drop(run_id)
        elif not self._is_busy_with(run_id) and (is_scan or not self._has_lost(run)):
            self._enqueue(run)
        self._take_next()

    def _is_busy_with(self, run: RunId) -> bool:
        return run in self._under_work or run in self._executor.dying

    def _has_lost(self, run: Run) -> bool:
        """A run of ours that could not be written, when it is not under work: the disk may be full.

        It waits for the next scan, so that it is not taken a thousand times a second.
        """
        return run.status is RunStatus.RUNNING and run.executor == self._id

    def _enqueue(self, run: Run) -> None:
        assert run.started_by is not None
        limit = self._limit_of(run)
        self._queue.add(Waiting(run=run.id, process=run.process, user=run.started_by, runs_at_once=limit))

    def _limit_of(self, run: Run) -> int | None:
        with self._tools.database.read() as tx:
            return self._preparations.get(tx, run.process, run.version).process.runs_at_once

    def _take_next(self) -> None:
        while not self._executor.is_closing and len(self._under_work) < self._tools.settings.runs_max:
            waiting = self._queue.next(self._under_work.values())
            if waiting is None:
                return
            self._take(waiting)

    def _take(self, waiting: Waiting) -> None:
        self._under_work[waiting.run] = waiting
        run, now = waiting.run, self._tools.clock.now()
        future = self._tools.database.submit(lambda tx: self._taker.take(tx, run, now))
        future.add_done_callback(lambda done: self._post(lambda: self._taken(run, done)))

    def _taken(self, run: RunId, done: Future[Taken | None]) -> None:
        if (error := done.exception()) is not None:
            log.error("a run could not be taken", exc_info=error, extra={"run": str(run)})
            self._under_work.pop(run, None)  # the next scan finds it
            return
        if (taken := done.result()) is None:
            self._on_left(run)
            return
        self._tools.announcements.ring(run)
        self._executor.begin(taken)

    def _on_left(self, run: RunId) -> None:
        """Nothing of the run is under work here any more; it may have been restarted meanwhile."""
        if self._under_work.pop(run, None) is not None and not self._is_stopped.is_set():
            self._post(lambda: self._look(run))

    def _scan(self) -> None:
        """Find what nobody announced; the database is the queue."""
        with self._tools.database.read() as tx:
            found = runs.unfinished_ids(tx)
        for run in found:
            if run not in self._under_work and run not in self._queue:
                self._look(run, is_scan=True)
        self._timers.after(self._tools.settings.scan_seconds, self._scan)

    def _renew_leases(self) -> None:
        if self._executor.boards:
            until = self._tools.clock.now() + timedelta(seconds=self._tools.settings.lease_seconds)
            self._tools.database.submit(lambda tx: runs.renew_leases(tx, self._id, until))
        self._timers.after(self._tools.settings.lease_seconds / 3, self._renew_leases)

    # --- after a crash

    def _recover(self) -> None:
        """End what an earlier server has left running, and record it, before any step runs again."""
        with self._tools.database.read() as tx:
            left = history.not_gone(tx)
        for run, attempt in left:
            mark = ProcessMark(pid=attempt.pid, started_ticks=attempt.started_ticks, boot_id=attempt.boot_id)
            self._record_reaped(run, attempt, self._tools.isolation.reap(mark))

    def _record_reaped(self, run: RunId, attempt: AttemptRow, receipt: KillReceipt | None) -> None:
        now = self._tools.clock.now()
        detail = receipt_detail(receipt) if receipt else {"method": "ended with the server", "survivors": []}

        def record(tx: Transaction) -> None:
            history.append(tx, run, HistoryKind.KILLED, detail, now=now, step=attempt.step)
            history.mark_gone(tx, attempt.id)

        self._tools.database.write(record)
