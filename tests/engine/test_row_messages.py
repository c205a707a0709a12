"""Rows that a step's process asks to run: what crosses the pipe, and from whom it is taken."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from procession.actions.contract import StepOutcome
from procession.engine.active_run import Work
from procession.engine.isolation import frames
from procession.engine.isolation.codec import Malformed
from procession.engine.isolation.contract import Done
from procession.engine.isolation.frames import Finished
from procession.engine.outcomes import permitted
from procession.model.child_runs import KEY_CHARACTERS_MAX, CalledRow, ProcessCall
from procession.model.lifecycle import StepStatus
from procession.model.restart import Touches

ROW = CalledRow(number=3, key="4010", given={"p.n": "7", "p.flag": True, "p.none": None})
OUTCOME = StepOutcome(status=StepStatus.SUCCESS, rows=(ROW,))
HEAD = ["done", 1, "Success", "", {}, True, False, {}]


def through(outcome: StepOutcome) -> StepOutcome:
    finished = frames.decode(frames.encode(Finished(done=Done(outcome=outcome), job=1, reusable=True)))
    assert isinstance(finished, Finished)
    return finished.done.outcome


@pytest.mark.parametrize("rows", [None, (), (ROW,)])
def test_rows_arrive_as_they_were_sent(rows: tuple[CalledRow, ...] | None) -> None:
    assert through(StepOutcome(status=StepStatus.SUCCESS, rows=rows)).rows == rows


@pytest.mark.parametrize(
    "row",
    [
        [0, "k", {}],
        [1, "k" * (KEY_CHARACTERS_MAX + 1), {}],
        [1, "k", {"p.n": 1.5}],
        [1, "k", {"p.n": ["x"]}],
        [1, "k", {str(n): "" for n in range(201)}],
        [1, "k"],
    ],
)
def test_what_is_no_row_is_no_message(row: list[Any]) -> None:
    with pytest.raises(Malformed):
        frames.decode(msgspec.msgpack.encode([*HEAD, [row]]))


def work(call: ProcessCall | None) -> Work:
    touches = {"step": Touches(reads=frozenset(), writes=frozenset())}
    prepared = SimpleNamespace(touches=touches, calls={} if call is None else {"step": call})
    return cast(Work, SimpleNamespace(key="step", active=SimpleNamespace(prepared=prepared)))


def test_only_a_step_that_starts_runs_may_say_for_which_rows() -> None:
    each = work(ProcessCall(process="Below", at_once=4))

    assert permitted(each, OUTCOME) == OUTCOME
    # A script of a user that sends the message of another action, and one of ours that forgets it.
    assert permitted(work(None), OUTCOME).status is StepStatus.FAILED
    assert permitted(each, StepOutcome(status=StepStatus.SUCCESS)).status is StepStatus.FAILED
    failed = StepOutcome(status=StepStatus.FAILED, message="no file")
    assert permitted(each, failed) == failed
