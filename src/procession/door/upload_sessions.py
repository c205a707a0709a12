"""Uploads in chunks as both doors take them: each durable before it is acknowledged, joined beside what is there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import TypeVar

from procession.door import conditions, uploads
from procession.door.contract import Call, StreamCall
from procession.door.limits import Arrival
from procession.model.errors import ProcessionError
from procession.model.ids import FileId
from procession.model.uploads import Chunk, UploadSession, UploadTarget
from procession.operations import files
from procession.operations import uploads as operations
from procession.operations.act import Act
from procession.operations.uploads import Joined, SessionKey, UploadBounds
from procession.store.database import Transaction

T = TypeVar("T")


def begin(call: Call, target: UploadTarget) -> UploadSession:
    _check_change(call.tx, call.request.headers, target)
    return operations.begin(call.act, target, most=call.context.limits.uploads_max)


async def keep(call: StreamCall, place: SessionKey) -> Chunk:
    """Streamed to disk in constant memory; a number that comes again replaces what it had before."""
    number, chunks = call.ids["chunk"], call.context.resources.chunks
    bounds = UploadBounds(file_bytes=call.context.upload_bytes_max, user_bytes=call.context.limits.upload_bytes_max)
    with call.database.read() as tx:
        operations.check_chunk(tx, call.caller, place, number)
        kept_bytes = operations.kept_beside(tx, call.caller, place, number)
        _check_change(tx, call.request.headers, place.target)
    with call.context.arriving.upload(call.caller.user.id, kept_bytes=kept_bytes) as arrival:
        kept = await _received(call, place, number, arrival)
    try:
        before = await _written(call, lambda tx: operations.keep(call.admit(tx), place, kept, bounds))
    except ProcessionError as error:
        # Only what was refused: after any other error, or when the client hangs up, the row may be there.
        if error.status < 500:
            await asyncio.to_thread(chunks.drop, place.session, number, kept.stored_as)
        raise
    # Only now: until the commit, the old chunk was the one that counted.
    if before is not None:
        await asyncio.to_thread(chunks.drop, place.session, number, before)
    return kept


async def _received(call: StreamCall, place: SessionKey, number: int, arrival: Arrival) -> Chunk:
    """Its bytes are on disk. A session that is committed or too old meanwhile takes its folder with it."""
    resources = call.context.resources
    uploads.require_room(call.request.headers, resources.require_room, arrival)
    try:
        sink = await asyncio.to_thread(resources.chunks.sink, place.session, number)
        roomy = uploads.RoomySink(sink, resources.require_room, arrival)
        most = call.context.upload_bytes_max
        got = await uploads.receive_file(call.receive, call.request.headers, roomy, most=most)
    # The folder went while the bytes came: check_chunk() says in words why.
    except FileNotFoundError:
        with call.database.read() as tx:
            operations.check_chunk(tx, call.caller, place, number)
        raise
    return Chunk(
        number=number,
        stored_as=sink.name,
        file_name=got.name,
        sha256=got.content.sha256,
        size_bytes=got.content.size_bytes,
    )


async def commit(call: StreamCall, place: SessionKey, operation: Callable[[Act, Joined | None], T]) -> T:
    """The chunks become one content beside the old one; then one transaction, `operation`, puts it to use."""
    resources = call.context.resources
    with call.database.read() as tx:
        found = operations.to_join(tx, call.caller, place)
        if found is not None:
            _check_change(tx, call.request.headers, place.target)
    joined: Joined | None = None
    if found is not None:
        # What is gone was replaced, or another commit was faster: the transaction below tells which.
        with contextlib.suppress(FileNotFoundError):
            joined = found, await asyncio.to_thread(resources.chunks.join, place.session, found, resources.blobs)

    def write(tx: Transaction) -> T:
        act = call.admit(tx)
        # A commit that is sent again has changed what it asks about by itself.
        if operations.to_join(tx, act.caller, place) is not None:
            _check_change(tx, call.request.headers, place.target)
        return operation(act, joined)

    # The content has its lasting name by now; the transaction gives it to the file.
    done = await _written(call, write)
    # After the commit: a crash before it must find the chunks.
    await asyncio.to_thread(resources.chunks.remove, place.session)
    return done


async def end(call: StreamCall, place: SessionKey) -> None:
    """What has arrived goes, and its room is free again."""
    await _written(call, lambda tx: operations.end(call.admit(tx), place))
    await asyncio.to_thread(call.context.resources.chunks.remove, place.session)


async def _written(call: StreamCall, operation: Callable[[Transaction], T]) -> T:
    done: T = await asyncio.wrap_future(call.database.submit(operation))
    return done


def _check_change(tx: Transaction, headers: Mapping[str, str], target: UploadTarget) -> None:
    # What is to be imported has no ETag: the dispatcher has refused conditions on it.
    if isinstance(target, FileId):
        conditions.check_change(headers, files.find(tx, target))
