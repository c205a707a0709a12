"""How the time and the memory of a parser grow with its input."""

from __future__ import annotations

import contextlib
import gc
import math
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from procession.model.errors import ProcessionError

# Linear work takes twice as long for twice the input; quadratic work four times.
RATIO_MAX = 2.5
# What is done in so little is fast enough, whatever it grows by, and is mostly noise.
FLOOR_SECONDS = 0.1
# A machine under load now and then takes longer for one of them.
ATTEMPTS = 12
# Tables of the interpreter and of modules that are met for the first time.
FLOOR_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`make` gives an input of about as many bytes or characters; `size` is half of what the parser accepts.

    `seconds_max` is for the larger input, `bytes_max` for each byte or character of it.
    """

    name: str
    parse: Callable[[Any], object]
    make: Callable[[int], Any]
    size: int
    seconds_max: float = 5.0
    bytes_max: float = 30.0
    refusals: tuple[type[Exception], ...] = field(default=(ProcessionError,))

    def __str__(self) -> str:
        return self.name

    def run(self, given: Any) -> None:
        with contextlib.suppress(*self.refusals):
            self.parse(given)


def sized(case: Case, *, is_thorough: bool) -> Case:
    """A third of it for every change: work that grows with the square is a ninth then, and still above the floor."""
    return case if is_thorough else replace(case, size=case.size // 3)


def complaint(case: Case) -> str:
    """What is wrong with how the case's time grows, or ""."""
    small, large = case.make(case.size), case.make(2 * case.size)
    short = long = math.inf
    for _ in range(ATTEMPTS):
        long = min(long, _seconds(case, large))
        # What takes minutes is known after one of them.
        if long <= FLOOR_SECONDS or long > 2 * case.seconds_max:
            break
        short = min(short, _seconds(case, small))
        if long <= RATIO_MAX * short and long <= case.seconds_max:
            break
    if long <= FLOOR_SECONDS or (long <= RATIO_MAX * short and long <= case.seconds_max):
        return ""
    return f"{short:.3f} s for {case.size:,}, {long:.3f} s for twice as much"


def memory_complaint(case: Case) -> str:
    """What is wrong with how its memory grows, or "". Of smaller inputs, as counting takes long."""
    small, large = _peak_bytes(case, case.size // 8), _peak_bytes(case, case.size // 4)
    most = max(FLOOR_BYTES, min(RATIO_MAX * small, case.bytes_max * (case.size // 4)))
    return "" if large <= most else f"{small:,} bytes for {case.size // 8:,}, {large:,} for twice as much"


def _seconds(case: Case, given: Any) -> float:
    """The processor's, of this thread: neighbours on the machine do not count."""
    # The collector comes by when it likes, and looks at everything that this process holds: a second's work late in
    # the suite, so that it is not asked for either.
    gc.disable()
    try:
        began = time.thread_time()
        case.run(given)
        return time.thread_time() - began
    finally:
        gc.enable()


def _peak_bytes(case: Case, size: int) -> int:
    given = case.make(size)
    tracemalloc.start()
    try:
        case.run(given)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
