"""The engine's loop: waits for events, has each handled, commits all results at once, and starts over.

It knows nothing of runs. Any thread may call post(), post_later() and wake(); only the loop's own calls the rest.
What fails in a shortage is retried, always by later().
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from procession.engine.events import Event
from procession.engine.timers import Timers
from procession.shortages import is_shortage
from procession.store.database import Commits, Database, Rider, Task, Transaction

log = logging.getLogger(__name__)

T = TypeVar("T")

REST_SECONDS_MAX = 1.0
EVENTS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class _HearAgain:
    """Time to retry watching a handle."""

    number: int


class Handle(Protocol):
    def fileno(self) -> int: ...


class Loop:
    """Each turn takes all events, decides, commits one transaction, then acts on it."""

    def __init__(self, database: Database, monotonic: Callable[[], float], *, short_seconds: float) -> None:
        self._database = database
        self._monotonic = monotonic
        self._commits: Commits | None = None
        self._commit_at = 0.0  # monotonic; later than now while the disk is full
        self._short_seconds = short_seconds
        self._inbox: deque[Event] = deque()
        self._late: deque[Event] = deque()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._is_ringing = False
        self._is_pressed = False
        self._events = select.epoll()
        self._events.register(self._bell, select.EPOLLIN)
        self._heard: dict[int, Event] = {}
        self._registered: dict[int, Handle] = {}  # by number; what is closed meanwhile has left the epoll by itself
        self._timers: Timers[Event | _HearAgain] = Timers(monotonic)

    def open(self, rider: Rider) -> None:
        """From now on this loop commits every operation submitted to the database; the rider adds to each commit."""
        self._commits = self._database.drive(self.wake, rider)

    def turn(self, handle: Callable[[Event], None], decided: Callable[[], None]) -> None:
        """`handle` hears each event; `decided` is called after the last, before the commit."""
        for event in self._wait():
            handle(event)
        self._is_pressed = False
        try:
            decided()
        finally:
            self.commit()

    def commit(self) -> None:
        assert self._commits is not None
        if self._commits.has_work() and self._monotonic() >= self._commit_at:
            self._commit_at = self._monotonic() + self._commits.commit()

    def close(self) -> None:
        """Closes it after its thread has ended. Recovery handles what could not be written."""
        if self._commits is not None:
            self._commits.give_up()
        self._database.release()
        self._events.close()
        os.close(self._bell)

    def post(self, event: Event) -> None:
        """Queues the event for the next turn."""
        self._inbox.append(event)
        self.wake()

    def post_later(self, event: Event) -> None:
        """Queues the event for when the shortage may be over."""
        self._late.append(event)
        self.wake()

    def wake(self) -> None:
        # One wake-up serves many calls: everything is looked at after it.
        if not self._is_ringing:
            self._is_ringing = True
            with contextlib.suppress(BlockingIOError):
                os.eventfd_write(self._bell, 1)

    def enlist(self, operation: Callable[[Transaction], T], then: Callable[[Task[T]], None] | None = None) -> None:
        """Adds the operation to the next commit, which waits while the disk is full. Calls `then` afterwards."""
        assert self._commits is not None
        self._commits.add(Task(operation, then, must_be_written=True))

    def again(self) -> None:
        """Makes the next turn start without waiting for an event."""
        self._is_pressed = True

    def after(self, seconds: float, event: Event) -> int:
        """Returns a number to cancel the event with."""
        return self._timers.after(seconds, event)

    def later(self, event: Event, seconds: float | None = None) -> None:
        """It could not be handled now, for a shortage if no time is given: have it again then, and not before."""
        seconds = self._short_seconds if seconds is None else seconds
        for number, heard in self._heard.items():
            if heard is event:
                self._unregister(number)
                self._timers.after(seconds, _HearAgain(number))
                return
        self._timers.after(seconds, event)

    def cancel(self, timer: int | None) -> None:
        self._timers.cancel(timer)

    def watch(self, handle: Handle, event: Event) -> None:
        """Posts the event whenever the handle is readable."""
        number = handle.fileno()
        self._heard[number] = event
        if self._registered.get(number) is not handle:
            self._registered[number] = handle
            self._listen(number)

    def forget(self, handle: Handle) -> None:
        """Stops watching; harmless for a closed or unwatched handle. It stays registered until it stirs again."""
        with contextlib.suppress(ValueError, OSError):
            self._heard.pop(handle.fileno(), None)

    def _unregister(self, number: int) -> None:
        self._registered.pop(number, None)
        with contextlib.suppress(OSError):
            self._events.unregister(number)

    def _wait(self) -> list[Event]:
        found: list[Event] = []
        for number, _ in self._events.poll(self._rest_seconds(), EVENTS_AT_ONCE):
            if number == self._bell:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._bell)
            elif (event := self._heard.get(number)) is not None:
                found.append(event)
            else:
                self._unregister(number)
        self._is_ringing = False  # a lost ring does not matter: everything is looked at now
        found += [self._inbox.popleft() for _ in range(len(self._inbox))]
        for _ in range(len(self._late)):
            self._timers.after(self._short_seconds, self._late.popleft())
        return found + self._due()

    def _due(self) -> list[Event]:
        found: list[Event] = []
        for event in self._timers.due():
            if isinstance(event, _HearAgain):
                self._listen(event.number)
            else:
                found.append(event)
        return found

    def _listen(self, number: int) -> None:
        if number not in self._heard:
            return
        try:
            self._events.register(number, select.EPOLLIN)
        except FileExistsError:
            pass  # the number now belongs to another handle
        except OSError as error:
            if not is_shortage(error):
                raise
            self._timers.after(self._short_seconds, _HearAgain(number))

    def _rest_seconds(self) -> float:
        if self._inbox or self._is_pressed:
            return 0.0
        rest = self._timers.rest_seconds(REST_SECONDS_MAX)
        has_work = self._commits is not None and self._commits.has_work()
        return min(rest, max(self._commit_at - self._monotonic(), 0.0)) if has_work else rest
