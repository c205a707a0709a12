"""The only place that asks the time; all other code gets a Clock."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The date and time, aware, in UTC. May jump when somebody sets the machine's clock: never subtract two."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back. For durations and deadlines within one process."""

    def since_boot(self) -> float:
        """Seconds since this machine's boot, those in which it slept too; for all processes of one boot."""

    def boot(self) -> str:
        """Which boot that is."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def since_boot(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot(self) -> str:
        return _boot()


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


class ManualClock:
    """A clock that stands still until it is told to advance, for tests; safe to use from several threads."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        if now.utcoffset() is None:
            raise ValueError("a clock needs an aware date and time")
        self._lock = threading.Lock()
        self._now = now.astimezone(UTC)
        self._monotonic_seconds = 0.0
        self._booted = (0.0, 1)  # by monotonic(), and how many times

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._monotonic_seconds

    def since_boot(self) -> float:
        with self._lock:
            return self._monotonic_seconds - self._booted[0]

    def boot(self) -> str:
        with self._lock:
            return f"boot {self._booted[1]}"

    def reboot(self) -> None:
        """The machine was off, for as long as advance() was told before."""
        with self._lock:
            self._booted = (self._monotonic_seconds, self._booted[1] + 1)

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
