"""Moments and durations as the wire spells them, each with its reason (docs/wire.md)."""

from __future__ import annotations

from datetime import UTC, datetime


def seven_digits(at: datetime) -> str:
    """UTC, seven fractional digits, no Z: 2020-06-15T02:24:14.2700000 (processes and runs, as documented)."""
    # .NET's seven digits; a client that cuts the text at a fixed place relies on them.
    return _utc(at, "microseconds") + "0"


def milliseconds(at: datetime | None) -> str | None:
    """UTC, milliseconds, no Z (a run's status). Unset is null, never "": the documents show both, and a date parser
    accepts only null."""
    return None if at is None else _utc(at, "milliseconds")


def milliseconds_z(at: datetime | None) -> str | None:
    """UTC, milliseconds, with Z: only a step's status is documented with it."""
    return None if at is None else moment(at)


def moment(at: datetime) -> str:
    return _utc(at, "milliseconds") + "Z"


def _utc(at: datetime, precision: str) -> str:
    # The comparison saves a conversion for each of the dates of a status.
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec=precision).removesuffix("+00:00")


def whole_seconds(seconds: float | None) -> int | None:
    """Durations are integer seconds, rounded down; a clock that was set back gives 0, not -1."""
    return None if seconds is None else max(0, int(seconds))
