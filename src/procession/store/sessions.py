"""Sessions of browsers that have signed in: every statement about them. Only the SHA-256 of a cookie is kept."""

from __future__ import annotations

from datetime import datetime

from procession.model.ids import UserId
from procession.model.people import User
from procession.store import people, times
from procession.store.database import Transaction


def add(tx: Transaction, session_hash: str, user: UserId, expires_at: datetime) -> None:
    tx.run("INSERT INTO session VALUES (?, ?, ?)", session_hash, user.number, times.to_column(expires_at))


def find(tx: Transaction, session_hash: str, now: datetime) -> tuple[User, datetime] | None:
    """Who has signed in, and until when, while the session has not expired and the account is active."""
    row = tx.one(
        f"SELECT s.expires_at, {people.USER} FROM session s JOIN user_account u ON u.id = s.user_id"
        # The account's state is asked each time: a deactivated user is out at once, in every browser.
        " WHERE s.hash = ? AND s.expires_at > ? AND u.status = 'Active'",
        *(session_hash, times.to_column(now)),
    )
    return None if row is None else (people.as_user(row[1:]), times.from_column(row[0]))


def drop(tx: Transaction, session_hash: str) -> None:
    tx.run("DELETE FROM session WHERE hash = ?", session_hash)
