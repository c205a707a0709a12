"""Links by which a user sets a password: every statement about them. Only their SHA-256 is kept."""

from __future__ import annotations

from datetime import datetime

from procession.model.ids import UserId
from procession.store import times
from procession.store.database import Transaction


def replace(tx: Transaction, user: UserId, link_hash: str, expires_at: datetime) -> None:
    """The user's only link from now on."""
    # A user who asks twice must not leave an old link that works.
    drop(tx, user)
    tx.run("INSERT INTO user_link VALUES (?, ?, ?)", link_hash, user.number, times.to_column(expires_at))


def drop(tx: Transaction, user: UserId) -> None:
    tx.run("DELETE FROM user_link WHERE user_id = ?", user.number)


def user_of(tx: Transaction, link_hash: str, now: datetime) -> UserId | None:
    """Whose link it is, while it has not expired."""
    row = tx.one("SELECT user_id FROM user_link WHERE hash = ? AND expires_at > ?", *(link_hash, times.to_column(now)))
    if row is None:
        return None
    (user,) = row
    return UserId(user)
