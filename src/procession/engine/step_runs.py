"""The port between the engine and the runs that its steps start (operations/runs_of_steps)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from procession.actions.contract import StepOutcome
from procession.model.child_runs import ProcessCall
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


class WaitEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a step ends that waited; `contents` are those of the files among its outputs, which are there already."""

    outcome: StepOutcome  # its files are without bytes
    contents: Mapping[str, Content] = {}


class StepRuns(Protocol):
    def begin(self, tx: Transaction, call: StepCall, now: datetime) -> Mapping[str, Any]:
        """Start the run in the transaction that begins the step; gives what the history tells of it."""

    def end(self, tx: Transaction, attempt: int, call: ProcessCall) -> WaitEnd | None:
        """How the try ends by what became of the run; None while it is under way."""

    def cancel(self, tx: Transaction, run: Run, user: User, now: datetime) -> None:
        """Cancel what the run, which has just timed out, waits for."""
