"""SQLite behind a door of our own: one thread commits what is queued, readers never hold a transaction.

WAL with synchronous=FULL: what was acknowledged survives a power cut (docs/decisions/0003). The driver
stays in the sqlite modules, so that another database can stand behind the same port (store/database.py).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TypeVar

from procession.model.errors import ProcessionError, Unavailable
from procession.model.ids import RunId
from procession.store.crash import CrashPoint, pass_by
from procession.store.database import Commits, Rider, Task, Transaction
from procession.store.sqlite_commits import SqliteCommits
from procession.store.sqlite_errors import CLOSING, is_full, is_passing
from procession.store.sqlite_transaction import SqliteTransaction

T = TypeVar("T")

BUSY_SECONDS = 10.0  # a command beside the server holds the file for milliseconds
# Python keeps 128, fewer than we have, and would prepare the others anew each time.
STATEMENTS_KEPT = 256
VERSION_MIN = (3, 37, 0)  # the first with STRICT tables; RETURNING came with 3.35
WAL_PAGES_MAX = 4_000  # 16 MB, moved into the file together: a page that many commits change is written there once

_DRIVERS = (sqlite3.DatabaseError, MemoryError)


def require_version(found: tuple[int, int, int]) -> None:
    """Raises ProcessionError for a library that cannot read our schema."""
    if found < VERSION_MIN:
        wanted, present = (".".join(map(str, version)) for version in (VERSION_MIN, found))
        raise ProcessionError(f"this Python has SQLite {present}; Procession needs {wanted} or newer")


class SqliteDatabase:
    """One SQLite file. `on_fatal` is called when a commit is in doubt: the process must end."""

    def __init__(
        self,
        path: Path,
        *,
        on_fatal: Callable[[str], None],
        crash_point: CrashPoint = pass_by,
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        require_version(sqlite3.sqlite_version_info)
        self.path = path
        self._busy_seconds = busy_seconds
        # A connection for each thread: SQLite would serialise threads that share one.
        self._readers = threading.local()
        self._open_readers: list[sqlite3.Connection] = []
        self._is_closed = False
        self._connection = self._connect()
        # Means something for a new file only: pages that become free can then be given back (store/sqlite_file).
        self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # Readers go on while a commit is written; the mode is kept in the file.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._commits = SqliteCommits(
            self._connection,
            crash_point=crash_point,
            on_fatal=on_fatal,
            is_full=partial(is_full, folder=path.parent),
            busy_seconds=busy_seconds,
        )
        self._writer = _Writer(self._commits)
        # Who commits changes when an engine starts; whoever queues need not know.
        self._wake: Callable[[], None] = self._writer.wake

    def read(self) -> _Reading:
        """For keyed reads: every statement sees the latest commit."""
        return _Reading(self._reader())

    def snapshot(self) -> _Reading:
        """For answers of several statements that must agree with each other."""
        return _Snapshot(self._reader())

    def version(self) -> int:
        """Another than the last for this thread where anything was committed since, by whatever process."""
        # Of a connection, and each thread has one (sqlite.org/pragma.html#pragma_data_version).
        with self.read() as tx:
            row = tx.one("PRAGMA data_version")
        assert row is not None
        return int(row[0])

    def submit(self, operation: Callable[[Transaction], T]) -> Future[T]:
        """Queue an operation; the future resolves after its commit is on disk, or raises what the operation raised."""
        future: Future[T] = Future()
        if self._is_closed:
            future.set_exception(Unavailable(CLOSING))
        else:
            self._commits.add(Task(operation, partial(_resolve, future)))
            self._wake()
        return future

    def write(self, operation: Callable[[Transaction], T]) -> T:
        """Perform an operation and wait until it is durable."""
        return self.submit(operation).result()

    def owes(self, tx: Transaction) -> bool:
        """Whether something waits that must be written; an operation, so that what is being written is either done or
        waits again.
        """
        return self._commits.owes()

    def script(self, sql: str, *, then: Callable[[Transaction], object] | None = None) -> None:
        """Run several statements, and `then`, in one transaction, before anything else works: for migrations."""

        def operation(tx: Transaction) -> None:
            for statement in _statements(sql):
                tx.run(statement)
            if then is not None:
                then(tx)

        self.write(operation)

    def examine(self) -> list[str]:
        """What SQLite finds wrong with its file; empty when it is whole."""
        with self.read() as tx:
            rows = [str(fault) for (fault,) in tx.all("PRAGMA quick_check")]
        return [] if rows == ["ok"] else rows

    def on_look(self, look: Callable[[RunId], object]) -> None:
        """`look` is called for each run that a transaction has the engine look at, after the commit; once set."""
        self._commits.on_look = look

    def drive(self, wake: Callable[[], None], rider: Rider) -> Commits:
        """The caller's thread commits from now on, until release(); `wake` is called when something was queued."""
        self._writer.stop()
        self._wake = wake
        self._commits.rider = rider
        return self._commits

    def release(self) -> None:
        """Let the database's own thread commit again."""
        self._commits.rider = None
        self._writer = _Writer(self._commits)
        self._wake = self._writer.wake
        self._wake()

    def close(self) -> None:
        """Commit what is queued, then close; later operations are refused."""
        if self._is_closed:
            return
        self._is_closed = True
        self._writer.stop()
        self._commits.refuse_all(CLOSING)
        self._connection.close()
        # They belong to other threads, which is why check_same_thread is off.
        for reader in self._open_readers:
            reader.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=self._busy_seconds,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_KEPT,
        )
        try:
            # NORMAL loses the last commits at a power cut in WAL mode.
            connection.execute("PRAGMA synchronous = FULL")
            # Off by default, for each connection (sqlite.org/foreignkeys.html).
            connection.execute("PRAGMA foreign_keys = ON")
            # 16 MB: a scan of a full history stays in memory, and an idle server takes none of it.
            connection.execute("PRAGMA cache_size = -16000")
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES_MAX}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            try:
                connection = self._connect()
            except _DRIVERS as error:
                _tell(error)
                raise
            self._open_readers.append(connection)
            # A handler that writes by mistake fails in its first test.
            connection.execute("PRAGMA query_only = ON")
            self._readers.connection = connection
        return connection


