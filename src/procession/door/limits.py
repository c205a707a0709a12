"""Limits in memory, bounded, forgotten at a restart (which an attacker cannot cause).

An attempt is counted before it is made and forgiven when it does not count, so that many at once are no way around it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from procession.model.errors import TooMany
from procession.model.ids import UserId

# Keys are what clients send: without a bound one of a megabyte is kept.
KEY_CHARACTERS_MAX = 200
KEYS_MAX = 10_000  # of each limit; beyond it the oldest are forgotten, some 2 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `most` within `seconds` from the first."""

    most: int
    seconds: int


class Counter:
    """One limit, by key."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        # In the order of the first attempt, so that the oldest is at the front.
        self._seen: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def take(self, key: str, now: datetime) -> int:
        """Count one; gives the seconds to wait when it is one too many, else 0."""
        key = key[:KEY_CHARACTERS_MAX]
        with self._lock:
            since, count = self._seen.get(key, (now, 0))
            age = (now - since).total_seconds()
            # Below 0 the clock was set back: a key must not stay locked until it is that late again.
            if not 0 <= age < self._limit.seconds:
                since, count, age = now, 0, 0.0
            if count >= self._limit.most:
                return max(1, round(self._limit.seconds - age))
            self._seen[key] = (since, count + 1)
            if len(self._seen) > KEYS_MAX:
                # Whoever floods the counter forgets the keys of everybody: bounded memory is worth that.
                self._seen.popitem(last=False)
            return 0

    def forgive(self, key: str) -> None:
        """Take one back."""
        key = key[:KEY_CHARACTERS_MAX]
        with self._lock:
            since, count = self._seen.get(key, (None, 0))
            if since is not None:
                self._seen[key] = (since, max(0, count - 1))


class UserLimit(StrEnum):
    """What a route counts for each user."""

    STREAMS = "streams"  # streams and long polls that are open
    NEW_RUNS = "new runs"  # in a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class UserLimits:
    """What one user may have, or do, so that there is something left for the others."""

    streams_max: int = 100  # streams and long polls that are open
    new_runs_max: int = 600  # in a minute
    uploads_max: int = 100  # upload sessions that are open
    upload_bytes_max: int = 40 * 2**30  # in their chunks


MINUTE_SECONDS = 60
STREAM_RETRY_SECONDS = 5  # a long poll ends within a minute, a stream when its client wants


class UserCounts:
    """What each user has open, and has lately created."""

    def __init__(self, limits: UserLimits) -> None:
        self._limits = limits
        self._new_runs = Counter(Limit(most=limits.new_runs_max, seconds=MINUTE_SECONDS))
        # On the event loop only, so it needs no lock.
        self._streams: dict[UserId, int] = {}

    @contextmanager
    def stream(self, user: UserId) -> Iterator[None]:
        """While one of the user's is open, however it ends. Raises TooMany."""
        count, most = self._streams.get(user, 0), self._limits.streams_max
        if count >= most:
            raise TooMany(
                f"you have {most} streams and long polls open, and may not have more; close some, or ask again in"
                f" {STREAM_RETRY_SECONDS} s",
                seconds=STREAM_RETRY_SECONDS,
            )
        self._streams[user] = count + 1
        try:
            yield
        finally:
            # Read again: others began and ended meanwhile.
            if self._streams[user] == 1:
                del self._streams[user]
            else:
                self._streams[user] -= 1

    @contextmanager
    def new_run(self, user: UserId, now: datetime) -> Iterator[None]:
        """While a run is created; one that was refused does not count. Raises TooMany."""
        seconds = self._new_runs.take(str(user), now)
        if seconds:
            most = self._limits.new_runs_max
            raise TooMany(f"you may create {most} runs a minute; try again in {seconds} s", seconds=seconds)
        try:
            yield
        # Not for a cancel: the run may be there.
        except Exception:
            self._new_runs.forgive(str(user))
            raise
