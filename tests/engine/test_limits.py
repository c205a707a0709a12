"""A step over its time limit has failed at once, however long its process takes to go; the process keeps its slot."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from procession.model.lifecycle import Outcome, StepStatus
from procession.model.runs import HistoryKind
from tests.engine.steps import mark, marks, process, python, wait
from tests.engine.test_ends import STUBBORN, of_kind, sleepers
from tests.engine.world import World
from tests.support import wait_until


def test_a_step_that_follows_a_failure_does_not_wait_for_the_process_that_is_being_ended(
    build: Callable[..., World],
) -> None:
    world = build(grace_seconds=3.0)
    world.engine.start()
    late = python("late", STUBBORN.format(marker="7654.325"), time_limit="1s")
    run = world.begin(process(late, wait("tell", when={"failed": "late"})))

    wait_until(lambda: world.step(run, "tell").status is StepStatus.SUCCESS, 3.0)

    assert sleepers("7654.325")
    assert world.wait(run).outcome is Outcome.FAILED
    wait_until(partial(of_kind, world, run, HistoryKind.KILLED))
    assert sleepers("7654.325") == []


def test_a_run_that_is_restarted_while_a_late_step_is_being_ended_is_taken_when_that_is_gone(
    build: Callable[..., World], tmp_path: Path
) -> None:
    world, sink = build(grace_seconds=1.0), tmp_path / "sink"
    world.engine.start()
    code = mark(sink) + STUBBORN.format(marker="7654.326")
    run = world.begin(process(python("daemon", code, time_limit="1s")))
    world.wait(run)

    world.restart(run, "daemon")

    assert marks(sink) == ["x"]
    wait_until(lambda: len(marks(sink)) == 2)
    assert of_kind(world, run, HistoryKind.KILLED)[0].detail["survivors"] == []
    world.cancel(run)
