"""Lets the system calls of SQLite itself fail: what its errors then are, no fake of ours decides.

Its Unix file system hands out each call that it makes, for tests of its own (xSetSystemCall).
"""

from __future__ import annotations

import _sqlite3
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

NAMES = ("iVersion szOsFile mxPathname", "pNext zName pAppData", "xOpen xDelete xAccess xFullPathname xDlOpen xDlError")
LATER = "xDlSym xDlClose xRandomness xSleep xCurrentTime xGetLastError xCurrentTimeInt64 xSetSystemCall xGetSystemCall"
MOVE = ctypes.CFUNCTYPE(
    ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64, use_errno=True
)
SET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
GET = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)


class _Vfs(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in NAMES[0].split()),
        *((name, ctypes.c_void_p) for name in (*NAMES[1].split(), *NAMES[2].split(), *LATER.split())),
    )


@contextmanager
def failing(name: str, code: int, *, times: int) -> Iterator[None]:
    """`name` is pwrite or pread; the next `times` such calls of SQLite fail with this errno."""
    vfs = _vfs()
    place, key = ctypes.addressof(vfs), f"{name}64".encode()
    address = GET(vfs.xGetSystemCall)(place, key)
    if not address:
        pytest.skip(f"this SQLite does not call {name}64")
    real, left = MOVE(address), [times]

    def call(handle: int, buffer: int, size: int, offset: int) -> int:
        if left[0]:
            left[0] -= 1
            ctypes.set_errno(code)
            return -1
        return int(real(handle, buffer, size, offset))

    replaced = MOVE(call)
    set_ = SET(vfs.xSetSystemCall)
    set_(place, key, ctypes.cast(replaced, ctypes.c_void_p))
    try:
        yield
        assert left[0] < times, "nothing failed"
    finally:
        set_(place, key, address)


def _vfs() -> _Vfs:
    try:
        find = ctypes.CDLL(_sqlite3.__file__).sqlite3_vfs_find
    except (AttributeError, OSError):
        pytest.skip("the SQLite of this Python cannot be reached")
    find.restype = ctypes.c_void_p
    return _Vfs.from_address(find(None))
