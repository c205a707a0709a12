"""What was seen of the files that were looked at last: in memory, so that a page does not look twice."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from procession.model.previews import Preview


@dataclass(slots=True)
class SeenFiles:
    """The previews of the last files that were looked at, in memory; for any thread."""

    # A page has few files; more are looked at again.
    most: int = 200
    _kept: OrderedDict[str, Preview] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: str) -> Preview | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: str, preview: Preview) -> None:
        with self._lock:
            self._kept[key] = preview
            self._kept.move_to_end(key)
            if len(self._kept) > self.most:
                self._kept.popitem(last=False)
