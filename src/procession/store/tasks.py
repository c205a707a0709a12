"""An operation on its way to its commit, and who may add to one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from procession.model.ids import RunId

if TYPE_CHECKING:
    from procession.store.commits import Transaction

log = logging.getLogger(__name__)

T = TypeVar("T")


class Task(Generic[T]):
    """An operation on its way, and who is told of its end: `then` gets this task, with `value` or `error` set.

    An operation may be performed more than once before it is committed: it changes nothing but its transaction.
    `must_be_written`: it waits for a full disk to have room, instead of failing.
    """

    __slots__ = ("error", "must_be_written", "operation", "then", "value", "waited_seconds")

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
        self.waited_seconds = 0.0  # for another program
        self.value: T | None = None
        self.error: Exception | None = None

    def result(self) -> T:
        """What the operation gave; raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # of type T once it was performed

    def end(self, error: Exception | None = None) -> None:
        """Tell who asked."""
        self.error = error or self.error
        if self.then is not None:
            self.then(self)
        elif self.error is not None:
            log.error("what nobody waits for could not be written", exc_info=self.error)


class Rider(Protocol):
    """Who adds what follows to a transaction before it is committed: the engine."""

    def wants_to_ride(self) -> bool: ...

    def noticed(self, run: RunId) -> None:
        """An operation of this transaction has moved the run."""

    def ride(self, tx: Transaction) -> None: ...

    def arrived(self) -> None:
        """What it added is on disk."""

    def thrown_off(self) -> None:
        """Nothing of it is, and nothing will be."""
