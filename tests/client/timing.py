"""A clock of the client that a test moves, and rests that take no time."""

from __future__ import annotations

import threading


class QuickTiming:
    """`rests` are the rests the client would have taken; each moves the clock. `advance` moves it, too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 0.0
        self.rests: list[float] = []

    def monotonic(self) -> float:
        with self._lock:
            return self._seconds

    def rest(self, seconds: float) -> None:
        with self._lock:
            self.rests.append(seconds)
            self._seconds += seconds

    def jitter(self) -> float:
        return 1.0

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds
