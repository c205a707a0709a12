"""The port of the database: what operations, engine and doors may rely on. No driver's name is in it.

store/sqlite.py implements it. An error of a constraint or of a statement is the driver's own, and a bug of ours:
operations ask before they write.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from procession.model.errors import Invalid
from procession.model.ids import RunId

log = logging.getLogger(__name__)

T = TypeVar("T")

Row = tuple[Any, ...]
NO_ROW = hashlib.sha256().digest()


def check(parameters: Sequence[Any]) -> None:
    """Checks the parameters of a statement, so all implementations refuse the same ones.

    Raises Invalid for a text with a NUL: PostgreSQL cannot hold it. Raises TypeError for a bool: no column is one.
    """
    for value in parameters:
        kind = type(value)
        if kind is str:
            if "\0" in value:
                raise Invalid("a text holds the character NUL, which cannot be stored")
        elif kind is bool:
            raise TypeError("a bool is no parameter; give int(...)")


class SealedRow(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the audit trail. `number` is of a run or of a row of the log; `revision` is 0 for all but history."""

    kind: str
    number: int
    revision: int = 0
    digest: bytes = NO_ROW  # SHA-256 of the row


class Transaction(Protocol):
    """What operations see of the database. Parameters always travel beside the text, `?` in it.

    Raises Invalid for a text with a NUL, and TypeError for a bool (check).
    """

    def one(self, sql: str, *parameters: Any) -> Row | None: ...

    def all(self, sql: str, *parameters: Any) -> list[Row]: ...

    def run(self, sql: str, *parameters: Any) -> int:
        """Execute a statement that changes rows; gives how many."""

    def insert(self, sql: str, *parameters: Any) -> int:
        """Execute an INSERT that ends in RETURNING id; gives the id."""

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Execute a statement that changes rows once for each row of parameters; gives how many in all."""

    def part(self) -> AbstractContextManager[None]:
        """What is written inside leaves no trace when the block raises; the rest of the transaction stays."""

    def has_table(self, name: str) -> bool: ...

    def references(self, table: str) -> list[tuple[str, str]]:
        """Tables and their columns whose foreign keys name that table, by name."""

    def is_lost_with(self, error: Exception) -> bool:
        """Whether the error is one of the whole transaction: a full disk is no refusal of one operation."""

    def look(self, run: RunId) -> None:
        """The engine is to look at this run: in this transaction if it drives this database, else after it."""

    def seal(self, rows: Sequence[SealedRow]) -> None:
        """Adds rows of this transaction to the audit trail, in their order, when it ends."""

    def ends(self, run: RunId) -> None:
        """This run is ended here: where that cannot be written now, its processes end first, and it is tried again."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call it once the change is durable; never called when it is not."""


class Task(Generic[T]):
    """A queued operation. `then` is called with this task, once `value` or `error` is set.

    An operation may be performed more than once before it is committed: it changes nothing but its transaction.
    `must_be_written`: it waits for the end of a shortage, a full disk say, instead of failing.
    """

    __slots__ = ("error", "is_awaited", "must_be_written", "operation", "then", "value", "waited_seconds")

    def __init__(
        self,
        operation: Callable[[Transaction], T],
        then: Callable[[Task[T]], None] | None,
        *,
        must_be_written: bool = False,
    ) -> None:
        self.operation = operation
        self.then = then
        self.must_be_written = must_be_written
        self.is_awaited = False  # it must be written, and somebody waits for it, who is answered before that
        self.waited_seconds = 0.0  # for another program, or for room
        self.value: T | None = None
        self.error: Exception | None = None

    def result(self) -> T:
        """Returns the operation's result, or raises its error."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # of type T once it was performed

    def end(self, error: Exception | None = None) -> None:
        """Calls `then`."""
        self.error = error or self.error
        if self.then is not None:
            self.then(self)
        elif self.error is not None:
            log.error("what nobody waits for could not be written", exc_info=self.error)


class Rider(Protocol):
    """Adds to a transaction before it is committed: the engine."""

    def wants_to_ride(self) -> bool: ...

    def noticed(self, run: RunId) -> None:
        """An operation of this transaction has moved the run."""

    def end_first(self, run: RunId) -> None:
        """An operation ends this run and cannot be written for want of room: its processes may hold that room."""

    def ride(self, tx: Transaction) -> None: ...

    def arrived(self) -> None:
        """What it added is on disk."""

    def thrown_off(self) -> None:
        """Nothing of it is, and nothing will be."""


class Commits(Protocol):
    """Operations waiting for a commit. Any thread may add(); one thread commits."""

    def has_work(self) -> bool: ...

    def add(self, task: Task[Any]) -> None: ...

    def commit(self) -> float:
        """Commit what waits, in order; gives how many seconds to rest before what still waits is worth a try."""

    def give_up(self) -> None:
        """Forgets what must be written, as a crash would: its sender is shutting down."""


class Database(Protocol):
    """All that was acknowledged survives a power cut."""

    def read(self) -> AbstractContextManager[Transaction]:
        """For keyed reads: every statement sees the latest commit. Raises Unavailable where nothing can be read now."""

    def snapshot(self) -> AbstractContextManager[Transaction]:
        """For answers of several statements that must agree with each other."""

    def version(self) -> int:
        """Another than the last for this thread where anything was committed since, by whatever process."""

    def submit(self, operation: Callable[[Transaction], T]) -> Future[T]:
        """Queue an operation; the future resolves after its commit is on disk, or raises what the operation raised."""

    def write(self, operation: Callable[[Transaction], T]) -> T:
        """Perform an operation and wait until it is durable."""

    def owes(self, tx: Transaction) -> bool:
        """Whether something waits that must be written, for room say; in an operation, so that it comes after it."""

    def script(self, sql: str, *, then: Callable[[Transaction], object] | None = None) -> None:
        """Run several statements, and `then`, in one transaction, before anything else works: for migrations."""

    def on_look(self, look: Callable[[RunId], object]) -> None:
        """`look` is called for each run that a transaction has the engine look at, after the commit; once set."""

    def drive(self, wake: Callable[[], None], rider: Rider) -> Commits:
        """The caller's thread commits from now on, until release(); `wake` is called when something was queued."""

    def release(self) -> None:
        """Let the database's own thread commit again."""

    def examine(self) -> list[str]:
        """What is wrong with the database; empty when it is whole."""

    def close(self) -> None:
        """Commit what is queued, then close; later operations are refused."""
