"""Following what grows: a file that a step writes, and news of a run. Dispatch notices who hangs up meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from procession.door.contract import StreamCall
from procession.model.ids import RunId

GROWTH_SECONDS = 0.25  # how late a log line may be seen; changes are seen at once


@dataclass(slots=True, kw_only=True)
class Watch:
    """While a client listens."""

    news: asyncio.Event
    _is_growing: bool = field(default=False, init=False)

    async def rest(self, seconds: float | None = None) -> None:
        """Until there is news, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.news.wait()
        # After the wait and before the caller looks: news that come while it looks wake the next rest.
        self.news.clear()

    def grow(self, loop: asyncio.AbstractEventLoop) -> None:
        """A log has grown: news in a moment, with what it grows until then. From any thread."""
        # What was appended before this is asked is read after the flag falls.
        if not self._is_growing:
            self._is_growing = True
            loop.call_soon_threadsafe(loop.call_later, GROWTH_SECONDS, self._has_grown)

    def _has_grown(self) -> None:
        self._is_growing = False
        self.news.set()


@asynccontextmanager
async def watching(call: StreamCall, run: RunId) -> AsyncIterator[Watch]:
    """News of the run are announced from now on."""
    loop, watch = asyncio.get_running_loop(), Watch(news=asyncio.Event())
    # The engine's thread calls them; an asyncio event is not safe for other threads.
    forget = call.context.announcements.listen(
        run, partial(loop.call_soon_threadsafe, watch.news.set), grown=partial(watch.grow, loop)
    )
    try:
        yield watch
    finally:
        forget()
