"""The embedded engine: one thread that takes events, decides, commits and starts processes."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from contextlib import suppress
from typing import assert_never

from procession.engine.attempts import receipt_detail
from procession.engine.events import (
    BeatDue,
    BeginDue,
    CloseAsked,
    Collected,
    Event,
    JobDue,
    Killed,
    OverLimit,
    Published,
    RetryDue,
    RunMoved,
    RunTimeUp,
    ScanDue,
    StepTimeUp,
    WorkersDue,
    WorkerSpoke,
    WorkersReady,
)
from procession.engine.isolation.contract import KillReceipt, ProcessMark
from procession.engine.local import LocalSource
from procession.engine.loop import Loop
from procession.engine.options import EngineResources
from procession.model.errors import ProcessionError, Unavailable
from procession.model.ids import RunId
from procession.model.runs import HistoryKind
from procession.model.steps import AttemptRow
from procession.shortages import is_shortage
from procession.store import history, runs
from procession.store.database import Transaction

log = logging.getLogger(__name__)

CLOSE_LOOKS_SECONDS = 0.02
END_SECONDS_MAX = 2.0  # for the end of an attempt, and its files, to be recorded
STUMBLE_SECONDS = 0.1  # between two turns that fail
SHORT_WORDS_SECONDS = 10.0  # between two lines of the log about a shortage


class LocalEngine:
    """Engine (contract.py) on one machine. Its starter holds the home's lock, so a home has one engine."""

    def __init__(self, resources: EngineResources) -> None:
        self._resources = resources
        self._loop = Loop(resources.database, resources.clock.monotonic, short_seconds=resources.settings.short_seconds)
        self._source = LocalSource(
            resources, self._loop, f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(6)}"
        )
        self._executor = self._source.executor
        self._is_stopped = threading.Event()
        self._is_grace_over = False  # of close()
        self._workers_due: int | None = None  # the timer of WorkersDue
        self._told_at = -SHORT_WORDS_SECONDS  # when a shortage was last in the log, monotonic
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    def start(self) -> None:
        self._resources.isolation.start()
        self._recover()
        self._loop.watch(self._resources.isolation, WorkersReady())
        self._executor.start()
        self._source.start()
        self._loop.open(self._source)
        self._thread.start()

    def look(self, run: RunId) -> None:
        self._loop.post(RunMoved(run))

    def close(self) -> None:
        """Running steps get the grace period to end; the others are killed and run again at the next start."""
        if not self._thread.is_alive():
            return
        self._loop.post(CloseAsked())
        self._thread.join(self._resources.settings.grace_seconds)
        # A step that ended by then, or is being ended, is recorded; one that runs is not waited for any longer.
        self._is_grace_over = True
        self._thread.join(END_SECONDS_MAX)
        self._is_stopped.set()
        self._loop.wake()
        self._thread.join()
        self._executor.close()  # before the processes: some are being ended there
        self._resources.isolation.close()
        self._loop.close()
        with suppress(ProcessionError):  # on a full disk, say: what was counted before is there
            self._resources.database.write(self._stand_still)

    def _stand_still(self, tx: Transaction) -> None:
        self._source.count_time(tx)
        runs.stand_still(tx)

    def _work(self) -> None:
        while not self._is_stopped.is_set():
            # A failing turn must not end the engine: the next one may find the cause gone.
            try:
                self._loop.turn(self._hear, self._decide)
                self._resources.isolation.rest()
            except Exception:
                log.exception("the engine stumbled")
                self._is_stopped.wait(STUMBLE_SECONDS)

    def _hear(self, event: Event) -> None:
        try:
            self._handle(event)
        except Exception as error:  # a failure over one event must not affect the others
            if is_shortage(error) or isinstance(error, Unavailable):
                self._tell_shortage(error)
                self._loop.later(event)
            else:
                log.exception("the engine stumbled over an event", extra={"event": type(event).__name__})

    def _tell_shortage(self, error: Exception) -> None:
        moment = self._resources.clock.monotonic()
        if moment - self._told_at >= SHORT_WORDS_SECONDS:
            self._told_at = moment
            log.error("the engine is short of something and tries again", extra={"error": str(error)})

    def _decide(self) -> None:
        self._executor.decide()
        if self._resources.isolation.is_short and self._workers_due is None:
            self._workers_due = self._loop.after(self._resources.settings.short_seconds, WorkersDue())

    def _handle(self, event: Event) -> None:
        match event:
            case WorkerSpoke() | Published() | Killed() | StepTimeUp() | RunTimeUp() | RetryDue():
                self._executor.handle(event)
            case BeginDue() | JobDue() | OverLimit():
                self._executor.handle(event)
            case Collected():
                self._executor.collected(event)
            case WorkersDue():
                self._workers_due = None
                self._resources.isolation.try_again()
            case WorkersReady():
                self._resources.isolation.collect()
            case RunMoved(run):
                self._source.look(run)
            case ScanDue():
                self._source.scan()
            case BeatDue():
                self._source.beat()
            case CloseAsked():
                self._stop_when_idle(event)
            case _:
                assert_never(event)

    def _stop_when_idle(self, asked: CloseAsked) -> None:
        self._executor.is_closing = True
        if self._executor.busy(ends_alone=self._is_grace_over) == 0:
            self._is_stopped.set()
        else:
            self._loop.after(CLOSE_LOOKS_SECONDS, asked)

    def _recover(self) -> None:
        """Ends processes that an earlier server left and records that, before any step runs again.

        In a shortage it waits: no process is gone before the kernel says so, and none may run twice.
        """
        while True:
            try:
                return self._reap_all()
            except Exception as error:
                if not (is_shortage(error) or isinstance(error, Unavailable)):
                    raise
                self._tell_shortage(error)
                self._is_stopped.wait(self._resources.settings.short_seconds)

    def _reap_all(self) -> None:
        self._resources.database.write(runs.stand_still)
        with self._resources.database.read() as tx:
            left = history.not_gone(tx)
        for run, attempt in left:
            mark = ProcessMark(pid=attempt.pid, started_ticks=attempt.started_ticks, boot_id=attempt.boot_id)
            self._record_reaped(run, attempt, self._resources.isolation.reap(mark))

    def _record_reaped(self, run: RunId, attempt: AttemptRow, receipt: KillReceipt | None) -> None:
        now = self._resources.clock.now()
        detail = receipt_detail(receipt) if receipt else {"method": "ended with the server", "survivors": []}

        def record(tx: Transaction) -> None:
            history.append(tx, run, HistoryKind.KILLED, detail, now=now, step=attempt.step)
            history.mark_gone(tx, attempt.id)

        self._resources.database.write(record)
