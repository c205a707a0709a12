"""wait: does nothing for a while, and shows how far it is."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec

from procession.actions.contract import Action, Context, Example, StepOutcome, nothing
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect

SECONDS_MAX = 86_400.0  # the default time limit of a whole run
_SLICE_SECONDS = 0.5  # how often those who watch see progress


class WaitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    seconds: Annotated[float, msgspec.Meta(ge=0, le=SECONDS_MAX, description="how long")]


def run(context: Context) -> StepOutcome:
    seconds = context.settings.seconds
    # The one action whose work is waiting; it sits in a process of its own that a cancel kills.
    started = time.monotonic()
    while (passed := time.monotonic() - started) < seconds:
        context.progress(passed / seconds, f"{seconds - passed:.0f} s left")
        time.sleep(min(_SLICE_SECONDS, seconds - passed))
    return StepOutcome(status=StepStatus.SUCCESS, message=f"waited {seconds:g} s")


EXAMPLE = Example(settings={"seconds": 0.01}, inputs={}, targets={}, expected={}, message="waited 0.01 s")

ACTION = Action(
    kind="wait",
    effect=Effect.PURE,
    title="Wait",
    settings=WaitSettings,
    run=run,
    reads=nothing,
    writes=nothing,
    examples=(EXAMPLE,),
)
