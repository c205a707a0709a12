"""The home's clock through restarts, reboots and clocks that somebody sets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.clock import ManualClock
from procession.model.home_time import HomeTime, Reading
from procession.operations import home_time
from procession.operations.home_time import HomeClock
from procession.store import migrations
from procession.store.sqlite import SqliteDatabase

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def database(tmp_path: Path, clock: ManualClock) -> Iterator[SqliteDatabase]:
    made = SqliteDatabase(tmp_path / "home.sqlite", on_fatal=pytest.fail)
    migrations.migrate(made, clock.now())
    yield made
    made.close()


def test_a_crash_does_not_forget_that_the_clock_was_ahead(database: SqliteDatabase, clock: ManualClock) -> None:
    first = home_time.of_home(database, clock)
    first.tick(database)
    clock.jump(DAY.total_seconds())
    promised = first.most() + HOUR
    first.tick(database)
    clock.jump(-DAY.total_seconds())

    second = home_time.of_home(database, clock)
    clock.advance(HOUR.total_seconds())

    assert second.most() == promised


def test_time_while_nobody_serves_the_home_counts(database: SqliteDatabase, clock: ManualClock) -> None:
    first = home_time.of_home(database, clock)
    first.tick(database)
    begin = first.most()
    clock.jump(-DAY.total_seconds())
    clock.advance(HOUR.total_seconds())

    assert home_time.of_home(database, clock).most() == begin + HOUR


@pytest.mark.parametrize("hours", [-5, 0, 5])
def test_time_while_the_machine_is_off_counts_by_the_wall_clock(
    database: SqliteDatabase, clock: ManualClock, hours: int
) -> None:
    first = home_time.of_home(database, clock)
    first.tick(database)
    begin = first.most()
    clock.jump(hours * 3600)
    clock.reboot()

    second = home_time.of_home(database, clock)

    assert second.most() == second.least() == begin + max(hours, 0) * HOUR


def test_what_is_behind_after_a_reboot_is_counted_once_the_clock_is_right_again(
    database: SqliteDatabase, clock: ManualClock
) -> None:
    first = home_time.of_home(database, clock)
    first.tick(database)
    begin = first.most()
    clock.advance(HOUR.total_seconds())
    clock.jump(-DAY.total_seconds())
    clock.reboot()
    second = home_time.of_home(database, clock)
    assert second.most() == begin

    clock.jump(DAY.total_seconds())

    assert second.most() == begin + HOUR


def test_the_time_is_written_once_a_minute_and_when_the_clock_was_set(
    database: SqliteDatabase, clock: ManualClock
) -> None:
    kept = home_time.of_home(database, clock)
    written = []
    for seconds, jump in ((0, 0), (59, 0), (1, 0), (0, 2), (0, -2)):
        clock.advance(seconds)
        clock.jump(jump)
        kept.tick(database)
        with database.read() as tx:
            written.append(tx.one("SELECT least, most FROM home_time"))

    assert [now != before for before, now in pairwise(written)] == [False, True, True, False]


moves = st.lists(st.tuples(st.sampled_from(["pass", "set", "boot"]), st.integers(-(10**6), 10**6)), max_size=30)


@given(moves)
def test_it_never_goes_back_and_never_says_less_than_has_passed(told: list[tuple[str, int]]) -> None:
    clock = ManualClock()
    made = HomeClock(clock)
    passed, least, most = timedelta(), made.least(), made.most()
    begin = least
    for kind, number in told:
        if kind == "pass":
            clock.advance(abs(number))
            passed += timedelta(seconds=abs(number))
        elif kind == "set":
            clock.jump(number)
        else:
            written = made._now()
            clock.reboot()
            made = HomeClock(clock, written)
        assert made.least() >= least and made.most() >= most
        least, most = made.least(), made.most()
        assert least <= most and most >= clock.now()
        assert least - begin >= passed


def test_readings_of_another_boot_are_not_compared() -> None:
    clock = ManualClock()
    time = HomeTime.beginning(Reading(wall=clock.now(), since_boot=10.0, boot="a"))

    later = time.at(Reading(wall=clock.now() + HOUR, since_boot=1_000_000.0, boot="b"))

    assert later.least == clock.now() + HOUR
