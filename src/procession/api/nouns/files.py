"""Files over HTTP: uploaded in constant memory, downloaded with ranges, renamed, emptied, looked at."""

from __future__ import annotations

import asyncio
from functools import partial

from procession.api.wire import files as wire
from procession.api.wire import previews as previews_wire
from procession.api.wire import reading
from procession.door import conditions, uploads
from procession.door.contract import Call, EmptyReply, FileReply, StreamCall
from procession.model.errors import NotFound
from procession.model.files import File, clean_name
from procession.model.ids import FileId
from procession.operations import files, previews
from procession.operations import uploads as upload_operations
from procession.store.blobs import gone
from procession.store.database import Transaction

ATTEMPTS_MAX = 10**9


def metadata(call: Call) -> wire.FileShape:
    return wire.file(files.find(call.tx, call.id(FileId)), call.request.origin)


def rename(call: Call) -> wire.FileShape:
    name = clean_name(reading.name(call.body.get("name"), field="name"))
    # A name is part of what the ETag's owner saw.
    conditions.check_change(call.request.headers, files.find(call.tx, call.id(FileId)))
    file = files.rename(call.act, call.id(FileId), name)
    call.context.announce(call.tx, file.run)
    return wire.file(file, call.request.origin)


async def upload(call: StreamCall) -> wire.FileShape:
    """Refused before the bytes come where that is known already, and asked again when they are here."""
    file_id, resources = call.id(FileId), call.context.resources
    with call.database.read() as tx:
        # Gigabytes that are refused afterwards are an hour of somebody's evening.
        files.check_fill(tx, call.caller, file_id)
        conditions.check_change(call.request.headers, files.find(tx, file_id))
        kept_bytes = upload_operations.kept_bytes(tx, call.caller)
    with call.context.arriving.upload(call.caller.user.id, kept_bytes=kept_bytes) as arrival:
        uploads.require_room(call.request.headers, resources.require_room, arrival)
        # It creates a file, and the disk may be slow.
        sink = uploads.RoomySink(await asyncio.to_thread(resources.blobs.sink), resources.require_room, arrival)
        most = call.context.upload_bytes_max
        upload = await uploads.receive_file(call.receive, call.request.headers, sink, most=most)

    def operation(tx: Transaction) -> File:
        act = call.admit(tx)
        conditions.check_change(call.request.headers, files.find(tx, file_id))
        # The content is durable by now: only its row is written here.
        file = files.fill(act, file_id, upload.name, upload.content)
        call.context.announce(tx, file.run)
        return file

    return wire.file(await asyncio.wrap_future(call.database.submit(operation)), call.request.origin)


def empty(call: Call) -> EmptyReply:
    conditions.check_change(call.request.headers, files.find(call.tx, call.id(FileId)))
    call.context.announce(call.tx, files.empty(call.act, call.id(FileId)).run)
    return EmptyReply()


async def preview(call: StreamCall) -> previews_wire.FilePreview:
    """As the steps of its process will read it, beside the file of the last run that finished."""
    resources = call.context.resources
    with call.database.snapshot() as tx:
        file = files.find(tx, call.id(FileId))
        asked = previews.question(tx, resources, file)
    views = await asyncio.wrap_future(resources.table_workers.call(partial(previews.look, resources, asked)))
    return previews_wire.preview(file, views)


def download(call: Call) -> FileReply:
    """The bytes; ?attempt=N gives them as they were in that attempt at the run."""
    attempt = call.request.query.get("attempt")
    if attempt:
        number = reading.whole(attempt, field="attempt", least=1, most=ATTEMPTS_MAX)
        file = files.at_attempt(call.tx, call.id(FileId), number)
    else:
        file = files.find(call.tx, call.id(FileId))
    if file.sha256 is None:
        raise NotFound(f"file {file.id} is empty: nothing has been uploaded or written to it yet")
    blobs = call.context.resources.blobs
    # A missing content is told now: once the head is sent, only the connection can be cut.
    if blobs.size_bytes(file.sha256) is None:
        raise gone()
    read = partial(blobs.read, file.sha256)
    return FileReply(read=read, size_bytes=file.size_bytes, name=file.name or "file", sha256=file.sha256)
