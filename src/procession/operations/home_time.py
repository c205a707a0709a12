"""The clock by which tokens, sessions, codes and links end, and requests with an Idempotency-Key are forgotten."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from functools import partial

from procession.clock import Clock
from procession.model.home_time import HomeTime, Reading
from procession.store import home_time
from procession.store.database import Database

# Lost only when the wall clock is set back and the machine switched off before the next write.
WRITTEN_SECONDS = 60.0
# The clock was set, not slewed: written at the next tick, since a crash must not take it back.
JUMP = timedelta(seconds=1)


class HomeClock:
    """For any thread. What it says is ahead of the wall clock, behind it, or equal: compare it with itself only."""

    def __init__(self, clock: Clock, kept: HomeTime | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._written = kept
        reading = self._read()
        self._time = HomeTime.beginning(reading) if kept is None else kept.at(reading)

    def least(self) -> datetime:
        """For what must be kept: no earlier than promised, whatever happens to the wall clock."""
        return self._now().least

    def most(self) -> datetime:
        """For what must end: no later than promised."""
        return self._now().most

    def on_wall(self, moment: datetime) -> datetime:
        """A moment of most(), by the wall clock as it is set now: for others to read."""
        return self._clock.now() + (moment - self.most())

    def tick(self, database: Database) -> bool:
        """Write the time, if the last one written is old or the clock was set since."""
        now, written = self._now(), self._written
        if written is None or _is_due(written, now):
            database.write(partial(home_time.write, time=now))
            self._written = now
        return False

    def _now(self) -> HomeTime:
        with self._lock:
            now = self._time.at(self._read())
            if now.ahead != self._time.ahead:
                self._time = now
            return now

    def _read(self) -> Reading:
        clock = self._clock
        return Reading(wall=clock.now(), since_boot=clock.since_boot(), boot=clock.boot())


def _is_due(written: HomeTime, now: HomeTime) -> bool:
    is_old = now.least - written.least >= timedelta(seconds=WRITTEN_SECONDS)
    return is_old or now.ahead - written.ahead >= JUMP or now.reading.boot != written.reading.boot


def of_home(database: Database, clock: Clock) -> HomeClock:
    """Goes on from where the home's last server left it."""
    with database.read() as tx:
        return HomeClock(clock, home_time.find(tx))
