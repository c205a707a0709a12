"""A folder of the server's machine as the other side: no link is followed, and nothing outside of it is reached."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import BinaryIO

from procession.actions.contract import ConnectionInput
from procession.actions.problems import Problem
from procession.actions.transferring import remote_names
from procession.actions.transferring.sides import BLOCK_BYTES, ENTRIES_MAX, PART, Gone, Listing, NameTaken, RemoteFile

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderSide:
    """Opened step by step from its root (O_NOFOLLOW): whoever exchanges a folder for a link gains nothing."""

    can_grow = True

    def __init__(self, connection: ConnectionInput) -> None:
        self.place = str(connection.options["path"])
        try:
            # The root itself may be a link: an administrator has named it.
            self._root = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise Problem(f"the folder {self.place} cannot be opened: {error.strerror}") from error

    def close(self) -> None:
        os.close(self._root)

    @contextmanager
    def _folder(self, folder: str) -> Iterator[int]:
        # Its own handle: the loop below closes each as it goes deeper.
        handle = os.dup(self._root)
        try:
            for step in filter(None, folder.split("/")):
                inner = os.open(step, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = inner
            yield handle
        except FileNotFoundError as error:
            raise Gone(f"there is no {remote_names.shown(folder or error.filename or '')} in {self.place}") from error
        except OSError as error:
            raise Problem(f"{remote_names.shown(folder)} in {self.place}: {error.strerror}") from error
        finally:
            os.close(handle)

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        folder, _, name = path.rpartition("/")
        with self._folder(folder) as handle:
            yield handle, name

    def entries(self, folder: str) -> Listing:
        files, others = [], []
        with self._folder(folder) as handle, os.scandir(handle) as found:
            for number, entry in enumerate(found):
                if number >= ENTRIES_MAX:
                    raise Problem(f"{remote_names.shown(folder)} holds more than {ENTRIES_MAX:,} entries")
                try:
                    if entry.is_file(follow_symlinks=False):
                        files.append(_remote(entry.name, entry.stat(follow_symlinks=False)))
                    else:
                        others.append(entry.name)
                except FileNotFoundError:
                    continue  # taken away since it was named: no trouble of the folder's
        return Listing(files=tuple(files), others=tuple(others))

    def find(self, path: str) -> RemoteFile | None:
        try:
            with self._parent(path) as (handle, name):
                found = os.stat(name, dir_fd=handle, follow_symlinks=False)
        except Gone:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise Problem(f"{remote_names.shown(path)} in {self.place} is no plain file")
        return _remote(path.rpartition("/")[2], found)

    def is_one_folder(self, folder: str, other: str) -> bool:
        with self._folder(folder) as one, self._folder(other) as another:
            return os.path.samestat(os.fstat(one), os.fstat(another))

    def read(self, path: str) -> Iterator[bytes]:
        with self._parent(path) as (handle, name):
            # O_NONBLOCK: a pipe that took the file's place would wait for a writer for ever.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(name, flags, dir_fd=handle), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise Problem(f"{remote_names.shown(path)} in {self.place} is no plain file")
                while block := file.read(BLOCK_BYTES):
                    yield block

    def stage(self, path: str, file: BinaryIO) -> None:
        with self._parent(path) as (handle, name):
            part = name + PART
            # What an earlier try left goes: opened anew, it could be a link.
            _remove(part, handle)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(part, flags, 0o640, dir_fd=handle), "wb") as target:
                while block := file.read(BLOCK_BYTES):
                    target.write(block)
                # The name comes last, and must not survive a power cut that the bytes did not.
                target.flush()
                os.fsync(target.fileno())

    def settle(self, path: str, file: BinaryIO, *, replaces: bool) -> None:
        with self._parent(path) as (handle, name):
            _settle(handle, name + PART, (handle, name), replaces=replaces)

    def move(self, path: str, to: str, *, replaces: bool) -> None:
        with self._parent(path) as (handle, name), self._parent(to) as target:
            _settle(handle, name, target, replaces=replaces)

    def remove(self, path: str) -> None:
        with self._parent(path) as (handle, name):
            _remove(name, handle)


def _settle(handle: int, name: str, to: tuple[int, str], *, replaces: bool) -> None:
    target, new = to
    if replaces:
        os.replace(name, new, src_dir_fd=handle, dst_dir_fd=target)
    else:
        _rename(handle, name, to)
    os.fsync(target)


def _rename(handle: int, name: str, to: tuple[int, str]) -> None:
    target, new = to
    try:
        # A rename would replace what somebody has put there a moment ago.
        os.link(name, new, src_dir_fd=handle, dst_dir_fd=target, follow_symlinks=False)
    except FileExistsError:
        raise NameTaken(f"{remote_names.shown(new)} is there already") from None
    except OSError as error:
        # Shares of Windows, and FAT, have no second names.
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV}:
            raise
        _rename_where_free(handle, name, to)
    else:
        os.unlink(name, dir_fd=handle)


def _rename_where_free(handle: int, name: str, to: tuple[int, str]) -> None:
    target, new = to
    try:
        os.stat(new, dir_fd=target, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(name, new, src_dir_fd=handle, dst_dir_fd=target)
        return
    raise NameTaken(f"{remote_names.shown(new)} is there already")


def _remove(name: str, handle: int) -> None:
    try:
        os.unlink(name, dir_fd=handle)
    except FileNotFoundError:
        return


def _remote(name: str, found: os.stat_result) -> RemoteFile:
    modified_at = datetime.fromtimestamp(int(found.st_mtime), UTC)
    return RemoteFile(name=name, size_bytes=found.st_size, modified_at=modified_at)
