"""The log that users read: every statement about it. store/history.add_log writes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from procession.model.people import LogItem
from procession.store import conditions, times
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """`login` None: everybody's. The bounds are strict; `before` is the number of the last item of the page before."""

    login: str | None
    after_at: datetime | None
    before_at: datetime | None
    before: int | None


def page(tx: Transaction, wanted: LogFilter, limit: int) -> list[LogItem]:
    """Newest first."""
    where, parameters = conditions.given(
        ("user_login = ?", wanted.login),
        ("at > ?", times.maybe_to_column(wanted.after_at)),
        ("at < ?", times.maybe_to_column(wanted.before_at)),
        ("id < ?", wanted.before),
    )
    # By id and not by time: two entries of one moment keep their order, and a clock that was set changes none.
    sql = f"SELECT id, at, user_login, message FROM log WHERE {where} ORDER BY id DESC LIMIT ?"
    rows = tx.all(sql, *parameters, limit)
    return [
        LogItem(number=number, at=times.from_column(at), login=login, message=message)
        for number, at, login, message in rows
    ]
