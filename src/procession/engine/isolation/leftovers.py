"""Processes that a step started and that still run when it says that it is done."""

from __future__ import annotations

import os
import time
from pathlib import Path

from procession.engine.isolation import processes
from procession.engine.isolation.contract import Left, ProcessMark
from procession.engine.isolation.frames import shown

_GRACE_SECONDS = 0.3  # for those that are about to end
_PASS_SECONDS = 0.02
_ACCESS = os.O_WRONLY | os.O_RDWR
# Of Python's multiprocessing: they end with the script's own process, and write nothing.
_SERVANTS = (b"resource_tracker", b"multiprocessing.forkserver")


def may_be(*, has_files: bool) -> bool:
    """Whether there may be any, as the step's own process sees it: a system call, for /proc is closed to it."""
    try:
        if os.getppid() == 1:
            os.kill(-1, 0)
        else:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ProcessLookupError, ChildProcessError):
        # Without a namespace it cannot see who was orphaned.
        return has_files and os.getppid() != 1
    except PermissionError:
        return True
    return True


def find(keeper: ProcessMark) -> list[Left]:
    """Those below this keeper, its worker apart; who is about to end gets a moment. Raises OSError for a shortage.

    A process may start another and end while we look, and neither is seen: nobody is left where nobody came or went.
    """
    end_at = time.monotonic() + _GRACE_SECONDS
    before: list[int] = []
    while True:
        everyone = processes.everyone()
        found = _look(keeper.pid)
        is_settled, before = everyone == before, everyone
        if time.monotonic() >= end_at or (is_settled and not found):
            return [Left(name=_name(pid), writes=_written_by(pid)) for pid in found]
        if found:
            time.sleep(_PASS_SECONDS)


def _look(keeper: int) -> list[int]:
    theirs = processes.namespace(keeper)
    family = processes.descendants(keeper)
    if theirs is not None and theirs != processes.namespace("self"):
        family = processes.members(theirs)
    # It is the first that its keeper started.
    worker = min(processes.children(keeper), key=_age, default=0)
    return [pid for pid in family if pid not in (keeper, worker) and _counts(pid)]


def _age(pid: int) -> tuple[int, int]:
    return processes.started_ticks(pid) or 0, pid


def _counts(pid: int) -> bool:
    ticks = processes.started_ticks(pid)
    if ticks is None or not processes.is_running(pid, ticks):
        return False
    command = _read(Path(processes.living_thread(pid), "cmdline"))
    return not any(servant in command for servant in _SERVANTS)


def _name(pid: int) -> str:
    return shown(_read(Path(f"/proc/{pid}/comm")).decode(errors="replace").strip()) or "a process"


def _written_by(pid: int) -> frozenset[str]:
    place = Path(processes.living_thread(pid))
    try:
        handles = (place / "fd").iterdir()
        return frozenset(str(handle.readlink()) for handle in handles if _is_written(place, handle.name))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return frozenset()


def _is_written(place: Path, handle: str) -> bool:
    lines = _read(place / "fdinfo" / handle).splitlines()
    flags = next((line.split()[1] for line in lines if line.startswith(b"flags:")), b"0")
    return bool(int(flags, 8) & _ACCESS)


def _read(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""
