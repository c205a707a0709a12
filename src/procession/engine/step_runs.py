"""The port between the engine and the runs that its steps start (operations/runs_of_steps)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum, auto
from typing import Any, Protocol

import msgspec

from procession.actions.contract import StepOutcome
from procession.model.child_runs import CalledRow, ProcessCall
from procession.model.files import Content
from procession.model.ids import StepId
from procession.model.people import User
from procession.model.runs import Run
from procession.model.steps import PropertyRow
from procession.store.database import Transaction


class StepCall(msgspec.Struct, frozen=True, kw_only=True):
    """A try of a step that starts another run; `attempt` is the id of its row.

    `user` started the run; `given` are the properties that the step reads, by "step.property".
    """

    run: Run
    step: StepId
    attempt: int
    user: User  # as the run was taken; asked for anew before anything is started
    call: ProcessCall
    given: Mapping[str, PropertyRow]  # with the contents of files, which nobody opens here
    rows: tuple[CalledRow, ...] | None = None  # to start runs for, once the process that reads them is over


class WaitEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a step ends that waited; `contents` are those of the files among its outputs, which are there already."""

    outcome: StepOutcome  # its files are without bytes
    contents: Mapping[str, Content] = {}


class RowsNext(StrEnum):
    WAIT = auto()
    GO_ON = auto()  # a run has ended, or one may start
    COLLECT = auto()  # all of them are over


class StepRuns(Protocol):
    def begin(self, tx: Transaction, call: StepCall, now: datetime) -> Mapping[str, Any]:
        """Start the run in the transaction that begins the step; gives what the history tells of it.

        With `call.rows` it keeps these, in the transaction that ends their reading, and starts the first of the runs.
        """

    def end(self, tx: Transaction, attempt: int, call: ProcessCall) -> WaitEnd | None:
        """How the try ends by what became of the run; None while it is under way."""

    def next_of_rows(self, tx: Transaction, call: StepCall) -> RowsNext:
        """What is to be done about a try that starts runs for rows."""

    def go_on(self, tx: Transaction, call: StepCall, now: datetime) -> tuple[float, str]:
        """Start further runs for rows, as many as may be under way; gives the progress and its words."""

    def collect(self, call: StepCall, targets: Mapping[str, str]) -> WaitEnd | None:
        """How the try ends by its runs, and durable files of what they gave; None while one is under way again.

        Slow, in a thread that may wait. `targets`: names of the files by where they go. Raises OSError.
        """

    def cancel(self, tx: Transaction, run: Run, user: User, now: datetime) -> None:
        """Cancel what the run, which has just timed out, waits for."""
