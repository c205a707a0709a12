"""A step over its time limit has failed at once, however long its process takes to go; the process keeps its slot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.runs import HistoryKind
from tests.engine.steps import mark, marks, process, python, wait
from tests.engine.test_ends import STUBBORN, of_kind, sleepers
from tests.engine.world import World
from tests.support import wait_until


def test_a_step_over_its_time_limit_has_failed_at_once_and_is_not_tried_again_before_it_is_gone(
    build: Callable[..., World], tmp_path: Path
) -> None:
    world, sink = build(grace_seconds=2.0), tmp_path / "sink"
    world.engine.start()
    code = mark(sink) + STUBBORN.format(marker="7654.324")
    run = world.begin(process(python("daemon", code, time_limit="1s", retry={"times": 1, "wait": "0.01s"})))

    wait_until(lambda: world.step(run, "daemon").message.startswith("timed out after 1 s; try 2"), 2.5)

    assert sleepers("7654.324")
    assert marks(sink) == ["x"]
    wait_until(lambda: len(marks(sink)) == 2)
    assert of_kind(world, run, HistoryKind.KILLED)[0].detail["survivors"] == []
    wait_until(lambda: world.step(run, "daemon").status is StepStatus.FAILED, 2.5)
    assert world.run(run).status is RunStatus.RUNNING
    assert world.step(run, "daemon").duration_seconds == pytest.approx(1.0, abs=0.7)
    world.wait(run)
    assert sleepers("7654.324") == []
    assert len(of_kind(world, run, HistoryKind.KILLED)) == 2


def test_a_step_that_follows_a_failure_does_not_wait_for_the_process_that_is_being_ended(
    build: Callable[..., World],
) -> None:
    world = build(grace_seconds=3.0)
    world.engine.start()
    late = python("late", STUBBORN.format(marker="7654.325"), time_limit="1s")
    run = world.begin(process(late, wait("tell", when={"failed": "late"})))

    wait_until(lambda: world.step(run, "tell").status is StepStatus.SUCCESS, 3.0)

    assert sleepers("7654.325")
    assert world.run(run).status is RunStatus.RUNNING
    assert world.wait(run).outcome is Outcome.FAILED
    assert sleepers("7654.325") == []


def test_a_run_cancelled_while_a_late_step_is_being_ended_is_taken_again_only_when_that_is_gone(
    build: Callable[..., World], tmp_path: Path
) -> None:
    world, sink = build(grace_seconds=1.0), tmp_path / "sink"
    world.engine.start()
    code = mark(sink) + STUBBORN.format(marker="7654.326")
    run = world.begin(process(python("daemon", code, time_limit="1s")))
    world.wait_for(run, "daemon", StepStatus.FAILED)

    world.cancel(run)
    world.restart(run, "daemon")

    assert marks(sink) == ["x"]
    wait_until(lambda: len(marks(sink)) == 2)
    assert of_kind(world, run, HistoryKind.KILLED)[0].detail["survivors"] == []
    world.cancel(run)
