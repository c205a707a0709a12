"""Wakes listeners when a run changes, or a log of its steps grows. They read what is new from the store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from procession.model.ids import RunId

log = logging.getLogger(__name__)


class _Listener(NamedTuple):
    call: Callable[[], object]
    after: int
    grown: Callable[[], object] | None


class Announcements:
    """Thread-safe. A listener is called by the thread that made a change, and must return at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[RunId, list[_Listener]] = {}
        self._to_all: tuple[Callable[[], object], ...] = ()

    def listen(
        self,
        run: RunId,
        call: Callable[[], object],
        *,
        after: int = -1,
        grown: Callable[[], object] | None = None,
    ) -> Callable[[], None]:
        """Hear of every change of the run that leads to a revision greater than `after`; gives what ends it.

        `grown` is called when a step of the run has written into its log.
        """
        listener = _Listener(call, after, grown)
        with self._lock:
            self._listeners.setdefault(run, []).append(listener)
        return partial(self._forget, run, listener)

    def listen_to_all(self, call: Callable[[], object]) -> Callable[[], None]:
        """Hear that some run has changed; gives what ends it."""
        with self._lock:
            self._to_all = (*self._to_all, call)
        return partial(self._forget_all, call)

    def _forget_all(self, call: Callable[[], object]) -> None:
        with self._lock:
            self._to_all = tuple(listener for listener in self._to_all if listener is not call)

    def _forget(self, run: RunId, listener: _Listener) -> None:
        with self._lock:
            listeners = self._listeners.get(run, [])
            if listener in listeners:
                listeners.remove(listener)
            if not listeners:
                self._listeners.pop(run, None)

    def ring(self, run: RunId, revision: int | None = None) -> None:
        """The run has changed, and is on disk under this revision; None: whoever rings does not know it."""
        for listener in self._of(run):
            if revision is None or revision > listener.after:
                _call(listener.call)
        for call in self._to_all:
            _call(call)

    def grow(self, run: RunId) -> None:
        """A log of the run has grown."""
        for listener in self._of(run):
            if listener.grown is not None:
                _call(listener.grown)

    def ring_all(self) -> None:
        """Something was committed, perhaps without a word to us: by a command that could not wake this process."""
        with self._lock:
            listeners = [listener for found in self._listeners.values() for listener in found]
        for listener in listeners:
            _call(listener.call)
        for call in self._to_all:
            _call(call)

    def _of(self, run: RunId) -> tuple[_Listener, ...]:
        # Without the lock: every commit comes here, and nearly none has a listener.
        if run not in self._listeners:
            return ()
        with self._lock:
            return tuple(self._listeners.get(run, ()))


def _call(listener: Callable[[], object]) -> None:
    """A listener that fails neither stops the others nor the run."""
    try:
        listener()
    except (OSError, RuntimeError):  # its event loop is closing, or short of something
        log.exception("a listener could not be told")
