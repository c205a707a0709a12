"""Work for a request that lasts: until it is done, its caller loses the right to it, or the client hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from procession.door import bodies
from procession.door.contract import Receive

# How long an answer under way outlives the token that asked for it (at most a second).
RECHECK_SECONDS = 0.5


async def watched(work: Awaitable[Any], recheck: Callable[[], None], receive: Receive | None = None) -> Any:
    """The result; `recheck` raises once the caller may no longer have it.

    With `receive`, which nobody else may wait for, also until the client hangs up. Raises ClientGone.
    """
    task = asyncio.ensure_future(work)
    gone = receive and asyncio.ensure_future(bodies.hang_up(receive))
    ends = {task, gone} if gone else {task}
    try:
        # wait() and not wait_for(): a time-out here is a look at the permission and must not cancel the answer.
        while not (await asyncio.wait(ends, timeout=RECHECK_SECONDS, return_when=asyncio.FIRST_COMPLETED))[0]:
            recheck()
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
