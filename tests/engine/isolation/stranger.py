"""Runs a program as an ordinary user, `stranger.py UID PROGRAM..`, also where this Python lies in root's own folder."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from pathlib import Path

NOBODY_ELSE = 77  # there is no way to be somebody else here
_NEW_MOUNTS, _BIND, _PRIVATE = 0x20000, 4096 | 16384, 16384 | 1 << 18


def main() -> None:
    uid = int(sys.argv[1])
    for place in {sys.base_prefix, sys.prefix}:
        _open_way(Path(place))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - what the test names


def _open_way(place: Path) -> None:
    """In a mount namespace: an empty folder instead of the first one that is closed, and in it the way to the place."""
    closed = [folder for folder in reversed(place.parents) if not folder.stat().st_mode & 1]
    if not closed:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    aside = tempfile.mkdtemp()
    if libc.unshare(_NEW_MOUNTS) != 0:
        sys.exit(NOBODY_ELSE)
    calls = [
        libc.mount(None, b"/", None, ctypes.c_ulong(_PRIVATE), None),
        libc.mount(str(place).encode(), aside.encode(), None, ctypes.c_ulong(_BIND), None),
        libc.mount(b"tmpfs", str(closed[0]).encode(), b"tmpfs", ctypes.c_ulong(0), b"mode=755"),
    ]
    place.mkdir(parents=True)
    calls.append(libc.mount(aside.encode(), str(place).encode(), None, ctypes.c_ulong(_BIND), None))
    assert not any(calls), (calls, os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    main()
