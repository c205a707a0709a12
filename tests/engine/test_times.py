"""Durations, limits and retries, whatever somebody does to the machine's clock, and over restarts and crashes (R15)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.runs import HistoryKind, Run
from procession.model.steps import AttemptRow, StepRow
from procession.store import history, queueing
from tests.crashing import finish, in_a_child
from tests.engine.conftest import make
from tests.engine.steps import data, fail, mark, marks, process, python, stay, wait
from tests.engine.world import SetClock, World
from tests.support import wait_until

JUMPS = pytest.mark.parametrize("jump", [86_400, -3_600], ids=["a day ahead", "an hour back"])


@contextmanager
def opened(home: Path, clock: SetClock, **settings: Any) -> Iterator[World]:
    """An engine at work that reads this clock."""
    world = make(home, clock=clock, **settings)
    world.engine.start()
    yield world
    world.close()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def begun(world: World, tmp_path: Path, **settings: Any) -> RunId:
    """A run whose step is under way until stop()."""
    run = world.begin(process(data("d"), python("a", stay(tmp_path / "gate")), wait("b"), **settings))
    world.wait_for(run, "a", StepStatus.RUNNING)
    return run


def stop(tmp_path: Path) -> None:
    (tmp_path / "gate").touch()


def seconds_of(run: Run) -> float:
    assert run.duration_seconds is not None
    return run.duration_seconds


def check_dates(world: World, run: RunId) -> None:
    """No end lies before its start, or too near to it for the duration."""
    with world.db.read() as tx:
        attempts = history.attempts_of_run(tx, run)
    rows: list[Run | StepRow | AttemptRow] = [world.run(run), *world.steps(run).values(), *attempts]
    for row in rows:
        if row.finished_at is not None:
            assert row.started_at is not None
            assert row.finished_at - row.started_at >= timedelta(seconds=row.duration_seconds or 0.0)


@JUMPS
def test_a_clock_that_is_set_bends_no_duration_and_no_dates(tmp_path: Path, clock: SetClock, jump: float) -> None:
    began = time.monotonic()
    with opened(tmp_path, clock) as world:
        run = begun(world, tmp_path)
        clock.jumped_seconds += jump
        shown = world.run(run).seconds(world.steady()), world.step(run, "a").seconds(world.steady())
        stop(tmp_path)

        ended = world.wait(run)

        took = time.monotonic() - began
        assert ended.outcome is Outcome.SUCCESS
        assert all(0 <= seconds <= took for seconds in shown if seconds is not None)
        assert 0 < seconds_of(ended) <= took
        assert all(0 <= (step.duration_seconds or 0) <= took for step in world.steps(run).values())
        check_dates(world, run)


@JUMPS
def test_a_duration_that_is_shown_never_goes_back(tmp_path: Path, clock: SetClock, jump: float) -> None:
    with opened(tmp_path, clock, beat_seconds=0.05) as world:
        run = begun(world, tmp_path)
        shown: list[tuple[float, float]] = []

        def look() -> bool:
            steady = world.steady()
            shown.append((world.run(run).seconds(steady) or 0.0, world.step(run, "a").seconds(steady) or 0.0))
            if len(shown) == 20:
                clock.jumped_seconds += jump
            return len(shown) > 60

        wait_until(look)
        stop(tmp_path)
        ended = seconds_of(world.wait(run)), world.step(run, "a").duration_seconds or 0.0

    assert all(later[0] >= earlier[0] and later[1] >= earlier[1] for earlier, later in pairwise(shown))
    assert ended[0] >= shown[-1][0]


@JUMPS
def test_a_retry_comes_when_its_wait_is_over(tmp_path: Path, clock: SetClock, jump: float) -> None:
    sink = tmp_path / "sink"
    code = f"import time\nopen({str(sink)!r}, 'a').write('%f\\n' % time.monotonic())\nraise ValueError('no')"
    with opened(tmp_path, clock) as world:
        run = world.begin(process(python("a", code, retry={"times": 1, "wait": "0.6s"})))
        world.wait_for(run, "a", StepStatus.SCHEDULED)
        clock.jumped_seconds += jump
        world.wait(world.begin(process(wait("other"))))  # whatever else makes the engine look

        world.wait(run, 5.0)

        first, second = map(float, marks(sink))
        assert 0.6 <= second - first < 3.0
        check_dates(world, run)


@JUMPS
def test_a_retry_comes_after_a_restart_of_the_server_too(tmp_path: Path, clock: SetClock, jump: float) -> None:
    with opened(tmp_path, clock) as world:
        run = world.begin(process(fail("a", retry={"times": 1, "wait": "0.6s"})))
        world.wait_for(run, "a", StepStatus.SCHEDULED)
    clock.jumped_seconds += jump

    with opened(tmp_path, clock) as world:
        assert world.wait(run, 5.0).outcome is Outcome.FAILED
        assert world.step(run, "a").tries == 2


@JUMPS
@pytest.mark.parametrize("limited", ["run", "step"])
def test_a_time_limit_counts_the_time_that_passes(tmp_path: Path, clock: SetClock, jump: float, limited: str) -> None:
    limit: dict[str, Any] = {"time_limit": "1h"}
    of_step, of_run = (limit, {}) if limited == "step" else ({}, limit)
    sink = tmp_path / "sink"
    with opened(tmp_path, clock) as world:
        run = world.begin(process(python("a", mark(sink) + stay(tmp_path / "gate"), **of_step), **of_run))
        wait_until(lambda: bool(marks(sink)))  # its limit counts from there
        clock.jumped_seconds += jump
        clock.passed_seconds += 3_500
        world.wait(world.begin(process(wait("other"))))
        assert world.run(run).status is RunStatus.RUNNING
        clock.passed_seconds += 100

        ended = world.wait(run, 10.0)

        assert "timed out after 3600 s" in world.step(run, "a").message
        assert 3_600 <= seconds_of(ended) < 3_630
        check_dates(world, run)


@JUMPS
def test_a_time_limit_of_a_run_does_not_count_the_time_without_a_server(
    tmp_path: Path, clock: SetClock, jump: float
) -> None:
    with opened(tmp_path, clock) as world:
        run = begun(world, tmp_path, time_limit="10m")
    clock.jumped_seconds += jump
    clock.passed_seconds += 3_600

    with opened(tmp_path, clock) as world:
        world.wait_for(run, "a", StepStatus.RUNNING)
        stop(tmp_path)
        ended = world.wait(run)

        assert (ended.status, ended.outcome) == (RunStatus.FINISHED, Outcome.SUCCESS)
        assert seconds_of(ended) < 30
        check_dates(world, run)


def test_a_time_limit_of_a_run_counts_what_was_before_a_restart_of_the_server(tmp_path: Path, clock: SetClock) -> None:
    with opened(tmp_path, clock) as world:
        run = begun(world, tmp_path, time_limit="1h")
        clock.passed_seconds += 3_000

    with opened(tmp_path, clock) as world:
        wait_until(lambda: [row for row in world.history(run) if row.kind is HistoryKind.TAKEN_OVER])
        assert world.run(run).worked_max == 3_600
        clock.passed_seconds += 700

        ended = world.wait(run, 5.0)

    assert ended.status is RunStatus.TIMED_OUT
    assert 3_600 <= seconds_of(ended) < 3_730


@JUMPS
def test_a_cancelled_run_has_an_end_after_its_start(tmp_path: Path, clock: SetClock, jump: float) -> None:
    with opened(tmp_path, clock) as world:
        run = begun(world, tmp_path)
        clock.jumped_seconds += jump

        cancelled = world.cancel(run)

        assert 0 <= seconds_of(cancelled) < 20
        check_dates(world, run)


def test_the_hours_before_a_restart_from_a_step_are_no_duration(tmp_path: Path, clock: SetClock) -> None:
    with opened(tmp_path, clock) as world:
        run = begun(world, tmp_path)
        clock.passed_seconds += 100
        stop(tmp_path)
        first = seconds_of(world.wait(run))
        clock.passed_seconds += 7_200

        world.restart(run, "b")
        again = world.wait(run)

        assert 100 <= first < 130
        assert first < seconds_of(again) < first + 30
        assert again.started_at is not None
        assert again.finished_at is not None
        assert again.finished_at - again.started_at > timedelta(hours=2)


def test_a_run_under_way_again_goes_on_from_what_it_took_before(tmp_path: Path, clock: SetClock) -> None:
    # PrefectHQ/prefect#8570: the running time stayed what it was at the failure, while the run was tried again.
    with opened(tmp_path, clock) as world:
        run = begun(world, tmp_path)
        clock.passed_seconds += 100
        stop(tmp_path)
        world.wait(run)
        (tmp_path / "gate").unlink()

        world.restart(run, "a")
        world.wait_for(run, "a", StepStatus.RUNNING)
        clock.passed_seconds += 50
        shown, of_step = world.run(run).seconds(world.steady()), world.step(run, "a").seconds(world.steady())
        stop(tmp_path)
        world.wait(run)

    assert shown is not None
    assert of_step is not None
    assert 150 <= shown < 180
    assert 50 <= of_step < 65


def test_a_run_that_was_queued_by_a_wrong_clock_is_overtaken_by_none_of_its_line(
    tmp_path: Path, clock: SetClock
) -> None:
    # celery/celery#4920: what was due by a clock that was then set back waited for that moment.
    world = make(tmp_path, clock=clock)
    clock.jumped_seconds = 86_400.0
    first = world.begin(process(wait("a")))
    clock.jumped_seconds = 0.0
    second = world.begin(process(wait("a")))

    with world.db.read() as tx:
        lines = queueing.Lines(tx, without=())
        (head,) = lines.heads()
        lines.pass_by(head)
        (following,) = lines.heads()
    world.close()

    assert (head.run, following.run) == (first, second)


def test_a_run_that_is_cancelled_while_it_waits_for_a_restart_keeps_what_it_took(
    tmp_path: Path, clock: SetClock
) -> None:
    with opened(tmp_path, clock) as world:
        run = world.begin(process(wait("a")))
        first = seconds_of(world.wait(run))
    clock.passed_seconds += 3_600
    world = make(tmp_path, clock=clock)  # no engine works here
    world.restart(run, "a")

    cancelled = world.cancel(run)

    world.close()
    assert seconds_of(cancelled) == first


# --- crashes


def test_a_crash_loses_no_more_than_a_beat_and_counts_no_time_without_a_server(tmp_path: Path, clock: SetClock) -> None:
    began = time.monotonic()
    child = in_a_child(tmp_path, partial(_stay_in_a_step, tmp_path))
    wait_until((tmp_path / "started").exists)
    started = time.monotonic()
    wait_until(lambda: time.monotonic() - started > 1.2)
    os.kill(child, signal.SIGKILL)
    finish(child)
    worked = time.monotonic() - began
    clock.passed_seconds, clock.jumped_seconds = 600.0, -3_600.0
    stopped = make(tmp_path, clock=clock, beat_seconds=0.2)
    shown = stopped.run(RunId(1)).seconds(None), stopped.step(RunId(1), "a").seconds(None)
    stopped.close()

    with opened(tmp_path, clock, beat_seconds=0.2) as world:
        again = time.monotonic()
        stop(tmp_path)
        ended = seconds_of(world.wait(RunId(1)))
        worked += time.monotonic() - again
        check_dates(world, RunId(1))

    assert all(seconds is not None and 0.9 <= seconds <= worked for seconds in shown)
    assert 0.9 <= ended <= worked


def _stay_in_a_step(home: Path) -> None:
    world = make(home, beat_seconds=0.2)
    world.engine.start()
    world.begin(process(python("a", f"open({str(home / 'started')!r}, 'w').close()\n{stay(home / 'gate')}")))
    signal.pause()


def test_a_server_that_ends_in_good_order_loses_nothing_of_a_duration(tmp_path: Path, clock: SetClock) -> None:
    with opened(tmp_path, clock, beat_seconds=3_600.0) as world:
        run = begun(world, tmp_path)
        clock.passed_seconds += 50

    stopped = make(tmp_path, clock=clock)
    shown = stopped.run(run).seconds(stopped.steady())
    stopped.close()

    assert shown is not None
    assert 50 <= shown < 80


def test_what_a_run_has_taken_so_far_is_kept_while_it_works_and_wakes_nobody(tmp_path: Path, clock: SetClock) -> None:
    with opened(tmp_path, clock, beat_seconds=0.01) as world:
        run = begun(world, tmp_path)
        before = world.run(run)

        wait_until(lambda: world.run(run).worked.counted > before.worked.counted + 0.1)

        assert world.run(run).revision == before.revision
        stop(tmp_path)
        assert world.wait(run).outcome is Outcome.SUCCESS
