"""The clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from procession.clock import Clock, ManualClock, SystemClock


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
def test_every_clock_tells_aware_utc_and_never_goes_back(clock: Clock) -> None:
    first = clock.monotonic()

    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() >= first


def test_the_system_clock_tells_the_time_of_this_machine() -> None:
    before = datetime.now(UTC)

    now = SystemClock().now()

    assert before <= now <= datetime.now(UTC)


def test_a_manual_clock_stands_still_until_it_is_advanced(clock: ManualClock) -> None:
    now, monotonic = clock.now(), clock.monotonic()
    assert (clock.now(), clock.monotonic()) == (now, monotonic)

    clock.advance(90.5)

    assert clock.now() - now == timedelta(seconds=90.5)
    assert clock.monotonic() - monotonic == 90.5


def test_a_jump_of_the_wall_clock_leaves_durations_alone(clock: ManualClock) -> None:
    now, monotonic = clock.now(), clock.monotonic()

    clock.jump(-3_600)

    assert now - clock.now() == timedelta(hours=1)
    assert clock.monotonic() == monotonic


def test_time_cannot_be_advanced_backwards(clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


def test_a_manual_clock_needs_an_aware_time_and_turns_it_into_utc() -> None:
    sydney = timezone(timedelta(hours=10))

    assert ManualClock(datetime(2026, 1, 1, 10, tzinfo=sydney)).now() == datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 1, 1))
