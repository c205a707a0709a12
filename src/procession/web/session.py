"""How the pages are told who asks: by the session of a browser. What changes something is also asked for its form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from procession.door import browser
from procession.door.contract import Call, Given, Request, StreamCall
from procession.model.errors import Unauthorized
from procession.model.people import Caller
from procession.operations import sessions
from procession.store.database import Transaction
from procession.web.forms import Form

FIELD = "form"  # in a form's body, or in the query of an address that a file is sent to


def prove(tx: Transaction, request: Request, now: datetime) -> Caller:
    """Raises Unauthorized."""
    caller = sessions.caller_of(tx, browser.cookie(request, browser.SESSION), now)
    if caller is None:
        raise Unauthorized("you have not signed in, or have been away for too long")
    return caller


def token(request: Request) -> str:
    """What the forms of a page have in them."""
    return browser.form_token(browser.cookie(request, browser.SESSION))


def guarded(handler: Callable[[Call, Form], Any]) -> Callable[[Call], Any]:
    """The handler, for forms of our own pages only; it is given what the user filled in."""

    def checked(call: Call) -> Any:
        form = Form(call.raw)
        require_form(call, form)
        return handler(call, form)

    return checked


def guarded_async(handler: Callable[[StreamCall, Form], Awaitable[Any]]) -> Callable[[StreamCall], Awaitable[Any]]:
    """The same, for one that opens its own transactions."""

    async def checked(call: StreamCall) -> Any:
        form = Form(call.raw)
        require_form(call, form)
        return await handler(call, form)

    return checked


def require_form(call: Given, form: Form) -> None:
    """Raises Forbidden for a form that is not of a page of ours. Where files come, the address has its token."""
    sent = form.one(FIELD) or call.request.query.get(FIELD, "")
    browser.require_form(call.request, sent, browser.cookie(call.request, browser.SESSION))
