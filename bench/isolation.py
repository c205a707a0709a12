"""How quick a step's process is: medians, beside a new Python process. Run: python bench/isolation.py"""

from __future__ import annotations

import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "engine" / "isolation"))

from procession.engine.isolation import ForkServerIsolation, processes
from procession.engine.isolation.contract import Done, Worker
from tests.engine.isolation.house import House, settings

WARM_JOBS = 4_000


def main() -> None:
    isolation = ForkServerIsolation(settings(user_ready=4, preload=("duckdb", "fastexcel", "xlsxwriter")))
    started = time.perf_counter()
    isolation.start()
    with tempfile.TemporaryDirectory() as home:
        house = House(isolation=isolation, home=Path(home))
        house.isolation.release(house.acquire())
        figures: dict[str, float | str] = {"first worker ready, ms": _since(started), "how": isolation.describe()}
        _settle(house)
        figures["idle memory of all processes (PSS), MB"] = _memory_mb()
        figures["python -c pass, ms"] = _median(_spawn, 20)
        figures["one job of user code, ms"] = _median(lambda: house.run("pass"), 100)
        _settle(house)
        figures["40 jobs of user code in a row, ms"] = _median(lambda: _in_a_row(house, 40), 7)
        house.run("", action="log", user_code=False)
        _settle(house)
        figures["one warm job, ms"] = _median(lambda: house.run("a", action="echo", user_code=False, a=1), 500)
        figures["warm jobs a second, 16 at once"] = _warm_a_second(house)
        figures["kill of a tree that ignores TERM, ms beyond a grace of 50"] = _median(lambda: _kill(house), 20) - 50
        figures["memory with 16 warm (PSS), MB"] = _memory_mb()
    isolation.close()
    print(
        json.dumps(
            {name: round(value, 2) if isinstance(value, float) else value for name, value in figures.items()}, indent=2
        )
    )


def _median(act: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        result = act()
        if isinstance(result, float):
            taken.append(result)
    if taken:
        return statistics.median(taken)
    for _ in range(times):
        started = time.perf_counter()
        act()
        taken.append(_since(started))
    return statistics.median(taken)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _spawn() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def _settle(house: House) -> None:
    """Let the fork server do what was ordered, so that one figure does not pay for another."""
    end_at = time.monotonic() + 1.5
    while (left := end_at - time.monotonic()) > 0:
        select.select([house.isolation.fileno()], [], [], left)
        house.isolation.collect()


def _in_a_row(house: House, count: int) -> float:
    _settle(house)
    started = time.perf_counter()
    for _ in range(count):
        house.run("outputs['a.b'] = sum(range(10))")
    return _since(started)


def _warm_a_second(house: House) -> float:
    job = house.job("a", action="echo", a=1)
    workers = [house.acquire(user_code=False) for _ in range(16)]
    by_handle: dict[int, Worker] = {worker.fileno(): worker for worker in workers}
    poll = select.epoll()
    started = time.perf_counter()
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
    seconds = time.perf_counter() - started
    for worker in workers:
        house.isolation.release(worker)
    return done / seconds


def _kill(house: House) -> float:
    code = "import os, signal, time; signal.signal(15, signal.SIG_IGN)\nif os.fork() == 0: os.setsid(); os.fork()\n"
    worker = house.acquire()
    worker.send(house.job(code + "context.progress(1.0)\ntime.sleep(60)"))
    house.listen(worker, lambda told: bool(told.progress))
    started = time.perf_counter()
    receipt = worker.kill(grace_seconds=0.05)
    taken = _since(started)
    assert not receipt.survivors
    house.isolation.release(worker)
    return taken


def _memory_mb() -> float:
    """Proportional memory of every process below this one."""
    total = 0
    for pid in processes.descendants(os.getpid()):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # a process that was just ending
        total += int(text.partition("\nPss:")[2].split()[0])
    return total / 1024


if __name__ == "__main__":
    main()
