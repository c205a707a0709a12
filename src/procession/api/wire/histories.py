"""A run's history on the wire: by attempt, and event by event."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from procession.api.wire import times
from procession.api.wire.scalars import (
    AFile,
    AProperty,
    ARun,
    AStep,
    Count,
    MillisecondsZ,
    Sha256,
    StepState,
)
from procession.model import figures
from procession.model import runs as model
from procession.model.steps import AttemptRow
from procession.operations.histories import BEGINNINGS, RunHistory
from procession.store.writes import WriteRow


class HistoryRowShape(Struct, frozen=True, kw_only=True):
    """One line of a run's history; what `detail` holds depends on `kind`."""

    revision: int
    at: MillisecondsZ
    attempt: int
    kind: str
    step: AStep | None
    user: str | None
    detail: dict[str, Any]


class StepAttempt(Struct, frozen=True, kw_only=True):
    """One try at one step; `processesGone` says that nothing it started is left. `figures` are exact, as text."""

    step: AStep
    number: int
    status: StepState
    message: str
    dateStarted: MillisecondsZ
    dateFinished: MillisecondsZ | None
    runDurationInSeconds: Count | None
    processesGone: bool
    figures: dict[str, str]


class Write(Struct, frozen=True, kw_only=True):
    """A value or a file's content; `step` null: frozen at the start. `undoneBy` is the attempt that took it back."""

    property: AProperty
    reference: str
    file: AFile | None
    step: AStep | None
    value: str | None
    fileName: str | None
    sha256: Sha256 | None
    sizeInBytes: Count | None
    dateWritten: MillisecondsZ
    undoneBy: int | None


class RunAttempt(Struct, frozen=True, kw_only=True):
    """One attempt at a run: its start, or a restartfromhere with what it reset and carried over (ids of steps)."""

    attempt: int
    startedBy: str | None
    dateScheduled: MillisecondsZ
    reason: str | None
    fromStep: AStep | None
    version: Count
    reset: list[AStep]
    carried: list[AStep]
    released: list[str]
    stepAttempts: list[StepAttempt]
    writes: list[Write]


class History(Struct, frozen=True, kw_only=True):
    """`events` holds every change of the run in order; `attempts` the same by attempt, with times and writes."""

    id: ARun
    attempts: list[RunAttempt]
    events: list[HistoryRowShape]


def history_row(item: model.HistoryRow) -> HistoryRowShape:
    return HistoryRowShape(
        revision=item.revision,
        at=times.moment(item.at),
        attempt=item.attempt,
        kind=item.kind,
        step=None if item.step is None else str(item.step),
        user=item.user,
        detail=dict(item.detail),
    )


def step_attempt(item: AttemptRow) -> StepAttempt:
    return StepAttempt(
        step=str(item.step),
        number=item.number,
        status=item.status,
        message=item.message,
        dateStarted=times.moment(item.started_at),
        dateFinished=times.milliseconds_z(item.finished_at),
        runDurationInSeconds=times.whole_seconds(item.duration_seconds),
        processesGone=item.is_gone,
        figures={name: figures.text(one) for name, one in item.figures.items()},
    )


def history(found: RunHistory) -> History:
    return History(
        id=str(found.run.id),
        # An attempt that never got a process is shown too: somebody asked for it.
        attempts=[_attempt(row, found) for row in found.events if row.kind in BEGINNINGS],
        events=[history_row(row) for row in found.events],
    )


def _attempt(row: model.HistoryRow, found: RunHistory) -> RunAttempt:
    detail = row.detail
    return RunAttempt(
        attempt=row.attempt,
        startedBy=row.user,
        dateScheduled=times.moment(row.at),
        reason=detail.get("reason"),
        fromStep=None if row.step is None else str(row.step),
        version=_version(row, found),
        reset=list(detail.get("reset", ())),
        carried=list(detail.get("carried", ())),
        released=list(detail.get("released", ())),
        stepAttempts=[step_attempt(item) for item in found.step_attempts if item.attempt == row.attempt],
        writes=[_write(item) for item in found.writes if item.attempt == row.attempt],
    )


def _version(row: model.HistoryRow, found: RunHistory) -> int:
    """The version that this attempt followed: the one the run was created from, until a restart took another."""
    told = [
        item.detail["version"] for item in found.events if item.revision <= row.revision and "version" in item.detail
    ]
    return int(told[-1])


def _write(item: WriteRow) -> Write:
    is_file = item.file is not None
    return Write(
        property=str(item.property),
        reference=item.reference,
        file=str(item.file) if is_file else None,
        step=None if item.step is None else str(item.step),
        value=item.value,
        fileName=item.file_name if is_file else None,
        sha256=item.sha256,
        sizeInBytes=item.size_bytes if is_file else None,
        # Milliseconds with Z in all that Procession adds; other forms are only where the documents have them.
        dateWritten=times.moment(item.written_at),
        undoneBy=item.undone_by,
    )
