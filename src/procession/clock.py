"""The only place that asks the time; all other code gets a Clock."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The date and time, aware, in UTC. May jump when somebody sets the machine's clock: never subtract two."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back. For durations and deadlines within one process."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is told to advance, for tests; safe to use from several threads."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        if now.utcoffset() is None:
            raise ValueError("a clock needs an aware date and time")
        self._lock = threading.Lock()
        self._now = now.astimezone(UTC)
        self._monotonic_seconds = 0.0

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._monotonic_seconds

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises ValueError for a negative number: time that passes never goes back."""
        if seconds < 0:
            raise ValueError(f"time cannot pass backwards: {seconds}")
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._monotonic_seconds += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forwards or back, as an administrator or NTP does; monotonic() does not notice."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
