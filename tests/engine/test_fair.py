"""What one user has queued keeps no other waiting for longer than a step takes, and who waits costs nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from tests.engine.steps import fail, process, python, stay, wait
from tests.engine.world import World
from tests.support import wait_until

STEP_SECONDS = 0.2
WORKERS = 2


def as_other(world: World, text: str) -> RunId:
    """Begun by a second user."""
    ada, world.caller = world.caller, world.add_user("bob")
    run = world.begin(text)
    world.caller = ada
    return run


def many_runs(world: World) -> None:
    world.begin_many(process(wait("a", STEP_SECONDS)), 2_000)


def many_runs_of_one_process_at_a_time(world: World) -> None:
    world.begin_many(process(wait("a", STEP_SECONDS), concurrency=1), 1_000)


def many_processes_that_run_one_at_a_time(world: World) -> None:
    for number in range(150):
        world.begin_many(process(wait("a", STEP_SECONDS), name=f"P{number}", concurrency=1), 2)


def one_run_of_many_parallel_steps(world: World) -> None:
    world.begin(process(wait("first"), *[wait(f"s{number}", STEP_SECONDS, needs=["first"]) for number in range(100)]))


def many_runs_of_many_parallel_steps(world: World) -> None:
    steps = [wait(f"s{number}", STEP_SECONDS, needs=["first"]) for number in range(12)]
    world.begin_many(process(wait("first"), *steps), 40)


def retries_without_end(world: World) -> None:
    step = python("a", f"import time; time.sleep({STEP_SECONDS}); fail('no')", retry={"times": 50, "wait": "0.01s"})
    world.begin_many(process(step), 80)


LOADS = [
    many_runs,
    many_runs_of_one_process_at_a_time,
    many_processes_that_run_one_at_a_time,
    one_run_of_many_parallel_steps,
    many_runs_of_many_parallel_steps,
    retries_without_end,
]


def begun_between(world: World, run: RunId) -> int:
    """How many steps of others began after the run had been started and before its first step did."""
    with world.db.read() as tx:
        row = tx.one(
            "SELECT count(*) FROM step_attempt o, run r, (SELECT min(started_at) AS at FROM step_attempt WHERE run_id = ?)"
            " WHERE r.id = ? AND o.run_id != r.id AND o.started_at > r.scheduled_at AND o.started_at < at",
            *(run.number, run.number),
        )
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("load", LOADS)
def test_a_second_user_s_run_begins_with_the_next_free_process(
    build: Callable[..., World], load: Callable[[World], None]
) -> None:
    world = build(workers_max=WORKERS)
    world.engine.start()
    load(world)
    wait_until(lambda: world.engine._executor.busy() > 0)

    run = as_other(world, process(wait("a"), wait("b"), name="Other"))

    assert world.wait(run, 10.0).outcome is Outcome.SUCCESS
    assert begun_between(world, run) <= WORKERS


@pytest.mark.parametrize("load", LOADS)
def test_a_second_user_s_run_is_among_the_first_after_a_restart(
    build: Callable[..., World], load: Callable[[World], None]
) -> None:
    world = build(workers_max=WORKERS, grace_seconds=0.1)
    load(world)
    run = as_other(world, process(wait("a"), wait("b"), name="Other"))

    world.engine.start()

    assert world.wait(run, 10.0).outcome is Outcome.SUCCESS
    assert begun_between(world, run) <= 2 * WORKERS


def test_runs_that_wait_for_a_retry_hold_no_place_of_the_same_user(build: Callable[..., World]) -> None:
    world = build(runs_max=2)
    world.engine.start()
    stuck = world.begin_many(process(fail("a", retry={"times": 5, "wait": "1h"})), 6)
    wait_until(lambda: all(world.step(run, "a").tries for run in stuck))

    run = world.begin(process(wait("a"), name="Other"))

    assert world.wait(run, 5.0).outcome is Outcome.SUCCESS


def ended_first(world: World, run: RunId, other: RunId) -> int:
    """How many steps of the other run had begun when this one ended."""
    finished = world.wait(run).finished_at
    world.wait(other)
    assert finished is not None
    began = [step.started_at for step in world.steps(other).values()]
    return sum(moment is not None and moment < finished for moment in began)


def line(gate: Path, count: int = 12) -> str:
    """Steps one after the other, the first until the gate opens."""
    return process(python("first", stay(gate)), *[wait(f"s{number}", 0.01) for number in range(count)])


def test_users_take_turns_at_the_only_process(build: Callable[..., World], tmp_path: Path) -> None:
    world, gate = build(workers_max=1), tmp_path / "gate"
    world.engine.start()
    long = world.begin(line(gate))
    world.wait_for(long, "first", StepStatus.RUNNING)
    short = as_other(world, process(wait("only"), name="Short"))
    world.wait_for(short, "only", StepStatus.SCHEDULED)

    gate.touch()

    assert ended_first(world, short, long) <= 2


def test_runs_of_one_user_take_turns_at_the_only_process(build: Callable[..., World], tmp_path: Path) -> None:
    world, gate = build(workers_max=1), tmp_path / "gate"
    world.engine.start()
    long = world.begin(line(gate))
    world.wait_for(long, "first", StepStatus.RUNNING)
    short = world.begin(process(wait("only"), name="Short"))
    world.wait_for(short, "only", StepStatus.SCHEDULED)

    gate.touch()

    assert ended_first(world, short, long) <= 2


def test_a_step_that_waits_for_a_process_costs_nothing(build: Callable[..., World], tmp_path: Path) -> None:
    world = build(workers_max=1)
    world.engine.start()
    assert world.wait(world.begin(process(python("warm")))).outcome is Outcome.SUCCESS
    busy = world.begin(process(wait("busy", 1)))
    waiting = world.begin(process(wait("waiting"), name="Waiting"))
    world.wait_for(waiting, "waiting", StepStatus.SCHEDULED)

    before = cpu_seconds(world)
    assert world.wait(busy).status is RunStatus.FINISHED

    assert cpu_seconds(world) - before < 0.3
    assert world.wait(waiting).outcome is Outcome.SUCCESS


def cpu_seconds(world: World) -> float:
    """Of the engine's thread."""
    thread = world.engine._thread.ident
    assert thread is not None
    return time.clock_gettime(time.pthread_getcpuclockid(thread))


