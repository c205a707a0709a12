"""Limits on attempts: in memory, bounded, forgotten at a restart (which an attacker cannot cause).

An attempt is counted before it is made and forgiven when it does not count, so that many at once are no way around it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

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
