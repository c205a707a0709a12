"""The server's answers as frozen values (docs/wire.md): aware dates, Decimal amounts, ids as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# Written here again: the client takes nothing from the server's modules.
RUN_FINAL = frozenset({"Finished", "Cancelled", "TimedOut"})
STEP_FINAL = frozenset({"Success", "Warning", "Failed", "Cancelled", "Skipped"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessDetails:
    id: str
    name: str
    description: str
    last_modified_by: str
    date_modified: datetime
    date_created: datetime
    alert_email_address: str = ""
    remarks: tuple[str, ...] = ()  # of publish(): what would be refused at a start, or would wait for nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    id: str
    name: str
    process: str
    description: str
    last_modified_by: str
    date_modified: datetime
    date_created: datetime
    alert_email_address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRun:
    id: str
    name: str
    process: str
    status: str
    date_created: datetime
    outcome: str | None = None
    date_started: datetime | None = None
    date_finished: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """`status` Finished only means that it is over; `outcome`: Success, Warning or Failed."""

    id: str
    status: str
    date_started: datetime | None
    date_finished: datetime | None
    duration_seconds: int | None = field(default=None, metadata={"wire": ("runDurationInSeconds", "runDurationInSec")})
    outcome: str | None = None
    failed_steps: tuple[str, ...] = ()
    attempt: int = 0
    revision: int = 0

    @property
    def is_over(self) -> bool:
        return self.status in RUN_FINAL

    @property
    def is_success(self) -> bool:
        """Finished, without a failed step; a warning is no failure."""
        # By the outcome: status Finished says nothing about it.
        return self.outcome in {"Success", "Warning"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownThing:
    """A file, with its SHA-256 in `content`; a table, with its version; or a value."""

    reference: str
    name: str
    text: str
    content: str
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    user: str
    decision: str
    comment: str
    at: datetime
    is_void: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What a step asks; `signed` is the hash of what is shown. `decision`: approved, rejected, failed, or None."""

    title: str
    signed: str
    is_open: bool
    needed: int
    shown: tuple[ShownThing, ...] = ()
    votes: tuple[Vote, ...] = ()
    decision: str | None = None
    needs_comment: bool = False
    may_decide: bool = False
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStatus:
    """`progress` is from 0 to 1, if the step reports it; `figures` are exact, as text."""

    id: str
    status: str
    date_started: datetime | None
    date_finished: datetime | None
    completion_message: str
    duration_seconds: int | None = field(default=None, metadata={"wire": ("runDurationInSeconds", "runDurationInSec")})
    progress: float | None = None
    progress_message: str = ""
    figures: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.status in STEP_FINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDetails:
    """`kind` is Data or Action; `key` is the step's name in the process file; `run_status` None: a data step as the
    documented lists show it."""

    id: str
    name: str
    is_enabled: bool
    step_order: str
    kind: str = "Data"
    action: str | None = None
    key: str = ""
    group: str = ""
    run_status: StepStatus | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A run and its steps at one moment; as text, one line."""

    run: RunStatus
    steps: tuple[StepDetails, ...]

    def __str__(self) -> str:
        over = sum(1 for step in self.steps if step.run_status is not None and step.run_status.is_over)
        text = f"{self.run.id} {self.run.outcome or self.run.status}: {over} of {len(self.steps)} steps"
        running = [_under_way(step) for step in self.steps if step.run_status and step.run_status.status == "Running"]
        return f"{text}; {', '.join(running)}" if running else text


def _under_way(step: StepDetails) -> str:
    assert step.run_status is not None
    part = step.run_status.progress
    return step.name if part is None else f"{step.name} {part:.0%}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDetails:
    """`file_extension` without the dot."""

    id: str
    name: str
    size_in_bytes: int
    file_extension: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A published version of a process; `hash` is the hex SHA-256 of its file."""

    version: int
    author: str
    date_created: datetime
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """What `detail` holds depends on `kind`."""

    revision: int
    at: datetime
    attempt: int
    kind: str
    step: str | None = None
    user: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAttempt:
    """One try of one step; `processes_gone`: all its processes have ended."""

    step: str
    number: int
    status: str
    message: str
    date_started: datetime
    date_finished: datetime | None = None
    processes_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A value or a file's content as written; `undone_by`: the attempt that took it back."""

    property: str
    reference: str
    date_written: datetime
    file: str | None = None
    step: str | None = None
    value: str | None = None
    file_name: str | None = None
    sha256: str | None = None
    size_in_bytes: int | None = None
    undone_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAttempt:
    """A start, or a restart with what it reset and carried over (ids of steps)."""

    attempt: int
    date_scheduled: datetime
    started_by: str | None = None
    reason: str | None = None
    from_step: str | None = None
    version: int | None = None
    reset: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    step_attempts: tuple[StepAttempt, ...] = ()
    writes: tuple[Write, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    id: str
    attempts: tuple[RunAttempt, ...]
    events: tuple[HistoryEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A Server-Sent Event of a run; give `id` to Run.events to go on after it."""

    id: str
    name: str
    content: Any
