"""What is to happen at a moment: a heap of calls for a loop that asks how long it may rest."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

LEFTOVERS_MAX = 64  # moments of calls that were taken back, kept for the sake of speed


class Timers:
    """Moments are those of a monotonic clock, in seconds. One thread only."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._moments: list[tuple[float, int]] = []
        self._calls: dict[int, Callable[[], object]] = {}
        self._numbers = count()

    def after(self, seconds: float, call: Callable[[], object]) -> int:
        """Gives the number by which the call can be taken back."""
        number = next(self._numbers)
        self._calls[number] = call
        heapq.heappush(self._moments, (self._monotonic() + max(seconds, 0.0), number))
        return number

    def cancel(self, number: int | None) -> None:
        """Take a call back; None or one that was made already is no mistake."""
        if number is None or self._calls.pop(number, None) is None:
            return
        # The time limit of a run is a day away: what is left of thousands of short runs must not pile up till then.
        if len(self._moments) > 2 * len(self._calls) + LEFTOVERS_MAX:
            self._moments = [entry for entry in self._moments if entry[1] in self._calls]
            heapq.heapify(self._moments)

    def __len__(self) -> int:
        return len(self._moments)

    def rest_seconds(self, most: float) -> float:
        """How long until the next call is due, at most `most`."""
        if not self._moments:
            return most
        return min(max(self._moments[0][0] - self._monotonic(), 0.0), most)

    def run_due(self) -> None:
        while self._moments and self._moments[0][0] <= self._monotonic():
            call = self._calls.pop(heapq.heappop(self._moments)[1], None)
            if call is not None:
                call()
