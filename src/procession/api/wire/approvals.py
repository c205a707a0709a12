"""What a step asks people, and what they say, on the wire."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from procession.api.wire import times
from procession.api.wire.scalars import AFile, ARun, AStep, Count, MillisecondsZ, Sha256
from procession.model.approvals import ShownItem, Vote
from procession.operations.approvals import COMMENT_CHARACTERS_MAX, Approval

Words = Annotated[str, Meta(max_length=COMMENT_CHARACTERS_MAX)]
Decided = Annotated[str, Meta(extra_json_schema={"enum": ["approved", "rejected", "failed"]})]
SaidVerdict = Annotated[str, Meta(extra_json_schema={"enum": ["approved", "rejected"]})]


class ShownThing(Struct, frozen=True, kw_only=True):
    """A file, with its SHA-256 in `content`; a table, with its version; or a value."""

    reference: str
    name: str
    text: str
    content: str
    file: AFile | None


class VoteShape(Struct, frozen=True, kw_only=True):
    """What a person has said; `isVoid`: what was shown has changed since."""

    user: str
    decision: SaidVerdict
    comment: str
    at: MillisecondsZ
    isVoid: bool


class ApprovalShape(Struct, frozen=True, kw_only=True):
    """`signed` is the hash of what is shown now: send it back with a decision. `mayDecide` is about the caller."""

    run: ARun
    step: AStep
    title: str
    shown: list[ShownThing]
    signed: Sha256
    isOpen: bool
    decision: Decided | None
    needed: Count
    votes: list[VoteShape]
    needsComment: bool
    mayDecide: bool
    whyNot: str


class NewDecision(Struct, frozen=True, kw_only=True):
    """What the caller says of what they were shown."""

    decision: SaidVerdict
    signed: Sha256
    comment: Words | None = None


def approval(found: Approval, why_not: str) -> ApprovalShape:
    return ApprovalShape(
        run=str(found.run.id),
        step=str(found.step.id),
        title=found.settings.title,
        shown=[_shown(item) for item in found.shown],
        signed=found.signed,
        isOpen=found.is_open,
        decision=found.row.decision,
        needed=found.settings.at_least,
        votes=[
            *(_vote(vote, is_void=False) for vote in found.votes),
            *(_vote(vote, is_void=True) for vote in found.void),
        ],
        needsComment=found.settings.comment == "required",
        mayDecide=not why_not,
        whyNot=why_not,
    )


def _shown(item: ShownItem) -> ShownThing:
    return ShownThing(
        reference=item.reference, name=item.name, text=item.text, content=item.content, file=item.file or None
    )


def _vote(vote: Vote, *, is_void: bool) -> VoteShape:
    return VoteShape(
        user=vote.login,
        decision=vote.verdict,
        comment=vote.comment,
        at=times.moment(vote.at),
        isVoid=is_void,
    )
