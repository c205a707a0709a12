"""The client's clock and waits, since it imports nothing of ours; tests replace them."""

from __future__ import annotations

import random
import time
from typing import Protocol


class Timing(Protocol):
    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""

    def rest(self, seconds: float) -> None:
        """Sleeps."""

    def jitter(self) -> float:
        """A factor from 0.5 to 1, so clients that failed together do not return together."""


class SystemTiming:
    """The machine's."""

    def monotonic(self) -> float:
        return time.monotonic()

    def rest(self, seconds: float) -> None:
        time.sleep(seconds)

    def jitter(self) -> float:
        return random.uniform(0.5, 1.0)  # noqa: S311  (no secret: it only spreads retries)
