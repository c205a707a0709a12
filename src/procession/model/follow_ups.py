"""What a step asks for outside once its end is on disk, such as moving away what it has fetched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from procession.model.ids import RunId, StepId

LIST_REFERENCE = "follow_up.list"  # what `settings` call the list
LIST_CHARS_MAX = 2**20  # a thousand names of files
SETTINGS_MAX = 20


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """The step's own action, once more: with these `settings`, and `listed` as the file of LIST_REFERENCE.

    It may happen more than once, and must come to the same.
    """

    settings: dict[str, str | bool]
    listed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DueFollowUp:
    """`attempt` is the row that asked for it; `tries` were made before, and the last of them ended in `message`."""

    attempt: int
    run: RunId
    step: StepId
    action: str
    connection: str
    asked: FollowUp
    tries: int
    message: str
    journal: tuple[str, ...]  # what earlier tries recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfollowed:
    """A follow-up whose last try failed, or that was given up."""

    run: RunId
    tries: int
    message: str
    created_at: datetime
