"""Whom user code runs as: where root runs the server, each attempt gets a user that nobody else has."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable

from procession.engine.isolation import linux
from procession.engine.isolation.options import IsolationSettings

_NEEDED = {linux.CAP_CHOWN, linux.CAP_SETGID, linux.CAP_SETUID}


def can_be_lent(settings: IsolationSettings, namespace: str, *, has_root: bool) -> bool:
    """Whether user code can have a user of its own here: some containers keep their root from it. Tried in a fork."""
    # Without a root of its own, it must read inputs that are closed to everybody but root. CAP_DAC_OVERRIDE, which
    # Docker leaves its root, would do that too, and open every socket and file to write.
    needed = _NEEDED if has_root else _NEEDED | {linux.CAP_DAC_READ_SEARCH}
    if namespace == "user and pid":  # there is only one in it
        return False
    if os.geteuid() != 0 or settings.user_ids is None or not linux.held_capabilities() >= needed:
        return False
    first, count = settings.user_ids
    pid = os.fork()
    if pid == 0:
        _try((first, first + count - 1))
    return os.waitpid(pid, 0)[1] == 0


def forbid_capabilities(*, has_root: bool) -> None:
    """For all that is forked; this process keeps what it has, since it starts no program."""
    # Without a root of its own, a step of root's may need the right to read.
    but = () if has_root else (linux.CAP_DAC_READ_SEARCH,)
    with contextlib.suppress(PermissionError):  # who has none can give none up
        linux.forbid_capabilities(but=but)


def become(user_id: int | None, *, folder: str, needed: Iterable[str]) -> bool:
    """Be this user, owner of the folder, who can read what is `needed`; at None, stay. Without capabilities else.

    False where the kernel knows no such user. Raises OSError.
    """
    kept: tuple[int, ...] = ()
    has_become = user_id is not None and _set(user_id, folder)
    if has_become and not all(os.access(path, os.R_OK) for path in needed):
        kept = (linux.CAP_DAC_READ_SEARCH,)
    linux.set_capabilities(*kept)
    # A change of user or capabilities has cleared both.
    linux.show_in_proc()
    linux.die_with_parent(signal.SIGKILL)
    return has_become


def _try(users: Iterable[int]) -> None:
    code = 1
    try:
        os.setgroups([])
        for user in users:
            os.setresgid(user, user, 0)
            os.setresuid(user, user, 0)
            os.seteuid(0)
        code = 0
    finally:
        os._exit(code)


def _set(user_id: int, folder: str) -> bool:
    try:
        os.chown(folder, user_id, user_id)
        linux.keep_capabilities_over_setuid()
        os.setgroups([])
        os.setresgid(user_id, user_id, user_id)
        os.setresuid(user_id, user_id, user_id)
    except OSError:
        # In a user namespace that has no such id.
        os.chown(folder, 0, 0)
        return False
    return True
