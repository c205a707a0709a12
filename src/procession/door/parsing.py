"""Long reading of what a client sent, in threads that nothing else needs, and a bounded amount of it at a time."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from typing import TypeVar

from procession.model.errors import TooMany, Unavailable

# By size, as reading takes time and memory by size: a script that publishes a hundred small files at once is welcome.
BYTES_MAX = 128 * 1024 * 1024
# So that one user's files do not keep out everybody else's. Four of the largest.
BYTES_OF_USER_MAX = 32 * 1024 * 1024
# What a file counts at least, for all that is kept of it beside its text.
COUNTED_MIN = 64 * 1024
WAIT_SECONDS = 5  # what a client is told; a large file takes one or two

T = TypeVar("T")


class Parsing:
    """Counts the bytes that are read or wait for it, by user."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._under_way: Counter[Hashable] = Counter()

    async def run(self, user: Hashable, size: int, function: Callable[[], T]) -> T:
        """What the function makes of `size` bytes. Raises TooMany, and Unavailable when the threads have enough."""
        counted = max(size, COUNTED_MIN)
        self._enter(user, counted)
        try:
            future = self._threads.submit(function)
        except BaseException:
            self._leave(user, counted)
            raise
        # Not when the client hangs up: the thread reads on.
        future.add_done_callback(self._leaver(user, counted))
        return await asyncio.wrap_future(future)

    def _enter(self, user: Hashable, counted: int) -> None:
        with self._lock:
            if self._under_way[user] + counted > BYTES_OF_USER_MAX:
                raise TooMany("other process files of yours are being read; try again then", seconds=WAIT_SECONDS)
            if self._under_way.total() + counted > BYTES_MAX:
                raise Unavailable("many process files are being read; try again in a moment")
            self._under_way[user] += counted

    def _leaver(self, user: Hashable, counted: int) -> Callable[[Future[T]], None]:
        def leave(_: Future[T]) -> None:
            self._leave(user, counted)

        return leave

    def _leave(self, user: Hashable, counted: int) -> None:
        with self._lock:
            self._under_way[user] -= counted
            # Users come and go, and the counts of those who are gone would stay.
            if not self._under_way[user]:
                del self._under_way[user]
