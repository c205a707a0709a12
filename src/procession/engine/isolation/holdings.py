"""What the processes of one step hold that no limit of a process counts: memory in all, and files without a name.

RLIMIT_AS bounds the addresses of each process. A file in memory (memfd, /dev/shm) that is only written has none, and
the limits of a hundred processes are a hundred limits. A file that was removed while open has no name in any folder.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from procession.disk import BLOCK_BYTES
from procession.engine.isolation import processes

# Where a step may have a memory disk of its own. Only these are looked at: any other path may lead into a file system
# that the step itself made, whose answer may never come.
MEMORY_DISKS = ("/dev/shm", "/tmp")  # noqa: S108 - of the step, not ours
_GONE = (FileNotFoundError, ProcessLookupError)
_MAPPING = re.compile(
    rb"^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) ([0-9]+) .*\(deleted\)$", re.MULTILINE
)
_FIELDS = re.compile(rb"^(RssAnon|VmSwap):\s+([0-9]+) kB$", re.MULTILINE)
_THREADS = re.compile(rb"^Threads:\s+([0-9]+)$", re.MULTILINE)
_OWN_SHARE = re.compile(rb"^(Pss_Anon|SwapPss):\s+([0-9]+) kB$", re.MULTILINE)
_File = tuple[int, int]  # st_dev and st_ino


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """`nameless`: files on a disk that no folder shows. `hidden`: processes that do not let anybody see their files."""

    memory_bytes: int = 0
    threads: int = 0
    nameless_bytes: int = 0
    nameless_files: int = 0
    hidden: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Sums:
    anonymous: int = 0
    threads: int = 0
    memory_files: dict[_File, int] = field(default_factory=dict)
    nameless: dict[_File, int] = field(default_factory=dict)
    disks: dict[int, int] = field(default_factory=dict)  # bytes in use, by st_dev
    hidden: list[int] = field(default_factory=list)


class Observer:
    """Counts what the processes below a keeper hold; `disk` is the st_dev of the step's folder."""

    def __init__(self, *, disk: int) -> None:
        self._disk = disk
        self._memory_disk = _device_of_memory()
        self._own_disks = {_device(path) for path in MEMORY_DISKS}

    def look(self, keeper: int, *, memory_bytes_max: int) -> Holdings:
        """What is held now. Raises OSError for a shortage: then nothing is known.

        Pages that processes share since a fork are told apart only where the plain sum is above `memory_bytes_max`.
        """
        found = _Sums()
        pids = _below(keeper)
        for pid in pids:
            try:
                self._count(pid, found)
            except _GONE:
                continue
        in_files = sum(found.memory_files.values()) + sum(found.disks.values())
        if found.anonymous + in_files > memory_bytes_max:
            found.anonymous = min(found.anonymous, sum(map(_own_share, pids)))
        return Holdings(
            memory_bytes=found.anonymous + in_files,
            threads=found.threads,
            nameless_bytes=sum(found.nameless.values()),
            nameless_files=len(found.nameless),
            hidden=tuple(found.hidden),
        )

    def _count(self, pid: int, found: _Sums) -> None:
        status = Path(f"/proc/{pid}/status").read_bytes()
        found.anonymous += sum(_kilobytes(_FIELDS, status))
        found.threads += sum(int(match[1]) for match in _THREADS.finditer(status))
        try:
            self._count_disks(pid, found)
            for file in _open_files(pid):
                self._add(file.st_dev, file.st_ino, file.st_blocks * BLOCK_BYTES, file.st_nlink, found)
            # After the open files: of these the exact size is known, of what is only mapped perhaps not.
            self._count_mappings(pid, found)
        except PermissionError:
            if _is_running(pid):
                found.hidden.append(pid)

    def _count_disks(self, pid: int, found: _Sums) -> None:
        for path in MEMORY_DISKS:
            try:
                place = f"/proc/{pid}/root{path}"
                device = os.stat(place).st_dev  # noqa: PTH116 - as text, many times a second
                if device not in self._own_disks and device not in found.disks and device != self._disk:
                    space = os.statvfs(place)
                    found.disks[device] = (space.f_blocks - space.f_bfree) * space.f_frsize
            except FileNotFoundError:
                continue

    def _add(self, device: int, number: int, size_bytes: int, links: int, found: _Sums) -> None:
        file = (device, number)
        if device == self._memory_disk or (device in self._own_disks and device != self._disk and links == 0):
            found.memory_files[file] = max(size_bytes, found.memory_files.get(file, 0))
        elif device == self._disk and links == 0:
            found.nameless[file] = max(size_bytes, found.nameless.get(file, 0))

    def _count_mappings(self, pid: int, found: _Sums) -> None:
        """Files that are mapped and no longer open: as large as they are where that can be asked, else as mapped."""
        content = Path(f"/proc/{pid}/maps").read_bytes()
        if b"(deleted)" not in content:
            return
        for match in _MAPPING.finditer(content):
            begin, end, offset, major, minor = (int(part, 16) for part in match.groups()[:5])
            device, number = os.makedev(major, minor), int(match[6])
            if (device, number) not in found.memory_files and (device, number) not in found.nameless:
                extent = _mapped_blocks(pid, match[1], match[2])
                size_bytes = end - begin + offset if extent is None else extent
                self._add(device, number, size_bytes, 0, found)


def _below(keeper: int) -> list[int]:
    """The processes below it, by the kernel's own lists of children where it keeps them."""
    found: list[int] = []
    waiting = [keeper]
    try:
        while waiting:
            born = _children(waiting.pop())
            found += born
            waiting += born
    except NotImplementedError:
        return processes.descendants(keeper)
    return found


def _children(pid: int) -> list[int]:
    born: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - as above
        for thread in threads:
            born += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split())
    except _GONE:
        # Built without CONFIG_PROC_CHILDREN: then nobody has the list, this thread neither.
        if not Path("/proc/thread-self/children").exists():
            raise NotImplementedError from None
    return born


def _open_files(pid: int) -> Iterator[os.stat_result]:
    for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208
        try:
            found = os.stat(f"/proc/{pid}/fd/{name}")  # noqa: PTH116
        except FileNotFoundError:
            continue
        if stat.S_ISREG(found.st_mode):
            yield found


def _mapped_blocks(pid: int, begin: bytes, end: bytes) -> int | None:
    """What the mapped file takes; None where only root may ask."""
    try:
        return os.stat(f"/proc/{pid}/map_files/{begin.decode()}-{end.decode()}").st_blocks * BLOCK_BYTES  # noqa: PTH116
    except OSError:
        return None


def _own_share(pid: int) -> int:
    """Anonymous memory, what is shared since a fork by its part."""
    try:
        return sum(_kilobytes(_OWN_SHARE, Path(f"/proc/{pid}/smaps_rollup").read_bytes()))
    except _GONE:
        return 0
    except PermissionError:
        return sum(_kilobytes(_FIELDS, _status(pid)))


def _status(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/status").read_bytes()
    except _GONE:
        return b""


def _kilobytes(pattern: re.Pattern[bytes], content: bytes) -> Iterator[int]:
    return (int(match[2]) * 1024 for match in pattern.finditer(content))


def _is_running(pid: int) -> bool:
    ticks = processes.started_ticks(pid)
    return ticks is not None and processes.is_running(pid, ticks)


def _device(path: str) -> int:
    try:
        return os.stat(path).st_dev  # noqa: PTH116
    except FileNotFoundError:
        return 0


def _device_of_memory() -> int:
    handle = os.memfd_create("device", os.MFD_CLOEXEC)
    try:
        return os.fstat(handle).st_dev
    finally:
        os.close(handle)
