"""What a step is shut into before its first line runs: limits, a user of its own, no capabilities, few files.

User code most of all. A step that reaches outside is our own code and keeps the server's user: it has the network, and
of all files its folder, its inputs and what its connection names.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from procession.actions.contract import FileInput, TableInput
from procession.engine.isolation import landlock, limits, linux, seccomp, users
from procession.engine.isolation.contract import Job
from procession.engine.isolation.options import IsolationSettings
from procession.engine.isolation.private_root import SHARED_BYTES_MAX, SHARED_MEMORY, PrivateRoot
from procession.model.connections import ConnectionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a worker was given when it was forked."""

    settings: IsolationSettings
    number: int  # of this worker; chooses its user
    system: tuple[landlock.AllowedPath, ...]  # handles of what every program may read
    network: bool  # the server's, for steps that ask for it
    has_own_mounts: bool  # its mount namespace is its own
    root: PrivateRoot | None  # and so are its files
    missing: tuple[str, ...]  # of what keeps user code apart (Hello.missing)
    lends_users: bool  # user code gets one of its own
    counted_alone: bool  # the kernel counts its processes apart from those of others
    has_seccomp: bool  # the calls of administrators are shut already
    reaching: bool = False  # for built-in actions that reach outside

    @property
    def user_id(self) -> int | None:
        """The user that it lends; None where there is none to lend."""
        if not self.lends_users or self.settings.user_ids is None:
            return None
        first, count = self.settings.user_ids
        return first + self.number % count

    @property
    def has_network(self) -> bool:
        return self.network or not self.settings.separate_network


def shut_administration(sockets: tuple[int, ...]) -> bool:
    """For a fork server and all that it forks, where there is seccomp."""
    # One for all its workers: each of their own would be counted, and none of them can reach it.
    with suppress(OSError, KeyError):
        linux.leave_keyring()
    if not seccomp.is_known():
        return False
    seccomp.shut_administration(sockets)
    return True


def furnish(cell: Cell) -> Cell:
    """Mount what is a worker's own: shared memory, where the processes of a script meet, goes with them."""
    if cell.root:
        cell.root.furnish()
        return cell
    is_mounted = cell.has_own_mounts and linux.mount_memory(SHARED_MEMORY, size_bytes_max=SHARED_BYTES_MAX)
    return replace(cell, has_own_mounts=is_mounted)


def prepare(cell: Cell) -> landlock.Rules | None:
    """What can be done for user code before its job is known; None where files are not restricted."""
    if cell.counted_alone:  # its user namespace gave it every capability there is, of that namespace
        linux.forbid_capabilities()
    rules = None
    if cell.settings.landlock:
        rules = landlock.prepare(cell.system, network=cell.has_network, scoped=cell.settings.separate_network)
    _close(cell.system)
    return rules


def enter(cell: Cell, rules: landlock.Rules | None, job: Job) -> None:
    """Shut this process in for one job of user code, for good. Raises OSError where a limit cannot be set."""
    inputs = _files_of(job)
    libraries = cell.settings.library_paths
    if cell.root:
        cell.root.admit(folder=job.folder, inputs=inputs)
    limits.apply(job.limits, for_good=True)
    needed = [] if cell.root else [*inputs, *libraries, job.folder, os.__file__]
    has_own_user = users.become(cell.user_id, folder=job.folder, needed=needed)
    limits.apply_processes(job.limits, counted_alone=cell.counted_alone or has_own_user)
    linux.forbid_new_privileges()
    if rules is not None:
        shared = [SHARED_MEMORY] if cell.has_own_mounts else []
        # The limits too: DuckDB looks them up in a script's process as in ours.
        readable = [*inputs, *libraries, *cell.settings.import_paths, *landlock.LIMIT_FILES]
        rules.restrict(readable=readable, writable=[job.folder, *shared])
    if cell.has_seccomp:
        seccomp.shut_mounting()


def enter_reaching(cell: Cell, job: Job) -> None:
    """Shut this process in for one job that reaches outside, for good. Raises OSError where a limit cannot be set."""
    limits.apply(job.limits, for_good=True)
    if cell.counted_alone:
        linux.forbid_capabilities()
    linux.set_capabilities()
    linux.die_with_parent(signal.SIGKILL)  # a change of capabilities may have cleared it
    limits.apply_processes(job.limits, counted_alone=cell.counted_alone)
    linux.forbid_new_privileges()
    if cell.settings.landlock:
        rules = landlock.prepare(cell.system, network=True, scoped=True)
        if rules is not None:
            readable = [*_files_of(job), *cell.settings.import_paths, *landlock.NAME_FILES, *landlock.LIMIT_FILES]
            rules.restrict(readable=readable, writable=[job.folder, *_folders_of(job)])
    _close(cell.system)
    if cell.has_seccomp:
        seccomp.shut_mounting(files=True)


def _files_of(job: Job) -> list[str]:
    values = job.values.values()
    files = [value.path for value in values if isinstance(value, FileInput)]
    return files + [file.path for value in values if isinstance(value, TableInput) for file in value.files]


def _folders_of(job: Job) -> list[str]:
    """The folder that a connection leads to, if it does."""
    found = job.connection
    return [found.options["path"]] if found is not None and found.kind == ConnectionKind.FOLDER else []


def enter_warm(cell: Cell) -> None:
    """Bound a worker for built-in actions: its files, if the settings name them. It keeps its user."""
    linux.forbid_new_privileges()
    linux.set_capabilities()
    paths = cell.settings
    if cell.settings.landlock and (paths.readable_paths or paths.writable_paths):
        readable = [*paths.readable_paths, *paths.import_paths]
        rules = landlock.prepare(cell.system, network=True, scoped=False)
        if rules is not None:
            rules.restrict(readable=readable, writable=paths.writable_paths)
    if cell.has_seccomp:
        seccomp.shut_mounting(files=True)
    _close(cell.system)


def _close(places: Iterable[landlock.AllowedPath]) -> None:
    for place in places:
        os.close(place.handle)
