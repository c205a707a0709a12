"""Sessions of browsers that have signed in: every statement about them. Only the SHA-256 of a cookie is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from procession.model.ids import UserId
from procession.model.people import User
from procession.store import people, times
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`browser` says in a few words what was signed in with, "" where its request did not say.

    `created_at` is None for one of an earlier release. `wrong` counts wrong passwords that were given in it.
    """

    hash: str
    user: UserId
    expires_at: datetime
    created_at: datetime | None = None
    browser: str = ""
    wrong: int = 0


def add(
    tx: Transaction,
    session_hash: str,
    user: UserId,
    expires_at: datetime,
    *,
    created_at: datetime | None = None,
    browser: str = "",
) -> None:
    tx.run(
        "INSERT INTO session (hash, user_id, expires_at, created_at, browser) VALUES (?, ?, ?, ?, ?)",
        *(session_hash, user.number, times.to_column(expires_at), times.maybe_to_column(created_at), browser),
    )


def find(tx: Transaction, session_hash: str, now: datetime) -> tuple[User, datetime] | None:
    """Who has signed in, and until when, while the session has not expired and the account is active."""
    row = tx.one(
        f"SELECT s.expires_at, {people.USER} FROM session s JOIN user_account u ON u.id = s.user_id"
        # The account's state is asked each time: a deactivated user is out at once, in every browser.
        " WHERE s.hash = ? AND s.expires_at > ? AND u.status = 'Active'",
        *(session_hash, times.to_column(now)),
    )
    return None if row is None else (people.as_user(row[1:]), times.from_column(row[0]))


def of_user(tx: Transaction, user: UserId, now: datetime) -> list[Session]:
    """Those that have not expired, newest first."""
    rows = tx.all(
        "SELECT hash, expires_at, created_at, browser, wrong FROM session WHERE user_id = ? AND expires_at > ?"
        " ORDER BY expires_at DESC, hash",
        *(user.number, times.to_column(now)),
    )
    return [
        Session(
            hash=session_hash,
            user=user,
            expires_at=times.from_column(expires_at),
            created_at=times.maybe_from_column(created_at),
            browser=browser,
            wrong=wrong,
        )
        for session_hash, expires_at, created_at, browser, wrong in rows
    ]


def count_wrong(tx: Transaction, session_hash: str) -> int:
    """One wrong password more; gives how many there are."""
    tx.run("UPDATE session SET wrong = wrong + 1 WHERE hash = ?", session_hash)
    row = tx.one("SELECT wrong FROM session WHERE hash = ?", session_hash)
    return 0 if row is None else int(row[0])


def drop(tx: Transaction, session_hash: str) -> None:
    tx.run("DELETE FROM session WHERE hash = ?", session_hash)


def drop_of_user(tx: Transaction, user: UserId, session_hash: str) -> None:
    """If it is the user's."""
    tx.run("DELETE FROM session WHERE hash = ? AND user_id = ?", session_hash, user.number)


def drop_others(tx: Transaction, user: UserId, session_hash: str) -> int:
    """Every session of the user but this one; gives how many."""
    return tx.run("DELETE FROM session WHERE user_id = ? AND hash <> ?", user.number, session_hash)
