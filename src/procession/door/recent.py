"""What was made a moment ago and is asked for again: many pages of one run are told the same at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Any

KEPT_MAX = 64  # each may be a page's worth of text


@dataclass(slots=True, kw_only=True)
class Recent:
    """The last things made, by keys that say all they depend on. Thread-safe; each is made once, and others wait."""

    kept_max: int = KEPT_MAX
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _kept: dict[Hashable, Future[Any]] = field(default_factory=dict, init=False)

    def of(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Raises what `make` raises; whoever waited for that then makes it."""
        with self._lock:
            found = self._kept.get(key)
            future: Future[Any] = found or Future()
            if found is None:
                self._kept[key] = future
                # The oldest goes: a dict keeps the order in which its keys came.
                while len(self._kept) > self.kept_max:
                    del self._kept[next(iter(self._kept))]
        if found is None:
            return self._made(key, future, make)
        try:
            return future.result()
        except CancelledError:
            return make()

    def _made(self, key: Hashable, future: Future[Any], make: Callable[[], Any]) -> Any:
        try:
            future.set_result(make())
            return future.result()
        finally:
            if not future.done():
                with self._lock:
                    if self._kept.get(key) is future:
                        del self._kept[key]
                # Whoever waits must not wait for ever.
                future.cancel()
