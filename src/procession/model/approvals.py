"""What people decide for a run: who said what, what was signed, and who counts as one person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from procession.model.people import User


class VoteVerdict(StrEnum):
    """What a person says."""

    APPROVED = "approved"
    REJECTED = "rejected"


class Decision(StrEnum):
    """How an approval ended; FAILED: nobody can decide it any more."""

    APPROVED = "approved"
    REJECTED = "rejected"
    FAILED = "failed"


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said of what was shown; `signed` as signed() gives it. `at` is UTC."""

    login: str
    verdict: VoteVerdict
    comment: str
    at: datetime
    signed: str = ""


class ShownItem(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that is approved: a file by its SHA-256, a table by its version, or a value.

    `text` is a value, or the name of a file or table; `content` is what is signed of it.
    """

    reference: str
    name: str  # for people
    text: str
    content: str
    file: str = ""  # the id of a file
    size_bytes: int = 0


def signed(items: Sequence[ShownItem]) -> str:
    """The SHA-256, as hex, of everything that is shown: the same while nothing of it changes."""
    said = msgspec.json.encode([[item.reference, item.text, item.content] for item in items])
    return hashlib.sha256(said).hexdigest()


def person(user: User) -> str:
    """What two accounts of one person have in common: the mailbox, whatever is written behind a "+" in it."""
    name, _, domain = user.email.strip().casefold().rpartition("@")
    return f"{name.partition('+')[0]}@{domain}"


def counted(votes: Iterable[Vote], signed_now: str) -> list[Vote]:
    """Those on what there is now: a change of what was shown makes all before void."""
    return [vote for vote in votes if vote.signed == signed_now]
