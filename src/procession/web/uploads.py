"""Forms that may hold files, and files that are sent as soon as they are chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from procession.door import bodies, sent_forms, uploads
from procession.door.contract import StreamCall
from procession.door.sent_forms import SentFile
from procession.operations import uploads as upload_operations
from procession.web import session
from procession.web.forms import Form

_MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """`files` by the field in which they were chosen; `refused` says why one was not taken."""

    form: Form
    files: Sequence[SentFile] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    def file(self, name: str) -> SentFile | None:
        return next((sent for sent in self.files if sent.field == name), None)


async def received(call: StreamCall) -> Received:
    """The form of one of our pages, its files on disk. Raises Forbidden before any of it is read, and Invalid."""
    headers = call.request.headers
    if not headers.get("content-type", "").lower().startswith(_MULTIPART):
        form = Form(await bodies.read_small(call.receive, headers))
        session.require_form(call, form)
        return Received(form=form)
    session.require_form(call, Form(b""))
    resources = call.context.resources
    with call.database.read() as tx:
        kept_bytes = upload_operations.kept_bytes(tx, call.caller)
    with call.context.arriving.upload(call.caller.user.id, kept_bytes=kept_bytes) as arrival:
        # A form without files costs no room.
        uploads.require_room(headers, lambda: None, arrival)

        def make_sink() -> uploads.RoomySink:
            resources.require_room()
            return uploads.RoomySink(resources.blobs.sink(), resources.require_room, arrival)

        sent = await sent_forms.receive_form(call.receive, headers, make_sink, most=call.context.upload_bytes_max)
    form = await asyncio.to_thread(Form.of, sent.pairs)
    return Received(form=form, files=sent.files, refused=sent.refused)
