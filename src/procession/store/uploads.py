"""Upload sessions and their chunks: every statement about them."""

from __future__ import annotations

from datetime import datetime

from procession.model.ids import FileId, TableId, UserId
from procession.model.uploads import Chunk, UploadSession
from procession.store import times
from procession.store.database import Transaction


def begin(tx: Transaction, session: UploadSession) -> None:
    tx.run(
        "INSERT INTO upload_session (id, file_id, table_id, user_id, created_at) VALUES (?, ?, ?, ?, ?)",
        session.id,
        session.target.number if isinstance(session.target, FileId) else None,
        session.target.number if isinstance(session.target, TableId) else None,
        session.user.number,
        times.to_column(session.created_at),
    )


def find(tx: Transaction, session: str) -> UploadSession | None:
    sql = "SELECT file_id, table_id, user_id, created_at, committed_at, content FROM upload_session WHERE id = ?"
    row = tx.one(sql, session)
    if row is None:
        return None
    file, table, user, created_at, committed_at, content = row
    return UploadSession(
        id=session,
        target=TableId(table) if file is None else FileId(file),
        user=UserId(user),
        created_at=times.from_column(created_at),
        committed_at=None if committed_at is None else times.from_column(committed_at),
        content=content,
    )


def open_sessions(tx: Transaction, user: UserId) -> int:
    """How many this user has begun and not committed."""
    row = tx.one("SELECT count(*) FROM upload_session WHERE user_id = ? AND committed_at IS NULL", user.number)
    assert row is not None
    (count,) = row
    return int(count)


def chunks(tx: Transaction, session: str) -> list[Chunk]:
    """In order."""
    rows = tx.all(
        "SELECT number, stored_as, file_name, sha256, size FROM upload_chunk WHERE session_id = ? ORDER BY number",
        session,
    )
    return [
        Chunk(number=number, stored_as=stored_as, file_name=file_name, sha256=sha256, size_bytes=size)
        for number, stored_as, file_name, sha256, size in rows
    ]


def size_bytes_of(tx: Transaction, user: UserId) -> int:
    """The bytes of all chunks in this user's open sessions."""
    sql = "SELECT coalesce(sum(size), 0) FROM upload_session WHERE user_id = ? AND committed_at IS NULL"
    row = tx.one(sql, user.number)
    assert row is not None
    (total,) = row
    return int(total)


def replaced_by(tx: Transaction, session: str, number: int) -> tuple[str | None, int]:
    """The name on disk of what has that number now, and its bytes; None and 0 where nothing has."""
    row = tx.one("SELECT stored_as, size FROM upload_chunk WHERE session_id = ? AND number = ?", session, number)
    if row is None:
        return None, 0
    stored_as, size = row
    return str(stored_as), int(size)


def size_bytes(tx: Transaction, session: str) -> int:
    """The bytes of all its chunks."""
    row = tx.one("SELECT size FROM upload_session WHERE id = ?", session)
    assert row is not None
    (size,) = row
    return int(size)


def hold(tx: Transaction, session: str) -> None:
    """Nobody else adds to the session or commits it before this transaction ends."""
    # A write that changes nothing locks the row, also where each statement sees what others have committed meanwhile.
    tx.run("UPDATE upload_session SET committed_at = NULL WHERE id = ? AND committed_at IS NULL", session)


def keep(tx: Transaction, session: str, chunk: Chunk) -> bool:
    """A number that came before counts no more. False, and nothing is kept, once the session is committed."""
    _, bytes_before = replaced_by(tx, session, chunk.number)
    kept = tx.run(
        "INSERT INTO upload_chunk (session_id, number, stored_as, file_name, sha256, size)"
        # In the statement: a session committed between a look and a write would lose this chunk silently.
        " SELECT id, ?, ?, ?, ?, ? FROM upload_session WHERE id = ? AND committed_at IS NULL"
        " ON CONFLICT (session_id, number) DO UPDATE SET stored_as = excluded.stored_as,"
        " file_name = excluded.file_name, sha256 = excluded.sha256, size = excluded.size",
        *(chunk.number, chunk.stored_as, chunk.file_name, chunk.sha256, chunk.size_bytes, session),
    )
    if kept == 1:
        more = chunk.size_bytes - bytes_before
        tx.run("UPDATE upload_session SET size = size + ? WHERE id = ?", more, session)
    return kept == 1


def commit(tx: Transaction, session: str, content: str, now: datetime) -> None:
    """The session stays for its 24 hours, so that a commit sent twice is answered twice."""
    tx.run("DELETE FROM upload_chunk WHERE session_id = ?", session)
    sql = "UPDATE upload_session SET committed_at = ?, content = ? WHERE id = ? AND committed_at IS NULL"
    tx.run(sql, times.to_column(now), content, session)


def older_than(tx: Transaction, moment: datetime, limit: int) -> list[str]:
    """Sessions that began before, oldest first."""
    rows = tx.all(
        "SELECT id FROM upload_session WHERE created_at < ? ORDER BY created_at LIMIT ?", times.to_column(moment), limit
    )
    return [session for (session,) in rows]


def remove(tx: Transaction, session: str) -> None:
    # A chunk that is being recorded at this moment must be among those that go.
    hold(tx, session)
    tx.run("DELETE FROM upload_chunk WHERE session_id = ?", session)
    tx.run("DELETE FROM upload_session WHERE id = ?", session)


def stored(tx: Transaction) -> set[str]:
    """ "session/name" of every chunk that counts."""
    return {f"{session}/{stored_as}" for session, stored_as in tx.all("SELECT session_id, stored_as FROM upload_chunk")}
