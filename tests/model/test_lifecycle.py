"""The state machines: no event leaves the tables, and nothing but a restart leaves a final status."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from procession.model.errors import Invalid
from procession.model.lifecycle import (
    RUN_FINAL,
    RUN_MOVES,
    STEP_ACTIVE,
    STEP_MOVES,
    RunEvent,
    RunStatus,
    StepEvent,
    StepStatus,
    move_run,
    move_step,
)

STEP_FINAL = set(StepStatus) - STEP_ACTIVE - {StepStatus.NOT_STARTED}


@given(some.lists(some.sampled_from(RunEvent), max_size=40))
def test_a_run_moves_by_the_table_and_leaves_a_final_status_only_by_a_restart(events: list[RunEvent]) -> None:
    status = RunStatus.NOT_STARTED
    for event in events:
        before = status
        if (status, event) in RUN_MOVES:
            status = move_run(status, event)
            assert before not in RUN_FINAL or event is RunEvent.RESTART
            assert before is not RunStatus.NOT_STARTED or event is RunEvent.START
            assert status is not RunStatus.NOT_STARTED
        else:
            with pytest.raises(Invalid, match=f"is {status} cannot {event}"):
                move_run(status, event)


@given(some.lists(some.sampled_from(StepEvent), max_size=40))
def test_a_step_moves_by_the_table_and_leaves_a_final_status_only_by_a_reset(events: list[StepEvent]) -> None:
    status = StepStatus.NOT_STARTED
    for event in events:
        before = status
        if (status, event) in STEP_MOVES:
            status = move_step(status, event)
            assert before not in STEP_FINAL or event is StepEvent.RESET
            assert status is not StepStatus.SUCCESS or before is StepStatus.RUNNING
            assert status is not StepStatus.RUNNING or before is StepStatus.SCHEDULED
        else:
            with pytest.raises(Invalid, match=f"is {status} cannot {event}"):
                move_step(status, event)


@pytest.mark.parametrize("final", sorted(RUN_FINAL))
def test_every_final_status_of_a_run_can_be_restarted(final: RunStatus) -> None:
    assert move_run(final, RunEvent.RESTART) is RunStatus.SCHEDULED


@pytest.mark.parametrize("active", sorted(STEP_ACTIVE))
def test_a_step_under_way_cannot_be_reset(active: StepStatus) -> None:
    with pytest.raises(Invalid):
        move_step(active, StepEvent.RESET)


def test_every_status_can_be_reached() -> None:
    assert {*RUN_MOVES.values(), RunStatus.NOT_STARTED} == set(RunStatus)
    assert set(STEP_MOVES.values()) == set(StepStatus)
