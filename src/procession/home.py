"""The home folder: its layout, its locks, and how a command wakes its engine."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from procession import disk
from procession.clock import Clock
from procession.loops import TickLoop
from procession.model.errors import ProcessionError
from procession.model.ids import RunId
from procession.store import identity, migrations, sqlite_file
from procession.store.blobs import Blobs
from procession.store.chunks import Chunks
from procession.store.database import Database
from procession.store.folder import BlobFolder
from procession.store.identity import Place
from procession.store.sqlite import SqliteDatabase
from procession.store.step_log_folder import StepLogFolder
from procession.store.step_logs import StepLogs

PRIVATE = 0o700  # the database holds hashes of secrets, the files are the customer's
DATAGRAM_BYTES_MAX = 64
CLOSE_SECONDS_MAX = 2.0


class Busy(ProcessionError):
    """Somebody else's engine works on this home."""


def _only_raise(reason: str) -> None:
    """A commit in doubt raises, and a command has nothing else to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The paths of a home. Nothing is made before prepare()."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "procession.db"

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def uploads(self) -> Path:
        return self.folder / "uploads"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def lock(self) -> Path:
        return self.folder / "engine.lock"

    @property
    def swept(self) -> Path:
        return self.folder / "swept"

    @property
    def restoring(self) -> Path:
        """Where a restore puts its files until all are verified."""
        return self.folder / ".restoring"

    def exists(self) -> bool:
        """Whether it is in use as a home. Raises ProcessionError if it cannot be read."""
        try:
            return self.database.is_file()
        except OSError as error:
            raise self._unusable(error) from error

    def prepare(self) -> None:
        """Make the folders that are missing. Raises ProcessionError when that is not allowed."""
        try:
            self.folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            for folder in (self.files, self.uploads, self.logs, self.work):
                folder.mkdir(mode=PRIVATE, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> ProcessionError:
        return ProcessionError(f"the home {self.folder} cannot be used: {error.strerror}")

    def open_database(self, clock: Clock, on_fatal: Callable[[str], None] = _only_raise) -> Database:
        """The database with this program's schema. Raises Invalid for one of a later release."""
        self.prepare()
        # Two commands that use a new home at the same moment must not both write the schema.
        with self._handle() as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if self.restoring.exists() and not self.database.exists():
                raise ProcessionError(f"a restore into {self.folder} has not come to its end; restore again")
            # Whatever the folder lets others see: SQLite gives its other files the mode of this one.
            os.close(os.open(self.database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            database = self.connect(on_fatal)
            try:
                migrations.migrate(database, clock.now())
                self._claim(database)
            except BaseException:
                database.close()
                raise
        return database

    def identity(self) -> str | None:
        """Its id; None where there is no home, or none that can be read."""
        return sqlite_file.home_id(self.database)

    def place(self) -> Place:
        """Where it is. Raises ProcessionError when that cannot be seen."""
        try:
            path, found = self.folder.resolve(), self.folder.stat()
        except OSError as error:
            raise self._unusable(error) from error
        # A folder's name need not be UTF-8, and SQLite's texts must be.
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        return Place(path=shown, device=str(found.st_dev), inode=str(found.st_ino))

    def _claim(self, database: Database) -> None:
        with database.read() as tx:
            is_new = identity.find(tx).place is None
        if is_new:
            database.write(partial(identity.claim, place=self.place()))

    def settle(self, database: Database) -> None:
        """Find out whether it is a copy, which holds what was under way in the original; only with the lock."""
        with database.read() as tx:
            is_settled = identity.find(tx).place == self.place()
        if not is_settled:
            database.write(partial(identity.settle, place=self.place(), new_id=secrets.token_hex(16)))

    def connect(self, on_fatal: Callable[[str], None] = _only_raise) -> Database:
        """The database as it is, with the schema that it has."""
        return SqliteDatabase(self.database, on_fatal=on_fatal)

    def begin_restore(self) -> None:
        """Keeps others from making a home here until the restored database has its name. Raises Busy."""
        with self._handle() as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if self.exists():
                raise Busy(f"somebody has made a home in {self.folder} meanwhile")
            shutil.rmtree(self.restoring, ignore_errors=True)
            self.restoring.mkdir(mode=PRIVATE)

    def sweep_work(self) -> None:
        """Folders of attempts that an earlier server left; what a process of theirs still holds goes the next time."""
        disk.clear(str(self.work))

    def open_blobs(self, now: Callable[[], datetime] | None = None) -> Blobs:
        """`now` is the home's own time, for whoever publishes contents."""
        self.prepare()
        return BlobFolder(self.files, now=now)

    def note_sweep(self, moment: datetime) -> None:
        """All contents were looked at; by the home's own time."""
        self.swept.touch(mode=0o600)
        os.utime(self.swept, (moment.timestamp(),) * 2)

    def swept_at(self) -> datetime | None:
        """When that was last; None for never."""
        with suppress(FileNotFoundError):
            return datetime.fromtimestamp(self.swept.stat().st_mtime, UTC)
        return None

    def open_step_logs(self) -> StepLogs:
        self.prepare()
        return StepLogFolder(self.logs)

    def open_chunks(self) -> Chunks:
        self.prepare()
        return Chunks(self.uploads)

    def take_lock(self, holder: str) -> EngineLock:
        """Become the only engine of this home. Raises Busy, naming who is."""
        self.prepare()
        # Never removed: another process could hold the lock of a file that has no name any more.
        handle = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Empty while the other has the lock already and has not yet said who it is.
            other = os.read(handle, 200).decode(errors="replace").strip() or "another process"
            os.close(handle)
            raise Busy(f"{other} is working on {self.folder} already; end it first, or name another --home") from None
        lock = EngineLock(handle)
        lock.describe(holder)
        return lock

    def holder(self) -> str | None:
        """The holder of the engine's lock, or None."""
        if not self.is_awake():
            return None
        with suppress(OSError):
            return self.lock.read_text("utf-8").strip() or None
        return None

    def wake(self, run: RunId) -> bool:
        """Tell the engine of this home, if there is one, to look at the run. From any process."""
        return self._say(str(run.number).encode())

    def is_awake(self) -> bool:
        """Whether an engine works on this home. Asked of its socket: to try its lock could make it fail to start."""
        return self._say(None)

    def listener(self, look: Callable[[RunId], None]) -> Listener:
        """Passes on what other processes say; only for whoever holds the lock."""
        with self._handle() as handle:
            # A server that was killed leaves its socket, at which nobody can bind again.
            (self.folder / "wake.sock").unlink(missing_ok=True)
            ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            ear.bind(_wake_path(handle))
        return Listener(ear, look, hush=partial(self._say, b""))

    def _say(self, content: bytes | None) -> bool:
        try:
            with self._handle() as handle, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
                # A full queue is a busy engine, which also looks for itself: no reason to wait here.
                mouth.setblocking(False)
                mouth.connect(_wake_path(handle))
                if content is not None:
                    mouth.send(content)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    @contextmanager
    def _handle(self) -> Iterator[int]:
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield handle
        finally:
            os.close(handle)


def _wake_path(handle: int) -> str:
    # The address of a socket has at most 107 bytes, and a home may lie deeper than that.
    return f"/proc/self/fd/{handle}/wake.sock"


class EngineLock:
    """Held until it is released or the process ends, however it ends."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def describe(self, holder: str) -> None:
        """Describes this engine for others."""
        os.ftruncate(self._handle, 0)
        # At 0: a server describes itself again once it has an address, and write() would go on behind the first.
        os.pwrite(self._handle, holder.encode(), 0)

    def release(self) -> None:
        os.close(self._handle)


class Listener:
    """Hears the numbers of runs from other processes and passes them on; garbage is ignored."""

    def __init__(self, ear: socket.socket, look: Callable[[RunId], None], *, hush: Callable[[], object]) -> None:
        self._ear, self._look, self._hush = ear, look, hush
        self._is_closing = threading.Event()
        self._loop = TickLoop("wake", self.tick, rest_seconds=3600)

    def start(self) -> None:
        self._loop.start()

    def tick(self) -> bool:
        if self._is_closing.is_set():
            return False
        said = self._ear.recv(DATAGRAM_BYTES_MAX)
        # Whoever may write in the folder may send anything; 18 digits fit into SQLite's integers.
        if said.isdigit() and len(said) < 19:
            self._look(RunId(int(said)))
        return True

    def close(self) -> None:
        self._is_closing.set()
        self._hush()  # ends the wait for the next one
        self._loop.stop(deadline_seconds=CLOSE_SECONDS_MAX)
        self._ear.close()
