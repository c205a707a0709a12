"""fail: ends as Failed with a message, for a branch that a process must not reach."""

from __future__ import annotations

from typing import Annotated

import msgspec

from procession.actions.contract import Action, Context, Example, StepOutcome, nothing
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect


class FailSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    message: Annotated[str, msgspec.Meta(min_length=1, max_length=2000, description="what the step's message will say")]


def run(context: Context) -> StepOutcome:
    return StepOutcome(status=StepStatus.FAILED, message=context.settings.message)


EXAMPLE = Example(
    settings={"message": "The bank's file is not this month's"},
    inputs={},
    targets={},
    expected={},
    status=StepStatus.FAILED,
    message="The bank's file is not this month's",
)

ACTION = Action(
    kind="fail",
    effect=Effect.PURE,
    title="End with a failure",
    settings=FailSettings,
    run=run,
    reads=nothing,
    writes=nothing,
    examples=(EXAMPLE,),
)