class _Reading:
    """Classes, because each request enters one or two of these: a generator took twice as long."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Transaction:
        return SqliteTransaction(self._connection)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _DRIVERS):
            _tell(error)


class _Snapshot(_Reading):
    """All its statements see the same commit."""

    __slots__ = ()

    def __enter__(self) -> Transaction:
        try:
            # Deferred: the snapshot begins with the first statement and holds no lock before.
            self._connection.execute("BEGIN")
        except _DRIVERS as error:
            _tell(error)
            raise
        return SqliteTransaction(self._connection)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            # There is nothing to undo, and COMMIT is a statement that is prepared already.
            self._connection.execute("COMMIT")
        except _DRIVERS as other:
            _tell(other)
            raise
        super().__exit__(kind, error, trace)


class _Writer:
    """The thread that commits while no engine does."""

    def __init__(self, commits: SqliteCommits) -> None:
        self._commits = commits
        self._bell = threading.Event()
        self._is_stopping = False
        # A daemon: a process that is told to end must not wait for a disk that hangs.
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._bell.set()

    def stop(self) -> None:
        """After what is queued has been tried."""
        self._is_stopping = True
        self._bell.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._is_stopping:
            self._bell.wait()
            # Before the work: what is queued while it goes on rings again.
            self._bell.clear()
            while self._commits.has_work() and not self._commits.commit():
                pass


def _tell(error: Exception) -> None:
    """Raises Unavailable for what passes."""
    if is_passing(error):
        raise Unavailable("the database cannot be read now; try again in a moment") from error


def _resolve(future: Future[T], task: Task[T]) -> None:
    if not future.set_running_or_notify_cancel():
        return  # a client that hung up, or may not ask any more
    if task.error is not None:
        future.set_exception(task.error)
    else:
        future.set_result(task.result())


def _statements(sql: str) -> Iterator[str]:
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        # A trigger has semicolons inside, so splitting at each would cut it.
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip():
        yield pending
