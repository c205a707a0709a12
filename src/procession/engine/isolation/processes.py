"""Finding processes in /proc: marks that outlive a crash, the members of a PID namespace, descendants.

A process counts as gone only if the kernel says so. Raises OSError if it cannot be asked, say for want of descriptors.
"""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

from procession.engine.isolation.contract import ProcessMark

_STATE, _PARENT, _THREADS, _STARTED = 0, 1, 17, 19  # fields 3, 4, 20 and 22 of /proc/PID/stat, counted after the name
_NOT_THERE = (FileNotFoundError, ProcessLookupError, PermissionError)  # ESRCH: it went while we looked


def boot_id() -> str:
    """What tells this boot of the machine from every other: ticks since boot mean nothing without it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def started_ticks(pid: int) -> int | None:
    """When the process was started, in clock ticks since boot; None when it is gone (a zombie is not gone)."""
    fields = _stat(pid)
    return int(fields[_STARTED]) if fields else None


def is_running(pid: int, ticks: int) -> bool:
    """Whether this very process can still execute anything; a zombie cannot, if it was its last thread."""
    fields = _stat(pid)
    if fields is None or int(fields[_STARTED]) != ticks:
        return False
    return fields[_STATE] not in "ZX" or int(fields[_THREADS]) > 1


def living_thread(pid: int) -> str:
    """The folder in /proc of a thread that still executes something; of the process where there is none.

    A process goes on when its first thread has ended, and its own folder then shows neither memory nor files.
    """
    place = f"/proc/{pid}"
    try:
        for number in sorted(map(int, os.listdir(f"{place}/task"))):  # noqa: PTH208
            fields = _stat(f"{pid}/task/{number}")
            if fields and fields[_STATE] not in "ZX":
                return place if number == pid else f"{place}/task/{number}"
    except _NOT_THERE:
        pass
    return place


def exists(mark: ProcessMark) -> bool:
    """Whether the process of this mark is in the process table, as a zombie at least."""
    return mark.boot_id == boot_id() and started_ticks(mark.pid) == mark.started_ticks


def namespace(pid: int | str) -> str | None:
    """The PID namespace of a process as the kernel names it; None when it is gone or not ours to look at."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")  # noqa: PTH115 - as text, and quick
    except _NOT_THERE:
        return None


def members(name: str) -> list[int]:
    """Every process in the PID namespace of this name."""
    return [pid for pid in everyone() if namespace(pid) == name]


def descendants(root: int) -> list[int]:
    """The children of `root`, theirs, and so on; without `root`."""
    children: dict[int, list[int]] = {}
    for pid in everyone():
        fields = _stat(pid)
        if fields:
            children.setdefault(int(fields[_PARENT]), []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        born = children.get(waiting.pop(), [])
        found += born
        waiting += born
    return found


def children(parent: int) -> list[int]:
    """The direct children of a process, zombies too."""
    return [pid for pid in everyone() if (fields := _stat(pid)) and int(fields[_PARENT]) == parent]


def count_of_user(user_id: int) -> int:
    """How many processes belong to a user; what RLIMIT_NPROC counts, but for threads."""
    return sum(1 for pid in everyone() if _owner(pid) == user_id)


def everyone() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - Path objects cost five times that


def open_handle(pid: int, ticks: int) -> int | None:
    """A pidfd of exactly this process, None when it is gone: a signal sent by it cannot reach another."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:  # the number is a thread's by now
            return None
        raise
    is_it = False
    try:
        is_it = started_ticks(pid) == ticks
    finally:
        if not is_it:
            os.close(handle)
    return handle if is_it else None


def send_signal(handle: int, number: signal.Signals) -> bool:
    """Signal by pidfd; False when the process is gone or not ours to signal."""
    try:
        signal.pidfd_send_signal(handle, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end_keeper(handle: int, number: signal.Signals) -> bool:
    """The same, for a keeper: one that its own step has stopped hears of it too."""
    is_sent = send_signal(handle, number)
    send_signal(handle, signal.SIGCONT)
    return is_sent


def _owner(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}").st_uid  # noqa: PTH116 - as above
    except _NOT_THERE:
        return None


def _stat(pid: int | str) -> list[str] | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - as above
            # The name is in parentheses and may hold anything, parentheses too.
            return file.read().rpartition(b")")[2].decode().split()
    except _NOT_THERE:
        return None
