"""The few Linux calls that Python has no name for, by ctypes; each says what it does and how it fails."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from collections.abc import Iterable

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000
CAP_CHOWN, CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID = 0, 2, 6, 7

_MS_NOSUID_NODEV_NOEXEC, _MS_REC_PRIVATE = 2 | 4 | 8, 0x4000 | 1 << 18
_SYS_CLONE3 = 435  # the same number on every architecture, like all calls since 2019
_SYS_CLOSE_RANGE = 436
_SYS_CAPGET = {"x86_64": 125, "aarch64": 90, "riscv64": 90}
_SYS_CAPSET = {"x86_64": 126, "aarch64": 91, "riscv64": 91}
_SYS_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219}
_KEYCTL_JOIN_SESSION_KEYRING = 1
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS = 1, 4, 8
_PR_CAPBSET_DROP, _PR_SET_SECUREBITS = 24, 28
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 36, 38, 47
_SECUREBITS = 0x01 | 0x02  # capabilities(7): a program that root starts has no capability for that; for good
_CAPABILITIES_MAX = 64
_PR_CAP_AMBIENT_RAISE = 2
_HANDLES_MAX = 2**32 - 1
_M_ARENA_MAX = -8
_NAMES_MAX = 32_768  # of a folder in memory
_CAPABILITY_VERSION_3 = 0x20080522

# PyDLL keeps the interpreter's lock: a clone must not happen while another thread could take it.
_libc = ctypes.PyDLL(None, use_errno=True)
_flush = _libc.fflush


class _CloneArguments(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in ("flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls")
    )


def call(number: int, *arguments: object) -> int:
    """A raw system call. Raises OSError."""
    result: int = _libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def clone(flags: int) -> int:
    """A fork into new namespaces: 0 in the child, its pid in the parent. Raises OSError where the kernel refuses.

    Only for a process without threads: Python's own after-fork work is not done. The child should fork once more, by
    os.fork, before it runs anything but its own few lines.
    """
    arguments = _CloneArguments(flags=flags, exit_signal=signal.SIGCHLD)
    return call(_SYS_CLONE3, ctypes.byref(arguments), ctypes.c_size_t(ctypes.sizeof(arguments)))


def die_with_parent(number: int) -> None:
    """Have the kernel send this signal when the parent (the thread that forked us) ends."""
    _control(_PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends (a subreaper)."""
    _control(_PR_SET_CHILD_SUBREAPER, 1)


def forbid_new_privileges() -> None:
    """No program started from here on gains rights by set-uid bits or file capabilities."""
    _control(_PR_SET_NO_NEW_PRIVS, 1)


def share_one_arena() -> None:
    """Have malloc reserve no 64 MB of address space for each thread: limits on address space would count them."""
    if hasattr(_libc, "mallopt"):  # glibc's
        _libc.mallopt(ctypes.c_int(_M_ARENA_MAX), ctypes.c_int(1))


def mount_memory(folder: str, *, size_bytes_max: int) -> bool:
    """Put an empty folder in memory there, for this mount namespace alone. False where that may not be."""
    options = memory_options(size_bytes_max, 0o1777).encode()
    kind, where = b"tmpfs", folder.encode()
    is_apart = _libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC_PRIVATE), None) == 0
    return is_apart and bool(_libc.mount(kind, where, kind, ctypes.c_ulong(_MS_NOSUID_NODEV_NOEXEC), options) == 0)


def memory_options(size_bytes_max: int, mode: int) -> str:
    """Of a mount in memory. A name takes a kilobyte that `size` does not count, and attributes of files as much."""
    return f"size={size_bytes_max},nr_inodes={_NAMES_MAX},mode={mode:o}"


def flush_c_files() -> None:
    """Write what C libraries hold back of their open files, as exit() does."""
    _flush(None)


def show_in_proc() -> None:
    """Own one's files in /proc again after a change of user: programs look at /proc/self."""
    _control(_PR_SET_DUMPABLE, 1)


def keep_capabilities_over_setuid() -> None:
    _control(_PR_SET_KEEPCAPS, 1)


def held_capabilities() -> frozenset[int]:
    """Those that this process may use, or keep."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    content = (ctypes.c_uint32 * 6)()
    call(_SYS_CAPGET[os.uname().machine], ctypes.byref(header), ctypes.byref(content))
    # Effective, permitted and inheritable ones, of the lower 32; then of the upper.
    mask = content[1] | content[4] << 32
    return frozenset(capability for capability in range(_CAPABILITIES_MAX) if mask >> capability & 1)


def set_capabilities(*kept: int) -> None:
    """Give up every capability but these; these also survive starting a program."""
    mask = sum(1 << capability for capability in kept)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    content = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    call(_SYS_CAPSET[os.uname().machine], ctypes.byref(header), ctypes.byref(content))
    for capability in kept:
        _control(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def forbid_capabilities(*, but: tuple[int, ...] = ()) -> None:
    """No capability comes back once it is given up, whatever is started; `but` these."""
    for capability in range(_CAPABILITIES_MAX):
        try:
            if capability not in but:
                _control(_PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno == errno.EINVAL:  # the kernel knows no more
                break
            raise
    _control(_PR_SET_SECUREBITS, _SECUREBITS)


def leave_keyring() -> None:
    """Have a session keyring of one's own, empty, in place of the one that the server was started with."""
    call(_SYS_KEYCTL[os.uname().machine], ctypes.c_int(_KEYCTL_JOIN_SESSION_KEYRING), None)


def close_others(kept: Iterable[int]) -> None:
    """Close every descriptor but these, those that a library has opened for itself too."""
    first = 0
    for handle in (*sorted(kept), _HANDLES_MAX):
        if handle > first:
            _close_range(first, handle - 1)
        first = handle + 1


def _close_range(first: int, last: int) -> None:
    try:
        call(_SYS_CLOSE_RANGE, ctypes.c_uint(first), ctypes.c_uint(last), ctypes.c_uint(0))
    except OSError:  # before Linux 5.9
        os.closerange(first, min(last, os.sysconf("SC_OPEN_MAX")) + 1)


def _control(option: int, first: int, second: int = 0) -> None:
    values = [ctypes.c_ulong(value) for value in (first, second, 0, 0)]
    if _libc.prctl(ctypes.c_int(option), *values) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
