"""What is asked of each system in its turn, and ours, which answers over HTTP."""

from __future__ import annotations

import inspect
import select
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from time import perf_counter, time
from typing import Protocol

from bench.lanes import runs_a_second
from bench.peers import work
from bench.peers.contract import LANES, STEPS, Nature
from bench.peers.driver import STARTED_SECONDS_MAX, named
from bench.server import Server, process_text, python_step, serving, wait_step
from procession.engine.isolation import processes


class Side(Protocol):
    """A system, started when it is made; each turn makes one anew."""

    nature: Nature
    versions: Sequence[str]

    def pids(self) -> set[int]:
        """All processes that are the system."""

    def rate(self, *, lanes: int, seconds: float) -> float:
        """Steps a second."""

    def firsts(self, *, count: int, seconds: float) -> list[float]:
        """Milliseconds from the submit of a run to the first statement of its only step."""

    def resist(self, names: str) -> None:
        """Cancels a step that ignores it."""

    def close(self) -> None:
        """Nothing of it is left."""


class Ours:
    """`procession serve`, over HTTP, with as many workers as lanes."""

    nature = Nature(
        packages=(),
        durability="SQLite, WAL, synchronous=FULL",
        isolation="process of its own in namespaces of its own",
        cancel="POST cancel: TERM, then KILL to all processes of the step after 5 s of grace",
        remark="over HTTP with a token; the peers are called as libraries",
    )
    versions: Sequence[str] = ()

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._server: Server = self._stack.enter_context(serving(workers_max=LANES))
        self._client = self._server.client()
        self._steps = self._client.publish(process_text("Peers", STEPS, wait_step))
        code = partial(python_step, code="import time\nmessage(repr(time.time()))")
        self._first = self._client.publish(process_text("Peers first", 1, code))
        self._last = int(self._client.run_through(self._steps)["revision"])

    def pids(self) -> set[int]:
        return with_descendants([self._server.pid])

    def rate(self, *, lanes: int, seconds: float) -> float:
        after = self._last - 1
        return STEPS * runs_a_second(self._server, self._steps, lanes=lanes, seconds=seconds, after=after)

    def firsts(self, *, count: int, seconds: float) -> list[float]:
        taken, began = list[float](), perf_counter()
        while len(taken) < count and perf_counter() - began < seconds:
            asked = time()
            run = self._client.create(self._first, start=True)
            self._client.wait(run)
            step = self._client.step_ids(run)[0]
            taken.append((float(self._client.step(run, step)["completionMessage"]) - asked) * 1000)
        return taken

    def resist(self, names: str) -> None:
        code = f"{inspect.getsource(work.resist)}\nresist({names!r})"
        process = self._client.publish(process_text("Peers resist", 1, partial(python_step, code=code)))
        run = self._client.create(process, start=True)
        end_at = perf_counter() + STARTED_SECONDS_MAX
        while not all(named(name) for name in names.split()):
            assert perf_counter() < end_at, self._client.status(run)
            select.select([], [], [], 0.01)
        self._client.ask("POST", f"processruns/{run}/cancel")

    def close(self) -> None:
        self._client.close()
        self._stack.close()


def with_descendants(roots: Sequence[int]) -> set[int]:
    return {pid for root in roots for pid in [root, *processes.descendants(root)]}
