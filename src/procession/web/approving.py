"""What a step asks, on the page of its run: what is shown, who has said what, and two buttons for those who may.

What a press of them does is in approval_form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from procession.model.approvals import Vote
from procession.model.errors import NotFound, ProcessionError
from procession.model.ids import StepId
from procession.model.lifecycle import RunStatus, StepStatus
from procession.model.people import Caller
from procession.model.processes import StepKind
from procession.operations import approvals
from procession.operations.approvals import Approval
from procession.operations.run_views import ShownRun
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPanel:
    """`why_not` is "" for a reader who may decide; `comment` is what they typed, where the form was refused."""

    approval: Approval
    why_not: str
    comment: str = ""

    @property
    def sentence(self) -> str:
        """For whom it waits, and how far that is."""
        who, needed, said = self.approval.settings.who.said, self.approval.settings.at_least, len(self.approval.votes)
        too_few = f"; {self.approval.too_few}" if self.approval.too_few else ""
        return f"waits for {who}" + (f": {said} of {needed} have approved" if needed > 1 else "") + too_few


@dataclass(frozen=True, slots=True, kw_only=True)
class SentDecision:
    """The form of a step as it was sent, and why it was refused."""

    step: StepId
    comment: str
    refused: ProcessionError


class AskedState(NamedTuple):
    """What an open page shows of a question that is the same for all its readers."""

    step: StepId
    signed: str
    votes: tuple[Vote, ...]
    void: tuple[Vote, ...]
    too_few: str


def states(tx: Transaction, view: ShownRun) -> tuple[AskedState, ...]:
    """Of the questions that are open."""
    return tuple(AskedState(one.step.id, one.signed, one.votes, one.void, one.too_few) for one in _open(tx, view))


def mark_of(shown: tuple[AskedState, ...]) -> str:
    """Tells one state of all questions from another, in an address; "" where nothing is asked."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16] if shown else ""


def closed(tx: Transaction, view: ShownRun, step: StepId) -> str:
    """Why a question that was open is open no more."""
    with suppress(NotFound):
        return approvals.closed(approvals.view(tx, view.run.id, step))
    return "the step asks no more"


def _open(tx: Transaction, view: ShownRun) -> Iterator[Approval]:
    if not view.is_present or view.run.status is not RunStatus.RUNNING:
        return
    for row in view.steps:
        if row.status is StepStatus.RUNNING and row.kind is StepKind.ACTION:
            # Of a step that works there is none.
            with suppress(NotFound):
                approval = approvals.view(tx, view.run.id, row.id)
                if approval.is_open:
                    yield approval


def asked(tx: Transaction, caller: Caller, view: ShownRun, sent: SentDecision | None = None) -> list[AskedPanel]:
    """What the steps of this run ask now, as it is for this reader, and with the hash that their form will sign."""
    return [
        AskedPanel(
            approval=one,
            why_not=approvals.why_not(tx, one, caller.user),
            comment=sent.comment if sent is not None and sent.step == one.step.id else "",
        )
        for one in _open(tx, view)
    ]
