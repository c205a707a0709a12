"""Process runs on the wire: asked for, started, listed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from procession.api.wire import times
from procession.api.wire.scalars import (
    AProcess,
    ARun,
    AStep,
    Count,
    Milliseconds,
    Name,
    RunOutcome,
    RunState,
    SevenDigits,
    Value,
    Why,
)
from procession.model import runs as model
from procession.model.ids import StepId
from procession.model.runs import Run, RunProgress

# ruff: noqa: RUF036  (the wire's names, and its order of types)


class ProcessRun(Struct, frozen=True, kw_only=True):
    id: ARun
    name: str
    process: AProcess
    description: str
    lastModifiedBy: str
    dateModified: SevenDigits
    dateCreated: SevenDigits
    alertEmailAddress: str
    alertSMS: str


class RunStatusShape(Struct, frozen=True, kw_only=True):
    id: ARun
    dateStarted: Milliseconds | None
    dateFinished: Milliseconds | None
    runDurationInSeconds: Count | None
    runDurationInSec: Count | None
    status: RunState
    outcome: RunOutcome | None
    failedSteps: list[AStep]
    attempt: Count
    revision: Count


class ProblemShape(Struct, frozen=True, kw_only=True):
    """What went wrong first; a run that was cancelled has a reason and no step."""

    step: AStep | None
    name: str | None
    message: str


class ListedRun(Struct, frozen=True, kw_only=True):
    """An item of GET processruns: enough to show a list without asking for each run."""

    id: ARun
    name: str
    process: AProcess
    status: RunState
    outcome: RunOutcome | None
    dateCreated: SevenDigits
    dateStarted: Milliseconds | None
    dateFinished: Milliseconds | None
    # Additive: a list says why, by whom and how long, or ten runs are opened to find one.
    processName: str
    startedBy: str | None
    runDurationInSeconds: Count | None
    firstProblem: ProblemShape | None
    needsPerson: bool


class RunCount(Struct, frozen=True, kw_only=True):
    """How many runs have this status and outcome; with `isMore` there are at least so many."""

    status: RunState
    outcome: RunOutcome | None
    count: Count
    isMore: bool


class NewProcessRun(Struct, frozen=True, kw_only=True):
    """What creating a run may carry; all or nothing."""

    namePrefix: Name | None | UnsetType = UNSET
    inputs: dict[str, Value] | None | UnsetType = UNSET
    start: bool | None | UnsetType = UNSET


class RunRequest(Struct, frozen=True, kw_only=True):
    """The body of the deprecated POST requests."""

    request: Literal["ProcessRun_StartRq", "ProcessRun_CancelRq"]
    processRunId: ARun


class Reason(Struct, frozen=True, kw_only=True):
    reason: Why | None | UnsetType = UNSET


def run(item: Run) -> ProcessRun:
    return ProcessRun(
        id=str(item.id),
        name=item.name,
        process=str(item.process),
        description=item.description,
        lastModifiedBy=item.modified_by,
        dateModified=times.seven_digits(item.modified_at),
        dateCreated=times.seven_digits(item.created_at),
        alertEmailAddress=item.alert_email,
        alertSMS=item.alert_sms,
    )


def listed_run(item: model.RunEntry, *, steady: float | None) -> ListedRun:
    run, problem = item.run, item.problem
    return ListedRun(
        id=str(run.id),
        name=run.name,
        process=str(run.process),
        status=run.status,
        outcome=run.outcome,
        dateCreated=times.seven_digits(run.created_at),
        dateStarted=times.milliseconds(run.started_at),
        dateFinished=times.milliseconds(run.finished_at),
        processName=item.process_name,
        startedBy=item.login,
        runDurationInSeconds=times.whole_seconds(run.seconds(steady)),
        firstProblem=None if problem is None else _problem(problem),
        needsPerson=item.needs_person,
    )


def _problem(item: model.FirstProblem) -> ProblemShape:
    step = None if item.step is None else str(item.step)
    return ProblemShape(step=step, name=item.name or None, message=item.message)


def run_status(
    item: RunProgress, failed_steps: Iterable[StepId] = (), *, steady: float | None = None
) -> RunStatusShape:
    """The duration goes out under both names: status pages say runDurationInSeconds, cancel says runDurationInSec.

    While it is running, the duration is what has passed until `steady`.
    """
    seconds = times.whole_seconds(item.seconds(steady))
    return RunStatusShape(
        id=str(item.id),
        dateStarted=times.milliseconds(item.started_at),
        dateFinished=times.milliseconds(item.finished_at),
        runDurationInSeconds=seconds,
        runDurationInSec=seconds,
        status=item.status,
        outcome=item.outcome,
        # Additive, as attempt and revision: a status poll should not need a second request.
        failedSteps=[str(step) for step in failed_steps],
        attempt=item.attempt,
        revision=item.revision,
    )
