"""Large files from a browser: in chunks, by the same sessions as the API's, for inputs of runs and imports of tables.

What a page asks first is what the server has: so it goes on where it stood, after a lost network or another day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from procession.door import upload_sessions
from procession.door.contract import Call, Given, StreamCall
from procession.model.errors import Invalid, NotFound, TooLarge
from procession.model.files import File
from procession.model.ids import FileId, RunId, TableId
from procession.operations import files
from procession.operations import uploads as operations
from procession.operations.act import Act
from procession.operations.uploads import Joined, SessionKey
from procession.store.database import Transaction
from procession.web import preview, session, table_import
from procession.web.forms import Form
from procession.web.page import reader

# A cut costs at most one; each is a sync of the disk, so they are not smaller.
CHUNK_BYTES = 4 * 2**20
SIZE_DIGITS_MAX = 15


class UploadState(msgspec.Struct, frozen=True, kw_only=True):
    """`kept` are the bytes of each chunk that is on disk, by number; `done` says that only the answer was lost.

    `session` is "" where there is none to go on with. `form` is the token of today's session: the page may be older.
    """

    form: str
    session: str = ""
    chunk: int = CHUNK_BYTES
    kept: Mapping[int, int] = {}
    done: bool = False


class UploadDone(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser sees what came of it."""

    page: str


def state(call: Call) -> UploadState:
    """Of the session that the query names, if it is one to go on with."""
    named = call.request.query.get("session", "").lower()
    place = _place(call.tx, call, named)
    try:
        found = operations.find(call.tx, call.caller, place)
    except NotFound:
        return _state(call)
    if found.committed_at is None:
        return _state(call, session=found.id, kept=operations.sizes(call.tx, place))
    # Another file may have taken its place since: then this one is to be sent again.
    is_there = isinstance(found.target, TableId) or files.find(call.tx, found.target).sha256 == found.content
    return _state(call, session=found.id, done=True) if found.content and is_there else _state(call)


def _state(call: Given, **more: Any) -> UploadState:
    return UploadState(form=session.token(call.request), **more)


def _place(tx: Transaction, call: Given, session_id: str) -> SessionKey:
    """Raises NotFound for a file of another run."""
    file = call.find_id(FileId)
    if file is None:
        return SessionKey(target=call.id(TableId), session=session_id)
    preview.of_run(files.find(tx, file), call.id(RunId))
    return SessionKey(target=file, session=session_id)


def begin(call: Call, form: Form) -> UploadState:
    """Refused now, and not after gigabytes, when it is too large."""
    target = _place(call.tx, call, "").target
    size, most = _size(form), call.context.upload_bytes_max
    if size > most:
        shown = reader(call.caller.user, call.now)
        raise TooLarge(f"the file has {shown.size(size)}, and may have at most {shown.size(most)}")
    return _state(call, session=upload_sessions.begin(call, target).id)


def _size(form: Form) -> int:
    text = form.one("size")
    if not (text.isascii() and text.isdecimal() and len(text) <= SIZE_DIGITS_MAX):
        raise Invalid("the size of the file is missing; reload the page and choose the file again")
    return int(text)


async def chunk(call: StreamCall) -> UploadState:
    """Its token stands in the address: its body is read as it comes."""
    session.require_form(call, Form(b""))
    await upload_sessions.keep(call, _placed(call))
    return _state(call, session=call.ids["session"])


def _placed(call: StreamCall) -> SessionKey:
    with call.database.read() as tx:
        return _place(tx, call, call.ids["session"])


async def commit(call: StreamCall, form: Form) -> UploadDone:
    """The file takes the place of what was there, in one moment."""
    place = _placed(call)

    def fill(act: Act, joined: Joined | None) -> File:
        _require_size(joined, form)
        file = operations.commit(act, place, joined, renames=True)
        call.context.announce(act.tx, file.run)
        return file

    await upload_sessions.commit(call, place, fill)
    # Nobody looks at it here: a gigabyte takes longer than proxies wait, and the page asks for it by itself.
    return UploadDone(page=f"/runs/{call.id(RunId)}")


def _require_size(joined: Joined | None, form: Form) -> None:
    """What has arrived is what was chosen. Raises Invalid."""
    if joined is not None and joined[1].size_bytes != (size := _size(form)):
        arrived = joined[1].size_bytes
        raise Invalid(f"the file has {size:,} bytes, and {arrived:,} have arrived; choose it again to send it anew")


async def commit_rows(call: StreamCall, form: Form) -> UploadDone:
    """What is to be imported is there; its preview says what it would change."""
    place = _placed(call)

    def keep(act: Act, joined: Joined | None) -> str:
        _require_size(joined, form)
        return operations.commit_rows(act, place, joined)

    content = await upload_sessions.commit(call, place, keep)
    return UploadDone(page=table_import.address(call.request, call.id(TableId), content, form.one("name")))


async def end(call: StreamCall, form: Form) -> UploadState:
    """Cancelled by its user, or another file was chosen in its place."""
    await upload_sessions.end(call, _placed(call))
    return _state(call)
