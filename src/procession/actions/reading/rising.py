"""Numbers of lines that are looked up for messages: read again, once for all that are asked in rising order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice


def numbers(again: Callable[[], Iterator[int]]) -> Callable[[int], int]:
    """The n-th of the numbers, from 0, that `again` reads from the beginning."""
    # Keeping a number for each row would cost every file, and few are asked for.
    left, at, number = again(), -1, 0

    def number_of(row: int) -> int:
        nonlocal left, at, number
        if row < at:
            left, at = again(), -1
        for found in islice(left, row - at):
            at, number = at + 1, found
        return number

    return number_of
