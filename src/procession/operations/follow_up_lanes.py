"""Which follow-ups are tried at the same time: one of a connection, and never only those of servers that fail."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from procession.actions.contract import StepOutcome
from procession.engine.table_workers import REACHING_MAX
from procession.model.follow_ups import DueFollowUp
from procession.store.follow_ups import Turns

# A server that sends a byte now and then holds a try for as long as one may take. The last lane is for others.
LANES = REACHING_MAX
# After a failure its connection rests this many times as long as it took: a dead server has a quarter of the time.
RESTS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpLanes:
    """Any thread may call it. `rests`: until when, of the connections that have failed last, in steady seconds."""

    rests: dict[str, float] = field(default_factory=dict)
    _at_work: set[str] = field(default_factory=set)  # names of connections
    _unwritten: list[tuple[DueFollowUp, StepOutcome]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(
        self, lane: int, find: Callable[[Turns], DueFollowUp | None], monotonic: Callable[[], float]
    ) -> DueFollowUp | None:
        """What `find` gives for these turns is at work until leave(). A lane looks only while all before it work."""
        # While one looks no other does: both would find the same connection free.
        with self._lock:
            if not lane <= len(self._at_work) < LANES:
                return None
            due = find(self._turns(monotonic))
            if due is not None:
                self._at_work.add(due.connection)
            return due

    def _turns(self, monotonic: Callable[[], float]) -> Turns:
        failing = tuple(self.rests)
        # Those that have failed wait while all other lanes are taken.
        resting = (
            failing
            if len(self._at_work) == LANES - 1
            else [n for n, until in self.rests.items() if until > monotonic()]
        )
        return Turns(failing=failing, resting=(*self._at_work, *resting))

    def leave(self, due: DueFollowUp, *, rests_until: float | None) -> None:
        """It is over; `rests_until` for one that has failed."""
        with self._lock:
            self._at_work.remove(due.connection)
            if rests_until is None:
                self.rests.pop(due.connection, None)
            else:
                self.rests[due.connection] = rests_until

    def when_idle(self, act: Callable[[], object]) -> None:
        """No lane begins meanwhile."""
        with self._lock:
            if not self._at_work:
                act()

    def owe(self, due: DueFollowUp, end: StepOutcome) -> None:
        """The end of a try that is still to be written."""
        self._unwritten.append((due, end))

    def write_owed(self, write: Callable[[DueFollowUp, StepOutcome], object]) -> None:
        """Of a try whose end could not be written the row would be at work until the next start."""
        while self._unwritten:
            try:
                # Taken out first, so that no other lane writes the same.
                owed = self._unwritten.pop()
            except IndexError:
                return
            try:
                write(*owed)
            except BaseException:
                self._unwritten.append(owed)
                raise
