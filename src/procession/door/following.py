"""Following what grows: a file that a step writes, news of a run, and the client that may hang up meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from procession.door import bodies
from procession.door.contract import StreamCall
from procession.model.ids import RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """While a client listens: `gone` is done when it hung up."""

    news: asyncio.Event
    gone: asyncio.Task[Any]

    async def rest(self, seconds: float) -> None:
        """Until there is news, the client is gone, or the time is over."""
        # A task of its own each time: wait() leaves what did not finish running.
        waiting = asyncio.ensure_future(self.news.wait())
        try:
            await asyncio.wait({waiting, self.gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        # After the wait and before the caller looks: news that come while it looks wake the next rest.
        self.news.clear()


@asynccontextmanager
async def watching(call: StreamCall, run: RunId) -> AsyncIterator[Watch]:
    """News of the run are announced from now on."""
    news, loop = asyncio.Event(), asyncio.get_running_loop()
    # The engine's thread calls it; an asyncio event is not safe for other threads.
    forget = call.context.announcements.listen(run, lambda: loop.call_soon_threadsafe(news.set))
    gone = asyncio.create_task(bodies.hang_up(call.receive))
    try:
        yield Watch(news=news, gone=gone)
    finally:
        gone.cancel()
        forget()
