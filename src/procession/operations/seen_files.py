"""What was seen of the files that were looked at last: in memory, so that a page does not look twice."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import msgspec

from procession.model.previews import Preview

SIZE_BYTES_MAX = 32 * 2**20  # a file can have 16,384 columns with long names, and most have ten


@dataclass(slots=True)
class SeenFiles:
    """The last previews by what was looked at, encoded; for any thread."""

    most_bytes: int = SIZE_BYTES_MAX
    _kept: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _size_bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: str) -> Preview | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
        return msgspec.json.decode(found, type=Preview)

    def keep(self, key: str, preview: Preview) -> None:
        """Beyond the bound, what was asked for longest ago is forgotten."""
        encoded = msgspec.json.encode(preview)
        with self._lock:
            self._size_bytes += len(encoded) - len(self._kept.pop(key, b""))
            self._kept[key] = encoded
            while self._size_bytes > self.most_bytes:
                _, gone = self._kept.popitem(last=False)
                self._size_bytes -= len(gone)

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()
            self._size_bytes = 0
