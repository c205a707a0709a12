"""Which files user code can reach, by Landlock: a list of what is allowed; everything else does not open."""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from procession.engine.isolation import linux

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIRECTORY = 1, 2, 4, 8
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIRECTORY
_FILE_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL  # what a rule on a file may say
_BITS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15}  # 16 from ABI 5 on
_NETWORK_ABI, _SCOPE_ABI = 4, 6
_TCP = 3  # bind and connect
_SCOPES = 3  # abstract unix sockets and signals to processes outside

# What programs need of a system; not the whole of /etc, which holds secrets that root can read.
SYSTEM_FOLDERS = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ca-certificates", "/etc/fonts"),
    *("/etc/ld.so.conf.d", "/etc/pki", "/etc/ssl/certs", "/sys/devices/system/cpu", "/nix/store", "/gnu/store"),
)
SYSTEM_FILES = (
    *("/etc/group", "/etc/hosts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/locale.alias", "/etc/localtime"),
    *("/etc/mime.types", "/etc/nsswitch.conf", "/etc/os-release", "/etc/passwd", "/etc/resolv.conf"),
    *("/etc/ssl/openssl.cnf", "/etc/timezone"),
)
# How names of other machines are found. Opened for each job: a machine that changes its network writes them anew.
NAME_FILES = (
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/services",
)
# DuckDB looks up a container's limits, and ends its process where it may not.
LIMIT_FILES = ("/sys/fs/cgroup",)
# Opened by each worker: they belong to its own /proc.
_PROCESSES = ("/proc/cpuinfo", "/proc/filesystems", "/proc/meminfo", "/proc/stat", "/proc/sys/kernel")
_SOURCES = ("/dev/random", "/dev/urandom")
_SINKS = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty")
DEVICES = (*_SOURCES, *_SINKS)


class _Attributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The kernel's Landlock ABI, 0 when it has none or it is switched off."""
    try:
        return linux.call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    except OSError:
        return 0


@dataclass(frozen=True, slots=True)
class AllowedPath:
    """A file or folder that may be allowed, by an open handle."""

    handle: int
    is_folder: bool


def open_system() -> tuple[AllowedPath, ...]:
    """Handles of what every program may read: the system and this Python. Opened once, used for every worker."""
    wanted = {*python_paths(), *SYSTEM_FOLDERS, *SYSTEM_FILES, *_SOURCES}
    return tuple(_open(path) for path in sorted(wanted) if Path(path).exists())


def python_paths() -> set[str]:
    """Where this Python, its libraries and our own modules lie."""
    paths = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path, str(Path(sys.executable).resolve().parent)}
    # A path entry that is the root or a home folder would open everything in it.
    return {path for path in paths if path and len(Path(path).resolve().parts) > 2}


@dataclass(frozen=True, slots=True)
class Rules:
    """What will be allowed, begun before it is known for which files; `every` are the rights that the kernel knows."""

    handle: int
    every: int

    def restrict(self, *, readable: Iterable[str], writable: Iterable[str]) -> None:
        """From now on this process and its children reach only what was allowed, and these files. Once."""
        try:
            # Of this process: a child's is another folder, which is not there yet, and all of /proc would be too much.
            # So DuckDB ends by SIGABRT in a child: it reads cgroup there.
            _allow_paths(self.handle, [*readable, "/proc/self"], _READ & self.every)
            _allow_paths(self.handle, writable, self.every)
            linux.forbid_new_privileges()
            linux.call(_RESTRICT, ctypes.c_int(self.handle), ctypes.c_uint32(0))
        finally:
            os.close(self.handle)


def prepare(system: Iterable[AllowedPath], *, network: bool, scoped: bool) -> Rules | None:
    """Rules that allow the system, by handles from open_system. None where the kernel has no Landlock.

    Without `network`, TCP is closed too, where the ABI knows it (4). If `scoped`, so are abstract unix sockets and
    signals to processes outside (6).
    """
    abi = version()
    if abi == 0:
        return None
    every = (1 << _BITS_BY_ABI.get(abi, 16)) - 1
    rules = _create(abi, every, network=network, scoped=scoped)
    for place in system:
        _allow(rules, place, _READ & every)
    _allow_paths(rules, _PROCESSES, _READ & every)
    _allow_paths(rules, _SINKS, (_READ_FILE | _WRITE_FILE | _TRUNCATE) & every)
    return Rules(rules, every)


def _create(abi: int, files: int, *, network: bool, scoped: bool) -> int:
    attributes = _Attributes(
        files=files,
        network=_TCP if abi >= _NETWORK_ABI and not network else 0,
        scoped=_SCOPES if abi >= _SCOPE_ABI and scoped else 0,
    )
    # An older kernel accepts the longer structure as long as what it does not know is zero.
    return linux.call(_CREATE, ctypes.byref(attributes), ctypes.c_size_t(ctypes.sizeof(attributes)), ctypes.c_uint32(0))


def _allow_paths(rules: int, paths: Iterable[str], access: int) -> None:
    for path in paths:
        try:
            place = _open(path)
        except FileNotFoundError:
            continue
        try:
            _allow(rules, place, access)
        finally:
            os.close(place.handle)


def _allow(rules: int, place: AllowedPath, access: int) -> None:
    rule = _PathBeneath(allowed=access if place.is_folder else access & _FILE_ONLY, parent=place.handle)
    linux.call(_ADD, ctypes.c_int(rules), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))


def _open(path: str) -> AllowedPath:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    return AllowedPath(handle, stat.S_ISDIR(os.fstat(handle).st_mode))
