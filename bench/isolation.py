"""How quick a step's process is, without engine and database: beside a new Python process."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

from bench import floor
from bench.figures import Figure, Report, seconds
from bench.server import folder
from procession.engine.isolation import processes
from procession.engine.isolation.contract import Died, Done, Job, Limits, Progress, Worker
from procession.engine.isolation.options import IsolationSettings
from procession.engine.isolation.pool import ForkServerIsolation

WARM_JOBS = 4_000
SETTLE_SECONDS = 1.5
GRACE_SECONDS = 0.05
STUBBORN = """
import os, signal, time
signal.signal(15, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    os.fork()
progress(1.0)
time.sleep(60)
"""


@dataclass(slots=True, kw_only=True)
class House:
    """An isolation at work, and a folder for its jobs."""

    isolation: ForkServerIsolation
    home: Path
    jobs: int = 0

    def acquire(self, *, user_code: bool) -> Worker:
        while (worker := self.isolation.acquire(user_code=user_code)) is None:
            self.isolation.rest()
            select.select([self.isolation.fileno()], [], [], 1)
            self.isolation.collect()
        return worker

    def job(self, action: str, settings: dict[str, Any]) -> Job:
        self.jobs += 1
        place = self.home / f"attempt{self.jobs}"
        place.mkdir()
        return Job(
            action=action,
            settings=settings,
            values={},
            types={},
            targets={},
            folder=str(place),
            step_key="work",
            idempotency_key="pr-1/work/1",
            limits=Limits(),
        )

    def run(self, *, code: str | None = None) -> None:
        """A script in a process of its own; without one, a built-in action in a warm process."""
        worker = self.acquire(user_code=code is not None)
        worker.send(self.job("wait", {"seconds": 0}) if code is None else self.job("run_python", {"code": code}))
        self.isolation.rest()
        listen(worker)
        self.isolation.release(worker)

    def settle(self) -> None:
        """Let the fork server do what was ordered, so that one figure does not pay for another."""
        end_at = monotonic() + SETTLE_SECONDS
        while (left := end_at - monotonic()) > 0:
            select.select([self.isolation.fileno()], [], [], left)
            self.isolation.collect()


def listen(worker: Worker, *, until: type[Done] | type[Progress] = Done) -> None:
    while True:
        select.select([worker.fileno()], [], [])
        for message in worker.receive():
            assert not isinstance(message, Died), message
            if isinstance(message, until):
                return


def measure(*, full: bool) -> Report:
    """The port of engine/isolation, called from this process."""
    times = 3 if full else 1
    with folder() as place:
        settings = IsolationSettings(preload_at_start=True, home=str(place), job_paths=(str(place),), weak=True)
        isolation = ForkServerIsolation(settings)
        began = perf_counter()
        isolation.start()
        try:
            house = House(isolation=isolation, home=place)
            isolation.release(house.acquire(user_code=True))
            first = (perf_counter() - began) * 1000
            found = _figures(house, times)
            how = "; ".join(wall.seen for wall in isolation.walls())
        finally:
            isolation.close()
    return Report(
        work="isolation",
        title="processes of steps, without engine and database",
        figures=(Figure(name="first worker ready", unit="ms", values=(first,)), *found),
        remarks=(how,),
    )


def _figures(house: House, times: int) -> tuple[Figure, ...]:
    house.settle()
    idle = _memory_mb()
    own = _repeat(partial(house.run, code="pass"), 100 * times)
    rows = _repeat(partial(_in_a_row, house, 40), 5 * times)
    house.run()
    house.settle()
    warm = _repeat(house.run, 500 * times)
    rates = tuple(_warm_a_second(house) for _ in range(3 * times))
    kills = _repeat(partial(_kill, house), 20 * times)
    return (
        Figure(name="one job of user code", unit="ms", values=own),
        Figure(name="40 jobs of user code in a row", unit="ms", values=tuple(rows)),
        Figure(name="one warm job", unit="ms", values=warm),
        Figure(name="warm jobs, 16 at once", unit="jobs/s", values=rates),
        Figure(name="kill of a tree that ignores TERM, beyond the grace", unit="ms", values=kills),
        Figure(name="idle memory of the fork servers and workers (PSS)", unit="MB", values=(idle,)),
        Figure(name="floor: python -c pass", unit="ms", values=_repeat(floor.python_process, 20)),
    )


def _repeat(act: Callable[[], float | None], times: int) -> tuple[float, ...]:
    """Milliseconds of each time: what `act` says, else how long it took."""
    taken = []
    for _ in range(times):
        began = perf_counter()
        said = act()
        taken.append((perf_counter() - began) * 1000 if said is None else said)
    return tuple(taken)


def _in_a_row(house: House, count: int) -> float:
    house.settle()
    return seconds(lambda: [house.run(code="sum(range(10))") for _ in range(count)]) * 1000


def _warm_a_second(house: House) -> float:
    job = house.job("wait", {"seconds": 0})
    workers = [house.acquire(user_code=False) for _ in range(16)]
    by_handle = {worker.fileno(): worker for worker in workers}
    poll = select.epoll()
    began = perf_counter()
    for worker in workers:
        poll.register(worker.fileno(), select.EPOLLIN)
        worker.send(job)
    done = 0
    while done < WARM_JOBS:
        for handle, _ in poll.poll():
            worker = by_handle[handle]
            if any(isinstance(message, Done) for message in worker.receive()):
                done += 1
                worker.send(job)
    rate = done / (perf_counter() - began)
    poll.close()
    for worker in workers:
        listen(worker)
        house.isolation.release(worker)
    return rate


def _kill(house: House) -> float:
    worker = house.acquire(user_code=True)
    worker.send(house.job("run_python", {"code": STUBBORN}))
    listen(worker, until=Progress)
    began = perf_counter()
    receipt = worker.kill(grace_seconds=GRACE_SECONDS)
    taken = perf_counter() - began - GRACE_SECONDS
    assert not receipt.survivors
    house.isolation.release(worker)
    return taken * 1000


def _memory_mb() -> float:
    """Proportional memory of every process below this one."""
    total = 0
    for pid in processes.descendants(os.getpid()):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # one that was just ending
        total += int(text.partition("\nPss:")[2].split()[0])
    return total / 1024
