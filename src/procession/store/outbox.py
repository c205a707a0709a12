"""What is to be told to people: every statement about it. A row is claimed by the time of its next try."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from procession.model.ids import RunId, UserId
from procession.model.outbox import Post, RunEnd, RunQuestion, Unsent
from procession.store import times
from procession.store.database import Transaction

# A mail server that is back is found within the hour, at 24 tries a day.
WAIT_MAX = timedelta(hours=1)  # between two tries
_ABOUT = "kind, user_id, run_id, revision, target"
_WAITS = "sent_at IS NULL AND given_up_at IS NULL"


def add_link(tx: Transaction, user: UserId, now: datetime) -> None:
    """A link to set the password is to be sent to this user, now."""
    at = times.to_column(now)
    sql = "INSERT INTO outbox (channel, kind, user_id, created_at, next_at) VALUES ('mail', 'set_password', ?, ?, ?)"
    tx.run(sql, user.number, at, at)


def add_ends(tx: Transaction, ends: Iterable[RunEnd], now: datetime) -> None:
    """Each is told once, however often this is asked."""
    at = times.to_column(now)
    for end in ends:
        tx.run(
            "INSERT INTO outbox (channel, kind, run_id, revision, target, created_at, next_at)"
            # A caller that asks twice, or is performed twice, finds the row of the unique index.
            " VALUES ('mail', 'run_ended', ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            *(end.run.number, end.revision, end.target, at, at),
        )


def add_questions(tx: Transaction, run: RunId, revision: int, targets: Iterable[str], now: datetime) -> None:
    """People are asked to decide something of this run, as its history tells at `revision`; each once."""
    at = times.to_column(now)
    sql = (
        "INSERT INTO outbox (channel, kind, run_id, revision, target, created_at, next_at)"
        " VALUES ('mail', 'approval', ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    )
    tx.many(sql, [(run.number, revision, target, at, at) for target in targets])


def next_due(tx: Transaction, now: datetime, *, wait_max: timedelta = WAIT_MAX) -> Post | None:
    """The one that has waited longest; one whose time is further away than any wait waits for a clock that was set."""
    row = tx.one(
        f"SELECT {_ABOUT}, id, key, created_at, tries FROM outbox WHERE (next_at <= ? OR next_at > ?)"
        f" AND {_WAITS} AND is_held = 0 ORDER BY next_at, id LIMIT 1",
        *(times.to_column(now), times.to_column(now + wait_max)),
    )
    if row is None:
        return None
    *about, number, key, created_at, tries = row
    return Post(number=number, about=_about(about), key=key, created_at=times.from_column(created_at), tries=tries)


def claim(tx: Transaction, post: Post, until: datetime) -> bool:
    """Count a try, and wait before the next; False when somebody else makes this try."""
    # By the number of tries: two servers on one home cannot both send it.
    sql = f"UPDATE outbox SET tries = ?, next_at = ? WHERE id = ? AND tries = ? AND {_WAITS}"
    return tx.run(sql, post.tries + 1, times.to_column(until), post.number, post.tries) == 1


def note_error(tx: Transaction, post: Post, reason: str) -> None:
    tx.run("UPDATE outbox SET last_error = ? WHERE id = ? AND sent_at IS NULL", reason, post.number)


def mark_sent(tx: Transaction, post: Post, now: datetime) -> None:
    # A row that was given up meanwhile stays given up.
    sql = f"UPDATE outbox SET sent_at = ?, last_error = NULL WHERE id = ? AND {_WAITS}"
    tx.run(sql, times.to_column(now), post.number)


def give_up(tx: Transaction, post: Post, reason: str, now: datetime) -> None:
    """`reason` counts where no try has left one."""
    sql = "UPDATE outbox SET given_up_at = ?, last_error = coalesce(last_error, ?) WHERE id = ? AND tries = ?"
    tx.run(f"{sql} AND {_WAITS}", times.to_column(now), reason, post.number, post.tries)


def remove(tx: Transaction, post: Post) -> None:
    tx.run("DELETE FROM outbox WHERE id = ?", post.number)


def waiting(tx: Transaction) -> int:
    row = tx.one(f"SELECT count(*) FROM outbox WHERE {_WAITS}")
    assert row is not None
    (count,) = row
    return int(count)


def failing(tx: Transaction) -> list[Unsent]:
    """What waits after a try that failed, the latest first."""
    sql = f"SELECT {_ABOUT}, tries, last_error FROM outbox WHERE {_WAITS} AND last_error IS NOT NULL ORDER BY id DESC"
    return [_unsent(row) for row in tx.all(sql)]


def given_up(tx: Transaction, since: datetime) -> list[Unsent]:
    """The latest first."""
    sql = f"SELECT {_ABOUT}, tries, last_error FROM outbox WHERE given_up_at >= ? ORDER BY id DESC"
    return [_unsent(row) for row in tx.all(sql, times.to_column(since))]


def _about(row: Sequence[Any]) -> UserId | RunEnd | RunQuestion:
    kind, user, run, revision, target = row
    if user is not None:
        return UserId(user)
    if kind == "approval":
        return RunQuestion(run=RunId(run), revision=revision, target=target)
    return RunEnd(run=RunId(run), revision=revision, target=target)


def _unsent(row: tuple[Any, ...]) -> Unsent:
    *about, tries, last_error = row
    return Unsent(about=_about(about), tries=tries, last_error=last_error)
