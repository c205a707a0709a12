"""What the engine hears of, as values. Each is handled in its thread, one after the other (driver.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from procession.actions.contract import Outcome as StepOutcome
from procession.engine.board import Board, Work
from procession.engine.isolation.contract import KillReceipt
from procession.model.files import Content
from procession.model.ids import RunId


@dataclass(frozen=True, slots=True)
class WorkerSpoke:
    """A process has said something, or is gone."""

    work: Work


@dataclass(frozen=True, slots=True)
class PauseOver:
    """A process that said too much at once may be heard again."""

    work: Work


@dataclass(frozen=True, slots=True)
class WorkersReady:
    """The fork servers have something to tell: processes that are ready, say."""


@dataclass(frozen=True, slots=True)
class WorkersDue:
    """Time to try again what the fork servers were too short of something to do."""


@dataclass(frozen=True, slots=True)
class BeginDue:
    """Time to try again to give a process its job."""

    work: Work


@dataclass(frozen=True, slots=True)
class JobDue:
    """Time to try again what ran short of something in the pool."""

    job: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Published:
    """The files of an attempt that is over are durable; `outcome` is Failed where one could not be kept."""

    work: Work
    outcome: StepOutcome
    contents: Mapping[str, Content]


@dataclass(frozen=True, slots=True)
class Killed:
    """`late`: what the process said about its end while it was being killed."""

    work: Work
    receipt: KillReceipt
    late: StepOutcome | None


@dataclass(frozen=True, slots=True)
class StepTimeUp:
    work: Work


@dataclass(frozen=True, slots=True)
class RunTimeUp:
    board: Board


@dataclass(frozen=True, slots=True)
class RetryDue:
    board: Board
    key: str


@dataclass(frozen=True, slots=True)
class RunMoved:
    """Something was written about the run: it was started, cancelled or restarted."""

    run: RunId


@dataclass(frozen=True, slots=True)
class ScanDue:
    """Time to find what nobody announced."""


@dataclass(frozen=True, slots=True)
class BeatDue:
    """Time to count how long runs have been worked on."""


@dataclass(frozen=True, slots=True)
class CloseAsked:
    """Nothing new begins; the engine ends when nothing is under way."""


# What the executor handles.
OfRuns = WorkerSpoke | PauseOver | BeginDue | Published | Killed | StepTimeUp | RunTimeUp | RetryDue | JobDue

Event = (
    WorkerSpoke
    | PauseOver
    | WorkersReady
    | WorkersDue
    | BeginDue
    | JobDue
    | Published
    | Killed
    | StepTimeUp
    | RunTimeUp
    | RetryDue
    | RunMoved
    | ScanDue
    | BeatDue
    | CloseAsked
)
