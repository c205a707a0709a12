"""A root of its own for user code: the system and this Python to read, the step's folder, its inputs, nothing else.

Made in three parts. The fork server enters it once, with all that is the same for every step. A worker adds what is its
own, /proc and memory, while nobody waits. When a job is there, its folder and inputs come in, and the way to those of
others is shut. Each raises OSError.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from procession.engine.isolation import landlock, linux, mounts, namespaces
from procession.engine.isolation.options import IsolationSettings

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - mounted empty, for each worker alone
SHARED_BYTES_MAX = 256 * 2**20

_OLD, _JOBS, _KEPT, _SHOWN, _EMPTY = "/.old", "/.jobs", "/.kept", "/.shown", "/.empty"
_BASES = ("/tmp", "/mnt", "/run", "/dev")  # noqa: S108 - any folder; what is in it is not touched
_ROOT_BYTES_MAX = 4 * 2**20  # empty folders and a few files of /etc
_WAYS_BYTES_MAX = 2**20  # the empty folders and files over which inputs are bound
_COPY_BYTES_MAX = 2**18
_CLOSED = mounts.NO_SETUID | mounts.NO_DEVICES
_USERS = "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
_GROUPS = "root:x:0:\nnogroup:x:65534:\n"
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - of the worker alone
_LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
    _TEMPORARY[0]: "dev/shm",
    _TEMPORARY[1]: "../dev/shm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRoot:
    """The root that a fork server is in, and with it whatever it forks."""

    home: str
    job_paths: tuple[str, ...]
    kept: tuple[str, ...]  # what scripts may read, although it lies in the home
    temporary: tuple[str, ...]  # /tmp and its like, where something that scripts may read lies in them
    shown: tuple[str, ...]  # which is that

    def furnish(self) -> None:
        """What is a worker's own; for process 1 of its PID namespace, in a mount namespace of its own."""
        mask = os.umask(0o022)
        mounts.processes("/proc")
        mounts.memory(SHARED_MEMORY, size_bytes_max=SHARED_BYTES_MAX, mode=0o1777)
        for folder in self.temporary:
            mounts.bind(SHARED_MEMORY, folder)
        _bind_again(_SHOWN, self.shown)
        os.makedirs(self.home, exist_ok=True)  # noqa: PTH103 - memory may have covered it
        mounts.memory(self.home, size_bytes_max=_WAYS_BYTES_MAX, mode=0o755)
        _bind_again(_KEPT, self.kept)
        os.umask(mask)

    def admit(self, *, folder: str, inputs: Iterable[str]) -> None:
        """Bring in the folder, to write, and the inputs, to read; those of other jobs are out of reach from here on."""
        mask = os.umask(0o022)
        self._bring(folder, _CLOSED)
        for path in dict.fromkeys(inputs):
            self._bring(path, _CLOSED | mounts.READ_ONLY | mounts.NO_PROGRAMS)
        os.umask(mask)
        # Over it, not away: a mount that came from another user namespace cannot be taken away, nor can this one.
        mounts.bind(_EMPTY, _JOBS)
        mounts.restrict(self.home, _CLOSED | mounts.READ_ONLY, deep=False)

    def _bring(self, path: str, flags: int) -> None:
        for number, folder in enumerate(self.job_paths):
            if path.startswith(f"{folder}/"):
                source = f"{_JOBS}/{number}{path.removeprefix(folder)}"
                _let_read(source)
                _make_place(path, like=source)
                mounts.bind(source, path)
                mounts.restrict(path, flags)
                return


def enter(settings: IsolationSettings) -> PrivateRoot | None:
    """Have this process, and whatever it forks, in the root. None, and nothing changed, where that cannot be."""
    if not (settings.namespaces and settings.job_paths):
        return None
    # Half a root is none: somebody else tries it first.
    pid = os.fork()
    if pid == 0:
        _try(settings)
    if os.waitpid(pid, 0)[1] != 0:
        return None
    return _enter(settings)


def _try(settings: IsolationSettings) -> None:
    code = 1
    try:
        user, group = os.getuid(), os.getgid()
        root = _enter(settings)
        name, flags = namespaces.find(network=False, own_mounts=True)
        if flags & linux.CLONE_NEWNS:
            pid = linux.clone(flags)
            if pid == 0:
                namespaces.settle(name, user=user, group=group)
                root.furnish()
                os._exit(0)
            code = os.waitpid(pid, 0)[1]
    finally:
        os._exit(1 if code else 0)


