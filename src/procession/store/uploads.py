"""Upload sessions and their chunks: every statement about them."""

from __future__ import annotations

from datetime import datetime

from procession.model.ids import FileId, UserId
from procession.model.uploads import Chunk, UploadSession
from procession.store import times
from procession.store.database import Transaction


def begin(tx: Transaction, session: UploadSession) -> None:
    tx.run(
        "INSERT INTO upload_session (id, file_id, user_id, created_at) VALUES (?, ?, ?, ?)",
        *(session.id, session.file.number, session.user.number, times.to_column(session.created_at)),
    )


def find(tx: Transaction, session: str) -> UploadSession | None:
    row = tx.one("SELECT file_id, user_id, created_at, committed_at FROM upload_session WHERE id = ?", session)
    if row is None:
        return None
    return UploadSession(
        id=session,
        file=FileId(row[0]),
        user=UserId(row[1]),
        created_at=times.from_column(row[2]),
        committed_at=None if row[3] is None else times.from_column(row[3]),
    )


def open_sessions(tx: Transaction, user: UserId) -> int:
    """How many this user has begun and not committed."""
    row = tx.one("SELECT count(*) FROM upload_session WHERE user_id = ? AND committed_at IS NULL", user.number)
    assert row is not None
    return int(row[0])


def chunks(tx: Transaction, session: str) -> list[Chunk]:
    """In order."""
    rows = tx.all(
        "SELECT number, stored_as, file_name, sha256, size FROM upload_chunk WHERE session_id = ? ORDER BY number",
        session,
    )
    return [Chunk(number=row[0], stored_as=row[1], file_name=row[2], sha256=row[3], size_bytes=row[4]) for row in rows]


def replaced_by(tx: Transaction, session: str, number: int) -> str | None:
    """The name on disk of what has that number now."""
    row = tx.one("SELECT stored_as FROM upload_chunk WHERE session_id = ? AND number = ?", session, number)
    return None if row is None else str(row[0])


def size_bytes(tx: Transaction, session: str, *, without: int) -> int:
    """The bytes of all its chunks but that number."""
    row = tx.one(
        "SELECT coalesce(sum(size), 0) FROM upload_chunk WHERE session_id = ? AND number <> ?", session, without
    )
    assert row is not None
    return int(row[0])


def keep(tx: Transaction, session: str, chunk: Chunk) -> bool:
    """A number that came before counts no more. False, and nothing is kept, once the session is committed."""
    kept = tx.run(
        "INSERT INTO upload_chunk (session_id, number, stored_as, file_name, sha256, size)"
        " SELECT id, ?, ?, ?, ?, ? FROM upload_session WHERE id = ? AND committed_at IS NULL"
        " ON CONFLICT (session_id, number) DO UPDATE SET stored_as = excluded.stored_as,"
        " file_name = excluded.file_name, sha256 = excluded.sha256, size = excluded.size",
        *(chunk.number, chunk.stored_as, chunk.file_name, chunk.sha256, chunk.size_bytes, session),
    )
    return kept == 1


def commit(tx: Transaction, session: str, now: datetime) -> None:
    """The session stays for its 24 hours, so that a commit sent twice is answered twice."""
    tx.run("DELETE FROM upload_chunk WHERE session_id = ?", session)
    sql = "UPDATE upload_session SET committed_at = ? WHERE id = ? AND committed_at IS NULL"
    tx.run(sql, times.to_column(now), session)


def older_than(tx: Transaction, moment: datetime, limit: int) -> list[str]:
    """Sessions that began before, oldest first."""
    rows = tx.all(
        "SELECT id FROM upload_session WHERE created_at < ? ORDER BY created_at LIMIT ?", times.to_column(moment), limit
    )
    return [row[0] for row in rows]


def remove(tx: Transaction, session: str) -> None:
    tx.run("DELETE FROM upload_chunk WHERE session_id = ?", session)
    tx.run("DELETE FROM upload_session WHERE id = ?", session)


def stored(tx: Transaction) -> set[str]:
    """ "session/name" of every chunk that counts."""
    return {f"{row[0]}/{row[1]}" for row in tx.all("SELECT session_id, stored_as FROM upload_chunk")}
