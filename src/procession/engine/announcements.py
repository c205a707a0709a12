"""Who waits for news of a run is told that there is some; what it is stands in the store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from procession.model.ids import RunId

log = logging.getLogger(__name__)


class Announcements:
    """Thread-safe. A listener is called for every change, by the thread that made it, and must return at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[RunId, list[Callable[[], object]]] = {}

    def listen(self, run: RunId, listener: Callable[[], object]) -> Callable[[], None]:
        """Gives what ends the listening."""
        with self._lock:
            self._listeners.setdefault(run, []).append(listener)
        return lambda: self._forget(run, listener)

    def _forget(self, run: RunId, listener: Callable[[], object]) -> None:
        with self._lock:
            listeners = self._listeners.get(run, [])
            if listener in listeners:
                listeners.remove(listener)
            if not listeners:
                self._listeners.pop(run, None)

    def ring(self, run: RunId) -> None:
        if run not in self._listeners:
            return
        with self._lock:
            listeners = tuple(self._listeners.get(run, ()))
        for listener in listeners:
            _call(listener)


def _call(listener: Callable[[], object]) -> None:
    """Whoever cannot be told keeps nobody else from being told, and no run from going on."""
    try:
        listener()
    except (OSError, RuntimeError):  # its event loop is closing, or short of something
        log.exception("a listener could not be told")
