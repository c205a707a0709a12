"""A step's log over HTTP: as it is, or followed until the step ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from procession.api.wire import reading
from procession.door import following
from procession.door.contract import FileReply, StreamCall, StreamReply, TextReply
from procession.model.ids import RunId, StepId
from procession.operations import steps
from procession.operations.steps import LogPlace

TEXT = "text/plain; charset=utf-8"
GROWTH_SECONDS = 0.25  # how late a new line may be seen; the end of the step is announced
ATTEMPTS_MAX = 10**9

Write = Callable[[bytes], Awaitable[None]]


async def log(call: StreamCall) -> FileReply | TextReply | StreamReply:
    """The log of the step's latest try, or of the last one in the run's attempt ?attempt=N."""
    run, step = call.id(RunId), call.id(StepId)
    query = call.request.query
    attempt = None
    if query.get("attempt"):
        attempt = reading.whole(query["attempt"], field="attempt", least=1, most=ATTEMPTS_MAX)
    place = _place(call, run, step, attempt)
    if _is_followed(query):
        return StreamReply(media_type=TEXT, write=lambda write: _follow(call, write))
    size = await asyncio.to_thread(_size_bytes, place.path)
    if size is None or place.path is None:
        return TextReply(text="", media_type=TEXT)
    return FileReply(path=place.path, size_bytes=size, media_type=TEXT)


def _is_followed(query: Mapping[str, str]) -> bool:
    """`?follow` alone means yes. Raises Invalid."""
    given = query.get("follow", "0").lower()
    if given in {"", "1"}:
        return True
    return given != "0" and reading.boolean(given, field="follow")


def _place(call: StreamCall, run: RunId, step: StepId, attempt: int | None = None) -> LogPlace:
    with call.database.read() as tx:
        return steps.log_place(tx, call.parts.office, run, step, attempt=attempt)


def _size_bytes(path: Path | None) -> int | None:
    """None when nothing was written yet."""
    try:
        return None if path is None else path.stat().st_size
    except FileNotFoundError:
        return None


async def _follow(call: StreamCall, write: Write) -> None:
    """Every try of the step from now on, until nothing more can come or the client hangs up."""
    run, step = call.id(RunId), call.id(StepId)
    path: Path | None = None
    offset = 0
    async with following.watching(call, run) as watch:
        while not watch.gone.done():
            # Asked before the file is read: what was written until the end is then in the file.
            place = _place(call, run, step)
            for one in place.after(path):
                path, offset = one, await _copy(one, offset if one == path else 0, write)
            if place.is_over:
                return
            await watch.rest(GROWTH_SECONDS)


async def _copy(path: Path, offset: int, write: Write) -> int:
    """Send what the file has from `offset` on; gives where it ended."""
    while chunk := await asyncio.to_thread(following.read, path, offset):
        await write(chunk)
        offset += len(chunk)
    return offset
