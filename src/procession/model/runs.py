"""A process run: a private snapshot of a process, and its progress (docs/crash.md, Run and step)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from procession.model.ids import ProcessId, RunId, StepId, UserId
from procession.model.lifecycle import Outcome, RunStatus
from procession.model.stopwatch import Stopwatch


class RunProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run has come: all that its status shows."""

    id: RunId
    status: RunStatus
    outcome: Outcome | None
    attempt: int  # 0 before the start, then 1, +1 with every restartfromhere
    revision: int  # +1 with every visible change; a long poll compares it
    started_at: datetime | None  # the first start; a restart leaves it
    finished_at: datetime | None
    duration_seconds: float | None  # None until it is final
    worked: Stopwatch

    def seconds(self, steady: float | None) -> float | None:
        """Its duration: so far while it is Running, None before it began."""
        return self.worked.at(steady) if self.status is RunStatus.RUNNING else self.duration_seconds


class Run(RunProgress, frozen=True, kw_only=True):
    """One row of the run table. `epoch` fences every write: claim, cancel, time-out and restart raise it."""

    process: ProcessId
    version: int
    name: str
    description: str
    # Copied at the creation: the run tells whom it promised to tell.
    alert_email: str
    alert_sms: str
    # Any number of servers may believe that a run is theirs; the last epoch is right.
    epoch: int
    created_at: datetime
    modified_at: datetime
    modified_by: str  # login name
    started_by: UserId | None
    scheduled_at: datetime | None
    worked_max: float | None  # at which it is timed out; None while nobody has taken this attempt
    restarted_key: str | None  # named by restartfromhere: it runs whatever its condition says
    executor: str | None
    is_held: bool  # under way in the home that this one is a copy of, and left alone here


def completion(run: Run, login: str, now: datetime, *, is_scheduled: bool = False) -> str:
    """The log message that clients parse, to the letter (docs/wire.md, Shapes).

    `is_scheduled`: a schedule started the run, not a person.
    """
    # Month first, as SolveXia's server writes it.
    how = f'in {int(run.duration_seconds or 0)} s with status "{run.status}" at {now:%m/%d/%Y %H:%M:%S}'
    what = "Scheduled process run" if is_scheduled else "Process run"
    return f'{what} "{run.name}" has completed {how} for User "{login}"'


class HistoryKind(StrEnum):
    """Kinds of rows in a run's history."""

    CREATED = "created"
    STARTED = "started"
    TAKEN = "taken"
    TAKEN_OVER = "taken over"  # its server died
    STEP = "step"  # a step changed its status
    FINISHED = "finished"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    KILLED = "killed"  # the receipt
    LATE_RESULT = "late result"  # arrived too late to count
    RESTARTED = "restarted"
    APPROVAL = "approval"  # a person said yes or no to what a step shows, or was reminded to
    REVIEWED = "reviewed"  # a person decided about what a step suggests
    FOLLOWED_UP = "followed up"  # what a step had asked for once its end was on disk: done, not yet done, given up
    SEEN = "seen"  # by a person, who needs nothing more of it


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a run's history. `detail` holds JSON values under the wire's keys."""

    revision: int
    at: datetime
    attempt: int
    kind: HistoryKind
    step: StepId | None
    user: str | None  # login name of who asked for it
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Filters of a list of runs; None: any. Bounds are strict (docs/wire.md, Values)."""

    process: ProcessId | None = None
    name: str | None = None  # a part of it, any case
    status: RunStatus | None = None
    outcome: Outcome | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    started_by: UserId | None = None
    text: str | None = None  # in its name, its process's name or its first problem; or its id
    needs_person: bool = False  # only those
    # What the dates come to as the numbers of runs, once it is known: all that is shown lies between.
    numbers: tuple[int | None, int | None] | None = None


class FirstProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong first: a failed step, else one with remarks; or why it was cancelled, without a step."""

    step: StepId | None
    order: str
    name: str
    message: str


class RunEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a list shows it. `login` is of who started it last; `person` their name, or the login of who made it."""

    run: Run
    process_name: str
    login: str | None
    person: str
    problem: FirstProblem | None
    needs_person: bool  # neither restarted, nor seen, nor made good by a later run
