"""Control groups (cgroup v2): one for the processes of each worker, where this server may make any.

What a group holds is counted by the kernel whoever holds it: files in memory, buffers of sockets and pipes too. Where
there is no group, limits of each process and the meter count what they can see (engine/meter).
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from procession.engine.isolation import processes
from procession.engine.isolation.limits import OWN_MEMORY_BYTES, OWN_THREADS, WARM_MEMORY_BYTES
from procession.engine.isolation.options import IsolationSettings

_OF_SERVER = "server"  # no group with processes of its own may bound groups below it
_OF_WORKER = "step-"
_TRIES = 3
_EVENTS_BYTES_MAX = 4_096
_CONTROLLERS = frozenset({"memory", "pids"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGroup:
    """The group of one worker. Its keeper holds the handle, locked: whoever sweeps leaves it alone until then."""

    handle: int


def find() -> str:
    """The group below which there may be one for each worker; "" where this process may make none. Changes nothing."""
    with suppress(OSError, StopIteration):
        own = _own_group()
        base = own.parent if own.name == _OF_SERVER else own
        if _has_controllers(base, "cgroup.controllers") and os.access(base, os.W_OK) and _may_be_ready(base):
            return str(base)
    return ""


def prepare() -> str:
    """The same for a server, which moves into a group beside them with all below it. Removes groups of the dead."""
    base = find()
    if not base or not _make_ready(Path(base)):
        return ""
    _sweep(Path(base))
    return base


def of(settings: IsolationSettings, *, used_once: bool) -> ControlGroup | None:
    """A new group for a worker. One that is used again has its libraries' threads, and leftovers of earlier steps."""
    if not settings.cgroup:
        return None
    limit = settings.cgroup_memory_bytes_max
    more_bytes = OWN_MEMORY_BYTES if used_once else min(limit // 2, WARM_MEMORY_BYTES) + OWN_MEMORY_BYTES
    processes_max = str(settings.cgroup_processes_max + OWN_THREADS) if used_once else "max"
    _sweep(Path(settings.cgroup))
    for _ in range(_TRIES):
        # Somebody who sweeps may take it away before it is locked.
        with suppress(OSError):
            return _make(Path(settings.cgroup), memory_bytes_max=limit + more_bytes, processes_max=processes_max)
    return None


def _make(base: Path, *, memory_bytes_max: int, processes_max: str) -> ControlGroup:
    place = base / f"{_OF_WORKER}{os.urandom(6).hex()}"
    place.mkdir()
    group = ControlGroup(handle=os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    try:
        fcntl.flock(group.handle, fcntl.LOCK_SH)
        (place / "memory.max").write_text(str(memory_bytes_max))
        (place / "memory.oom.group").write_text("1")
        (place / "pids.max").write_text(processes_max)
        with suppress(OSError):  # not there where the kernel has no swap
            (place / "memory.swap.max").write_text("0")
    except OSError:
        os.close(group.handle)
        with suppress(OSError):
            place.rmdir()
        raise
    return group


def enter(group: ControlGroup | None) -> None:
    """This process, and all that it forks from now on."""
    if group is not None:
        with suppress(OSError):
            _write(group, "cgroup.procs", "0")
        os.close(group.handle)  # the keeper has it too


def was_over_memory(group: ControlGroup | None) -> bool:
    """Whether the kernel has ended its processes because they took more than they may."""
    if group is not None:
        with suppress(OSError):
            found = re.search(r"^oom_kill ([0-9]+)$", _read(group, "memory.events"), re.MULTILINE)
            return found is not None and int(found[1]) > 0
    return False


def _write(group: ControlGroup, name: str, text: str) -> None:
    # By the handle: a keeper whose root is another sees no groups any more.
    handle = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=group.handle)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def _read(group: ControlGroup, name: str) -> str:
    handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=group.handle)
    try:
        return os.read(handle, _EVENTS_BYTES_MAX).decode()
    finally:
        os.close(handle)


def _own_group() -> Path:
    name = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    return next(_mounts()) / name.lstrip("/")


def _mounts() -> Iterator[Path]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, kinds = line.partition(" - ")
        if kinds.split()[0] == "cgroup2" and fields.split()[3] == "/":
            yield Path(fields.split()[4])


def _has_controllers(group: Path, file: str) -> bool:
    return set((group / file).read_text().split()) >= _CONTROLLERS


def _may_be_ready(base: Path) -> bool:
    """Only a group that is ours alone: who else is in it would have to move, or else nothing below can be bounded."""
    ours = {os.getpid(), *processes.descendants(os.getpid())}
    return _has_controllers(base, "cgroup.subtree_control") or _members(base) <= ours


def _make_ready(base: Path) -> bool:
    try:
        if not _has_controllers(base, "cgroup.subtree_control"):
            beside = base / _OF_SERVER
            beside.mkdir(exist_ok=True)
            _move(_members(base), beside)
            (base / "cgroup.subtree_control").write_text("+memory +pids")
    except OSError:
        with suppress(OSError):
            _move(_members(base / _OF_SERVER), base)
        return False
    return True


def _members(group: Path) -> set[int]:
    return {int(pid) for pid in (group / "cgroup.procs").read_text().split()}


def _move(pids: Iterable[int], group: Path) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            (group / "cgroup.procs").write_text(str(pid))


def _sweep(base: Path) -> None:
    for place in base.glob(f"{_OF_WORKER}*"):
        with suppress(OSError):  # its keeper or its processes still live
            handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                place.rmdir()
            finally:
                os.close(handle)