def parallel(gate: Path, count: int) -> str:
    """Steps that all run until the gate opens."""
    return process(*[python(f"s{number}", stay(gate), needs=[]) for number in range(count)], name="Parallel")


def running(world: World, *runs: RunId) -> int:
    return [status for run in runs for status in world.statuses(run).values()].count(StepStatus.RUNNING)


def test_a_user_has_at_most_so_many_steps_and_the_others_go_on(build: Callable[..., World], tmp_path: Path) -> None:
    world, gate = build(workers_max=3, user_steps_max=2), tmp_path / "gate"
    world.engine.start()
    runs = [world.begin(parallel(gate, 3)), world.begin(process(python("other", stay(gate)), name="Second"))]
    wait_until(lambda: running(world, *runs) == 2)

    other = as_other(world, process(wait("a"), wait("b"), name="Other"))

    assert world.wait(other).outcome is Outcome.SUCCESS
    assert running(world, *runs) == 2
    gate.touch()
    assert [world.wait(run).outcome for run in runs] == [Outcome.SUCCESS] * 2


def test_the_steps_of_a_user_are_counted_anew_after_a_restart(build: Callable[..., World], tmp_path: Path) -> None:
    world, gate = build(workers_max=3, user_steps_max=2, grace_seconds=0.1), tmp_path / "gate"
    world.engine.start()
    run = world.begin(parallel(gate, 4))
    wait_until(lambda: running(world, run) == 2)
    world.close()

    again = build(workers_max=3, user_steps_max=2)
    again.engine.start()
    wait_until(lambda: again.engine._executor.busy() == 2)

    gate.touch()
    assert again.wait(run).outcome is Outcome.SUCCESS


def test_a_user_has_at_most_so_many_runs_under_work(build: Callable[..., World], tmp_path: Path) -> None:
    world, gate = build(workers_max=4, user_runs_max=1), tmp_path / "gate"
    world.engine.start()
    first = world.begin(process(python("a", stay(gate))))
    world.wait_for(first, "a", StepStatus.RUNNING)
    second = world.begin(process(wait("a"), name="Second"))

    other = as_other(world, process(wait("a"), name="Other"))

    assert world.wait(other).outcome is Outcome.SUCCESS
    assert world.run(second).status is RunStatus.SCHEDULED
    gate.touch()
    assert world.wait(second).outcome is Outcome.SUCCESS
