"""Limits in memory, bounded, forgotten at a restart (which an attacker cannot cause).

An attempt is counted before it is made and forgiven when it does not count, so that many at once are no way around it.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from procession.model.errors import TooMany
from procession.model.ids import UserId
from procession.operations import uploads

# Keys are what clients send: without a bound one of a megabyte is kept.
KEY_CHARACTERS_MAX = 200
KEYS_MAX = 10_000  # of each limit; beyond it those asked about longest ago are forgotten
SLOTS = 10  # of a key: an attempt counts for up to a tenth longer than the limit says, and never shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `most` within any `seconds`."""

    most: int
    seconds: int


@dataclass(slots=True)
class _Slot:
    """Attempts that came one soon after the other, counted together."""

    first_at: datetime
    last_at: datetime
    count: int


class Counter:
    """One limit, by key. The window slides: two bursts across an edge of fixed ones were twice as many as allowed."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        # What was asked about last is at the end.
        self._seen: OrderedDict[str, list[_Slot]] = OrderedDict()

    def take(self, key: str, now: datetime) -> int:
        """Count one; gives the seconds to wait when it is one too many, else 0."""
        key = key[:KEY_CHARACTERS_MAX]
        with self._lock:
            # Below 0 the clock was set back: a key must not stay locked until it is that late again.
            slots = [slot for slot in self._seen.get(key, ()) if 0 <= _seconds(slot.last_at, now) < self._limit.seconds]
            self._seen[key] = slots
            self._seen.move_to_end(key)
            if len(self._seen) > KEYS_MAX:
                # Whoever floods the counter forgets the keys of everybody: bounded memory is worth that.
                self._seen.popitem(last=False)
            if sum(slot.count for slot in slots) >= self._limit.most:
                return max(1, math.ceil(self._limit.seconds - _seconds(slots[0].last_at, now)))
            self._count(slots, now)
            return 0

    def _count(self, slots: list[_Slot], now: datetime) -> None:
        if slots and _seconds(slots[-1].first_at, now) < self._limit.seconds / SLOTS:
            slots[-1].last_at = now
            slots[-1].count += 1
        else:
            slots.append(_Slot(now, now, 1))

    def forgive(self, key: str) -> None:
        """Take one back."""
        with self._lock:
            slots = self._seen.get(key[:KEY_CHARACTERS_MAX])
            if slots:
                slots[-1].count -= 1
                if not slots[-1].count:
                    slots.pop()


def _seconds(since: datetime, now: datetime) -> float:
    return (now - since).total_seconds()


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
    upload_bytes_max: int = 40 * 2**30  # in their chunks, and in what is arriving


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


class Arriving:
    """The bytes of uploads that are on their way, by user."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._bytes: dict[UserId, int] = {}

    @contextmanager
    def upload(self, user: UserId, *, kept_bytes: int) -> Iterator[Arrival]:
        """While one arrives, however it ends; `kept_bytes` are those of the user's chunks that stay meanwhile."""
        arrival = Arrival(self, user, kept_bytes)
        try:
            yield arrival
        finally:
            self.change(user, -arrival.size_bytes)

    def change(self, user: UserId, size: int, *, kept_bytes: int | None = None) -> None:
        """Raises TooMany where it would be too many bytes with those that are kept."""
        with self._lock:
            count = self._bytes.get(user, 0) + size
            if kept_bytes is not None and kept_bytes + count > self.most:
                raise uploads.full(self.most)
            self._bytes[user] = count
            if not count:
                del self._bytes[user]


class Arrival:
    """One upload on its way."""

    def __init__(self, arriving: Arriving, user: UserId, kept_bytes: int) -> None:
        self.size_bytes = 0
        self._arriving = arriving
        self._user = user
        self._kept_bytes = kept_bytes

    def expect(self, size: int) -> None:
        """So many bytes will come at least. Raises as add() does, before they are sent."""
        if size > self._arriving.most:
            raise uploads.too_large(self._arriving.most)
        self._arriving.change(self._user, size, kept_bytes=self._kept_bytes)
        self._arriving.change(self._user, -size)

    def add(self, size: int) -> None:
        """Raises TooLarge where it has more by itself than a user may have, and TooMany together with others."""
        if self.size_bytes + size > self._arriving.most:
            raise uploads.too_large(self._arriving.most)
        self._arriving.change(self._user, size, kept_bytes=self._kept_bytes)
        self.size_bytes += size
