"""How the API is told who asks: by an access token of OAuth."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from procession.door.contract import Request
from procession.model.errors import Unauthorized
from procession.model.people import Caller
from procession.operations.callers import Callers
from procession.store.database import Transaction


def prove(callers: Callers, tx: Transaction, request: Request, now: datetime) -> Caller:
    """Raises Unauthorized."""
    return callers.authenticate(tx, token(request.headers), now)


def token(headers: Mapping[str, str]) -> str:
    """The token of Authorization: Bearer ... (RFC 6750 section 2.1); no other way of sending one is accepted."""
    # Never from the query: addresses end up in logs and in the history of browsers (RFC 6750 section 5.3).
    kind, _, sent = headers.get("authorization", "").partition(" ")
    sent = sent.strip(" ")  # nothing else that Python takes for white space
    if kind.lower() != "bearer" or not sent:
        raise Unauthorized("this needs an access token: send the header Authorization: Bearer <token>")
    return sent
