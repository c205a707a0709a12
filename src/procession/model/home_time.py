"""How much time has passed in a home, whoever sets the machine's wall clock meanwhile.

While the machine is up its steady clock counts, sleep included. Only the wall clock tells how long it was off.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

_NOTHING = timedelta()


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Of a machine's clocks: the wall's, and the seconds since this boot."""

    wall: datetime
    since_boot: float
    boot: str


class HomeTime(msgspec.Struct, frozen=True, kw_only=True):
    """The home's own time, as a date: at least, and at most. Neither ever goes back.

    `least` ignores what is set while the machine is up: for what must be kept long enough. `most` is never behind the
    wall clock either, because nobody knows whether it was set ahead or the machine stood still: for what must end.
    """

    least: datetime
    most: datetime
    reading: Reading

    @classmethod
    def beginning(cls, reading: Reading) -> HomeTime:
        return cls(least=reading.wall, most=reading.wall, reading=reading)

    def at(self, reading: Reading) -> HomeTime:
        """From this time on, by a later reading."""
        passed = self._passed(reading)
        return HomeTime(least=self.least + passed, most=max(self.most + passed, reading.wall), reading=reading)

    def _passed(self, reading: Reading) -> timedelta:
        counted = reading.since_boot - self.reading.since_boot
        if reading.boot == self.reading.boot and counted >= 0:
            return timedelta(seconds=counted)
        return max(reading.wall - self.reading.wall, _NOTHING)

    @property
    def ahead(self) -> timedelta:
        """By how much the wall clock was set ahead, in all."""
        return self.most - self.least
