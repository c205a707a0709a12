"""The log that users read: what has happened to their runs."""

from __future__ import annotations

from dataclasses import replace

from procession.model.people import Caller, LogItem
from procession.model.rights import ADMINS
from procession.store import log_items
from procession.store.database import Transaction
from procession.store.log_items import LogFilter


def page(tx: Transaction, caller: Caller, wanted: LogFilter, limit: int) -> list[LogItem]:
    """Newest first; administrators see everybody's, others their own."""
    login = wanted.login if caller.user.role in ADMINS else caller.user.login
    return log_items.page(tx, replace(wanted, login=login), limit)
