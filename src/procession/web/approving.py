"""What a step asks, on the page of its run: what is shown, who has said what, and two buttons for those who may."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from procession.door.contract import Call, RedirectReply
from procession.model.approvals import VoteVerdict
from procession.model.errors import Invalid, NotFound
from procession.model.ids import RunId, StepId
from procession.model.lifecycle import RunStatus, StepStatus
from procession.model.people import Caller
from procession.model.processes import StepKind
from procession.operations import approvals
from procession.operations.approvals import Approval, DecisionSaid
from procession.operations.run_views import ShownRun
from procession.store.database import Transaction
from procession.web.forms import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPanel:
    """`why_not` is "" for a reader who may decide."""

    approval: Approval
    why_not: str

    @property
    def sentence(self) -> str:
        """For whom it waits, and how far that is."""
        who, needed, said = self.approval.settings.who.said, self.approval.settings.at_least, len(self.approval.votes)
        return f"waits for {who}" + (f": {said} of {needed} have approved" if needed > 1 else "")


def asked(tx: Transaction, caller: Caller, view: ShownRun) -> list[AskedPanel]:
    """What the steps of this run ask now. Not a part of the live page: it is about one reader, who may be typing."""
    if not view.is_present or view.run.status is not RunStatus.RUNNING:
        return []
    found = []
    for row in view.steps:
        if row.status is StepStatus.RUNNING and row.kind is StepKind.ACTION:
            # Of a step that works there is none.
            with suppress(NotFound):
                approval = approvals.view(tx, view.run.id, row.id)
                if approval.is_open:
                    found.append(AskedPanel(approval=approval, why_not=approvals.why_not(tx, approval, caller.user)))
    return found


def decide(call: Call, form: Form) -> RedirectReply:
    """Raises what the operation raises: the page says it, and nothing was decided."""
    text = form.one("decision")
    if text not in tuple(VoteVerdict):
        raise Invalid("choose to approve or to reject")
    said = DecisionSaid(verdict=VoteVerdict(text), signed=form.one("signed"), comment=form.one("comment"))
    found = approvals.decide(call.act, call.id(RunId), call.id(StepId), said)
    call.context.announce(call.tx, found.run.id)
    # To where it was seen: of many, the next one is on Home.
    return RedirectReply(location=f"/runs/{found.run.id}?step={found.step.order}")
