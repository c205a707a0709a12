"""A time for the whole of what goes on over the network, however slowly it goes on: connections are cut at its end."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Self


class TimeWatch:
    """Cuts the connections that it was told of when the time is over; a time-out of each answer alone is none."""

    def __init__(self, seconds_max: float) -> None:
        self.is_over = False
        self._seconds_max = seconds_max
        self._end_at = time.monotonic() + seconds_max
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds_max, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    @property
    def left(self) -> float:
        """Seconds, more than none. Raises TimeoutError when there are none."""
        left = self._end_at - time.monotonic()
        if self.is_over or left <= 0:
            raise TimeoutError(self.words)
        return left

    @property
    def words(self) -> str:
        return f"no whole answer within {self._seconds_max:g} s"

    def add(self, one: socket.socket) -> None:
        with self._lock:
            self._sockets.append(one)
        # The time may have come between the look at it and the connection, which would then never be cut.
        if self.is_over:
            self._cut()

    def _cut(self) -> None:
        self.is_over = True
        with self._lock:
            for one in self._sockets:
                with contextlib.suppress(OSError):
                    # Past the TLS layer, which belongs to the thread that reads.
                    socket.socket.shutdown(one, socket.SHUT_RDWR)
