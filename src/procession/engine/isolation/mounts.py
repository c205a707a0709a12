"""Mounting, by ctypes: the few calls that a root of one's own takes. Each raises OSError."""

from __future__ import annotations

import ctypes
import os
import struct

from procession.engine.isolation import linux

READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS = 1, 2, 4, 8

_MS_BIND, _MS_REC, _MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_SETATTR = 442  # Linux 5.12
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}
_UNSHARE = {"x86_64": 272, "aarch64": 97, "riscv64": 97}

_libc = ctypes.PyDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    linux.call(_UNSHARE[os.uname().machine], ctypes.c_ulong(flags))


def keep_apart() -> None:
    """What is mounted here from now on shows nowhere else, and the other way round."""
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE, None)


def memory(folder: str, *, size_bytes_max: int, mode: int) -> None:
    """An empty folder in memory."""
    _mount("tmpfs", folder, "tmpfs", NO_SETUID | NO_DEVICES, linux.memory_options(size_bytes_max, mode))


def processes(folder: str) -> None:
    """A /proc of this process's own PID namespace."""
    _mount("proc", folder, "proc", NO_SETUID | NO_DEVICES | NO_PROGRAMS, None)


def bind(source: str, target: str) -> None:
    """What is at the source, at the target too, with whatever is mounted in it."""
    _mount(source, target, None, _MS_BIND | _MS_REC, None)


def restrict(target: str, flags: int, *, deep: bool = True) -> None:
    """Add flags to a mount, if `deep` to those in it too; none is taken away."""
    attributes = struct.pack("=QQQQ", flags, 0, 0, 0)
    linux.call(
        _MOUNT_SETATTR,
        ctypes.c_int(_AT_FDCWD),
        ctypes.c_char_p(os.fsencode(target)),
        ctypes.c_uint(_AT_RECURSIVE if deep else 0),
        ctypes.c_char_p(attributes),
        ctypes.c_size_t(len(attributes)),
    )


def change_root(folder: str, *, old: str) -> None:
    """This folder, which is a mount, becomes the root; what was it is at `old`, a folder in it, until let_go()."""
    places = [ctypes.c_char_p(os.fsencode(place)) for place in (folder, old)]
    linux.call(_PIVOT_ROOT[os.uname().machine], *places)
    os.chdir("/")


def let_go(folder: str) -> None:
    """Unmount what is there, and everything in it, from this namespace."""
    _check(_libc.umount2(os.fsencode(folder), ctypes.c_int(_MNT_DETACH)))


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    _check(_libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
