"""What a restart would do."""

from __future__ import annotations

from typing import Any

import pytest

from procession.model import restart
from procession.model.errors import Invalid, NotFound
from procession.model.lifecycle import StepStatus
from procession.model.processes import Atom, AtomKind, Effect, Process, Step, StepKind


def step(key: str, **more: Any) -> Step:
    return Step(key=key, name=key.upper(), kind=StepKind.ACTION, order=f"1.{key}", group="Work", **more)


def plan(key: str, *steps: Step, effects: str = "", skipped: str = "", **more: Any) -> restart.RestartPlan:
    process = Process(name="P", steps=steps)
    statuses = dict.fromkeys((step.key for step in steps), StepStatus.SUCCESS)
    statuses |= dict.fromkeys(skipped, StepStatus.SKIPPED)
    return restart.plan(process, statuses, key, effects=set(effects), **more)


def test_in_a_plain_list_every_later_step_runs_again() -> None:
    result = plan("b", step("a"), step("b"), step("c", enabled=False), step("d"))

    assert result.again == ("b", "c", "d")
    assert result.carried == ("a",)


def test_with_needs_only_those_behind_it_run_again() -> None:
    steps = (
        step("a"),
        step("b", needs=("a",)),
        step("c", needs=("a",)),
        step("d", needs=("b",)),
        step("e", needs=("c",)),
        step("f"),
    )

    assert plan("b", *steps).again == ("b", "d")
    assert plan("c", *steps).again == ("c", "e", "f")


def test_a_step_whose_condition_asks_about_it_is_behind_it() -> None:
    asks = Atom(kind=AtomKind.FAILED, subject="a")

    assert plan("a", step("a"), step("b", needs=()), step("c", needs=("b",), when=asks)).again == ("a", "c")


def test_a_kept_step_that_was_skipped_does_not_hide_what_follows() -> None:
    steps = (step("a"), step("b", needs=()), step("c"))

    assert plan("a", *steps).again == ("a",)
    assert plan("a", *steps, skipped="b").again == ("a", "c")


def test_effects_that_would_repeat_and_those_that_must_be_released() -> None:
    steps = (step("a", effect=Effect.PURE), step("b"), step("c", effect=Effect.ONCE), step("d", effect=Effect.ONCE))
    process = Process(name="P", steps=steps)

    result = plan("a", *steps, effects="abc")

    assert result.repeated_effects == ("b", "c")
    assert result.needs_release == ("c",)
    with pytest.raises(Invalid, match=r'step 1\.c "C" must not happen twice'):
        restart.check_release(process, result, set())
    restart.check_release(process, result, {"c"})


def test_carried_steps_that_read_what_may_change_are_stale() -> None:
    touches = {
        "a": restart.Touches(writes=frozenset({"d.x"})),
        "b": restart.Touches(reads=frozenset({"d.x"})),
    }

    assert plan("a", step("a"), step("b", needs=()), touches=touches).stale == ("b",)


def test_refusals() -> None:
    process = Process(name="P", steps=(step("a"), step("b", enabled=False)))
    done = {"a": StepStatus.SUCCESS, "b": StepStatus.SKIPPED}

    with pytest.raises(NotFound, match='there is no step "x"'):
        restart.plan(process, done, "x", effects=set())
    with pytest.raises(Invalid, match="disabled"):
        restart.plan(process, done, "b", effects=set())
    with pytest.raises(Invalid, match="under way"):
        restart.plan(process, done | {"a": StepStatus.RUNNING}, "a", effects=set())
