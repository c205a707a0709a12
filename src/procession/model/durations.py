"""Durations as a process file writes them: 90s, 10m, 2h, 1d or 1h30m; a number alone is seconds."""

from __future__ import annotations

import math
import re
from decimal import Decimal

# A year: longer is a typo, and larger numbers overflow dates.
SECONDS_MAX = 366 * 86_400

_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?\Z", re.ASCII
)
_UNIT_SECONDS = (86_400, 3_600, 60, 1)


def seconds(value: object) -> float | None:
    """None for what is no duration; whether it is too long is for the caller to say."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return float(value)
    found = _DURATION.match(value.replace(" ", "")) if isinstance(value, str) and value else None
    if found is None:
        return None
    return math.fsum(float(part) * unit for part, unit in zip(found.groups(), _UNIT_SECONDS, strict=True) if part)
