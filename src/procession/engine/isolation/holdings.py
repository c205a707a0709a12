"""What the processes of one step hold that no limit of a process counts: memory in all, and files without a name.

RLIMIT_AS bounds the addresses of each process. A file in memory (memfd, /dev/shm) that is only written has none, and
the limits of a hundred processes are a hundred limits. A file that was removed while open has no name in any folder.
Buffers of sockets and pipes are in no limit at all.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
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
_FIELDS = re.compile(rb"^(RssAnon|VmSwap|VmPTE):\s+([0-9]+) kB$", re.MULTILINE)
_THREADS = re.compile(rb"^Threads:\s+([0-9]+)$", re.MULTILINE)
_OWN_SHARE = re.compile(rb"^(Pss_Anon|SwapPss):\s+([0-9]+) kB$", re.MULTILINE)
_IN_FLIGHT = re.compile(rb"^scm_fds:\s+[1-9]", re.MULTILINE)
_File = tuple[int, int]  # st_dev and st_ino
# What waits in a socket may be half as much again as its buffer; a pipe has two pages where its user has many.
_BUFFERS_OF_A_SOCKET = 2
_PIPE_BYTES = 8_192
_SOCKET_BYTES = 212_992  # its buffer, where the kernel does not say
_DATAGRAMS = b"0002"  # the type in /proc/net/unix
_SENDERS_MAX = 11  # of whose datagrams a socket keeps one buffer each: net.unix.max_dgram_qlen, and its peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """`nameless`: files on a disk that no folder shows. `hidden`: processes that do not let anybody see their files.

    `is_in_flight`: a descriptor was sent and not received yet, and nobody can see what it keeps.
    """

    memory_bytes: int = 0
    threads: int = 0
    nameless_bytes: int = 0
    nameless_files: int = 0
    hidden: tuple[int, ...] = ()
    is_in_flight: bool = False


@dataclass(slots=True, kw_only=True)
class _Sums:
    anonymous: int = 0
    threads: int = 0
    memory_files: dict[_File, int] = field(default_factory=dict)
    nameless: dict[_File, int] = field(default_factory=dict)
    disks: dict[int, int] = field(default_factory=dict)  # bytes in use, by st_dev
    hidden: list[int] = field(default_factory=list)
    sockets: set[int] = field(default_factory=set)  # by st_ino, as pipes
    pipes: set[int] = field(default_factory=set)
    is_in_flight: bool = False


class Observer:
    """Counts what the processes below a keeper hold; `disk` is the st_dev of the step's folder."""

    def __init__(self, *, disk: int) -> None:
        self._disk = disk
        self._memory_disk = _device_of_memory()
        self._own_disks = {_device(path) for path in MEMORY_DISKS}
        self._own_network = _network("self")
        self._socket_bytes = _buffer_bytes() * _BUFFERS_OF_A_SOCKET

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
        shared = sum(found.memory_files.values()) + sum(found.disks.values()) + self._in_buffers(keeper, found)
        if found.anonymous + shared > memory_bytes_max:
            found.anonymous = min(found.anonymous, sum(map(_own_share, pids)))
        return Holdings(
            memory_bytes=found.anonymous + shared,
            threads=found.threads,
            nameless_bytes=sum(found.nameless.values()),
            nameless_files=len(found.nameless),
            hidden=tuple(found.hidden),
            is_in_flight=found.is_in_flight,
        )

    def _in_buffers(self, keeper: int, found: _Sums) -> int:
        """At the most: what waits in a socket cannot be seen from outside."""
        sockets = len(found.sockets)
        if _network(keeper) != self._own_network:
            # All that there are, those too that nobody has accepted or received yet.
            sockets = max(sockets, _sockets_in_network(keeper))
        return sockets * self._socket_bytes + len(found.pipes) * _PIPE_BYTES

    def _count(self, pid: int, found: _Sums) -> None:
        place = f"/proc/{pid}"
        status = Path(f"{place}/status").read_bytes()
        found.threads += sum(int(match[1]) for match in _THREADS.finditer(status))
        if b"RssAnon:" not in status:  # its first thread has ended, and others may go on without it
            place = processes.living_thread(pid)
            status = Path(f"{place}/status").read_bytes()
        found.anonymous += sum(_kilobytes(_FIELDS, status))
        try:
            self._count_disks(place, found)
            self._count_files(place, found)
            # After the open files: of these the exact size is known, of what is only mapped perhaps not.
            self._count_mappings(place, found)
        except PermissionError:
            if _is_running(pid):
                found.hidden.append(pid)

    def _count_disks(self, place: str, found: _Sums) -> None:
        for path in MEMORY_DISKS:
            try:
                folder = f"{place}/root{path}"
                device = os.stat(folder).st_dev  # noqa: PTH116 - as text, many times a second
                if device not in self._own_disks and device not in found.disks and device != self._disk:
                    space = os.statvfs(folder)
                    found.disks[device] = (space.f_blocks - space.f_bfree) * space.f_frsize
            except FileNotFoundError:
                continue

    def _count_files(self, place: str, found: _Sums) -> None:
        for name, file in _open_files(place):
            if stat.S_ISREG(file.st_mode):
                self._add(file.st_dev, file.st_ino, file.st_blocks * BLOCK_BYTES, file.st_nlink, found)
            elif stat.S_ISFIFO(file.st_mode):
                found.pipes.add(file.st_ino)
            elif stat.S_ISSOCK(file.st_mode) and file.st_ino not in found.sockets:
                found.sockets.add(file.st_ino)
                known = Path(f"{place}/fdinfo/{name}").read_bytes()
                found.is_in_flight = found.is_in_flight or _IN_FLIGHT.search(known) is not None

    def _add(self, device: int, number: int, size_bytes: int, links: int, found: _Sums) -> None:
        file = (device, number)
        if device == self._memory_disk or (device in self._own_disks and device != self._disk and links == 0):
            found.memory_files[file] = max(size_bytes, found.memory_files.get(file, 0))
        elif device == self._disk and links == 0:
            found.nameless[file] = max(size_bytes, found.nameless.get(file, 0))

    def _count_mappings(self, place: str, found: _Sums) -> None:
        """Files that are mapped and no longer open: as large as they are where that can be asked, else as mapped."""
        content = Path(f"{place}/maps").read_bytes()
        if b"(deleted)" not in content:
            return
        for match in _MAPPING.finditer(content):
            begin, end, offset, major, minor = (int(part, 16) for part in match.groups()[:5])
            device, number = os.makedev(major, minor), int(match[6])
            if (device, number) not in found.memory_files and (device, number) not in found.nameless:
                extent = _mapped_blocks(place, match[1], match[2])
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


