"""Runs table jobs in sandboxed processes: work on files that come from outside. Tried steps and follow-ups, too.

Nothing is started before the first job, so that a server without tables pays nothing for them.
"""

from __future__ import annotations

import secrets
import select
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import msgspec

from procession.actions.contract import StepOutcome
from procession.engine.account import Account
from procession.engine.isolation.contract import Died, Done, Job, Limits, LogText, Record, Worker
from procession.engine.isolation.holdings import Observer
from procession.engine.isolation.options import IsolationSettings
from procession.engine.isolation.pool import ForkServerIsolation
from procession.engine.options import Quota
from procession.model.errors import Unavailable
from procession.store.runs import Superseded

T = TypeVar("T")

REGISTRY = "procession.actions.tables.jobs:registry"
MEMORY_BYTES_MAX = 2**30  # of address space; actual use stays below 512 MB
FILE_BYTES_MAX = 8 * 2**30
WORKERS_MAX = 3
REACHING_MAX = 4  # follow-ups that are tried at the same time
THREADS = 4
WAITING_MAX = 64  # requests beyond these are told to come back
ACQUIRE_MS = 100  # between two looks for a free process
ACQUIRE_LOOKS_MAX = 300
LOG_CHARACTERS_MAX = 20_000
LOOKS_APART_MS = 250  # at what a job takes, as at steps
LIMITS = Limits(memory_bytes_max=MEMORY_BYTES_MAX, file_bytes_max=FILE_BYTES_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a job needs of its process. `record` puts on disk what one that is `reaching` does outside.

    It raises Superseded for one that must do nothing more, which is ended.
    """

    user_code: bool = False
    reaching: bool = False
    record: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnd:
    """The end of a job: its outcome, or why there is none."""

    outcome: StepOutcome | None
    reason: str = ""
    log: str = ""  # the beginning of what it printed


@dataclass(slots=True)
class TableWorkers:
    """`folder` holds the jobs' folders; `settings` limit their processes. Any thread may call it."""

    folder: Path
    settings: IsolationSettings
    quota: Quota = field(default_factory=Quota)  # of each job, as of each step
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _isolation: ForkServerIsolation | None = None
    _threads: ThreadPoolExecutor | None = None
    _waiting: int = 0
    _is_closed: bool = False

    def call(self, function: Callable[[], T]) -> Future[T]:
        """Runs it in a thread that may wait for jobs. Raises Unavailable if too many wait, or once it is closed."""
        with self._lock:
            self._require_open()
            if self._waiting >= WAITING_MAX:
                raise Unavailable("too many requests for tables are waiting; try again in a moment")
            self._waiting += 1
            if self._threads is None:
                self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tables")
            future = self._threads.submit(function)
        future.add_done_callback(self._leave)
        return future

    def _leave(self, future: Future[T]) -> None:
        with self._lock:
            self._waiting -= 1

    @contextmanager
    def temporary_folder(self) -> Iterator[Path]:
        """An empty folder, gone afterwards."""
        place = self.make_folder()
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def make_folder(self) -> Path:
        """An empty folder, which the caller removes."""
        place = self.folder / secrets.token_hex(8)
        place.mkdir(parents=True)
        return place

    def perform(self, kind: str, settings: msgspec.Struct, *, place: Path, seconds_max: float) -> JobEnd:
        """Runs the job in a process, killed after so many seconds. Raises Unavailable if none is free, or any more."""
        return self.run(_job(kind, settings, place), place=place, seconds_max=seconds_max)

    def run(self, job: Job, *, place: Path, seconds_max: float, needs: Needs = Needs()) -> JobEnd:
        """The same for a job that somebody has made; user code gets a process of its own, where there is one for it."""
        worker = self._acquire(needs)
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            worker.kill(grace_seconds=0)

        timer = threading.Timer(seconds_max, end)
        timer.daemon = True  # the end of the server waits for no job
        timer.start()
        try:
            worker.send(job)
            ended = self._listen(worker, job, place, needs)
        finally:
            # Only once it can no longer kill may another job get the process.
            timer.cancel()
            timer.join()
            with self._lock:
                if self._isolation is not None:
                    self._isolation.release(worker)
                    self._isolation.rest()
        late = JobEnd(outcome=None, reason=f"it took longer than {seconds_max:g} s")
        return late if ended.outcome is None and is_late.is_set() else ended

    def _listen(self, worker: Worker, job: Job, place: Path, needs: Needs) -> JobEnd:
        poll = select.poll()
        poll.register(worker.fileno(), select.POLLIN)
        account = Account(
            keeper=worker.mark.pid,
            folder=str(place),
            limits=job.limits,
            quota=self.quota,
            is_fresh=needs.user_code or needs.reaching,
            setting="",
        )
        observer, printed = Observer(disk=place.stat().st_dev), list[str]()
        while True:
            if (end := _heard(worker, printed, needs)) is not None:
                return replace(end, log="".join(printed)[:LOG_CHARACTERS_MAX])
            # A job speaks once a second, and is looked at in between.
            if not poll.poll(LOOKS_APART_MS) and (reason := _look(account, observer)) is not None:
                worker.kill(grace_seconds=0)
                return JobEnd(outcome=None, reason=reason)

    def _acquire(self, needs: Needs) -> Worker:
        for _ in range(ACQUIRE_LOOKS_MAX):
            with self._lock:
                # Whoever took its job before the end and asks after it would start a process that nobody ends.
                self._require_open()
                if self._isolation is None:
                    self._isolation = self._start()
                isolation = self._isolation
                isolation.collect()
                if isolation.is_short:
                    isolation.try_again()
                worker = isolation.acquire(user_code=needs.user_code, reaching=needs.reaching)
                isolation.rest()
            if worker is not None:
                return worker
            # Outside of the lock: those who give a process back need it.
            poll = select.poll()
            poll.register(isolation.fileno(), select.POLLIN)
            poll.poll(ACQUIRE_MS)
        raise Unavailable("all processes for tables are busy; try again in a moment")

    def _start(self) -> ForkServerIsolation:
        isolation = ForkServerIsolation(self.settings)
        isolation.start()
        return isolation

    def _require_open(self) -> None:
        if self._is_closed:
            raise Unavailable("the server is stopping; try again once it runs")

    def close(self) -> None:
        """Ends every process and its job for good: whoever asks for another afterwards gets none."""
        with self._lock:
            self._is_closed = True
        self.let_go()

    def let_go(self) -> None:
        """Ends every process and its job. The next job starts new ones."""
        with self._lock:
            isolation, self._isolation = self._isolation, None
            threads, self._threads = self._threads, None
            if isolation is not None:
                isolation.close()
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)


