"""The log that users read: what has happened to their runs."""

from __future__ import annotations

from dataclasses import replace

from procession.model.people import Caller, LogItem
from procession.model.rights import ADMINS
from procession.store import logs
from procession.store.database import Transaction
from procession.store.logs import LogFilter


def page(tx: Transaction, caller: Caller, wanted: LogFilter, limit: int) -> list[LogItem]:
    """Newest first; administrators see everybody's, others their own."""
    login = wanted.login if caller.user.role in ADMINS else caller.user.login
    return logs.page(tx, replace(wanted, login=login), limit)
