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
from datetime import datetime
from pathlib import Path
from threading import Semaphore
from typing import BinaryIO

from procession.model.errors import Invalid
from procession.model.files import Content
from procession.shortages import is_shortage
from procession.store import ahead
from procession.store.blobs import COPY_BYTES, gone
from procession.store.crash import CrashPoint, pass_by

# What link(2) says on FAT, on some network file systems and between two mounts of one folder.
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
LARGE_READERS_MAX = 8  # at a time; each holds three pieces
CROWD_COPY_BYTES = 32 << 10  # pieces of all other readers
FREE_BYTES_MIN = 64 << 20  # less is full: the database needs some of it to end what is under way


class BlobFolder:
    """The contents below one folder of the home."""

    def __init__(
        self, folder: Path, *, now: Callable[[], datetime] | None = None, crash_point: CrashPoint = pass_by
    ) -> None:
        """`now` says when contents are published, by the clock that drop() is asked by; None: the machine's."""
        self._folder = folder
        self._now = now
        # Below the same folder: a rename works only within one file system.
        self._incoming = folder / "incoming"
        self._crash_point = crash_point
        self._large_readers = Semaphore(LARGE_READERS_MAX)
        self._incoming.mkdir(parents=True, exist_ok=True)

    def why_full(self) -> str:
        disk = os.statvfs(self._folder)
        if disk.f_flag & os.ST_RDONLY:
            return "the server's disk is read-only"
        # f_bavail and not f_bfree: the rest is kept for root, and we may not be root.
        if disk.f_bavail * disk.f_frsize < FREE_BYTES_MIN:
            return "the server's disk is full"
        # A file system without a fixed number of files says 0 of 0.
        return "the server's disk holds no more files" if disk.f_files and not disk.f_favail else ""

    def path(self, sha256: str) -> Path:
        # 256 folders: one folder of a million names is slow to list and to back up.
        return self._folder / sha256[:2] / sha256[2:]

    def fetch(self, sha256: str) -> Path:
        """The content itself: it lies on this machine."""
        path = self.path(sha256)
        if not path.is_file():
            raise gone()
        return path

    def read(self, sha256: str, start: int = 0, length: int = sys.maxsize) -> Iterator[bytes]:
        try:
            # Pieces of a megabyte gain nothing from Python's buffer but a copy.
            with self.path(sha256).open("rb", buffering=0) as file, self._piece_bytes() as piece_bytes:
                file.seek(start)
                while length > 0 and (piece := file.read(min(length, piece_bytes))):
                    length -= len(piece)
                    yield piece
        except FileNotFoundError:
            raise gone() from None

    @contextmanager
    def _piece_bytes(self) -> Iterator[int]:
        """Large pieces for the first readers: a thousand clients that stop reading would hold gigabytes of them."""
        is_large = self._large_readers.acquire(blocking=False)
        try:
            yield COPY_BYTES if is_large else CROWD_COPY_BYTES
        finally:
            if is_large:
                self._large_readers.release()

    def size_bytes(self, sha256: str) -> int | None:
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def sink(self) -> FileSink:
        # A random name: the hash is known only at the end, and two uploads of one content must not meet.
        return FileSink(self._incoming / secrets.token_hex(16), self._settle)

    def adopt(self, path: Path, content: Content) -> bool:
        """It gets its lasting place as a second name; False where the file system cannot do that."""
        target = self.path(content.sha256)
        with self._held(fcntl.LOCK_SH):
            try:
                self._make_young(target)  # as in _settle()
            except FileNotFoundError:
                self._crash_point("before publication")
                target.parent.mkdir(exist_ok=True)
                # The link keeps the file's own date, by which drop() would take it for an old content.
                self._make_young(path)
                if not self._link(path, target):
                    return False
        sync_folders(target.parent)
        self._crash_point("after publication")
        return True

    def take(self, source: Path, *, inside: Path) -> Content:
        with _opened_below(inside, source) as file:
            sink = self.sink()
            try:
                # Copied and not renamed: a process that the step left behind may hold the file open and write on.
                while block := file.read(COPY_BYTES):
                    sink.write(block)
                return sink.finish()
            except BaseException:
                sink.abandon()
                raise

    def parts(self) -> list[str]:
        return [f"{number:02x}" for number in range(256)]

    def stored(self, part: str = "") -> set[str]:
        return {path.parent.name + path.name for path in self._folder.glob(f"{part or '??'}/*")}

    def sweep(self) -> int:
        leftovers = list(self._incoming.iterdir())
        # At the start only: later, a file in there may be an upload that is under way.
        for leftover in leftovers:
            leftover.unlink()
        return len(leftovers)

    def drop(self, sha256: str, *, before: datetime | None, is_named: Callable[[str], bool]) -> int | None:
        path = self.path(sha256)
        # Between "no row names it" and unlink(), somebody could publish the same content and find it there.
        with self._held(fcntl.LOCK_EX):
            try:
                found = path.stat()
            except FileNotFoundError:
                return None
            # Young ones stay: whoever published it may not have committed the row yet.
            if (before is not None and found.st_mtime >= before.timestamp()) or is_named(sha256):
                return None
            path.unlink()
        return found.st_size

    def _settle(self, sink: FileSink, content: Content) -> None:
        """A content that is there already is kept and this copy dropped; its name may not be on disk yet."""
        target = self.path(content.sha256)
        with self._held(fcntl.LOCK_SH):
            try:
                # A row will name it soon: drop() must not take it for an old one.
                self._make_young(target)
                sink.abandon()
            except FileNotFoundError:
                sink.sync()
                self._make_young(sink.path)
                self._crash_point("before publication")
                target.parent.mkdir(exist_ok=True)
                sink.path.rename(target)
        sync_folders(target.parent)
        self._crash_point("after publication")

    def _make_young(self, path: Path) -> None:
        """It was published just now."""
        # The wall clock may be set between this and the sweep, and would make a young content a year old.
        os.utime(path, None if self._now is None else (self._now().timestamp(),) * 2)

    def _link(self, path: Path, target: Path) -> bool:
        try:
            target.hardlink_to(path)
        except FileExistsError:
            self._make_young(target)  # somebody was faster with the same content
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return False
        return True

    @contextmanager
    def _held(self, kind: int) -> Iterator[None]:
        """Between processes: publishers are let in together, whoever removes is alone."""
        # A descriptor of its own each time: flock() is held by the open file, and threads would share one.
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, kind)
            yield
        finally:
            os.close(handle)


