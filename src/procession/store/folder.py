"""File contents on this disk, below one folder of the home (the port is store/blobs).

A content is published by a rename after fsync, and only then may a row name it: a crash in between leaves an
unreferenced file, never a row without its bytes.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from procession.model.errors import Invalid
from procession.model.files import Content
from procession.shortages import is_shortage
from procession.store import ahead
from procession.store.blobs import COPY_BYTES, gone
from procession.store.crash import CrashPoint, pass_by

_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
FREE_BYTES_MIN = 64 << 20  # less is full: the database needs some of it to end what is under way


class BlobFolder:
    """The contents below one folder of the home."""

    def __init__(self, folder: Path, *, crash_point: CrashPoint = pass_by) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._crash_point = crash_point
        self._incoming.mkdir(parents=True, exist_ok=True)

    def why_full(self) -> str:
        disk = os.statvfs(self._folder)
        if disk.f_flag & os.ST_RDONLY:
            return "the server's disk is read-only"
        if disk.f_bavail * disk.f_frsize < FREE_BYTES_MIN:
            return "the server's disk is full"
        # A file system without a fixed number of files says 0 of 0.
        return "the server's disk holds no more files" if disk.f_files and not disk.f_favail else ""

    def path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256[2:]

    def fetch(self, sha256: str) -> Path:
        """The content itself: it lies on this machine."""
        path = self.path(sha256)
        if not path.is_file():
            raise gone()
        return path

    def read(self, sha256: str, start: int = 0, length: int = sys.maxsize) -> Iterator[bytes]:
        try:
            with self.path(sha256).open("rb", buffering=0) as file:
                file.seek(start)
                while length > 0 and (piece := file.read(min(length, COPY_BYTES))):
                    length -= len(piece)
                    yield piece
        except FileNotFoundError:
            raise gone() from None

    def size_bytes(self, sha256: str) -> int | None:
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def sink(self) -> FileSink:
        return FileSink(self._incoming / secrets.token_hex(16), self._settle)

    def adopt(self, path: Path, content: Content) -> bool:
        """It gets its lasting place as a second name; False where the file system cannot do that."""
        target = self.path(content.sha256)
        with self._held(fcntl.LOCK_SH):
            try:
                os.utime(target)  # as in _settle()
            except FileNotFoundError:
                self._crash_point("before publication")
                target.parent.mkdir(exist_ok=True)
                os.utime(path)
                if not _link(path, target):
                    return False
        sync_folders(target.parent)
        self._crash_point("after publication")
        return True

    def take(self, source: Path, *, inside: Path) -> Content:
        with _opened_below(inside, source) as file:
            sink = self.sink()
            try:
                while block := file.read(COPY_BYTES):
                    sink.write(block)
                return sink.finish()
            except BaseException:
                sink.abandon()
                raise

    def stored(self) -> set[str]:
        return {path.parent.name + path.name for path in self._folder.glob("??/*")}

    def sweep(self) -> int:
        leftovers = list(self._incoming.iterdir())
        for leftover in leftovers:
            leftover.unlink()
        return len(leftovers)

    def drop(self, sha256: str, *, before: float, is_named: Callable[[str], bool]) -> int | None:
        path = self.path(sha256)
        with self._held(fcntl.LOCK_EX):
            try:
                found = path.stat()
            except FileNotFoundError:
                return None
            if found.st_mtime >= before or is_named(sha256):
                return None
            path.unlink()
        return found.st_size

    def _settle(self, sink: FileSink, content: Content) -> None:
        """A content that is there already is kept and this copy dropped; its name may not be on disk yet."""
        target = self.path(content.sha256)
        with self._held(fcntl.LOCK_SH):
            try:
                # A row will name it soon: drop() must not take it for an old one.
                os.utime(target)
                sink.abandon()
            except FileNotFoundError:
                sink.sync()
                self._crash_point("before publication")
                target.parent.mkdir(exist_ok=True)
                sink.path.rename(target)
        sync_folders(target.parent)
        self._crash_point("after publication")

    @contextmanager
    def _held(self, kind: int) -> Iterator[None]:
        """Between processes: publishers are let in together, whoever removes is alone."""
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, kind)
            yield
        finally:
            os.close(handle)


def _link(path: Path, target: Path) -> bool:
    try:
        target.hardlink_to(path)
    except FileExistsError:
        os.utime(target)  # somebody was faster with the same content
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


@contextmanager
def _opened_below(folder: Path, source: Path) -> Iterator[BinaryIO]:
    descriptor = _open_below(folder, source)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Invalid(f"the output {source.name} is not a file")
        with open(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def _open_below(folder: Path, source: Path) -> int:
    """A descriptor of the file, reached from the folder name by name, none of them a link. Raises Invalid.

    Never by a path that was looked at before: what the step left running may exchange a folder for a link meanwhile.
    """
    base = folder if source.is_relative_to(folder) else folder.resolve()
    names = source.relative_to(base).parts if source.is_relative_to(base) else ()
    if not names or ".." in names:
        raise Invalid(f"the output file {source.name} lies outside the step's folder")
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for name in names[:-1]:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
            os.close(place)
            place = below
        return os.open(names[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    except OSError as error:
        if is_shortage(error):
            raise
        raise Invalid(f"the output file {source.name} does not exist or is a link") from None
    finally:
        os.close(place)


class FileSink:
    """A file under way: written, hashed, then finished or abandoned. `settle` gives it its lasting place."""

    def __init__(self, path: Path, settle: Callable[[FileSink, Content], None]) -> None:
        self.path = path
        self.size_bytes = 0
        self._settle = settle
        self._hash = hashlib.sha256()
        self._file = path.open("xb", buffering=0)
        self._behind_bytes = 0  # not on their way to the disk yet

    def write(self, block: bytes | bytearray | memoryview) -> None:
        view = memoryview(block)
        while view:
            view = view[self._file.write(view) :]
        self.size_bytes += len(block)
        self._behind_bytes += len(block)
        if self._behind_bytes >= ahead.AHEAD_BYTES:
            ahead.start(self._file.fileno())
            self._behind_bytes = 0
        self._hash.update(block)

    def finish(self) -> Content:
        """Durable from here on."""
        content = Content(sha256=self._hash.hexdigest(), size_bytes=self.size_bytes)
        self._settle(self, content)
        return content

    def sync(self) -> None:
        """Its bytes are on disk, under its present name if the folder is synced too."""
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Leave nothing. Safe to call twice."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def sync_folders(folder: Path) -> None:
    """The names in a folder, and its own name in its parent, are on disk."""
    for path in (folder, folder.parent):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
