"""How long things take: counted by the steady clock, from parts that are stored, whatever the wall clock does."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec


class Stopwatch(msgspec.Struct, frozen=True, kw_only=True):
    """The time in which somebody worked on a run, over all its attempts; what lies between them is not counted."""

    counted: float = 0.0  # seconds, up to `since`
    since: float | None = None  # by the steady clock of the machine that works on it; None: it stands

    def at(self, steady: float | None) -> float:
        """Seconds; `steady` None: nobody works on this home, so nothing goes on."""
        if self.since is None or steady is None:
            return self.counted
        # Another machine's steady clock begins elsewhere: never less than what was counted.
        return self.counted + max(steady - self.since, 0.0)


def end(started_at: datetime, seconds: float, now: datetime) -> datetime:
    """The date of an end: never before the start and the duration allow, though the clock was set back meanwhile."""
    return max(now, started_at + timedelta(seconds=seconds))
