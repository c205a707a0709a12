"""Requests that carried an Idempotency-Key, and what they were answered: every statement about them."""

from __future__ import annotations

from datetime import datetime

from procession.store import times
from procession.store.database import Transaction


def find(tx: Transaction, hash: str, since: datetime) -> tuple[str, bytes | None] | None:
    """What it asked, and its answer; None for one that was not made since then."""
    row = tx.one("SELECT request, answer FROM repeat WHERE hash = ? AND at > ?", hash, times.to_column(since))
    return None if row is None else (row[0], row[1])


def add(tx: Transaction, hash: str, request: str, now: datetime) -> None:
    """Without an answer yet; one of the same key that has expired makes room."""
    tx.run("INSERT OR REPLACE INTO repeat VALUES (?, ?, NULL, ?)", hash, request, times.to_column(now))


def answer(tx: Transaction, hash: str, text: bytes) -> None:
    """The first answer stays."""
    tx.run("UPDATE repeat SET answer = ? WHERE hash = ? AND answer IS NULL", text, hash)


def drop(tx: Transaction, before: datetime, limit: int) -> None:
    """Forget those from before, at most `limit`."""
    tx.run(
        "DELETE FROM repeat WHERE hash IN (SELECT hash FROM repeat WHERE at <= ? ORDER BY at LIMIT ?)",
        *(times.to_column(before), limit),
    )
