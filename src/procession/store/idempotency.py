"""Requests with an Idempotency-Key and their answers: every statement about them."""

from __future__ import annotations

from datetime import datetime

from procession.store import times
from procession.store.database import Transaction


def find(tx: Transaction, hash: str, since: datetime) -> tuple[str, bytes | None] | None:
    """The request and its answer; None if there was none since then."""
    row = tx.one("SELECT request, answer FROM repeat WHERE hash = ? AND at > ?", hash, times.to_column(since))
    if row is None:
        return None
    request, kept = row
    return request, kept


def add(tx: Transaction, hash: str, request: str, *, now: datetime, since: datetime) -> bool:
    """Adds it without an answer, replacing one from before `since`. False if there is a later one."""
    added = tx.run(
        "INSERT INTO repeat (hash, request, answer, at) VALUES (?, ?, NULL, ?) ON CONFLICT (hash) DO UPDATE"
        # A key older than its life is free again; a younger one keeps its row, and the count of rows says so.
        " SET request = excluded.request, answer = NULL, at = excluded.at WHERE repeat.at <= ?",
        *(hash, request, times.to_column(now), times.to_column(since)),
    )
    return added == 1


def answer(tx: Transaction, hash: str, text: bytes) -> None:
    """The first answer stays."""
    # An operation may be performed again before the commit, and must not change what was answered.
    tx.run("UPDATE repeat SET answer = ? WHERE hash = ? AND answer IS NULL", text, hash)


def drop(tx: Transaction, before: datetime, limit: int) -> None:
    """Forget those from before, at most `limit`."""
    tx.run(
        "DELETE FROM repeat WHERE hash IN (SELECT hash FROM repeat WHERE at <= ? ORDER BY at LIMIT ?)",
        *(times.to_column(before), limit),
    )
