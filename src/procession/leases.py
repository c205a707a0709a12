"""Who works on a home just now, as other processes can see it: locks that end with their holder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from procession import loops

# Shared by every command that may write; prune takes it alone.
COMMANDS = "commands"
# Shared while contents and logs are read, alone while some are removed.
SWEEP = "sweep"
# A server has this one for some milliseconds, again and again.
SWEEP_WAIT_SECONDS = 5.0
TRY_SECONDS = 0.05


@contextmanager
def hold(folder: Path, name: str, *, alone: bool = False, wait_seconds: float = 0.0) -> Iterator[bool]:
    """Held while the block lasts, or the process lives; many at once, or `alone`. Gives whether it was to be had."""
    handle = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _is_held(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, tries=1 + round(wait_seconds / TRY_SECONDS))
    finally:
        os.close(handle)


def _is_held(handle: int, kind: int, *, tries: int) -> bool:
    is_held = False

    def is_done() -> bool:
        nonlocal is_held, tries
        tries -= 1
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return tries <= 0
        is_held = True
        return True

    loops.until(is_done, rest_seconds=TRY_SECONDS)
    return is_held
