"""The pool: what runs short comes again, what fails otherwise is told, and a thread that cannot start is done without."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from procession.engine.pool import Job, Pool
from tests.support import wait_until


@pytest.fixture
def again() -> list[Job]:
    return []


@pytest.fixture
def pool(again: list[Job]) -> Iterator[Pool]:
    made = Pool(2, again=again.append)
    yield made
    made.close()


def fall_short() -> None:
    raise OSError(errno.EMFILE, "Too many open files")


def stumble() -> None:
    raise RuntimeError("a fault of ours")


def test_a_job_that_runs_short_is_handed_back_to_come_again(pool: Pool, again: list[Job]) -> None:
    pool.submit(fall_short)

    wait_until(lambda: again == [fall_short])


def test_a_job_that_fails_is_told_and_the_next_is_done(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()

    pool.submit(stumble)
    pool.submit(done.set)

    assert done.wait(5)
    wait_until(lambda: "a fault of ours" in caplog.text)


def test_a_job_is_done_though_no_further_thread_can_be_started(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, done = threading.Event(), threading.Event()
    pool.submit(partial(gate.wait, 5))
    monkeypatch.setattr(threading.Thread, "start", stumble_to_start)

    pool.submit(done.set)
    gate.set()

    assert done.wait(5)


def stumble_to_start(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_close_waits_for_all_that_was_submitted(again: list[Job]) -> None:
    pool, done = Pool(1, again=again.append), list[int]()
    for number in range(20):
        pool.submit(partial(done.append, number))

    pool.close()

    assert done == list(range(20))
