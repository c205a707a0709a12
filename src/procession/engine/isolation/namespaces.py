"""The namespaces that workers are forked into: which ones this kernel gives, and who one is in them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from procession.engine.isolation import linux, mounts

_REFUSED = (errno.EPERM, errno.ENOSYS, errno.EINVAL, errno.ENOSPC, errno.EUSERS)


def find(*, network: bool, own_mounts: bool) -> tuple[str, int]:
    """The best that this kernel and our rights allow: (its name, clone flags).

    Where this process is in a user namespace of its own, its workers get one each, which counts their processes.
    """
    wanted = (linux.CLONE_NEWNET if network else 0) | (linux.CLONE_NEWNS if own_mounts else 0)
    # Shared memory of System V is in no limit, outlives its process and is every user's: it goes with its namespace.
    # So does POSIX's, which lies in a folder: that needs a mount of its own.
    apart = wanted & linux.CLONE_NEWNET
    more = (linux.CLONE_NEWIPC | wanted, linux.CLONE_NEWIPC | apart, linux.CLONE_NEWIPC, apart, 0)
    ways = [("pid", linux.CLONE_NEWPID), ("user and pid", linux.CLONE_NEWPID | linux.CLONE_NEWUSER)]
    for name, flags in reversed(ways) if _is_alone() else ways:
        for others in more:
            if _can_clone(name, flags | others):
                return name, flags | others
    return "", 0


def have_own_mounts() -> None:
    """A mount namespace for this process; for who may not have one, in a user namespace. Raises OSError."""
    user, group = os.getuid(), os.getgid()
    try:
        mounts.unshare(linux.CLONE_NEWNS)
    except PermissionError:
        mounts.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWUSER)
        _map_user(user, group)
    mounts.keep_apart()


def settle(name: str, *, user: int, group: int) -> None:
    """The first lines in a namespace of this name."""
    if name == "user and pid":
        _map_user(user, group)


def _is_alone() -> bool:
    """Whether one user is known here, ourselves."""
    return Path("/proc/self/uid_map").read_text().split()[2:] == ["1"]


def _map_user(user: int, group: int) -> None:
    """Be the same user inside as outside, so that files look as they are."""
    own = Path("/proc/self")
    # user_namespaces(7): without it nobody may map a group who has no privileges outside.
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{user} {user} 1")
    (own / "gid_map").write_text(f"{group} {group} 1")


def _can_clone(name: str, flags: int) -> bool:
    """Also whether one can settle there: a root without capabilities makes a user namespace, and is nobody in it."""
    user, group = os.getuid(), os.getgid()
    try:
        pid = linux.clone(flags)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        return False
    if pid == 0:
        code = 1
        try:
            settle(name, user=user, group=group)
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0
