"""Times as columns: whole microseconds since 1970 in UTC; durations in microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from procession.model.stopwatch import Stopwatch

# Integers and not texts: they compare and add the same way in every database.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_column(moment: datetime) -> int:
    # Never timestamp(): a float has no microseconds left from the year 2242 on, and rounds before.
    return (moment - _EPOCH) // _MICROSECOND


def from_column(value: int) -> datetime:
    return _EPOCH + timedelta(0, 0, value)


def maybe_to_column(moment: datetime | None) -> int | None:
    return None if moment is None else to_column(moment)


def maybe_from_column(value: int | None) -> datetime | None:
    return None if value is None else from_column(value)


def seconds_to_column(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1_000_000)


def seconds_from_column(value: int | None) -> float | None:
    return None if value is None else value / 1_000_000


# `finished_at` of a row with `started_at`, by end_to_columns(): also when the clock was set back meanwhile.
NOT_BEFORE_START = "CASE WHEN started_at + ? > ? THEN started_at + ? ELSE ? END"


def end_to_columns(at: datetime | None, seconds: float | None) -> tuple[int | None, ...]:
    duration, end = seconds_to_column(seconds) or 0, maybe_to_column(at)
    return duration, end, duration, end


def stopwatch(worked: int, beat: int | None) -> Stopwatch:
    return Stopwatch(counted=worked / 1_000_000, since=seconds_from_column(beat))
