"""Timers: a heap of values due at given moments, for a loop that asks how long it may rest."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")

LEFTOVERS_MAX = 64  # moments of values that were taken back, kept for the sake of speed


class Timers(Generic[T]):
    """Moments are those of a monotonic clock, in seconds. One thread only."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._moments: list[tuple[float, int]] = []
        self._values: dict[int, T] = {}
        self._numbers = count()

    def after(self, seconds: float, value: T) -> int:
        """Returns a number to cancel it with."""
        number = next(self._numbers)
        self._values[number] = value
        # The number decides between equal moments: the values keep their order and are never compared.
        heapq.heappush(self._moments, (self._monotonic() + max(seconds, 0.0), number))
        return number

    def cancel(self, number: int | None) -> None:
        """Cancels a value; harmless for None and for one already delivered."""
        if number is None or self._values.pop(number, None) is None:
            return
        # Run limits lie a day ahead: cancelled ones of thousands of short runs must not pile up.
        if len(self._moments) > 2 * len(self._values) + LEFTOVERS_MAX:
            self._moments = [entry for entry in self._moments if entry[1] in self._values]
            heapq.heapify(self._moments)

    def __len__(self) -> int:
        return len(self._moments)

    def rest_seconds(self, most: float) -> float:
        """Seconds until the next value is due, at most `most`."""
        if not self._moments:
            return most
        return min(max(self._moments[0][0] - self._monotonic(), 0.0), most)

    def due(self) -> list[T]:
        """The due values, in order."""
        found: list[T] = []
        while self._moments and self._moments[0][0] <= self._monotonic():
            number = heapq.heappop(self._moments)[1]
            if number in self._values:
                found.append(self._values.pop(number))
        return found
