"""What one user has queued keeps no other waiting for longer than a step takes, and who waits costs nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from tests.engine.steps import process, python, stay, wait
from tests.engine.world import World


def as_other(world: World, text: str) -> RunId:
    """Begun by a second user."""
    ada, world.caller = world.caller, world.add_user("bob")
    run = world.begin(text)
    world.caller = ada
    return run


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
