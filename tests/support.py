"""What several tests need, and no product code does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def wait_until(condition: Callable[[], Answer], deadline_seconds: float = 10.0) -> Answer:
    """The first true answer of `condition`. Raises AssertionError with the last answer when there was none in time.

    Only for what a real process or thread does; everything else has a tick and a ManualClock.
    """
    deadline = time.monotonic() + deadline_seconds
    rest = threading.Event()
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {deadline_seconds:g} s; the last answer was {answer!r}"
        rest.wait(0.005)
    return answer
