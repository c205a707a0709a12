"""What a folder takes of its disk, how much room is left there, and how a folder goes, whatever was made in it.

Counted in blocks, as the disk does: a file with holes takes what it takes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

BLOCK_BYTES = 512  # the unit of st_blocks, on every file system
DEPTH_MAX = 100  # of folders within folders: each level takes a descriptor of the server while it is counted
_OPEN, _READABLE = 0o700, 0o500
_SHARE_OF_DISK = 20  # a reserve takes at most this part of a small disk


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSize:
    """What a folder holds; more than `files_max` names are not counted to their end.

    `has_hidden`: there are folders that nobody can look into.
    """

    size_bytes: int = 0
    files: int = 0
    is_too_deep: bool = False
    has_hidden: bool = False


@dataclass(slots=True)
class _Count:
    size_bytes: int = 0
    files: int = 0
    is_too_deep: bool = False
    has_hidden: bool = False


def taken(folder: str, *, files_max: int) -> FolderSize:
    """Of the folder and all below it, never out of it. Raises OSError for a shortage; a folder that is gone is empty.

    Whoever works in the folder changes it meanwhile, and may exchange a folder for a link: no path is followed twice.
    """
    count = _Count()
    with ExitStack() as held:
        try:
            handle = _open(folder)
        except (FileNotFoundError, NotADirectoryError):
            return FolderSize()
        held.callback(os.close, handle)
        _walk(handle, count, files_max)
    return FolderSize(
        size_bytes=count.size_bytes, files=count.files, is_too_deep=count.is_too_deep, has_hidden=count.has_hidden
    )


def _walk(handle: int, count: _Count, files_max: int, depth: int = 0) -> None:
    if depth > DEPTH_MAX:
        count.is_too_deep = True
        return
    for name in _entries(handle, count):
        if count.files > files_max or count.is_too_deep:
            return
        try:
            below = _open_to_count(name, handle)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError:
            count.has_hidden = True
            continue
        try:
            _walk(below, count, files_max, depth + 1)
        finally:
            os.close(below)


def _entries(handle: int, count: _Count) -> Iterator[str]:
    """Counts every name; gives those of folders."""
    with os.scandir(handle) as entries:
        for entry in entries:
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            count.files += 1
            # A file with two names takes its blocks once, and is counted for each: nobody gains by that.
            count.size_bytes += found.st_blocks * BLOCK_BYTES
            if entry.is_dir(follow_symlinks=False):
                yield entry.name


def _open_to_count(name: str, folder: int) -> int:
    """Also where whoever works in it has closed it to its owner, who is the server where no step has its own user."""
    try:
        return _open(name, folder)
    except PermissionError:
        handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        place = f"/proc/self/fd/{handle}"  # the folder itself, whatever has its name by now
        os.chmod(place, stat.S_IMODE(os.fstat(handle).st_mode) | _READABLE)  # noqa: PTH101
        return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(handle)


def _open(name: str, folder: int | None = None) -> int:
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)


@dataclass(frozen=True, slots=True)
class Reserve:
    """The room that is kept free on the disk of a folder: so many bytes, or a twentieth of a smaller disk."""

    folder: str
    wanted_bytes: int

    def missing_bytes(self) -> int:
        """How much of it is taken; 0 while all of it is free. Raises OSError where the disk cannot be asked."""
        return max(reserve_bytes(self.folder, self.wanted_bytes) - free_bytes(self.folder), 0)


def free_bytes(folder: str) -> int:
    """What whoever is not root may still write."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def reserve_bytes(folder: str, wanted_bytes: int) -> int:
    """The room that is kept free on the folder's disk: as much as is wanted, or a twentieth of a small disk."""
    found = os.statvfs(folder)
    return min(wanted_bytes, found.f_blocks * found.f_frsize // _SHARE_OF_DISK)


def remove(folder: str) -> None:
    """The folder with all in it; one that is gone is fine. Raises OSError for what cannot be removed.

    However deep it is: with one open folder at a time, and no path. Nobody may work in it any more.
    """
    try:
        handle = _open_to_empty(folder)
    except FileNotFoundError:
        return
    try:
        names = [folder]  # from the top to where we are
        left = [_unlink_files(handle)]  # the folders that each of them still has
        while left[0] or len(names) > 1:
            if left[-1]:
                names.append(left[-1].pop())
                handle = _exchange(handle, _open_to_empty(names[-1], handle))
                left.append(_unlink_files(handle))
            else:
                handle = _exchange(handle, _open("..", handle))
                os.rmdir(names.pop(), dir_fd=handle)
                left.pop()
    finally:
        os.close(handle)
    os.rmdir(folder)  # noqa: PTH106 - as text, like all here


def clear(folder: str) -> None:
    """Removes what is in the folder, as far as it can be removed."""
    for name in os.listdir(folder):  # noqa: PTH208
        with suppress(OSError):
            remove(f"{folder}/{name}")


def _unlink_files(handle: int) -> list[str]:
    """Gives the names of the folders."""
    with os.scandir(handle) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=handle)
    return [name for name, is_folder in found if is_folder]


def _exchange(handle: int, other: int) -> int:
    os.close(handle)
    return other


def _open_to_empty(name: str, folder: int | None = None) -> int:
    with suppress(PermissionError):  # somebody else's, which root may open all the same
        os.chmod(name, _OPEN, dir_fd=folder)  # its owner may have closed it to itself
    return _open(name, folder)
