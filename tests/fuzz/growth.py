"""How the time of a parser grows with its input."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from procession.model.errors import ProcessionError

# Linear work takes twice as long for twice the input; quadratic work four times.
RATIO_MAX = 2.5
# What is done in so little is fast enough, whatever it grows by, and is mostly noise.
FLOOR_SECONDS = 0.05
MEASUREMENTS = 3
# A machine under load now and then takes longer for one of them.
ATTEMPTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`make` gives an input of about as many bytes or characters; `size` is half of what the parser accepts.

    `seconds_max` is for the larger input.
    """

    name: str
    parse: Callable[[Any], object]
    make: Callable[[int], Any]
    size: int
    seconds_max: float = 5.0
    refusals: tuple[type[Exception], ...] = field(default=(ProcessionError,))

    def __str__(self) -> str:
        return self.name

    def run(self, given: Any) -> None:
        with contextlib.suppress(*self.refusals):
            self.parse(given)


def complaint(case: Case) -> str:
    """What is wrong with how the case's time grows, or ""."""
    small, large = case.make(case.size), case.make(2 * case.size)
    said = ""
    for _ in range(ATTEMPTS):
        # The larger one once: what takes minutes is known after one of them.
        first = _seconds(case, large, times=1)
        if first > 2 * case.seconds_max:
            return f"{first:.1f} s for {2 * case.size:,}"
        short, long = _seconds(case, small), min(first, _seconds(case, large))
        said = f"{short:.3f} s for {case.size:,}, {long:.3f} s for twice as much"
        if long <= max(FLOOR_SECONDS, RATIO_MAX * short) and long <= case.seconds_max:
            return ""
    return said


def _seconds(case: Case, given: Any, *, times: int = MEASUREMENTS) -> float:
    """The processor's, of this thread: neighbours on the machine do not count."""
    taken = []
    for _ in range(times):
        gc.collect()
        # The collector comes by when it likes, and looks at everything that this process holds.
        gc.disable()
        try:
            began = time.thread_time()
            case.run(given)
            taken.append(time.thread_time() - began)
        finally:
            gc.enable()
    return min(taken)
