"""The pages and their parts, for the one dispatcher."""

from __future__ import annotations

from typing import Any

from procession.door import rules
from procession.door.contract import BodyKind, Call, Mode, Route, Space
from procession.model.rights import PUBLIC, Rule
from procession.pages import assets, environment
from procession.web import account, home, runs
from procession.web.session import guarded, guarded_async

READ, LIST, WRITE, STREAM = Mode.READ, Mode.LISTING, Mode.WRITE, Mode.STREAM


def page(pattern: str, handler: Any, rule: Rule, summary: str, **more: Any) -> Route:
    """What a browser shows; in a thread, because a page reads more than one row."""
    return _row("GET", pattern, handler, rule, summary, **{"mode": LIST, **more})


def form(pattern: str, handler: Any, rule: Rule, summary: str, **more: Any) -> Route:
    """What a form of ours sends to be done, in one transaction; the handler is given the call and the form."""
    return _row("POST", pattern, guarded(handler), rule, summary, mode=WRITE, body=BodyKind.TEXT, **more)


def form_async(pattern: str, handler: Any, rule: Rule, summary: str, **more: Any) -> Route:
    """The same, for a handler that opens its own transactions."""
    return _row(
        "POST", pattern, guarded_async(handler), rule, summary, **{"mode": STREAM, "body": BodyKind.TEXT, **more}
    )


def _row(method: str, pattern: str, handler: Any, rule: Rule, summary: str, **more: Any) -> Route:
    fields: dict[str, Any] = {"space": Space.ROOT, "error_html": environment.error, **more}
    return Route(method=method, pattern=pattern, handler=handler, rule=rule, summary=summary, **fields)


def _asset(call: Call) -> Any:
    return assets.get(call.ids["asset"])


ROUTES: tuple[Route, ...] = (
    page("assets/{asset}", _asset, PUBLIC, "What pages load", mode=READ),
    page("", home.show, rules.READ_ANY, "What needs you"),
    page("runs", runs.listed, rules.READ_ANY, "Runs"),
    page("runs/{run}", runs.show, rules.READ_R, "A run"),
    page("account", account.show, rules.LIST_USERS, "Your account"),
    form_async("account", account.change, rules.ONESELF, "Change your account"),
    form_async("account/password", account.set_password, rules.ONESELF, "Change your password"),
    form("account/theme", account.set_theme, rules.LIST_USERS, "Choose an appearance"),
    form("account/sessions", account.end_session, rules.ONESELF, "End a session"),
    form("account/applications", account.revoke, rules.ONESELF, "Revoke an application's access"),
)
