"""What is to happen at a moment: a heap of calls for a loop that asks how long it may rest."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Timers:
    """Moments are those of a monotonic clock, in seconds. One thread only."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._calls, (self._monotonic() + max(seconds, 0.0), next(self._numbers), call))

    def rest_seconds(self, most: float) -> float:
        """How long until the next call is due, at most `most`."""
        if not self._calls:
            return most
        return min(max(self._calls[0][0] - self._monotonic(), 0.0), most)

    def run_due(self) -> None:
        while self._calls and self._calls[0][0] <= self._monotonic():
            heapq.heappop(self._calls)[2]()
