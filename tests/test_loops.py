"""A loop: ticks while there is work, rests when there is none, and survives a tick that fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from procession.loops import TickLoop
from tests.support import wait_until

LONG_SECONDS = 3_600.0  # a rest that no test sits through


@pytest.fixture
def start() -> Iterator[Callable[[Callable[[], bool]], TickLoop]]:
    loops: list[TickLoop] = []

    def started(tick: Callable[[], bool]) -> TickLoop:
        loop = TickLoop("test", tick, rest_seconds=LONG_SECONDS)
        loop.start()
        loops.append(loop)
        return loop

    yield started
    assert all(loop.stop(deadline_seconds=10) for loop in loops)


Start = Callable[[Callable[[], bool]], TickLoop]


def test_a_loop_ticks_until_there_is_no_more_work(start: Start) -> None:
    work = [1, 2, 3]

    start(lambda: bool(work and work.pop()))

    wait_until(lambda: not work)


def test_waking_a_resting_loop_makes_it_tick_again(start: Start) -> None:
    ticks: list[int] = []

    def tick() -> bool:
        ticks.append(1)
        return False

    loop = start(tick)
    wait_until(lambda: len(ticks) == 1)

    loop.wake()

    wait_until(lambda: len(ticks) == 2)


def test_a_wake_during_a_tick_is_not_lost(start: Start) -> None:
    ticks: list[int] = []
    entered, leave = threading.Event(), threading.Event()

    def tick() -> bool:
        ticks.append(1)
        entered.set()
        assert leave.wait(10)
        return False

    loop = start(tick)
    assert entered.wait(10)
    loop.wake()
    leave.set()

    wait_until(lambda: len(ticks) == 2)


def test_a_failing_tick_is_logged_and_does_not_end_the_loop(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    ticks: list[int] = []

    def tick() -> bool:
        ticks.append(1)
        raise RuntimeError("the disk is away")

    loop = start(tick)
    wait_until(lambda: caplog.records)
    loop.wake()

    wait_until(lambda: len(ticks) == 2)
    assert "the disk is away" in caplog.text


def test_a_loop_that_hangs_is_reported_by_stop() -> None:
    leave = threading.Event()
    loop = TickLoop("test", partial(leave.wait, 10), rest_seconds=LONG_SECONDS)
    loop.start()

    assert not loop.stop(deadline_seconds=0.01)

    leave.set()
    assert loop.stop(deadline_seconds=10)
