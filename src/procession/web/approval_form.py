"""What the two buttons of a question do (web/approving): the decision, or the page again with what was typed."""

from __future__ import annotations

from procession.door.contract import HtmlReply, RedirectReply, StreamCall
from procession.model.approvals import VoteVerdict
from procession.model.errors import Invalid
from procession.model.ids import RunId, StepId
from procession.operations import approvals
from procession.operations.act import Act
from procession.operations.approvals import Approval, DecisionSaid
from procession.web import acting, run
from procession.web.acting import REFUSALS
from procession.web.approving import SentDecision
from procession.web.forms import Form


async def decide(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """Of what changed since they looked, they see what there is now. Raises NotFound."""
    run_id, step_id, text = call.id(RunId), call.id(StepId), form.one("decision")

    def say(act: Act) -> Approval:
        said = DecisionSaid(verdict=VoteVerdict(text), signed=form.one("signed"), comment=form.one("comment"))
        found = approvals.decide(act, run_id, step_id, said)
        call.context.announce(act.tx, run_id)
        return found

    try:
        if text not in tuple(VoteVerdict):
            raise Invalid("choose to approve or to reject")
        found = await acting.done(call, say)
    except REFUSALS as error:
        # A reason may have taken minutes to write: it stays in its field.
        sent = SentDecision(step=step_id, comment=form.one("comment"), refused=error)
        return await acting.looked(call, run.show, sent=sent)
    # To where it was seen: of many, the next one is on Home.
    return RedirectReply(location=f"/runs/{run_id}?step={found.step.order}")
