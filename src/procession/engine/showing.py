"""What steps say about their progress, as far as it is shown: a few times a second at most."""

from __future__ import annotations

from functools import partial

from procession.engine import notes
from procession.engine.board import Work
from procession.engine.isolation.contract import Progress
from procession.engine.loop import Loop
from procession.engine.options import Tools
from procession.store.database import Task


class Showing:
    """Belongs to the loop's thread. What comes too soon after the last is not shown at all: the next will be."""

    def __init__(self, tools: Tools, loop: Loop) -> None:
        self._tools = tools
        self._loop = loop

    def show(self, work: Work, progress: Progress) -> None:
        moment = self._tools.clock.monotonic()
        if work.is_showing or moment - work.shown < self._tools.settings.progress_seconds:
            return
        work.shown, work.is_showing = moment, True
        self._loop.enlist(partial(notes.write_progress, work=work, progress=progress), partial(self._shown, work))

    def _shown(self, work: Work, _: Task[None]) -> None:
        work.is_showing = False
        self._tools.announcements.ring(work.board.run.id)
