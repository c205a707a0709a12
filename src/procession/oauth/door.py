"""The token endpoint connected to the store: what api/app.py is given as `issue_token`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from procession.oauth import token
from procession.operations import applications
from procession.store.database import Transaction

IssueToken = Callable[[Transaction, Mapping[str, str], str, datetime], Mapping[str, Any]]


def token_issuer(*, seconds: int = token.LIFETIME_SECONDS) -> IssueToken:
    """Tokens that live for `seconds`."""

    def issue(tx: Transaction, fields: Mapping[str, str], authorization: str, now: datetime) -> Mapping[str, Any]:
        find, add = applications.issue_token(tx, now)
        book = token.Book(find=find, add=add)
        return token.issue(book, fields, authorization=authorization, now=now, seconds=seconds)

    return issue
