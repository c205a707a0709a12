"""Mail to be sent: every statement about it."""

from __future__ import annotations

from datetime import datetime

from procession.model.ids import UserId
from procession.model.people import Mail
from procession.store import times
from procession.store.database import Transaction


def add(tx: Transaction, user: UserId, now: datetime) -> None:
    """A link to set the password is to be sent to this user, now."""
    at = times.to_column(now)
    tx.run(
        "INSERT INTO mail (kind, user_id, created_at, next_at) VALUES ('set_password', ?, ?, ?)", user.number, at, at
    )


def next_due(tx: Transaction, now: datetime) -> Mail | None:
    """The one that has waited longest."""
    row = tx.one(
        "SELECT id, user_id, tries FROM mail WHERE next_at <= ? ORDER BY next_at, id LIMIT 1", times.to_column(now)
    )
    return None if row is None else Mail(number=row[0], user=UserId(row[1]), tries=row[2])


def postpone(tx: Transaction, mail: Mail, until: datetime) -> None:
    """Count a try, and wait before the next."""
    tx.run("UPDATE mail SET tries = ?, next_at = ? WHERE id = ?", mail.tries + 1, times.to_column(until), mail.number)


def remove(tx: Transaction, mail: Mail) -> None:
    tx.run("DELETE FROM mail WHERE id = ?", mail.number)
