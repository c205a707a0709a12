"""The results of a run as a zip that is made while it is sent, in constant memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from procession.door.contract import StreamReply
from procession.door.downloads import disposition
from procession.operations.results import Archive


def reply(archive: Archive) -> StreamReply:
    """A content that is lost while it is sent ends the connection: never a whole-looking, short file."""
    headers = {"content-disposition": disposition(archive.name), "content-security-policy": "sandbox"}
    return StreamReply(media_type="application/zip", write=partial(_send, archive), headers=headers)


async def _send(archive: Archive, write: Callable[[bytes], Awaitable[None]]) -> None:
    pieces = archive.pieces()
    # In a thread: it reads files and compresses.
    while piece := await asyncio.to_thread(next, pieces, b""):
        await write(piece)
