"""Steps and properties as rows: those of a process, and the copies that belong to a run."""

from __future__ import annotations

from datetime import datetime

import msgspec

from procession.model.figures import Figures
from procession.model.files import File
from procession.model.ids import ProcessId, PropertyId, RunId, StepId
from procession.model.lifecycle import StepStatus
from procession.model.processes import Property, StepKind
from procession.model.stopwatch import Stopwatch

UNDER_WAY = "step is currently running"  # seed: the completion message of a running step


class StepRow(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a process (`run` is None) or of a run."""

    id: StepId
    process: ProcessId
    run: RunId | None
    # Copied from the definition with the other texts: a list of steps is shown without reading it.
    key: str
    name: str
    kind: StepKind
    order: str
    group: str
    position: int  # 0, 1, ... over all groups
    enabled: bool
    status: StepStatus
    message: str
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    began: float | None  # on the stopwatch of its run
    run_worked: Stopwatch | None  # while it is Running
    tries: int  # begun attempts since the run's start or last restart of this step
    retry_at: datetime | None
    progress: float | None  # 0.0 to 1.0
    progress_message: str

    def seconds(self, steady: float | None) -> float | None:
        """Its duration: so far while it is Running, None before it began."""
        if self.status is not StepStatus.RUNNING or self.run_worked is None:
            return self.duration_seconds
        return max(self.run_worked.at(steady) - (self.began or 0.0), 0.0)


class PropertyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A property with its present value; a File's content is `file`."""

    id: PropertyId
    step: StepId
    step_key: str
    item: Property  # its value is the present one
    file: File | None

    @property
    def reference(self) -> str:
        """As settings and inputs name it."""
        return f"{self.step_key}.{self.item.key}"


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one step; written before its process starts to work."""

    id: int
    step: StepId
    attempt: int  # of the run
    number: int  # try number, from 1
    epoch: int
    started_at: datetime
    finished_at: datetime | None
    duration_seconds: float | None
    status: StepStatus
    message: str
    # With ticks and boot id: a pid alone may be another process's by now.
    pid: int
    started_ticks: int
    boot_id: str
    is_gone: bool  # the process and all its descendants have ended
    figures: Figures = {}
