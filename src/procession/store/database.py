"""SQLite behind a door of our own: one writer thread that commits together, readers that never hold a transaction.

WAL with synchronous=FULL: what was acknowledged survives a power cut (docs/decisions/0003). No driver name
leaves this module, so that another database can stand behind the same two classes.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from procession.model.errors import ProcessionError, Unavailable
from procession.store.crash import CrashPoint, pass_by

log = logging.getLogger(__name__)

T = TypeVar("T")
Row = tuple[Any, ...]

BATCH_OPERATIONS_MAX = 256  # longer batches make the first of them wait
BUSY_SECONDS = 10.0  # a command beside the server holds the file for milliseconds
STATEMENTS_KEPT = 256
WAL_PAGES_MAX = 4_000  # 16 MB, moved into the file together: a page that many commits change is written there once


class Transaction:
    """What operations see of the database. Parameters always travel beside the text."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._afterwards: list[Callable[[], None]] = []

    def one(self, sql: str, *parameters: Any) -> Row | None:
        row: Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, *parameters: Any) -> list[Row]:
        return self._connection.execute(sql, parameters).fetchall()

    def run(self, sql: str, *parameters: Any) -> int:
        """Execute a statement that changes rows; gives how many."""
        return self._connection.execute(sql, parameters).rowcount

    def insert(self, sql: str, *parameters: Any) -> int:
        """Execute an INSERT; gives the new row's id."""
        new_id = self._connection.execute(sql, parameters).lastrowid
        assert new_id is not None
        return new_id

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call it once the change is durable; never called when it is not."""
        self._afterwards.append(callback)

    def forget_callbacks(self, kept: int) -> None:
        del self._afterwards[kept:]

    def callbacks(self) -> list[Callable[[], None]]:
        return self._afterwards


class _Task(Generic[T]):
    """An operation on its way through the writer thread, and the promise of its result."""

    __slots__ = ("error", "future", "operation", "result")

    def __init__(self, operation: Callable[[Transaction], T]) -> None:
        self.operation = operation
        self.future: Future[T] = Future()
        self.result: T | None = None
        self.error: Exception | None = None

    def perform(self, tx: Transaction, connection: sqlite3.Connection) -> None:
        """Run inside a savepoint: a refused operation leaves no trace and does not disturb its batch."""
        kept = len(tx.callbacks())
        connection.execute("SAVEPOINT operation")
        try:
            self.result = self.operation(tx)
        except Exception as error:
            if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise
            connection.execute("ROLLBACK TO operation")
            tx.forget_callbacks(kept)
            self.error = error
        connection.execute("RELEASE operation")

    def perform_alone(self, tx: Transaction, connection: sqlite3.Connection) -> None:
        """The same for a batch of one: the transaction itself is what is rolled back."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            self.result = self.operation(tx)
        except Exception as error:
            if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise
            connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
            tx.forget_callbacks(0)
            self.error = error

    def settle(self) -> None:
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]  # perform() has set it


def _is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _is_busy(error: sqlite3.Error) -> bool:
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Database:
    """One SQLite file. `on_fatal` is called when a commit is in doubt: the process must end (trust.md, rule 1)."""

    def __init__(
        self,
        path: Path,
        *,
        on_fatal: Callable[[str], None],
        crash_point: CrashPoint = pass_by,
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        self.path = path
        self._on_fatal = on_fatal
        self._crash_point = crash_point
        self._busy_seconds = busy_seconds
        self._tasks: SimpleQueue[_Task[Any] | None] = SimpleQueue()
        self._readers = threading.local()
        self._open_readers: list[sqlite3.Connection] = []
        self._is_closed = False
        self._connection = self._connect()
        # Means something for a new file only: pages that become free can then be given back (store/maintenance).
        self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """For keyed reads: every statement sees the latest commit."""
        yield Transaction(self._reader())

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """For answers of several statements that must agree with each other."""
        connection = self._reader()
        connection.execute("BEGIN")
        try:
            yield Transaction(connection)
        finally:
            connection.execute("COMMIT")

    def submit(self, operation: Callable[[Transaction], T]) -> Future[T]:
        """Queue an operation; the future resolves after its commit is on disk, or raises what the operation raised."""
        task = _Task(operation)
        if self._is_closed:
            task.future.set_exception(Unavailable("the server is shutting down; try again in a moment"))
        else:
            self._tasks.put(task)
        return task.future

    def write(self, operation: Callable[[Transaction], T]) -> T:
        """Perform an operation and wait until it is durable."""
        return self.submit(operation).result()

    def script(self, sql: str) -> None:
        """Run several statements in one transaction, before anything else works: for migrations."""
        self.write(lambda tx: [tx.run(statement) for statement in _statements(sql)])

    def close(self) -> None:
        """Commit what is queued, then close; later operations are refused."""
        if self._is_closed:
            return
        self._is_closed = True
        self._tasks.put(None)
        self._thread.join()
        self._connection.close()
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
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -16000")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES_MAX}")
        return connection

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            self._readers.connection = connection
            self._open_readers.append(connection)
        return connection

    def _work(self) -> None:
        is_open = True
        while is_open:
            batch, is_open = self._next_batch()
            if batch:
                self._commit(batch)

    def _next_batch(self) -> tuple[list[_Task[Any]], bool]:
        task = self._tasks.get()
        batch: list[_Task[Any]] = []
        while task is not None:
            batch.append(task)
            if len(batch) == BATCH_OPERATIONS_MAX:
                return batch, True
            try:
                task = self._tasks.get_nowait()
            except Empty:
                return batch, True
        return batch, False

    def _commit(self, batch: list[_Task[Any]]) -> None:
        tx = Transaction(self._connection)
        try:
            if len(batch) == 1:
                batch[0].perform_alone(tx, self._connection)
            else:
                self._connection.execute("BEGIN IMMEDIATE")
                for task in batch:
                    task.perform(tx, self._connection)
            self._crash_point("before commit")
            self._connection.execute("COMMIT")
            self._crash_point("after commit")
        except sqlite3.Error as error:
            self._fail(batch, error)
            return
        for callback in tx.callbacks():
            callback()
        for task in batch:
            task.settle()

    def _fail(self, batch: list[_Task[Any]], error: sqlite3.Error) -> None:
        """A full disk and a busy file are known to have changed nothing; anything else ends the process."""
        answer: ProcessionError = Unavailable("the server could not save this; it is restarting, try again in a moment")
        is_known = _is_full(error) or _is_busy(error)
        if is_known:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            cause = "the disk is full" if _is_full(error) else "the database is in use by another program"
            answer = Unavailable(f"nothing was saved because {cause}; try again in a moment")
        log.error("commit failed", extra={"error": str(error), "operations": len(batch)})
        for task in batch:
            task.future.set_exception(answer)
        if not is_known:
            self._is_closed = True  # nothing more is tried on a connection in doubt
            self._on_fatal(f"the database reported an error that leaves a commit in doubt: {error}")


def _statements(sql: str) -> Iterator[str]:
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip():
        yield pending
