"""Uploads in chunks: begun, filled in any order, committed as one content (docs/wire.md, Files and uploads)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from procession.model.errors import Invalid, NotFound, TooLarge, TooMany
from procession.model.files import Content, File
from procession.model.ids import FileId
from procession.model.people import Caller, Role
from procession.model.uploads import (
    CHUNKS_MAX,
    SESSION_LIFE,
    Chunk,
    UploadSession,
    UploadTarget,
    check_whole,
)
from procession.operations import files, rights
from procession.operations.act import Act
from procession.store import uploads
from procession.store.chunks import Chunks
from procession.store.database import Database, Transaction

# For a client that comes again: others of its uploads end meanwhile, or its user ends them.
RETRY_SECONDS = 60
# Each is a folder to remove; a tick must end within its second.
EXPIRED_AT_ONCE_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKey:
    """A session as a client names it: what it fills, and which."""

    target: UploadTarget
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadBounds:
    """The most bytes of one file, and of all chunks in the open sessions of one user."""

    file_bytes: int
    user_bytes: int


# Chunks with what they were joined to.
Joined = tuple[list[Chunk], Content]


def begin(act: Act, target: UploadTarget, *, most: int) -> UploadSession:
    """Raises Invalid as files.fill() does, and TooMany where this user has `most` open sessions."""
    tx, user = act.tx, act.caller.user.id
    # Now, and not after gigabytes have been sent.
    _check_target(tx, act.caller, target)
    if uploads.open_sessions(tx, user) >= most:
        text = f"you have {most} upload sessions open; finish some, or wait until they are a day old"
        raise TooMany(text, seconds=RETRY_SECONDS)
    session = UploadSession(id=str(uuid.uuid4()), target=target, user=user, created_at=act.resources.home_clock.least())
    uploads.begin(tx, session)
    return session


def _check_target(tx: Transaction, caller: Caller, target: UploadTarget) -> None:
    """Raises NotFound, Forbidden, and for a file Invalid as files.fill() does."""
    if isinstance(target, FileId):
        files.check_fill(tx, caller, target)
    else:
        rights.require(tx, caller, target, Role.EDITOR)


def find(tx: Transaction, caller: Caller, place: SessionKey) -> UploadSession:
    """The caller's own session of that target. Raises NotFound."""
    session = uploads.find(tx, place.session)
    # In the same words for all three: whether somebody else uploads is not for everybody to know.
    if session is None or session.target != place.target or session.user != caller.user.id:
        raise NotFound(f"there is no upload session {place.session[:80]} for {place.target}; sessions live 24 hours")
    return session


def check_chunk(tx: Transaction, caller: Caller, place: SessionKey, number: int) -> None:
    """May this chunk come? Asked before its bytes, and again by keep(). Raises NotFound, Forbidden, Invalid."""
    session = find(tx, caller, place)
    _check_target(tx, caller, place.target)
    if session.committed_at is not None:
        raise _committed(session.id)
    if not 1 <= number <= CHUNKS_MAX:
        raise Invalid(f"chunks are numbered from 1 to {CHUNKS_MAX}")


def kept_bytes(tx: Transaction, caller: Caller) -> int:
    """Of all chunks in this user's open sessions."""
    return uploads.size_bytes_of(tx, caller.user.id)


def kept_beside(tx: Transaction, caller: Caller, place: SessionKey, number: int) -> int:
    """The same without the chunk that one of this number would replace."""
    return kept_bytes(tx, caller) - uploads.replaced_by(tx, place.session, number)[1]


def full(most: int) -> TooMany:
    return TooMany(
        f"your uploads that are arriving or not finished may have {most:,} bytes together; finish some, or wait until"
        " they are done or a day old",
        seconds=RETRY_SECONDS,
    )


def too_large(most: int) -> TooLarge:
    """Waiting would not help."""
    return TooLarge(f"the uploads of a user may have {most:,} bytes together, and this one has more by itself")