def _enter(settings: IsolationSettings) -> PrivateRoot:
    mask = os.umask(0o022)
    system = _system()
    copies = {path: content for path in landlock.SYSTEM_FILES if (content := _content(path)) is not None}
    jobs = [os.path.realpath(path) for path in settings.job_paths]
    readable = [*landlock.python_paths(), *settings.import_paths, *settings.library_paths]
    named = {path: os.path.realpath(path) for path in [*readable, *system] if os.path.exists(path)}  # noqa: PTH110
    kept = tuple(sorted(path for path in named if _is_below(path, [settings.home])))
    real_home = os.path.realpath(settings.home)
    namespaces.have_own_mounts()
    base = next(path for path in _BASES if os.path.isdir(path))  # noqa: PTH112 - many, and as text
    mounts.memory(base, size_bytes_max=_ROOT_BYTES_MAX, mode=0o755)
    os.mkdir(base + _OLD)  # noqa: PTH102
    mounts.change_root(base, old=base + _OLD)
    _bind_system(named)
    _make_devices()
    _make_ways(jobs, settings.home, real_home)
    _make_files(copies)
    temporary = tuple(path for path in _TEMPORARY if not os.path.islink(path))  # noqa: PTH114
    shown = _outermost(path for path in [*named, *named.values()] if _is_below(path, temporary))
    _keep(_KEPT, kept)
    _keep(_SHOWN, shown, but={settings.home, real_home})
    mounts.let_go(_OLD)
    os.rmdir(_OLD)  # noqa: PTH106
    mounts.restrict("/", _CLOSED | mounts.READ_ONLY, deep=False)
    os.umask(mask)
    return PrivateRoot(home=settings.home, job_paths=settings.job_paths, kept=kept, temporary=temporary, shown=shown)


def _system() -> list[str]:
    return [path for path in landlock.SYSTEM_FOLDERS if os.path.isdir(path)]  # noqa: PTH112


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(_COPY_BYTES_MAX)
    except OSError:
        return None


def _bind_system(named: dict[str, str]) -> None:
    """Each at the place where it really is, and a link where it is called otherwise (/bin is usr/bin on most)."""
    bound: list[str] = []
    for real in sorted(set(named.values())):
        if not any(Path(real).is_relative_to(place) for place in bound):
            _make_place(real, like=_OLD + real)
            mounts.bind(_OLD + real, real)
            mounts.restrict(real, _CLOSED | mounts.READ_ONLY)
            bound.append(real)
    for path, real in sorted(named.items()):
        if path != real and not os.path.lexists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
            os.symlink(real, path)  # noqa: PTH211


def _make_devices() -> None:
    for path in landlock.DEVICES:
        if os.path.exists(_OLD + path):  # noqa: PTH110
            _make_place(path, like=_OLD + path)
            mounts.bind(_OLD + path, path)
            mounts.restrict(path, mounts.NO_SETUID | mounts.NO_PROGRAMS)
    for folder in (SHARED_MEMORY, "/proc", _JOBS, _EMPTY, "/var"):
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    # Process 1 of each worker mounts its own over it; where the kernel lets nobody see less, this one has to be whole.
    mounts.bind(_OLD + "/proc", "/proc")


def _make_files(copies: dict[str, bytes]) -> None:
    for path, content in {**copies, "/etc/passwd": _USERS.encode(), "/etc/group": _GROUPS.encode()}.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        Path(path).write_bytes(content)
    for path, target in _LINKS.items():
        with suppress(FileExistsError):  # something that is needed lies in it
            os.symlink(target, path)  # noqa: PTH211


def _make_ways(jobs: list[str], home: str, real: str) -> None:
    for number, path in enumerate(jobs):
        os.mkdir(f"{_JOBS}/{number}")  # noqa: PTH102
        mounts.bind(_OLD + path, f"{_JOBS}/{number}")
        mounts.restrict(f"{_JOBS}/{number}", _CLOSED)
    if real != home and os.path.isdir(real):  # noqa: PTH112 - in a folder of this Python
        mounts.bind(_EMPTY, real)
    os.makedirs(home, exist_ok=True)  # noqa: PTH103


def _keep(way: str, paths: Iterable[str], *, but: Iterable[str] = ()) -> None:
    """A way to what memory over the home, or over /tmp, will cover."""
    for path in paths:
        _make_place(way + path, like=path)
        mounts.bind(path, way + path)
        mounts.restrict(way + path, _CLOSED | mounts.READ_ONLY)
    for path in but:
        if os.path.isdir(way + path):  # noqa: PTH112
            mounts.bind(_EMPTY, way + path)


def _bind_again(way: str, paths: Iterable[str]) -> None:
    for path in paths:
        _make_place(path, like=way + path)
        mounts.bind(way + path, path)


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders)


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for path in sorted(set(paths)):
        if not _is_below(path, found):
            found.append(path)
    return tuple(found)


def _let_read(path: str) -> None:
    """Files of a root with a strict umask: nobody gets past the home, which is root's alone, but by this mount."""
    mode = os.stat(path).st_mode  # noqa: PTH116
    if os.geteuid() == 0 and not mode & 0o004:
        os.chmod(path, mode & 0o7777 | 0o444)  # noqa: PTH101


def _make_place(path: str, *, like: str) -> None:
    """Something empty to mount over."""
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    if os.path.isdir(like):  # noqa: PTH112
        with suppress(FileExistsError):
            os.mkdir(path, 0o755)  # noqa: PTH102
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
