"""Uploads in chunks over HTTP: in any order, in parallel."""

from __future__ import annotations

from procession.api.wire import files as files_wire
from procession.api.wire.uploads import ChunkKept, UploadStarted
from procession.door import upload_sessions
from procession.door.contract import Call, StreamCall
from procession.model.files import File
from procession.model.ids import FileId
from procession.operations import uploads as operations
from procession.operations.act import Act
from procession.operations.uploads import Joined, SessionKey


def begin(call: Call) -> UploadStarted:
    session = upload_sessions.begin(call, call.id(FileId))
    # Two spellings: the documents' and the SDK's.
    return UploadStarted(uploadSessionId=session.id, uploadsessionid=session.id)


async def chunk(call: StreamCall) -> ChunkKept:
    place = _place(call)
    kept = await upload_sessions.keep(call, place)
    return ChunkKept(
        fileId=str(place.target), uploadSessionId=place.session, chunkId=kept.number, chunkHash=kept.sha256
    )


async def commit(call: StreamCall) -> files_wire.FileShape:
    place = _place(call)

    def operation(act: Act, joined: Joined | None) -> File:
        file = operations.commit(act, place, joined)
        call.context.announce(act.tx, file.run)
        return file

    return files_wire.file(await upload_sessions.commit(call, place, operation), call.request.origin)


def _place(call: StreamCall) -> SessionKey:
    return SessionKey(target=call.id(FileId), session=call.ids["session"])
