"""Messages waiting to be sent: each refers to its subject and holds no text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from procession.model.ids import RunId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """The end of `run`, recorded in its history at `revision`, to be mailed to `target`."""

    run: RunId
    revision: int
    # The address as it was at the end of the run: a later version may alert somebody else.
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuestion:
    """What a step of `run` asks `target` to decide, as its history tells at `revision`."""

    run: RunId
    revision: int
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """About a run's end, a question, or a link that sets the password of a user.

    `tries` were made before; `key` is always the same, for a receiver that drops repeats.
    """

    number: int
    about: UserId | RunEnd | RunQuestion
    key: str
    created_at: datetime
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A message whose last try failed, or that was given up."""

    about: UserId | RunEnd | RunQuestion
    tries: int
    last_error: str
