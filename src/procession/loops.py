"""Loops: call a tick in a thread until stopped. No other code waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class TickLoop:
    """Calls `tick` while it returns True (there was work); at False it rests `rest_seconds`, or until wake().

    Tests call the tick itself and need no TickLoop. It is started once and stopped once.
    """

    def __init__(self, name: str, tick: Callable[[], bool], *, rest_seconds: float) -> None:
        self._tick = tick
        self._rest_seconds = rest_seconds
        self._awake = threading.Event()
        self._stopping = threading.Event()
        # A daemon, so that a tick that hangs cannot keep a server alive that was told to end.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There may be work: end the rest now. From any thread; costs nothing when the loop is awake."""
        self._awake.set()

    def stop(self, *, deadline_seconds: float) -> bool:
        """Let the present tick end and no other begin. True when it has ended by the deadline."""
        self._stopping.set()
        self._awake.set()
        self._thread.join(deadline_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Cleared before the tick looks for work: a wake() that comes during the tick cuts the rest after it.
            self._awake.clear()
            if self._stopping.is_set():
                return
            if not self._tick_once():
                self._awake.wait(self._rest_seconds)

    def _tick_once(self) -> bool:
        try:
            return self._tick()
        except Exception:
            # A failing tick must not end the loop: the next one may find the cause gone. It rests first, so that a
            # lasting cause fills no log.
            log.exception("a tick failed", extra={"loop": self._thread.name})
            return False


def until(is_done: Callable[[], bool], *, rest_seconds: float) -> None:
    """Ask again and again, in this thread, resting in between. Ctrl-C ends it with KeyboardInterrupt."""
    rest = threading.Event()
    while not is_done():
        rest.wait(rest_seconds)
