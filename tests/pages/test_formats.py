"""Numbers, times and sizes as a person reads them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from procession.pages import formats
from procession.pages.formats import Reader

NOW = datetime(2026, 12, 3, 8, 41, 7, tzinfo=UTC)
VIENNA = Reader(zone=ZoneInfo("Europe/Vienna"), now=NOW)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("1234.50", "1,234.50"),
        ("-1204.5", "-1,204.5"),
        ("0", "0"),
        ("0.00", "0.00"),
        ("999", "999"),
        ("12345678901234567890.123456789", "12,345,678,901,234,567,890.123456789"),
        ("1e5", "1e5"),
        ("NaN", "NaN"),
        ("a", "a"),
        ("", ""),
    ],
)
def test_a_number_keeps_all_its_digits(stored: str, shown: str) -> None:
    assert formats.number(stored) == shown


@pytest.mark.parametrize(
    ("separator", "mark", "shown"), [(".", ",", "1.234,50"), (" ", ",", "1 234,50"), ("", ".", "1234.50")]
)
def test_a_number_is_written_in_the_readers_language(separator: str, mark: str, shown: str) -> None:
    assert formats.number("1234.50", separator=separator, mark=mark) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (84_200, "84.2 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (5 * 10**9, "5.0 GB"),
    ],
)
def test_a_size_has_the_unit_that_fits(count: int, shown: str) -> None:
    assert VIENNA.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, ""),
        (0.4, "0 s"),
        (41, "41 s"),
        (59.99, "59 s"),
        (247, "4 min 07 s"),
        (7_200, "2 h 00 min"),
        (3_600_000, "1,000 h 00 min"),
    ],
)
def test_a_duration_is_told_in_at_most_two_units(seconds: float | None, shown: str) -> None:
    assert formats.duration(seconds) == shown


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (timedelta(), "today 09:41"),
        (timedelta(hours=9, minutes=42), "yesterday 23:59"),
        (timedelta(days=1), "yesterday 09:41"),
        (timedelta(days=2), "1 Dec 2026 09:41"),
        (timedelta(days=-1), "4 Dec 2026 09:41"),
    ],
)
def test_a_moment_is_told_in_the_readers_zone_and_never_without_its_day(ago: timedelta, shown: str) -> None:
    assert f">{shown}</time>" in VIENNA.moment(NOW - ago)
    assert VIENNA.moment(NOW - ago, alone=True).striptags() == shown[0].upper() + shown[1:]


def test_a_moment_says_exactly_when_in_utc() -> None:
    marked = VIENNA.moment(NOW, seconds=True)

    assert marked == (
        '<time datetime="2026-12-03T08:41:07Z" title="2026-12-03 08:41:07 UTC" data-day="3 Dec 2026 09:41:07">'
        "today 09:41:07</time>"
    )
    assert "data-day" not in VIENNA.moment(NOW - timedelta(days=2))
    assert VIENNA.clock(NOW).striptags() == "09:41:07"
    assert VIENNA.moment(None) == ""


def test_a_day_is_one_in_every_language() -> None:
    assert formats.day(date(2026, 3, 4)) == "4 Mar 2026"
