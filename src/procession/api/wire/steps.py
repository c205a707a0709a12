"""Steps on the wire."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from procession.api.wire import times
from procession.api.wire.scalars import (
    ADataStep,
    ARun,
    AStep,
    Count,
    MillisecondsZ,
    StepKind,
    StepState,
)
from procession.model import explanations, figures
from procession.model import processes as model
from procession.model.figures import EarlierFigures, Figures
from procession.model.lifecycle import StepStatus
from procession.model.steps import UNDER_WAY, StepRow
from procession.model.stopwatch import Stopwatch


class ExplanationShape(Struct, frozen=True, kw_only=True):
    """What a failure means, and what to do about it."""

    meaning: str
    advice: str


class FiguresBefore(Struct, frozen=True, kw_only=True):
    """Of the same step in the last run before in which it ended well."""

    run: ARun
    figures: dict[str, str]


class StepRunStatus(Struct, frozen=True, kw_only=True):
    """`explanation` is there for a step that failed, `figures` for one whose last try gave some: exact, as text."""

    id: AStep
    dateStarted: MillisecondsZ | None
    dateFinished: MillisecondsZ | None
    runDurationInSeconds: Count | None
    runDurationInSec: Count | None
    status: StepState
    completionMessage: str
    progress: float | None
    progressMessage: str
    explanation: ExplanationShape | UnsetType = UNSET
    figures: dict[str, str] | UnsetType = UNSET
    figuresBefore: FiguresBefore | UnsetType = UNSET


class DataStep(Struct, frozen=True, kw_only=True):
    id: ADataStep
    name: str
    isEnabled: bool
    stepOrder: str
    orderedName: str


class AnyStep(Struct, frozen=True, kw_only=True):
    """An item of steps?include=all (docs/wire.md, What Procession adds)."""

    id: AStep
    name: str
    isEnabled: bool
    stepOrder: str
    orderedName: str
    kind: StepKind
    action: str | None
    key: str
    group: str
    runStatus: StepRunStatus
    attempts: Count


def step_status(item: StepRow, *, action: str = "", steady: float | None = None) -> StepRunStatus:
    """While it is running, the duration is what has passed until `steady`, and the message is the seed's.

    `action` is the kind of an action step; a failure is explained by it.
    """
    is_running = item.status is StepStatus.RUNNING
    seconds = times.whole_seconds(item.seconds(steady))
    return StepRunStatus(
        id=str(item.id),
        dateStarted=times.milliseconds_z(item.started_at),
        dateFinished=times.milliseconds_z(item.finished_at),
        runDurationInSeconds=seconds,
        runDurationInSec=seconds,
        status=item.status,
        # The server that scripts were written against says it, and they look for it.
        completionMessage=UNDER_WAY if is_running else item.message,
        progress=item.progress,
        progressMessage=item.progress_message,
        explanation=_explanation(item, action),
    )


def with_figures(shape: StepRunStatus, found: Figures, before: EarlierFigures | None) -> StepRunStatus:
    """With what the step's last try gave, if anything, and the run before."""
    if not found:
        return shape
    earlier = UNSET if before is None else FiguresBefore(run=str(before.run), figures=_texts(before.figures))
    return replace(shape, figures=_texts(found), figuresBefore=earlier)


def _texts(found: Figures) -> dict[str, str]:
    return {name: figures.text(one) for name, one in found.items()}


def _explanation(item: StepRow, action: str) -> ExplanationShape | UnsetType:
    if item.status is not StepStatus.FAILED:
        return UNSET
    found = explanations.explain(item.message, action=action)
    return ExplanationShape(meaning=found.meaning, advice=found.advice)


def restarted(item: StepRow, now: datetime) -> StepRunStatus:
    """The answer to restartfromhere. The step is still NotStarted: its run was scheduled in this very transaction.

    The seed shows "Running", "step is currently running", a dateStarted and a duration here, and scripts look for them
    to learn whether the restart took; a moment later they are true, and the step's own runstatus never lies.
    """
    return step_status(replace(item, status=StepStatus.RUNNING, started_at=now, run_worked=Stopwatch()))


def data_step(item: StepRow) -> DataStep:
    """The order goes out as stepOrder ("1.1") and inside orderedName ("1.1 Parameters"): the material disagrees."""
    return DataStep(
        id=str(item.id),
        name=item.name,
        isEnabled=item.enabled,
        stepOrder=item.order,
        orderedName=f"{item.order} {item.name}",
    )


def any_step(item: StepRow, *, action: str, attempts: int, steady: float | None = None) -> AnyStep:
    """`action` is the kind of an action step; a data step has none and sends null."""
    return AnyStep(
        id=str(item.id),
        name=item.name,
        isEnabled=item.enabled,
        stepOrder=item.order,
        orderedName=f"{item.order} {item.name}",
        kind=item.kind,
        action=action if item.kind is model.StepKind.ACTION else None,
        key=item.key,
        group=item.group,
        runStatus=step_status(item, action=action, steady=steady),
        attempts=attempts,
    )
