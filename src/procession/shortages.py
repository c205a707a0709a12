"""Temporary shortages of the machine: descriptors, memory, disk space, read errors. Worth a retry."""

from __future__ import annotations

import errno

REST_SECONDS = 0.5  # before what failed is tried again
PATIENCE_SECONDS = 600.0  # an operator makes room within minutes; what waits longer is told as a failure

_PASSING = frozenset(
    {
        errno.EAGAIN,  # no more processes or threads
        errno.ENOMEM,
        errno.ENFILE,
        errno.EMFILE,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EIO,
        errno.ENOBUFS,
        errno.ENOLCK,
        errno.ETOOMANYREFS,  # descriptors on their way from one process to another
    }
)


def is_shortage(error: BaseException) -> bool:
    """Whether the same call may succeed once the shortage is over."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _PASSING)
