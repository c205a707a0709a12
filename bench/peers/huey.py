"""Huey on SQLite: tasks in threads of one consumer, chained as its pipelines are."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huey import SqliteHuey

from bench.peers import work
from bench.peers.contract import LANES, STEPS, WAIT_SECONDS_MAX, Nature, Work
from bench.peers.processes import Children

POLL_SECONDS = 0.001
FILE = "BENCH_PEERS_HUEY"

queue = SqliteHuey(filename=os.environ.get(FILE, ":memory:"), fsync=True)


@queue.task()
def nothing(before: int = 0) -> int:  # a pipeline hands on what the task before it gave
    return 1


@queue.task()
def tell_time(path: str) -> int:
    work.tell_time(path)
    return 1


@queue.task()
def resist(names: str) -> int:
    work.resist(names)
    return 1


class Peer:
    nature = Nature(
        packages=("huey",),
        durability="SQLite, WAL, synchronous=FULL (fsync=True); a task leaves the queue before it runs: at most once",
        isolation="thread of one consumer process",
        cancel="task.revoke(): there is no cancel of a task under way",
        remark=f"consumer and results are polled every {POLL_SECONDS * 1000:g} ms instead of 100 and 50 as by default",
    )

    def __init__(self) -> None:
        self._children = Children()

    def start(self, place: Path) -> None:
        file = str(place / "huey.db")
        queue.storage.filename = file
        queue.storage.close()
        queue.storage.initialize_schema()
        command = [sys.executable, "-m", "huey.bin.huey_consumer", "bench.peers.huey.queue", "-k", "thread"]
        polling = ["-q", "-d", str(POLL_SECONDS), "-m", str(POLL_SECONDS), "-b", "1"]
        self._children.start([*command, "-w", str(LANES), *polling], place / "huey.log", {**os.environ, FILE: file})

    def roots(self) -> Sequence[int]:
        return self._children.pids()

    def submit(self, work: Work, text: str = "") -> Any:
        if work is Work.FIRST:
            return tell_time(text)
        if work is Work.RESIST:
            return resist(text)
        chain = nothing.s()
        for _ in range(STEPS - 1):
            chain = chain.then(nothing)
        return queue.enqueue(chain)

    def wait(self, run: Any) -> None:
        results = [run] if not hasattr(run, "__iter__") else list(run)
        for result in results[-1:]:
            got = result.get(blocking=True, timeout=WAIT_SECONDS_MAX, backoff=1, max_delay=POLL_SECONDS)
            assert got == 1, got

    def cancel(self, run: Any) -> None:
        run.revoke()

    def stop(self) -> None:
        self._children.end()
