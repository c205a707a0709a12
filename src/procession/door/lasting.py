"""Work for a request that lasts: until it is done, its caller loses the right to it, or the client hangs up.

One look for all of it, twice a second, finds whether anything was committed, by this process or by another. Only then
is each caller admitted again: what waits while nothing happens costs next to nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from procession.door import bodies
from procession.door.context import HandlerContext
from procession.door.contract import Receive, RequestDatabase
from procession.model.errors import Unavailable

# How long an answer under way outlives the token that asked for it (at most a second).
RECHECK_SECONDS = 0.5
ADMITTED_AT_ONCE = 50  # then others have the event loop, for a moment
# How late something is seen that was committed without a word to this process.
RING_SECONDS = 5.0

# Raises once the caller may no longer have the answer; gives when to ask again, whatever happens until then.
Recheck = Callable[[], datetime | None]
_AT_ONCE = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, kw_only=True, eq=False)
class _Guest:
    knock: asyncio.Future[None]  # done when it must be admitted again
    # Admitted before it came here: what was committed in between is news to nobody else.
    due: datetime | None = _AT_ONCE


@dataclass(slots=True, kw_only=True)
class Lasting:
    """All that lasts. Of the event loop alone."""

    database: RequestDatabase
    context: HandlerContext
    _guests: dict[_Guest, None] = field(default_factory=dict, init=False)
    _rounds: asyncio.Task[None] | None = field(default=None, init=False)
    _version: int | None = field(default=None, init=False)
    _is_ring_owed: bool = field(default=False, init=False)
    _rang_at: float | None = field(default=None, init=False)

    async def watched(self, work: Awaitable[Any], recheck: Recheck, receive: Receive | None = None) -> Any:
        """The result; or what `recheck` raises.

        With `receive`, which nobody else may wait for, also until the client hangs up. Raises ClientGone.
        """
        task = asyncio.ensure_future(work)
        gone = receive and asyncio.ensure_future(bodies.hang_up(receive))
        try:
            with self._guest() as guest:
                await _until({task, gone} if gone else {task}, guest, recheck)
            if not task.done():
                raise bodies.ClientGone
            return task.result()
        finally:
            if gone:
                gone.cancel()
            # The permission is gone or the server ends: what still runs would write to a connection that is given up.
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    @contextmanager
    def _guest(self) -> Iterator[_Guest]:
        guest = _Guest(knock=asyncio.get_running_loop().create_future())
        self._guests[guest] = None
        if self._rounds is None or self._rounds.done():
            # Now, before anything is read for them: what is committed from here on is news.
            self._version = self._seen()
            self._rounds = asyncio.create_task(self._make_rounds())
        try:
            yield guest
        finally:
            del self._guests[guest]

    async def _make_rounds(self) -> None:
        """As long as anybody is there."""
        loop = asyncio.get_running_loop()
        while self._guests:
            await asyncio.sleep(RECHECK_SECONDS)
            has_changed = self._has_changed()
            await self._admit_again(has_changed=has_changed)
            self._is_ring_owed |= has_changed
            if self._is_ring_owed and (self._rang_at is None or loop.time() - self._rang_at >= RING_SECONDS):
                self._is_ring_owed, self._rang_at = False, loop.time()
                self.context.announcements.ring_all()

    def _has_changed(self) -> bool:
        before, self._version = self._version, self._seen()
        # What cannot be read may have changed: each guest's own look says so.
        return self._version is None or self._version != before

    def _seen(self) -> int | None:
        try:
            return self.database.version()
        except Unavailable:
            return None

    async def _admit_again(self, *, has_changed: bool) -> None:
        now = self.context.resources.home_clock.most()
        asked = [guest for guest in self._guests if has_changed or (guest.due is not None and guest.due <= now)]
        for number, guest in enumerate(asked, 1):
            if not guest.knock.done():
                guest.knock.set_result(None)
            if number % ADMITTED_AT_ONCE == 0:
                await asyncio.sleep(0)


async def _until(ends: set[asyncio.Future[Any]], guest: _Guest, recheck: Recheck) -> None:
    """One of them ends, or `recheck` raises."""
    while not any(end.done() for end in ends):
        await asyncio.wait({*ends, guest.knock}, return_when=asyncio.FIRST_COMPLETED)
        if guest.knock.done():
            guest.knock = asyncio.get_running_loop().create_future()
            guest.due = recheck()
