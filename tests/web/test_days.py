"""A day in a filter is a day where its reader lives: also where the clocks are set at midnight."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from procession.model import timezones
from procession.web import run_filters
from procession.web.log import LogQuery
from procession.web.run_filters import ListFilter

MOMENT = timedelta(microseconds=1)
NOBODY: Any = None
# The hour before midnight comes twice in three of these, and in Havana that behind it; Nuuk skips the last of a day.
SANTIAGO, BEIRUT, CAIRO = (
    ("America/Santiago", "2026-04-05"),
    ("Asia/Beirut", "2026-10-25"),
    ("Africa/Cairo", "2026-10-30"),
)
HAVANA, NUUK = ("America/Havana", "2026-11-01"), ("America/Nuuk", "2026-03-29")


def bounds(day: date, zone: str) -> list[tuple[datetime, datetime]]:
    """The first and the last moment of the day, by the list of runs and by the log."""
    runs = run_filters.applied(NOBODY, NOBODY, ListFilter(since=f"{day}", until=f"{day}"), ZoneInfo(zone))
    log = LogQuery(words="", who="", about="", start=day, end=day, cursor=None).filter(ZoneInfo(zone))
    found = [(runs.created_after, runs.created_before), (log.after_at, log.before_at)]
    # In UTC, as rows are compared; the bounds are strict.
    return [
        (a.astimezone(UTC) + MOMENT, b.astimezone(UTC) - MOMENT) for a, b in found if a is not None and b is not None
    ]


def is_whole(day: date, zone: str) -> bool:
    """Whether both begin with the first moment of the day there, and end with its last."""
    own, found = ZoneInfo(zone), bounds(day, zone)
    inside = [[at.astimezone(own).date() == day for at in one] for one in found]
    outside = [[at.astimezone(own).date() == day for at in (first - MOMENT, last + MOMENT)] for first, last in found]
    return inside == [[True, True]] * 2 and outside == [[False, False]] * 2


@pytest.mark.parametrize(("zone", "day"), [SANTIAGO, BEIRUT, CAIRO, HAVANA, NUUK])
def test_a_day_begins_with_its_first_moment_where_clocks_are_set_at_midnight(zone: str, day: str) -> None:
    """moment/moment#4727, TooTallNate/node-time#28: an hour of the day before counted, or the first hour did not."""
    assert is_whole(date.fromisoformat(day), zone)


def test_each_day_on_which_clocks_are_set_is_whole_in_every_zone() -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(366)]
    for zone in {timezones.iana(name) for name in timezones.NAMES}:
        own = ZoneInfo(zone)
        changes = [
            day
            for before, day in pairwise(days)
            if datetime(before.year, before.month, before.day, tzinfo=own).utcoffset()
            != datetime(day.year, day.month, day.day, tzinfo=own).utcoffset()
        ]
        assert all(is_whole(near, zone) for day in changes for near in (day - timedelta(days=1), day))