def _open_files(place: str) -> Iterator[tuple[str, os.stat_result]]:
    for name in os.listdir(f"{place}/fd"):  # noqa: PTH208
        with suppress(FileNotFoundError):
            yield name, os.stat(f"{place}/fd/{name}")  # noqa: PTH116


def _mapped_blocks(place: str, begin: bytes, end: bytes) -> int | None:
    """What the mapped file takes; None where only root may ask."""
    process = place.partition("/task/")[0]
    try:
        return os.stat(f"{process}/map_files/{begin.decode()}-{end.decode()}").st_blocks * BLOCK_BYTES  # noqa: PTH116
    except OSError:
        return None


def _own_share(pid: int) -> int:
    """Anonymous memory, what is shared since a fork by its part."""
    try:
        return sum(_kilobytes(_OWN_SHARE, Path(f"{processes.living_thread(pid)}/smaps_rollup").read_bytes()))
    except _GONE:
        return 0
    except PermissionError:
        return sum(_kilobytes(_FIELDS, _status(pid)))


def _status(pid: int) -> bytes:
    try:
        return Path(f"{processes.living_thread(pid)}/status").read_bytes()
    except _GONE:
        return b""


def _kilobytes(pattern: re.Pattern[bytes], content: bytes) -> Iterator[int]:
    return (int(match[2]) * 1024 for match in pattern.finditer(content))


def _network(pid: int | str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115
    except OSError:
        return ""


def _sockets_in_network(pid: int) -> int:
    """How many unix sockets there are, each of datagrams as many times as somebody may have filled it."""
    try:
        lines = Path(f"/proc/{pid}/net/unix").read_bytes().splitlines()[1:]
    except (*_GONE, PermissionError):
        return 0
    return sum(_SENDERS_MAX if line.split()[4] == _DATAGRAMS else 1 for line in lines)


def _buffer_bytes() -> int:
    try:
        return int(Path("/proc/sys/net/core/wmem_default").read_text())
    except (OSError, ValueError):
        return _SOCKET_BYTES


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
