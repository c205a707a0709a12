"""Operations that wait for their commit, and the one way in which they get it: together.

Whoever commits is one thread: the engine's while it works, else the database's own writer.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from procession.model.errors import Unavailable
from procession.model.ids import RunId
from procession.shortages import REST_SECONDS
from procession.store import audit
from procession.store.crash import CrashPoint
from procession.store.database import Rider, Task
from procession.store.sqlite_errors import BUSY, ENDING, FULL, IN_DOUBT, UNREAD, is_busy, is_passing
from procession.store.sqlite_transaction import SqliteTransaction

log = logging.getLogger(__name__)

BATCH_OPERATIONS_MAX = 256  # longer batches make the first of them wait
END_SECONDS_MAX = 2.0  # for the end of a run to find room: then it is answered, and tried for as long as it takes
BUSY_TRY_SECONDS = 0.1  # one wait for another program's lock; the thread that commits has more to do


class SqliteCommits:
    """The queue of operations of one connection. add() is for any thread, commit() for the one that commits."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        crash_point: CrashPoint,
        on_fatal: Callable[[str], None],
        is_full: Callable[[Exception], bool],
        busy_seconds: float,
    ) -> None:
        self._connection = connection
        self._is_full = is_full
        self._crash_point = crash_point
        self._on_fatal = on_fatal
        self._busy_seconds = busy_seconds
        self._pending: deque[Task[Any]] = deque()
        self._is_riding = False
        self.is_in_doubt = False
        self.on_look: Callable[[RunId], object] | None = None  # told of each look, after its commit
        self.rider: Rider | None = None
        connection.execute(f"PRAGMA busy_timeout = {round(min(busy_seconds, BUSY_TRY_SECONDS) * 1000)}")

    def has_work(self) -> bool:
        return bool(self._pending) or (self.rider is not None and self.rider.wants_to_ride())

    def owes(self) -> bool:
        # A copy: other threads add to the queue.
        return any(task.must_be_written for task in list(self._pending))

    def add(self, task: Task[Any]) -> None:
        self._pending.append(task)

    def commit(self) -> float:
        """Commit what waits, in order; gives how many seconds to rest before what still waits is worth a try."""
        if self.is_in_doubt:
            self.refuse_all(IN_DOUBT)
            return 0.0
        if not self.has_work():
            return 0.0
        return self._commit([self._pending.popleft() for _ in range(min(len(self._pending), BATCH_OPERATIONS_MAX))])

    def _commit(self, batch: list[Task[Any]]) -> float:
        tx = SqliteTransaction(self._connection)
        is_committing = False
        try:
            if batch:
                self._perform(tx, batch)
            self._ride(tx)
            if self._connection.in_transaction:
                # Once for all operations: three statements for each row were a third of what starting a run took.
                audit.add(tx, tx.sealed)
                self._crash_point("before commit")
                is_committing = True
                self._connection.execute("COMMIT")
                self._crash_point("after commit")
        except (sqlite3.Error, MemoryError) as error:
            return self._fail(tx, batch, error, is_committing=is_committing)
        self._tell(tx, batch)
        return 0.0

    def _tell(self, tx: SqliteTransaction, batch: list[Task[Any]]) -> None:
        if self.rider is not None and self._is_riding:
            self._is_riding = False
            _call(self.rider.arrived)
        for callback in tx.callbacks():
            _call(callback)
        for task in batch:
            _call(task.end)
        if self.on_look is not None:
            for run in tx.looks:
                _call(partial(self.on_look, run))

    def _ride(self, tx: SqliteTransaction) -> None:
        rider = self.rider
        if rider is None:
            return
        for run in tx.looks:
            rider.noticed(run)
        if not rider.wants_to_ride():
            return
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
        self._is_riding = True
        try:
            with tx.part():
                rider.ride(tx)
        except Exception as error:
            if tx.is_lost_with(error):
                raise
            log.exception("the engine stumbled before a commit")
            self._throw_off()

    def _throw_off(self) -> None:
        if self.rider is not None and self._is_riding:
            self._is_riding = False
            _call(self.rider.thrown_off)

    def refuse_all(self, words: str) -> None:
        while self._pending:
            _refuse(self._pending.popleft(), words)

    def give_up(self) -> None:
        """Forget what must be written, as a crash would: whoever queued it is going."""
        for task in [task for task in self._pending if task.must_be_written]:
            self._pending.remove(task)

    def _perform(self, tx: SqliteTransaction, batch: list[Task[Any]]) -> None:
        """One that is refused leaves no trace and does not disturb the others."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for task in batch:
                task.value, task.error = task.operation(tx), None
        except Exception as error:
            if tx.is_lost_with(error):
                raise
            self._connection.execute("ROLLBACK")
            tx.forget(0, 0)
            tx.ended.clear()
            tx.sealed.clear()
            if len(batch) == 1:
                batch[0].error = error
            else:
                self._perform_apart(tx, batch)

    def _perform_apart(self, tx: SqliteTransaction, batch: list[Task[Any]]) -> None:
        """The slower way, for a batch in which something was refused: each operation in a savepoint."""
        self._connection.execute("BEGIN IMMEDIATE")
        for task in batch:
            kept = len(tx.callbacks()), len(tx.looks)
            try:
                with tx.part():
                    task.value, task.error = task.operation(tx), None
            except Exception as error:
                if tx.is_lost_with(error):
                    raise
                tx.forget(*kept)
                task.error = error

    def _fail(self, tx: SqliteTransaction, batch: list[Task[Any]], error: Exception, *, is_committing: bool) -> float:
        """What is known to have changed nothing waits or is refused; anything else ends the process.

        Before COMMIT nothing has been changed, whatever could not be read; in it only by a full disk and a busy file.
        """
        self._throw_off()
        if is_busy(error) and self._undo():
            return self._fail_busy(batch)
        log.error("commit failed", extra={"error": str(error), "operations": len(batch)})
        full = self._is_full(error)
        if (full or (is_passing(error) and not is_committing)) and self._undo():
            return self._fail_short(tx, batch, FULL if full else UNREAD)
        self._doubt(batch, error)
        return 0.0

    def _undo(self) -> bool:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            log.exception("a transaction could not be rolled back")
            return False
        return True

    def _doubt(self, batch: list[Task[Any]], error: Exception) -> None:
        self.is_in_doubt = True  # nothing more is tried on this connection
        for task in batch:
            _refuse(task, IN_DOUBT)
        self.refuse_all(IN_DOUBT)
        self._on_fatal(f"the database reported an error that leaves a commit in doubt: {error}")

    def _fail_short(self, tx: SqliteTransaction, batch: list[Task[Any]], words: str) -> float:
        """What must be written waits. The others have another try, each alone: one may be what makes room."""
        kept = [task for task in batch if task.must_be_written]
        others = [task for task in batch if not task.must_be_written]
        self._pending.extendleft(reversed(kept))
        for task in kept:
            self._answer_late(task)
        if len(batch) > 1:
            for task in others:
                self._commit([task])
        elif others and tx.ended and self.rider is not None:
            self._end_first(tx, others[0])
        elif others:
            _refuse(others[0], words)
        return REST_SECONDS

    def _end_first(self, tx: SqliteTransaction, task: Task[Any]) -> None:
        task.must_be_written = task.is_awaited = True
        self._pending.append(task)
        assert self.rider is not None
        for run in tx.ended:
            _call(partial(self.rider.end_first, run))

    def _answer_late(self, task: Task[Any]) -> None:
        """Whoever ends a run is not kept waiting for as long as a disk is full."""
        if task.is_awaited:
            task.waited_seconds += REST_SECONDS
            if task.waited_seconds >= END_SECONDS_MAX:
                _refuse(task, ENDING)
                task.then, task.error, task.is_awaited = None, None, False

    def _fail_busy(self, batch: list[Task[Any]]) -> float:
        for task in batch:
            task.waited_seconds += BUSY_TRY_SECONDS
        refused = [task for task in batch if self._has_waited(task)]
        self._pending.extendleft(task for task in reversed(batch) if task not in refused)
        if refused:
            log.error("commit failed: the database is in use", extra={"operations": len(refused)})
        for task in refused:
            _refuse(task, BUSY)
        return 0.0

    def _has_waited(self, task: Task[Any]) -> bool:
        return not task.must_be_written and task.waited_seconds >= self._busy_seconds


def _refuse(task: Task[Any], words: str) -> None:
    _call(partial(task.end, Unavailable(words)))


def _call(callback: Callable[[], object]) -> None:
    try:
        callback()
    except Exception:  # the caller's arm: what is committed is committed, whoever cannot hear of it
        log.exception("what follows a commit failed")
