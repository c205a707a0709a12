"""The port between the engine and what people decide (operations/approvals_of_steps)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import msgspec

from procession.actions.contract import StepOutcome
from procession.model.ids import StepId
from procession.model.runs import Run
from procession.store.database import Transaction


class StepAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A try of a step that asks people; `attempt` is the id of its row, `revision` that of the history's."""

    run: Run
    step: StepId
    attempt: int
    revision: int
    settings: Any


class StepApprovals(Protocol):
    def ask(self, tx: Transaction, asked: StepAsked, now: datetime) -> None:
        """Record that people are asked, and what they are to be told, in the transaction that begins the step."""

    def outcome(self, tx: Transaction, attempt: int) -> StepOutcome | None:
        """How the try ends by what was decided; None while it is open."""