@contextmanager
def _opened_below(folder: Path, source: Path) -> Iterator[BinaryIO]:
    descriptor = _open_below(folder, source)
    try:
        # Asked of the descriptor and not of the path, which may name something else by now.
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
    # A script may give the resolved path where the home is reached by a link.
    base = folder if source.is_relative_to(folder) else folder.resolve()
    names = source.relative_to(base).parts if source.is_relative_to(base) else ()
    if not names or ".." in names:
        raise Invalid(f"the output file {source.name} lies outside the step's folder")
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for name in names[:-1]:
            # O_NOFOLLOW looks at the last name only, so each folder is opened by itself.
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
            os.close(place)
            place = below
        # O_NONBLOCK: opening a pipe that the step left there would wait for a writer for ever.
        return os.open(names[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    except OSError as error:
        # No descriptor free says nothing about the file: the step must not fail for it.
        if is_shortage(error):
            raise
        if isinstance(error, PermissionError):
            raise Invalid(f"the output file {source.name} may not be read: its mode forbids it") from None
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
        # "x": a name that is taken would be somebody else's upload.
        self._file = path.open("xb", buffering=0)
        self._behind_bytes = 0  # not on their way to the disk yet

    def write(self, block: bytes | bytearray | memoryview) -> None:
        view = memoryview(block)
        # write(2) may take a part only, when the disk is nearly full.
        while view:
            view = view[self._file.write(view) :]
        self.size_bytes += len(block)
        self._behind_bytes += len(block)
        if self._behind_bytes >= ahead.AHEAD_BYTES:
            ahead.start(self._file.fileno())
            self._behind_bytes = 0
        # After the write: a sink that raised must not count what is not in the file.
        self._hash.update(block)

    def finish(self) -> Content:
        """Durable from here on."""
        content = Content(sha256=self._hash.hexdigest(), size_bytes=self.size_bytes)
        self._settle(self, content)
        return content

    def sync(self) -> None:
        """Its bytes are on disk, under its present name if the folder is synced too."""
        # Before the rename: otherwise the name can survive a power cut, and the bytes not.
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Leave nothing. Safe to call twice."""
        self._file.close()
        # Closed first: NFS keeps an open file that was removed under another name.
        self.path.unlink(missing_ok=True)


def sync_folders(folder: Path) -> None:
    """The names in a folder, and its own name in its parent, are on disk."""
    # fsync(2) of a file says nothing about the entry of its folder. The parent, because the folder may be new.
    for path in (folder, folder.parent):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
