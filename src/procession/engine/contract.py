"""The port of the engine. It learns that a run may need attention and reads from the store what to do."""

from __future__ import annotations

from typing import Protocol

from procession.model.ids import RunId


class Engine(Protocol):
    """Gets runs done. Losing a call costs milliseconds, never a run: the database is the queue."""

    def start(self) -> None:
        """Recover what an earlier server left, then work until close()."""

    def look(self, run: RunId) -> None:
        """Tells it that a run was started, cancelled or restarted. Any thread; returns at once."""

    def close(self) -> None:
        """Stop taking work and end every step process; runs under way go on when the next engine starts."""