def keep(act: Act, place: SessionKey, chunk: Chunk, bounds: UploadBounds) -> str | None:
    """Record a chunk whose bytes are on disk; gives the name of what had its number before.

    Raises as check_chunk() does, TooLarge beyond the bound of the file, and TooMany beyond the user's.
    """
    tx = act.tx
    # First: what is checked below stays as it is until this transaction ends.
    uploads.hold(tx, place.session)
    check_chunk(tx, act.caller, place, chunk.number)
    # Its bytes go after the commit: until then the row may still be rolled back to.
    before, bytes_before = uploads.replaced_by(tx, place.session, chunk.number)
    more = chunk.size_bytes - bytes_before
    if uploads.size_bytes(tx, place.session) + more > bounds.file_bytes:
        raise TooLarge(
            f"the chunks of upload session {place.session} are larger than {bounds.file_bytes} bytes together"
        )
    # Smaller than before is no step in the wrong direction, whatever the operator has set meanwhile.
    if more > 0 and uploads.size_bytes_of(tx, act.caller.user.id) + more > bounds.user_bytes:
        raise full(bounds.user_bytes)
    if not uploads.keep(tx, place.session, chunk):
        raise _committed(place.session)
    return before


def _committed(session: str) -> Invalid:
    return Invalid(f"upload session {session} was committed; begin another one")


def to_join(tx: Transaction, caller: Caller, place: SessionKey) -> list[Chunk] | None:
    """What a commit would join, in order; None when the session is committed already.

    Raises NotFound, Forbidden, and Invalid for a gap.
    """
    if find(tx, caller, place).committed_at is not None:
        return None
    _check_target(tx, caller, place.target)
    chunks = uploads.chunks(tx, place.session)
    check_whole(chunks)
    return chunks


def commit(act: Act, place: SessionKey, joined: Joined | None, *, renames: bool = False) -> File:
    """Fill the file with what was joined; None for a session that is committed already: the file as it is.

    The file keeps its name; one without a name takes the first chunk's, and with `renames` every one does. Raises as
    to_join() does, and Invalid when a chunk came in between: what the client was told to be complete is not what was
    joined.
    """
    assert isinstance(place.target, FileId)
    chunks, content = _settled(act, place, joined)
    before = files.find(act.tx, place.target)
    if content is None:
        return before
    name = before.name if before.name and not renames else ""
    filled = files.fill(act, place.target, name or (chunks[0].file_name if chunks else "file"), content)
    uploads.commit(act.tx, place.session, content.sha256, act.now)
    return filled


def commit_rows(act: Act, place: SessionKey, joined: Joined | None) -> str:
    """The SHA-256 of what is to be imported into a table. Raises as commit() does."""
    _, content = _settled(act, place, joined)
    if content is not None:
        uploads.commit(act.tx, place.session, content.sha256, act.now)
        return content.sha256
    found = find(act.tx, act.caller, place).content
    assert found is not None, "only releases that keep it know sessions of tables"
    return found


def _settled(act: Act, place: SessionKey, joined: Joined | None) -> tuple[list[Chunk], Content | None]:
    """What becomes of the session in this transaction; no content where it is committed already."""
    uploads.hold(act.tx, place.session)
    present = to_join(act.tx, act.caller, place)
    if present is None:
        return [], None
    # Joining took seconds outside the transaction, and a chunk may have been sent again.
    if joined is None or present != joined[0]:
        raise Invalid("a chunk arrived while the upload was being committed; commit again")
    return joined


def sizes(tx: Transaction, place: SessionKey) -> dict[int, int]:
    """The bytes of each chunk that has arrived, by number."""
    return {chunk.number: chunk.size_bytes for chunk in uploads.chunks(tx, place.session)}


def end(act: Act, place: SessionKey) -> None:
    """Forget the session and what came of it; one that is committed stays, with what it made. Raises NotFound."""
    if find(act.tx, act.caller, place).committed_at is None:
        uploads.remove(act.tx, place.session)


def expire(tx: Transaction, now: datetime) -> list[str]:
    """Forget sessions that are 24 hours old, a few at a time; gives them, so that their bytes can go too."""
    old = uploads.older_than(tx, now - SESSION_LIFE, EXPIRED_AT_ONCE_MAX)
    for session in old:
        uploads.remove(tx, session)
    return old


def tidy(database: Database, chunks: Chunks, now: datetime) -> bool:
    """A tick: sessions that are a day old go, rows first. True when there were some."""
    old = database.write(lambda tx: expire(tx, now))
    for session in old:
        chunks.remove(session)
    return bool(old)


def sweep(database: Database, chunks: Chunks) -> None:
    """What a crash left on disk without a row goes; before anything arrives."""
    with database.read() as tx:
        kept = uploads.stored(tx)
    chunks.sweep(kept)
