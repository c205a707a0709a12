"""A step's log over HTTP: as it is, or followed until the step ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from procession.api.wire import reading
from procession.door import following
from procession.door.contract import FileReply, StreamCall, StreamReply, TextReply
from procession.model.ids import RunId, StepId
from procession.operations import steps
from procession.operations.steps import Tries
from procession.store import step_logs

TEXT = "text/plain; charset=utf-8"
# A bound for the text, not a limit on restarts.
ATTEMPTS_MAX = 10**9

Write = Callable[[bytes], Awaitable[None]]


async def log(call: StreamCall) -> FileReply | TextReply | StreamReply:
    """The log of the step's latest try, or of the last one in the run's attempt ?attempt=N."""
    run, step = call.id(RunId), call.id(StepId)
    query = call.request.query
    attempt = None
    if query.get("attempt"):
        attempt = reading.whole(query["attempt"], field="attempt", least=1, most=ATTEMPTS_MAX)
    # Also where the log is followed: a step that is not there must be a 404, not an empty stream.
    latest = _tries(call, run, step, attempt).latest
    if _is_followed(query):
        return StreamReply(media_type=TEXT, write=lambda write: _follow(call, write))
    kept = call.context.resources.step_logs
    size = 0 if latest is None else await asyncio.to_thread(kept.size_bytes, latest)
    # A log that is empty has no range, and a FileReply of nothing could not be read.
    if latest is None or not size:
        return TextReply(text="", media_type=TEXT)
    return FileReply(read=partial(step_logs.pieces, kept, latest), size_bytes=size, media_type=TEXT)


def _is_followed(query: Mapping[str, str]) -> bool:
    """`?follow` alone means yes. Raises Invalid."""
    given = query.get("follow", "0").lower()
    if given in {"", "1"}:
        return True
    return given != "0" and reading.boolean(given, field="follow")


def _tries(call: StreamCall, run: RunId, step: StepId, attempt: int | None = None) -> Tries:
    with call.database.read() as tx:
        return steps.tries(tx, run, step, attempt=attempt)


async def _follow(call: StreamCall, write: Write) -> None:
    """Every try of the step from now on, until nothing more can come."""
    run, step = call.id(RunId), call.id(StepId)
    # None until the first try is seen: a follower that comes late begins with the latest.
    number: int | None = None
    offset = 0
    async with following.watching(call, run) as watch:
        while True:
            # Asked before the log is read: what was written until the end is then in the log.
            tries = _tries(call, run, step)
            for one in tries.after(number):
                number, offset = one, await _copy(call, one, offset if one == number else 0, write)
            if tries.is_over:
                return
            await watch.rest()


async def _copy(call: StreamCall, attempt: int, offset: int, write: Write) -> int:
    """Send what the log has from `offset` on; gives where it ended."""
    while chunk := await asyncio.to_thread(call.context.resources.step_logs.read, attempt, offset):
        await write(chunk)
        offset += len(chunk)
    return offset
