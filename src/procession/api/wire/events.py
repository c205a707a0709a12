"""The data of the events of a run; the event's name says which of them it is."""

from __future__ import annotations

from msgspec import Struct

from procession.api.wire.histories import HistoryRowShape
from procession.api.wire.scalars import AStep, RunState


class RunEventShape(HistoryRowShape, frozen=True, kw_only=True):
    """`event: run`: the run has this status since then."""

    status: RunState


class StepEventShape(HistoryRowShape, frozen=True, kw_only=True):
    """`event: step`: a step has this status since then; null for a receipt or a late result."""

    status: str | None


class StepProgress(Struct, frozen=True, kw_only=True):
    """`event: progress`: how much of a step is done, from 0 to 1."""

    step: AStep
    fraction: float
    message: str


class LogLines(Struct, frozen=True, kw_only=True):
    """`event: log`: what a try at a step wrote, whole lines of it."""

    step: AStep
    attempt: int
    text: str
