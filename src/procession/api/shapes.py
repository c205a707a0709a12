"""The shapes of spec/wire.md section 3 as they cross the wire; openapi.json is made from them.

Field names are the wire's, so that a reader can compare them with the documents line by line. Where the public material
spells one field in two ways, both are sent (spec/wire.md section 2).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

# msgspec knows no union of text and Decimal; the document says what it is.
Value = Annotated[Any, Meta(extra_json_schema={"type": ["string", "number", "boolean", "null"]})]

# ruff: noqa: RUF036  (the wire's names, and its order of types)


class Error(Struct, frozen=True, kw_only=True):
    message: str
    supportId: str


class Named(Struct, frozen=True, kw_only=True):
    id: str
    name: str


class Process(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    description: str
    lastModifiedBy: str
    dateModified: str
    dateCreated: str
    alertEmailAddress: str
    alertSMS: str
    availableToSubscriber: bool
    runsAvailableToSubscriber: bool


class ProcessRun(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    process: str
    description: str
    lastModifiedBy: str
    dateModified: str
    dateCreated: str
    alertEmailAddress: str
    alertSMS: str


class RunStatus(Struct, frozen=True, kw_only=True):
    id: str
    dateStarted: str | None
    dateFinished: str | None
    runDurationInSeconds: int | None
    runDurationInSec: int | None
    status: str
    outcome: str | None
    failedSteps: list[str]
    attempt: int
    revision: int


class StepRunStatus(Struct, frozen=True, kw_only=True):
    id: str
    dateStarted: str | None
    dateFinished: str | None
    runDurationInSeconds: int | None
    runDurationInSec: int | None
    status: str
    completionMessage: str
    progress: float | None
    progressMessage: str


class DataStep(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    isEnabled: bool
    stepOrder: str
    orderedName: str


class AnyStep(Struct, frozen=True, kw_only=True):
    """An item of steps?include=all (spec/wire.md section 6)."""

    id: str
    name: str
    isEnabled: bool
    stepOrder: str
    orderedName: str
    kind: str
    action: str | None
    key: str
    group: str
    runStatus: StepRunStatus
    attempts: int


class Property(Struct, frozen=True, kw_only=True):
    """A field that a type of property does not have is left out, never null; `key` is additive, as in AnyStep."""

    id: str
    name: str
    key: str
    dataType: str
    required: bool
    visible: bool
    informationFlowType: str
    mouseoverText: str
    # The documents spell it so in the answer to an update, and only there.
    mouseOverText: str | UnsetType = UNSET
    value: Value | UnsetType = UNSET
    options: list[str] | UnsetType = UNSET
    foregroundColor: str | None | UnsetType = UNSET
    decimalPoints: int | None | UnsetType = UNSET
    variableType: str | None | UnsetType = UNSET
    file: str | None | UnsetType = UNSET


class File(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    sizeInBytes: int
    fileExtension: str
    url: str


class HistoryRow(Struct, frozen=True, kw_only=True):
    """One line of a run's history; what `detail` holds depends on `kind`."""

    revision: int
    at: str
    attempt: int
    kind: str
    step: str | None
    user: str | None
    detail: dict[str, Any]


class StepAttempt(Struct, frozen=True, kw_only=True):
    """One try at one step; `processesGone` says that nothing it started is left."""

    step: str
    number: int
    status: str
    message: str
    dateStarted: str
    dateFinished: str | None
    runDurationInSeconds: int | None
    processesGone: bool


class Write(Struct, frozen=True, kw_only=True):
    """A value or a file's content; `step` null: frozen at the start. `undoneBy` is the attempt that took it back."""

    property: str
    reference: str
    file: str | None
    step: str | None
    value: str | None
    fileName: str | None
    sha256: str | None
    sizeInBytes: int | None
    dateWritten: str
    undoneBy: int | None


class RunAttempt(Struct, frozen=True, kw_only=True):
    """One attempt at a run: its start, or a restartfromhere with what it reset and carried over (ids of steps)."""

    attempt: int
    startedBy: str | None
    dateScheduled: str
    reason: str | None
    fromStep: str | None
    reset: list[str]
    carried: list[str]
    released: list[str]
    stepAttempts: list[StepAttempt]
    writes: list[Write]


class History(Struct, frozen=True, kw_only=True):
    """`events` holds every change of the run in order; `attempts` the same by attempt, with times and writes."""

    id: str
    attempts: list[RunAttempt]
    events: list[HistoryRow]


class Version(Struct, frozen=True, kw_only=True):
    """One published version of a process; `hash` is the hex SHA-256 of its file."""

    version: int
    author: str
    dateCreated: str
    hash: str


class ListedRun(Struct, frozen=True, kw_only=True):
    """An item of GET processruns: enough to show a list without asking for each run."""

    id: str
    name: str
    process: str
    status: str
    outcome: str | None
    dateCreated: str
    dateStarted: str | None
    dateFinished: str | None


class PlannedStep(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    stepOrder: str
    effect: str


class RestartPlan(Struct, frozen=True, kw_only=True):
    """What restartfromhere would do; `repeatsEffects` are steps that would touch the outside world a second time."""

    runsAgain: list[PlannedStep]
    carriedOver: list[PlannedStep]
    stale: list[str]
    repeatsEffects: list[PlannedStep]
    needsRelease: list[PlannedStep]


class Health(Struct, frozen=True, kw_only=True):
    status: str


class NewProcessRun(Struct, frozen=True, kw_only=True):
    """What creating a run may carry; all or nothing."""

    namePrefix: str | UnsetType = UNSET
    inputs: dict[str, Value] | UnsetType = UNSET
    start: bool | UnsetType = UNSET


class RunRequest(Struct, frozen=True, kw_only=True):
    """The body of the deprecated POST requests."""

    request: Literal["ProcessRun_StartRq", "ProcessRun_CancelRq"]
    processRunId: str


class Reason(Struct, frozen=True, kw_only=True):
    reason: str | UnsetType = UNSET


class Restart(Struct, frozen=True, kw_only=True):
    """`release` names steps declared `once` that may happen a second time, by key or id."""

    reason: str | UnsetType = UNSET
    release: list[str] | UnsetType = UNSET


class PropertyChange(Struct, frozen=True, kw_only=True):
    """A full or a partial Property; what is left out stays as it is."""

    name: str | UnsetType = UNSET
    dataType: str | UnsetType = UNSET
    required: bool | UnsetType = UNSET
    visible: bool | UnsetType = UNSET
    informationFlowType: str | UnsetType = UNSET
    mouseoverText: str | UnsetType = UNSET
    value: Value | UnsetType = UNSET
    options: list[str] | UnsetType = UNSET
    foregroundColor: str | None | UnsetType = UNSET
    decimalPoints: int | None | UnsetType = UNSET
    variableType: str | UnsetType = UNSET


class FileName(Struct, frozen=True, kw_only=True):
    name: str
