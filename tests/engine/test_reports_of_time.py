"""What users of other engines reported about retries, limits, dates and starvation, tried on ours.

Each test names the report it rebuilds.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from procession.model.errors import Invalid
from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.steps import AttemptRow
from procession.store import history
from tests.engine.steps import fail, process, python, stay, wait
from tests.engine.world import SetClock, World
from tests.support import wait_until


def attempts(world: World, run: RunId) -> list[AttemptRow]:
    with world.db.read() as tx:
        return history.attempts_of_run(tx, run)


def test_a_step_that_timed_out_is_tried_again(build: Callable[..., World], tmp_path: Path) -> None:
    # PrefectHQ/prefect#20571: a timeout ended in AwaitingRetry and was never retried.
    # temporalio/sdk-rust#575, cgreeno/temporalex#22: the first timeout was the last attempt.
    world = build()
    world.engine.start()

    run = world.begin(
        process(python("a", stay(tmp_path / "never"), time_limit="0.2s", retry={"times": 2, "wait": "0.01s"}))
    )

    assert world.wait(run).outcome is Outcome.FAILED
    assert len(attempts(world, run)) == 3
    assert world.step(run, "a").message == "timed out after 0.2 s"


def test_a_retry_moves_no_date_of_its_run(build: Callable[..., World]) -> None:
    # apache/airflow#18024: the run's start date was null after a task had been retried.
    # apache/airflow#30642: it moved while the run went on, so that durations misled.
    world = build()
    world.engine.start()
    run = world.begin(process(wait("a"), fail("b", retry={"times": 2, "wait": "0.05s"})))
    wait_until(lambda: world.run(run).started_at)
    started = world.run(run).started_at

    ended = world.wait(run)

    assert ended.started_at == started
    last = world.step(run, "b").started_at
    assert started is not None
    assert last is not None
    assert ended.finished_at is not None
    assert ended.duration_seconds == pytest.approx((ended.finished_at - started).total_seconds(), abs=0.1)
    assert started <= last <= ended.finished_at


def test_a_restart_has_the_time_limit_from_its_own_beginning(build: Callable[..., World]) -> None:
    # apache/airflow#14265: a run cleared after its timeout had passed was failed at once.
    world, clock = build(), SetClock()
    world.clock = clock
    world.engine = world.new_engine()
    world.engine.start()
    run = world.begin(process(wait("a"), wait("b", 0.3), time_limit="1h"))
    assert world.wait(run).outcome is Outcome.SUCCESS
    clock.passed_seconds = 7_200.0

    world.restart(run, "a")

    assert world.wait(run).outcome is Outcome.SUCCESS


def test_a_restart_has_all_its_retries_again(build: Callable[..., World]) -> None:
    # apache/airflow#18285: the number of tries was one off after a task had been cleared.
    world = build()
    world.engine.start()
    run = world.begin(process(fail("a", retry={"times": 2, "wait": "0.01s"})))
    world.wait(run)
    assert len(attempts(world, run)) == 3

    world.restart(run, "a")
    world.wait(run)

    assert len(attempts(world, run)) == 6
    assert world.step(run, "a").tries == 3


def test_a_run_that_is_being_worked_on_is_not_begun_anew(build: Callable[..., World], tmp_path: Path) -> None:
    # apache/airflow#30124: clearing a task of a running run reset the run's state and start date.
    world, gate = build(), tmp_path / "gate"
    world.engine.start()
    run = world.begin(process(wait("a"), python("b", stay(gate))))
    world.wait_for(run, "b", StepStatus.RUNNING)
    before = world.run(run)

    with pytest.raises(Invalid):
        world.restart(run, "a")

    # The stopwatch goes on with each beat.
    assert replace(world.run(run), worked=before.worked) == before
    gate.touch()
    assert world.wait(run).outcome is Outcome.SUCCESS


def test_each_retry_waits_its_time_and_the_step_lasted_as_long_as_its_last_try(build: Callable[..., World]) -> None:
    # PrefectHQ/prefect#13764, kestra-io/kestra#8664: the interval between tries was ignored.
    # kestra-io/kestra#17744, apache/airflow#30552: durations counted from the first, or mixed up, tries.
    world = build()
    world.engine.start()
    run = world.begin(process(fail("a", retry={"times": 3, "wait": "0.1s", "backoff": 2})))

    ended = world.wait(run)

    tries = attempts(world, run)
    rests = [
        (after.started_at - before.finished_at).total_seconds()
        for before, after in pairwise(tries)
        if before.finished_at
    ]
    assert len(rests) == 3
    assert all(rest >= least for rest, least in zip(rests, (0.1, 0.2, 0.4), strict=True))
    assert ended.duration_seconds is not None
    assert ended.duration_seconds >= 0.7
    assert world.step(run, "a").duration_seconds == tries[-1].duration_seconds
    assert world.step(run, "a").started_at == tries[-1].started_at


@pytest.mark.parametrize("ends", ["limit", "cancel"])
def test_the_end_of_a_run_does_not_hide_why_its_step_was_to_be_tried_again(
    build: Callable[..., World], ends: str
) -> None:
    # temporalio/sdk-go#120: with the timeout during retries the activity's own error was lost.
    world = build()
    world.engine.start()
    limit = {"time_limit": "2s"} if ends == "limit" else {}
    run = world.begin(process(fail("a", "the bank is closed", retry={"times": 1, "wait": "1h"}), **limit))
    wait_until(lambda: world.step(run, "a").retry_at)

    if ends == "cancel":
        world.cancel(run)

    assert world.wait(run).status in {RunStatus.TIMED_OUT, RunStatus.CANCELLED}
    step = world.step(run, "a")
    assert step.status is StepStatus.CANCELLED
    assert "the bank is closed" in step.message
    assert step.message.startswith("timed out after 2 s" if ends == "limit" else "the process run was cancelled")


def test_a_failure_lets_the_next_in_line_begin_at_once(build: Callable[..., World]) -> None:
    # dagucloud/dagu#1674: a failed run took half a minute to leave the queue.
    # dagster-io/dagster#4937: one run whose worker was lost kept hundreds behind it waiting for a day.
    world = build(scan_seconds=3600.0)
    world.engine.start()

    runs = world.begin_many(process(fail("a"), concurrency=1), 20)

    wait_until(lambda: all(world.run(run).outcome is Outcome.FAILED for run in runs))


def test_many_steps_of_one_run_let_another_run_of_the_same_user_go_on(build: Callable[..., World]) -> None:
    # apache/airflow#21951, apache/airflow#19622: two tasks in a row waited for 500 parallel ones of another DAG.
    world = build(workers_max=2)
    world.engine.start()
    wide = world.begin(process(wait("first"), *[wait(f"s{number}", 0.05, needs=["first"]) for number in range(150)]))
    wait_until(lambda: world.step(wide, "s0").status is not StepStatus.NOT_STARTED)

    narrow = world.begin(process(wait("a"), wait("b"), name="Narrow"))

    assert world.wait(narrow).outcome is Outcome.SUCCESS
    assert sum(step.status is StepStatus.SUCCESS for step in world.steps(wide).values()) < 40


def test_many_runs_of_one_process_let_another_process_of_the_same_user_go_on(build: Callable[..., World]) -> None:
    # apache/airflow#49508, apache/airflow#45636: a second DAG waited for nearly all queued runs of the first.
    # apache/airflow#21473: one with max_active_tasks of 1 and a long queue kept the other from being seen.
    world = build(runs_max=3, workers_max=2)
    world.engine.start()
    many = world.begin_many(process(wait("a", 0.05)), 200)
    world.begin_many(process(wait("a", 0.05), name="Single", concurrency=1), 200)

    other = world.begin(process(wait("a"), name="Other"))

    assert world.wait(other).outcome is Outcome.SUCCESS
    assert sum(world.run(run).outcome is not None for run in many) < 40
