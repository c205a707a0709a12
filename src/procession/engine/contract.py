"""The port of the engine: it is told that a run may need attention, and finds out from the store what to do."""

from __future__ import annotations

from typing import Protocol

from procession.model.ids import RunId


class Engine(Protocol):
    """Gets runs done. Losing a call costs milliseconds, never a run: the database is the queue."""

    def start(self) -> None:
        """Recover what an earlier server left, then work until close()."""

    def look(self, run: RunId) -> None:
        """Something was written about this run (started, cancelled, restarted): act on it. Any thread, at once."""

    def close(self) -> None:
        """Stop taking work and end every step process; runs under way go on when the next engine starts."""
