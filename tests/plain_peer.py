"""A little system for the bench's drivers to drive: runs in threads of the driver's own process, nothing stored."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.peers import work
from bench.peers.contract import LANES, STEPS, WAIT_SECONDS_MAX, Nature, Work


class Plain:
    nature = Nature(packages=(), durability="none", isolation="thread", cancel="of what has not begun")

    def start(self, place: Path) -> None:
        self._pool = ThreadPoolExecutor(LANES)

    def roots(self) -> Sequence[int]:
        return [os.getpid()]

    def submit(self, work: Work, text: str = "") -> Future[None]:
        return self._pool.submit(_run, work, text)

    def wait(self, run: Future[None]) -> None:
        run.result(WAIT_SECONDS_MAX)

    def cancel(self, run: Future[None]) -> None:
        run.cancel()

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class Failing(Plain):
    def submit(self, work: Work, text: str = "") -> Any:
        raise RuntimeError("the disk is on fire")

    def stop(self) -> None:
        print("stopped after all")


def _run(kind: Work, text: str) -> None:
    if kind is Work.FIRST:
        work.tell_time(text)
    elif kind is Work.RESIST:
        work.resist(text)
    else:
        for _ in range(STEPS):
            pass
