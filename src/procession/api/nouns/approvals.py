"""What steps ask people, over HTTP: looked at, and decided."""

from __future__ import annotations

from procession.api.wire import approvals as wire
from procession.api.wire import reading
from procession.door.contract import Call
from procession.model.approvals import VoteVerdict
from procession.model.errors import Invalid
from procession.model.ids import RunId, StepId
from procession.operations import approvals
from procession.operations.approvals import DecisionSaid

HASH_CHARACTERS = 64


def get(call: Call) -> wire.ApprovalShape:
    found = approvals.view(call.tx, call.id(RunId), call.id(StepId))
    return wire.approval(found, approvals.why_not(call.tx, found, call.caller.user))


def decide(call: Call) -> wire.ApprovalShape:
    found = approvals.decide(call.act, call.id(RunId), call.id(StepId), _said(call))
    call.context.announce(call.tx, found.run.id)
    return wire.approval(found, approvals.why_not(call.tx, found, call.caller.user))


def _said(call: Call) -> DecisionSaid:
    text, signed = reading.string(call.body, "decision"), reading.string(call.body, "signed")
    comment = reading.string(call.body, "comment", most=approvals.COMMENT_CHARACTERS_MAX)
    if text not in tuple(VoteVerdict):
        raise Invalid('decision must be "approved" or "rejected"')
    if len(signed) != HASH_CHARACTERS:
        raise Invalid("signed must be what the approval shows as signed: the hash of what is decided")
    return DecisionSaid(verdict=VoteVerdict(text), signed=signed, comment=comment)
