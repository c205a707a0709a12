"""The active runs of an engine, and those it has let go whose processes are being ended."""

from __future__ import annotations

from collections.abc import Callable

from procession.engine.active_run import ActiveRun, Work
from procession.engine.loop import Loop
from procession.model.ids import RunId


class RunsAtWork:
    """Belongs to the loop's thread. Calls `left` when a run needs nothing more."""

    def __init__(self, loop: Loop, left: Callable[[RunId], None]) -> None:
        self._loop = loop
        self._left = left
        self.active: dict[RunId, ActiveRun] = {}
        self.dying: set[RunId] = set()  # their processes are being ended: do not take them yet

    def forget(self, active: ActiveRun) -> None:
        active.is_dropped = True
        self.active.pop(active.run.id, None)
        self._loop.cancel(active.limit)

    def leave(self, active: ActiveRun) -> None:
        """Lets the run go once its processes are gone."""
        if active.leaving:
            self.dying.add(active.run.id)
        else:
            self._left(active.run.id)

    def died(self, work: Work) -> None:
        """The attempt's processes are gone, and its receipt is on disk."""
        active = work.active
        active.leaving.discard(work)
        if active.is_dropped and not active.leaving:
            self.dying.discard(active.run.id)
            self._left(active.run.id)
        self._loop.again()
