"""Following what grows: a file that a step writes, and news of a run. Dispatch notices who hangs up meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from procession.door.contract import StreamCall
from procession.model.ids import RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """While a client listens."""

    news: asyncio.Event

    async def rest(self, seconds: float) -> None:
        """Until there is news, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.news.wait()
        # After the wait and before the caller looks: news that come while it looks wake the next rest.
        self.news.clear()


@asynccontextmanager
async def watching(call: StreamCall, run: RunId) -> AsyncIterator[Watch]:
    """News of the run are announced from now on."""
    news, loop = asyncio.Event(), asyncio.get_running_loop()
    # The engine's thread calls it; an asyncio event is not safe for other threads.
    forget = call.context.announcements.listen(run, lambda: loop.call_soon_threadsafe(news.set))
    try:
        yield Watch(news=news)
    finally:
        forget()
