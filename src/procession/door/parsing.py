"""Long reading of what a client sent, in threads that nothing else needs, and a bounded amount of it at a time."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from typing import TypeVar

from procession.model.errors import TooMany, Unavailable

# Each holds a file of up to 8 MB, and what has been made of it.
READ_AT_ONCE_MAX = 16
# So that one user's files do not keep out everybody else's.
READ_AT_ONCE_OF_USER_MAX = 4
WAIT_SECONDS = 5  # what a client is told; a large file takes one or two

T = TypeVar("T")


class Parsing:
    """Counts what is read or waits for it, by user."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._under_way: Counter[Hashable] = Counter()

    async def run(self, user: Hashable, function: Callable[[], T]) -> T:
        """What the function gives. Raises TooMany, and Unavailable when the threads have enough to do."""
        self._enter(user)
        try:
            future = self._threads.submit(function)
        except BaseException:
            self._leave(user)
            raise
        # Not when the client hangs up: the thread reads on.
        future.add_done_callback(self._leaver(user))
        return await asyncio.wrap_future(future)

    def _enter(self, user: Hashable) -> None:
        with self._lock:
            if self._under_way[user] >= READ_AT_ONCE_OF_USER_MAX:
                raise TooMany("other process files of yours are being read; try again then", seconds=WAIT_SECONDS)
            if self._under_way.total() >= READ_AT_ONCE_MAX:
                raise Unavailable("many process files are being read; try again in a moment")
            self._under_way[user] += 1

    def _leaver(self, user: Hashable) -> Callable[[Future[T]], None]:
        def leave(_: Future[T]) -> None:
            self._leave(user)

        return leave

    def _leave(self, user: Hashable) -> None:
        with self._lock:
            self._under_way[user] -= 1
            # Users come and go, and the counts of those who are gone would stay.
            if not self._under_way[user]:
                del self._under_way[user]
