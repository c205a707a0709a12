"""The events of the engine, as values. Its thread handles them one by one (driver.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from procession.actions.contract import StepOutcome
from procession.engine.active_run import ActiveRun, Wait, Work
from procession.engine.isolation.contract import KillReceipt
from procession.engine.step_runs import WaitEnd
from procession.engine.step_tables import TableDraft
from procession.model.files import Content
from procession.model.ids import RunId


@dataclass(frozen=True, slots=True)
class WorkerSpoke:
    """A process has output, or has ended."""

    work: Work


@dataclass(frozen=True, slots=True)
class WorkersReady:
    """A fork server has news, such as a ready process."""


@dataclass(frozen=True, slots=True)
class WorkersDue:
    """Time to retry what a shortage kept the fork servers from doing."""


@dataclass(frozen=True, slots=True)
class BeginDue:
    """Time to retry sending a job to a process."""

    work: Work


@dataclass(frozen=True, slots=True)
class JobDue:
    """Time to retry a job of the pool after a shortage."""

    job: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Published:
    """The files of a finished attempt are durable, and so are the next versions of tables that it writes.

    `outcome` is Failed if one could not be kept.
    """

    work: Work
    outcome: StepOutcome
    contents: Mapping[str, Content]
    drafts: tuple[TableDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class Collected:
    """What the runs of a step's rows have given is durable."""

    active: ActiveRun
    wait: Wait
    end: WaitEnd | None  # None: one of them is under way again


@dataclass(frozen=True, slots=True)
class Killed:
    """`late`: the outcome that the process reported while being killed."""

    work: Work
    receipt: KillReceipt
    late: StepOutcome | None


@dataclass(frozen=True, slots=True)
class OverLimit:
    """The attempt has taken more than it may; `reason` in the user's words."""

    work: Work
    reason: str


@dataclass(frozen=True, slots=True)
class StepTimeUp:
    work: Work


@dataclass(frozen=True, slots=True)
class RunTimeUp:
    active: ActiveRun


@dataclass(frozen=True, slots=True)
class RetryDue:
    active: ActiveRun
    key: str


@dataclass(frozen=True, slots=True)
class RunMoved:
    """The run was started, cancelled or restarted."""

    run: RunId


@dataclass(frozen=True, slots=True)
class ScanDue:
    """Time to look for runs that nobody announced."""


@dataclass(frozen=True, slots=True)
class BeatDue:
    """Time to add to the durations of running runs."""


@dataclass(frozen=True, slots=True)
class CloseAsked:
    """Start nothing new; the engine ends once nothing is running."""


# What the executor handles.
OfRuns = WorkerSpoke | BeginDue | Published | Killed | OverLimit | StepTimeUp | RunTimeUp | RetryDue | JobDue

Event = (
    WorkerSpoke
    | WorkersReady
    | WorkersDue
    | BeginDue
    | JobDue
    | Published
    | Collected
    | Killed
    | OverLimit
    | StepTimeUp
    | RunTimeUp
    | RetryDue
    | RunMoved
    | ScanDue
    | BeatDue
    | CloseAsked
)
