"""Uploads in chunks over HTTP: in any order, in parallel, each durable before it is acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from procession.api.wire import files as files_wire
from procession.api.wire.uploads import ChunkKept, UploadStarted
from procession.door import conditions, uploads
from procession.door.contract import Call, StreamCall
from procession.door.limits import Arrival
from procession.model.errors import ProcessionError
from procession.model.files import Content, File
from procession.model.ids import FileId
from procession.model.uploads import Chunk
from procession.operations import files
from procession.operations import uploads as operations
from procession.operations.uploads import SessionKey, UploadBounds
from procession.store.database import Transaction


def begin(call: Call) -> UploadStarted:
    conditions.check_change(call.request.headers, files.find(call.tx, call.id(FileId)))
    session = operations.begin(call.act, call.id(FileId), most=call.context.limits.uploads_max)
    # Two spellings: the documents' and the SDK's.
    return UploadStarted(uploadSessionId=session.id, uploadsessionid=session.id)


async def chunk(call: StreamCall) -> ChunkKept:
    """Streamed to disk in constant memory; a number that comes again replaces what it had before."""
    place, number, chunks = _place(call), call.ids["chunk"], call.context.resources.chunks
    bounds = UploadBounds(file_bytes=call.context.upload_bytes_max, user_bytes=call.context.limits.upload_bytes_max)
    with call.database.read() as tx:
        operations.check_chunk(tx, call.caller, place, number)
        kept_bytes = operations.kept_beside(tx, call.caller, place, number)
        conditions.check_change(call.request.headers, files.find(tx, place.file))
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
    return ChunkKept(fileId=str(place.file), uploadSessionId=place.session, chunkId=number, chunkHash=kept.sha256)


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


async def commit(call: StreamCall) -> files_wire.FileShape:
    """The chunks become one content beside the old one; then one transaction makes it the file's."""
    place, resources = _place(call), call.context.resources
    with call.database.read() as tx:
        found = operations.to_join(tx, call.caller, place)
        if found is not None:
            conditions.check_change(call.request.headers, files.find(tx, place.file))
    joined: tuple[list[Chunk], Content] | None = None
    if found is not None:
        # What is gone was replaced, or another commit was faster: the transaction below tells which.
        with contextlib.suppress(FileNotFoundError):
            joined = found, await asyncio.to_thread(resources.chunks.join, place.session, found, resources.blobs)

    def operation(tx: Transaction) -> File:
        act = call.admit(tx)
        # A commit that is sent again has changed what it asks about by itself.
        if operations.to_join(tx, act.caller, place) is not None:
            conditions.check_change(call.request.headers, files.find(tx, place.file))
        file = operations.commit(act, place, joined)
        call.context.announce(tx, file.run)
        return file

    # The content has its lasting name by now; the transaction gives it to the file.
    file = await _written(call, operation)
    # After the commit: a crash before it must find the chunks.
    await asyncio.to_thread(resources.chunks.remove, place.session)
    return files_wire.file(file, call.request.origin)


def _place(call: StreamCall) -> SessionKey:
    return SessionKey(file=call.id(FileId), session=call.ids["session"])


async def _written(call: StreamCall, operation: Any) -> Any:
    return await asyncio.wrap_future(call.database.submit(operation))
