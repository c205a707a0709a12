"""What a step asks, on the page of its run: what is shown, who has said what, and two buttons for those who may.

What a press of them does is in approval_form."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

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
        return f"waits for {who}" + (f": {said} of {needed} have approved" if needed > 1 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentDecision:
    """The form of a step as it was sent, and why it was refused."""

    step: StepId
    comment: str
    refused: ProcessionError


def asked(tx: Transaction, caller: Caller, view: ShownRun, sent: SentDecision | None = None) -> list[AskedPanel]:
    """What the steps of this run ask now. Not a part of the live page: it is about one reader, who may be typing."""
    if not view.is_present or view.run.status is not RunStatus.RUNNING:
        return []
    found = []
    for row in view.steps:
        if row.status is StepStatus.RUNNING and row.kind is StepKind.ACTION:
            # Of a step that works there is none.
            with suppress(NotFound):
                # As it is for this reader now, and with the hash that their form will sign.
                approval = approvals.view(tx, view.run.id, row.id)
                if approval.is_open:
                    why_not = approvals.why_not(tx, approval, caller.user)
                    comment = sent.comment if sent is not None and sent.step == row.id else ""
                    found.append(AskedPanel(approval=approval, why_not=why_not, comment=comment))
    return found
