"""The time that a home has lived, as it was last written: every statement about it."""

from __future__ import annotations

from procession.model.home_time import HomeTime, Reading
from procession.store import times
from procession.store.database import Transaction


def find(tx: Transaction) -> HomeTime | None:
    """None in a home that nobody has served yet."""
    row = tx.one("SELECT least, most, wall, since_boot, boot FROM home_time")
    if row is None:
        return None
    least, most, wall = map(times.from_column, row[:3])
    return HomeTime(least=least, most=most, reading=Reading(wall=wall, since_boot=row[3] / 1_000_000, boot=row[4]))


def write(tx: Transaction, time: HomeTime) -> None:
    reading = time.reading
    tx.run(
        "INSERT INTO home_time (one, least, most, wall, since_boot, boot) VALUES (1, ?, ?, ?, ?, ?)"
        " ON CONFLICT (one) DO UPDATE SET least = excluded.least, most = excluded.most, wall = excluded.wall,"
        " since_boot = excluded.since_boot, boot = excluded.boot",
        *map(times.to_column, (time.least, time.most, reading.wall)),
        *(times.seconds_to_column(reading.since_boot), reading.boot),
    )
