"""The services of a running server: started in order, stopped in reverse, each within its deadline."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`start` is None for what works from the moment it is made; `stop` gets `seconds_max`."""

    name: str
    start: Callable[[], object] | None = None
    stop: Callable[[], object]
    seconds_max: float


class Running:
    """The one list of started services."""

    def __init__(self) -> None:
        self._parts: list[Service] = []

    def start(self, part: Service) -> None:
        """Raises what its start raises; then it is not in the list."""
        if part.start is not None:
            part.start()
        self._parts.append(part)

    def stop(self) -> list[str]:
        """Stops all, the last one first; returns the names of those that did not stop."""
        parts, self._parts = self._parts, []
        return [part.name for part in reversed(parts) if not _stop(part)]


def _stop(part: Service) -> bool:
    done = threading.Event()
    # A daemon, so that what hangs cannot keep alive a process that was told to end.
    thread = threading.Thread(target=_call, args=(part, done), name=f"stop {part.name}", daemon=True)
    thread.start()
    thread.join(part.seconds_max)
    if thread.is_alive():
        log.error("a part of the server did not stop in time", extra={"part": part.name, "seconds": part.seconds_max})
    return done.is_set()


def _call(part: Service, done: threading.Event) -> None:
    try:
        part.stop()
        done.set()
    except Exception:
        # The others must be stopped all the same.
        log.exception("a part of the server failed to stop", extra={"part": part.name})
