"""From model values to the wire's shapes: every quirk of what is sent, with its reason (docs/wire.md)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from procession.api.wire import shapes
from procession.model.files import File
from procession.model.ids import ProcessId, StepId
from procession.model.lifecycle import StepStatus
from procession.model.processes import Process, Property, PropertyType, StepKind
from procession.model.runs import HistoryRow, Run
from procession.model.steps import UNDER_WAY, AttemptRow, PropertyRow, StepRow
from procession.model.stopwatch import Stopwatch


def seven_digits(at: datetime) -> str:
    """UTC, seven fractional digits, no Z: 2020-06-15T02:24:14.2700000 (processes and runs, as documented)."""
    return _naive(at).isoformat(timespec="microseconds") + "0"


def milliseconds(at: datetime | None) -> str | None:
    """UTC, milliseconds, no Z (a run's status). Unset is null, never "": the documents show both, and a date parser
    accepts only null."""
    return None if at is None else _naive(at).isoformat(timespec="milliseconds")


def milliseconds_z(at: datetime | None) -> str | None:
    """UTC, milliseconds, with Z: only a step's status is documented with it."""
    return None if at is None else _naive(at).isoformat(timespec="milliseconds") + "Z"


def _naive(at: datetime) -> datetime:
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).replace(tzinfo=None)


def whole_seconds(seconds: float | None) -> int | None:
    """Durations are integer seconds, rounded down; a clock that was set back gives 0, not -1."""
    return None if seconds is None else max(0, int(seconds))


def named(id: object, name: str) -> shapes.Named:
    return shapes.Named(id=str(id), name=name)


def process(
    id: ProcessId, definition: Process, *, created_at: datetime, modified_at: datetime, modified_by: str
) -> shapes.ProcessShape:
    """A process as its present version defines it; `modified_by` is a login name.

    The two subscriber switches are false: we share processes by roles, not with all subscribers at once.
    """
    return shapes.ProcessShape(
        id=str(id),
        name=definition.name,
        description=definition.description,
        lastModifiedBy=modified_by,
        dateModified=seven_digits(modified_at),
        dateCreated=seven_digits(created_at),
        alertEmailAddress=definition.alert_email,
        alertSMS=definition.alert_sms,
        availableToSubscriber=False,
        runsAvailableToSubscriber=False,
    )


def run(item: Run) -> shapes.ProcessRun:
    return shapes.ProcessRun(
        id=str(item.id),
        name=item.name,
        process=str(item.process),
        description=item.description,
        lastModifiedBy=item.modified_by,
        dateModified=seven_digits(item.modified_at),
        dateCreated=seven_digits(item.created_at),
        alertEmailAddress=item.alert_email,
        alertSMS=item.alert_sms,
    )


def run_status(item: Run, failed_steps: Iterable[StepId] = (), *, steady: float | None = None) -> shapes.RunStatusShape:
    """The duration goes out under both names: status pages say runDurationInSeconds, cancel says runDurationInSec.

    While it is running, the duration is what has passed until `steady`.
    """
    seconds = whole_seconds(item.seconds(steady))
    return shapes.RunStatusShape(
        id=str(item.id),
        dateStarted=milliseconds(item.started_at),
        dateFinished=milliseconds(item.finished_at),
        runDurationInSeconds=seconds,
        runDurationInSec=seconds,
        status=item.status,
        outcome=item.outcome,
        failedSteps=[str(step) for step in failed_steps],
        attempt=item.attempt,
        revision=item.revision,
    )


def step_status(item: StepRow, *, steady: float | None = None) -> shapes.StepRunStatus:
    """While it is running, the duration is what has passed until `steady`, and the message is the seed's."""
    is_running = item.status is StepStatus.RUNNING
    seconds = whole_seconds(item.seconds(steady))
    return shapes.StepRunStatus(
        id=str(item.id),
        dateStarted=milliseconds_z(item.started_at),
        dateFinished=milliseconds_z(item.finished_at),
        runDurationInSeconds=seconds,
        runDurationInSec=seconds,
        status=item.status,
        completionMessage=UNDER_WAY if is_running else item.message,
        progress=item.progress,
        progressMessage=item.progress_message,
    )


