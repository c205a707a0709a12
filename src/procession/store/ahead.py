"""Starts the write-back of a file early, so the final sync finds little left.

It guarantees nothing: only the sync makes bytes durable.
"""

from __future__ import annotations

import ctypes

AHEAD_BYTES = 16 << 20  # between two calls; fewer make the disk work in small pieces
_WRITE = 2  # SYNC_FILE_RANGE_WRITE of Linux
# Offset 0 and length 0 mean the whole file, as sync_file_range(2) says.
_WHOLE = ctypes.c_int64(0)

# Python has no binding for it, and not every libc has the call.
_sync_file_range = getattr(ctypes.CDLL(None), "sync_file_range", None)


def start(descriptor: int) -> None:
    """Every byte that is not on its way yet."""
    if _sync_file_range is not None:
        _sync_file_range(descriptor, _WHOLE, _WHOLE, _WRITE)
