"""The shapes of the API as they cross the wire (docs/wire.md); openapi.json is made from them.

Field names are the wire's, so that a reader can compare them with the documents line by line. Where the public material
spells one field in two ways, both are sent (docs/wire.md, Values).
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from procession.api.wire.scalars import (
    ADataStep,
    AFile,
    AProcess,
    AProperty,
    ARun,
    AStep,
    Count,
    DataType,
    Effect,
    Flow,
    Milliseconds,
    MillisecondsZ,
    RunOutcome,
    RunState,
    SevenDigits,
    Sha256,
    StepKind,
    StepState,
    Uuid,
    Value,
    Variable,
)

# ruff: noqa: RUF036  (the wire's names, and its order of types)


class Error(Struct, frozen=True, kw_only=True):
    message: str
    supportId: Uuid


class Named(Struct, frozen=True, kw_only=True):
    id: str
    name: str


class ProcessShape(Struct, frozen=True, kw_only=True):
    id: AProcess
    name: str
    description: str
    lastModifiedBy: str
    dateModified: SevenDigits
    dateCreated: SevenDigits
    alertEmailAddress: str
    alertSMS: str
    availableToSubscriber: bool
    runsAvailableToSubscriber: bool


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


class StepRunStatus(Struct, frozen=True, kw_only=True):
    id: AStep
    dateStarted: MillisecondsZ | None
    dateFinished: MillisecondsZ | None
    runDurationInSeconds: Count | None
    runDurationInSec: Count | None
    status: StepState
    completionMessage: str
    progress: float | None
    progressMessage: str


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


class PropertyShape(Struct, frozen=True, kw_only=True):
    """A field that a type of property does not have is left out, never null; `key` is additive, as in AnyStep."""

    id: AProperty
    name: str
    key: str
    dataType: DataType
    required: bool
    visible: bool
    informationFlowType: Flow
    mouseoverText: str
    # The documents spell it so in the answer to an update, and only there.
    mouseOverText: str | UnsetType = UNSET
    value: Value | UnsetType = UNSET
    options: list[str] | UnsetType = UNSET
    foregroundColor: str | None | UnsetType = UNSET
    decimalPoints: int | None | UnsetType = UNSET
    variableType: Variable | None | UnsetType = UNSET
    file: AFile | None | UnsetType = UNSET


class FileShape(Struct, frozen=True, kw_only=True):
    id: AFile
    name: str
    sizeInBytes: Count
    fileExtension: str
    url: str


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
    """One try at one step; `processesGone` says that nothing it started is left."""

    step: AStep
    number: int
    status: StepState
    message: str
    dateStarted: MillisecondsZ
    dateFinished: MillisecondsZ | None
    runDurationInSeconds: Count | None
    processesGone: bool


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


class Version(Struct, frozen=True, kw_only=True):
    """One published version of a process; `hash` is the hex SHA-256 of its file."""

    version: int
    author: str
    dateCreated: SevenDigits
    hash: Sha256


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


class PlannedStep(Struct, frozen=True, kw_only=True):
    id: AStep
    name: str
    stepOrder: str
    effect: Effect


class NewerVersion(Struct, frozen=True, kw_only=True):
    """The newest version: what differs, and why a restart from here cannot take it; no obstacles: it can."""

    version: Count
    changes: list[str]
    obstacles: list[str]


class RestartPlanShape(Struct, frozen=True, kw_only=True):
    """What restartfromhere would do; `repeatsEffects` are steps that would touch the outside world a second time.

    `version` is the one that the run follows; `newerVersion` is null where that is the newest.
    """

    runsAgain: list[PlannedStep]
    carriedOver: list[PlannedStep]
    stale: list[AStep]
    repeatsEffects: list[PlannedStep]
    needsRelease: list[PlannedStep]
    version: Count
    newerVersion: NewerVersion | None


class Health(Struct, frozen=True, kw_only=True):
    status: str