def restarted(item: StepRow, now: datetime) -> shapes.StepRunStatus:
    """The answer to restartfromhere. The step is still NotStarted: its run was scheduled in this very transaction.

    The seed shows "Running", "step is currently running", a dateStarted and a duration here, and scripts look for them
    to learn whether the restart took; a moment later they are true, and the step's own runstatus never lies.
    """
    return step_status(replace(item, status=StepStatus.RUNNING, started_at=now, run_worked=Stopwatch()))


def data_step(item: StepRow) -> shapes.DataStep:
    """The order goes out as stepOrder ("1.1") and inside orderedName ("1.1 Parameters"): the material disagrees."""
    return shapes.DataStep(
        id=str(item.id),
        name=item.name,
        isEnabled=item.enabled,
        stepOrder=item.order,
        orderedName=f"{item.order} {item.name}",
    )


def any_step(item: StepRow, *, action: str, attempts: int, steady: float | None = None) -> shapes.AnyStep:
    """`action` is the kind of an action step; a data step has none and sends null."""
    return shapes.AnyStep(
        id=str(item.id),
        name=item.name,
        isEnabled=item.enabled,
        stepOrder=item.order,
        orderedName=f"{item.order} {item.name}",
        kind=item.kind,
        action=action if item.kind is StepKind.ACTION else None,
        key=item.key,
        group=item.group,
        runStatus=step_status(item, steady=steady),
        attempts=attempts,
    )


def property(row: PropertyRow, *, is_update: bool = False) -> shapes.PropertyShape:
    """A property with the fields of its type; the answer to an update also spells mouseOverText as the documents do."""
    item = row.item
    return shapes.PropertyShape(
        id=str(row.id),
        name=item.name,
        key=item.key,
        dataType=item.type,
        required=item.required,
        visible=item.visible,
        informationFlowType=item.flow,
        mouseoverText=item.mouseover,
        mouseOverText=item.mouseover if is_update else msgspec.UNSET,
        **_of_type(item, row),
    )


def _of_type(item: Property, row: PropertyRow) -> dict[str, Any]:
    match item.type:
        case PropertyType.FILE:
            return {"file": None if row.file is None else str(row.file.id)}
        case PropertyType.DROPDOWN:
            return {"value": item.value, "options": list(item.options)}
        case PropertyType.TEXT:
            return {"value": item.value, "foregroundColor": item.foreground_color}
        case PropertyType.DECIMAL:
            return {"value": item.value, "decimalPoints": item.decimal_points}
        case PropertyType.SYSTEM_VARIABLE:
            return {"value": item.value, "variableType": item.variable}
        case _:
            return {"value": item.value}


def file(item: File, origin: str) -> shapes.FileShape:
    """`origin` is the scheme and host that the client itself used, so that the url works from where it stands."""
    return shapes.FileShape(
        id=str(item.id),
        name=item.name,
        sizeInBytes=item.size_bytes,
        fileExtension=extension(item.name),
        url=f"{origin}/api/v1/files/{item.id}",
    )


def extension(name: str) -> str:
    """Without the dot, as documented: "xlsx"; "" for none and for a name that is nothing else (".bashrc")."""
    stem, _, last = name.rpartition(".")
    return last if stem else ""


def history_row(item: HistoryRow) -> shapes.HistoryRowShape:
    return shapes.HistoryRowShape(
        revision=item.revision,
        at=moment(item.at),
        attempt=item.attempt,
        kind=item.kind,
        step=None if item.step is None else str(item.step),
        user=item.user,
        detail=dict(item.detail),
    )


def step_attempt(item: AttemptRow) -> shapes.StepAttempt:
    return shapes.StepAttempt(
        step=str(item.step),
        number=item.number,
        status=item.status,
        message=item.message,
        dateStarted=moment(item.started_at),
        dateFinished=milliseconds_z(item.finished_at),
        runDurationInSeconds=whole_seconds(item.duration_seconds),
        processesGone=item.is_gone,
    )


def moment(at: datetime) -> str:
    return _naive(at).isoformat(timespec="milliseconds") + "Z"
