"""The log that users read: every statement about it. store/history.add_log writes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from procession.model.people import LogItem
from procession.store import conditions, times
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """`login` None: everybody's. The bounds are strict; `before` is the number of the last item of the page before.

    `words` is a part of the message, in any case; `kinds` are prefixes of the ids that entries are about, None: any.
    """

    login: str | None
    after_at: datetime | None
    before_at: datetime | None
    before: int | None
    words: str | None = None
    kinds: tuple[str, ...] | None = None


def page(tx: Transaction, wanted: LogFilter, limit: int) -> list[LogItem]:
    """Newest first."""
    where, parameters = conditions.given(
        ("user_login = ?", wanted.login),
        ("at > ?", times.maybe_to_column(wanted.after_at)),
        ("at < ?", times.maybe_to_column(wanted.before_at)),
        ("id < ?", wanted.before),
        ("instr(lower(message), lower(?)) > 0", wanted.words),
        _about(wanted.kinds),
    )
    # By id and not by time: two entries of one moment keep their order, and a clock that was set changes none.
    sql = f"SELECT id, at, user_login, message, about FROM log WHERE {where} ORDER BY id DESC LIMIT ?"
    rows = tx.all(sql, *parameters, limit)
    return [
        LogItem(number=number, at=times.from_column(at), login=login, message=message, about=about or "")
        for number, at, login, message, about in rows
    ]


def _about(kinds: tuple[str, ...] | None) -> tuple[Any, ...]:
    if kinds is None:
        return "1 = 1", None
    # An id is a prefix, a hyphen and digits: no prefix of ours holds a sign of LIKE.
    return f"({' OR '.join('about LIKE ?' for _ in kinds)})", *(f"{kind}-%" for kind in kinds)
