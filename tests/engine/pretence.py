"""Processes that only pretend, for tests that are about the engine: a step takes as long and ends as its settings say."""

from __future__ import annotations

import os
import threading
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

from procession.actions.contract import StepOutcome
from procession.engine.isolation.contract import Died, Done, Job, KillReceipt, Left, Message, ProcessMark, Worker
from procession.model.lifecycle import StepStatus
from procession.walls import Wall
from tests.engine.steps import StepText, wait

KILL_SECONDS = 0.05
_FAILS, _DIES, _HANGS = 1_000.0, 2_000.0, 3_000.0  # what the seconds of a wait mean here, from so many on


def works(key: str, seconds: float, **more: object) -> StepText:
    return wait(key, seconds, **more)


def fails(key: str, seconds: float, **more: object) -> StepText:
    return wait(key, _FAILS + seconds, **more)


def dies(key: str, seconds: float, **more: object) -> StepText:
    return wait(key, _DIES + seconds, **more)


def hangs(key: str, **more: object) -> StepText:
    return wait(key, _HANGS, **more)


@dataclass
class Stage:
    """What goes on in all processes of one test, engines before and after included."""

    violations: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _at_work: Counter[str] = field(default_factory=Counter)  # by "run/step"

    def enter(self, step: str) -> None:
        with self._lock:
            self._at_work[step] += 1
            if self._at_work[step] > 1:
                self.violations.append(f"{step} is at work twice")

    def leave(self, step: str) -> None:
        with self._lock:
            self._at_work[step] -= 1

    def runs_at_work(self) -> set[str]:
        with self._lock:
            return {step.partition("/")[0] for step, number in self._at_work.items() if number}


class Pretence:
    """Isolation (engine/isolation/contract.py) without processes."""

    def __init__(self, stage: Stage, workers_max: int) -> None:
        self.stage = stage
        self.used: set[PretendedWorker] = set()
        self._workers_max = workers_max
        self._bell = os.eventfd(0, os.EFD_NONBLOCK)
        self._numbers = count(1)
        self._is_refusing = False

    def start(self) -> None:
        pass

    def acquire(self, *, user_code: bool, network: bool = False, reaching: bool = False) -> Worker | None:
        # Every third time none is ready yet.
        if len(self.used) >= self._workers_max or next(self._numbers) % 3 == 0:
            self._is_refusing = True
            os.eventfd_write(self._bell, 1)
            return None
        worker = PretendedWorker(self.stage)
        self.used.add(worker)
        return worker

    def fileno(self) -> int:
        return self._bell

    def collect(self) -> None:
        os.eventfd_read(self._bell)

    def wake(self) -> None:
        """As if a process had become ready."""
        os.eventfd_write(self._bell, 1)

    @property
    def is_short(self) -> bool:
        return False

    def try_again(self) -> None:
        pass

    def release(self, worker: Worker) -> None:
        assert isinstance(worker, PretendedWorker)
        assert worker in self.used, "a process was given back twice"
        self.used.discard(worker)
        worker.stop()
        if self._is_refusing:
            self._is_refusing = False
            os.eventfd_write(self._bell, 1)

    def rest(self) -> None:
        pass

    def reap(self, mark: ProcessMark) -> KillReceipt | None:
        return None

    def walls(self) -> tuple[Wall, ...]:
        return ()

    def close(self) -> None:
        for worker in self.used:
            worker.stop()


class PretendedWorker:
    """One that says Done after a while, or Died, or nothing."""

    has_more = False

    mark = ProcessMark(pid=1, started_ticks=0, boot_id="none")
    has_more = False

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._bell = os.eventfd(0, os.EFD_NONBLOCK)
        self._lock = threading.Lock()
        self._messages: list[Message] = []
        self._step = ""
        self._timer: threading.Timer | None = None

    def fileno(self) -> int:
        return self._bell

    def send(self, job: Job) -> None:
        run = job.idempotency_key.split("/")[-3]
        self._step = f"{run}/{job.step_key}"
        self._stage.enter(self._step)
        seconds = float(job.settings.get("seconds", 0.0))
        if seconds < _HANGS:
            self._timer = threading.Timer(seconds % _FAILS, self._end, [seconds])
            self._timer.start()

    def acknowledge(self, number: int) -> None:
        raise AssertionError("no step that pretends records anything")

    def receive(self) -> list[Message]:
        with self._lock:
            messages, self._messages = self._messages, []
        return messages

    def left_behind(self) -> list[Left]:
        return []

    def kill(self, *, grace_seconds: float) -> KillReceipt:
        threading.Event().wait(min(KILL_SECONDS, grace_seconds))
        self.stop()
        return KillReceipt(pid=1, processes=1, signals=("TERM",), method="pretended", duration_ms=1, survivors=())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            step, self._step = self._step, ""
        if step:
            self._stage.leave(step)

    def _end(self, seconds: float) -> None:
        status = StepStatus.FAILED if seconds >= _FAILS else StepStatus.SUCCESS
        with self._lock:
            end: Message = Done(outcome=StepOutcome(status=status)) if seconds < _DIES else Died(reason="it died")
            self._messages.append(end)
            is_alive, step, self._step = bool(self._step), self._step, ""
        if is_alive:
            self._stage.leave(step)
            os.eventfd_write(self._bell, 1)