def settings(**more: object) -> IsolationSettings:
    """Isolation for table jobs: warm processes only, DuckDB imported at once."""
    fixed = {"registry": REGISTRY, "user_ready": 0, "warm_ready": 1, "workers_max": WORKERS_MAX, "preload": ("duckdb",)}
    return msgspec.convert({**fixed, "preload_at_start": True, **more}, IsolationSettings)


# No network of any kind: what a trial must not do, its process cannot.
def trial_settings(bounds: IsolationSettings) -> IsolationSettings:
    """Isolation for single steps that are tried: as of the steps of runs, but without any network."""
    one = {"user_ready": 1, "warm_ready": 1, "workers_max": WORKERS_MAX, "preload_at_start": False}
    return msgspec.structs.replace(bounds, network_allowed=False, cgroup="", **one)


def reaching_settings(bounds: IsolationSettings) -> IsolationSettings:
    """Isolation for what steps do outside once their ends are on disk: no processes but those that reach."""
    at_once = {"user_ready": 0, "warm_ready": 0, "workers_max": REACHING_MAX, "preload_at_start": False}
    return msgspec.structs.replace(bounds, cgroup="", **at_once)


def _job(kind: str, settings: msgspec.Struct, place: Path) -> Job:
    return Job(
        action=kind,
        settings=msgspec.to_builtins(settings),
        values={},
        types={},
        targets={},
        folder=str(place),
        step_key=kind,
        idempotency_key="",
        limits=LIMITS,
    )


def _heard(worker: Worker, printed: list[str], needs: Needs) -> JobEnd | None:
    for message in worker.receive():
        match message:
            case LogText(text=text) if sum(map(len, printed)) < LOG_CHARACTERS_MAX:
                printed.append(text)
            case Record(number=number, entry=entry) if needs.record is not None:
                try:
                    needs.record(entry)
                except Superseded as error:
                    worker.kill(grace_seconds=0)
                    return JobEnd(outcome=None, reason=error.message)
                except Exception:
                    # What is not on disk must not be done: it waits for a word that it will never get.
                    worker.kill(grace_seconds=0)
                    raise
                worker.acknowledge(number)
            case Done(outcome=outcome):
                return JobEnd(outcome=outcome)
            case Died(reason=reason):
                return JobEnd(outcome=None, reason=reason)
            case _:
                pass  # heartbeats, progress, and more of a log than anybody reads
    return None


def _look(account: Account, observer: Observer) -> str | None:
    with suppress(OSError):  # a shortage: the next look may see
        return account.look(observer)
    return None
