"""The routes of this door, for the one dispatcher: every one is public, because it asks for its own proof."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any

from procession.door.contract import BodyKind, Call, HtmlReply, Mode, Route, Space
from procession.model.ids import RunId
from procession.model.rights import PUBLIC
from procession.oauth import authorize, core, endpoints, html_pages, signing
from procession.oauth.limits import OAuthLimits
from procession.oauth.shapes import AuthorizationServer, Introspection, Revoked, TokenQuestion, TokenRequest, TokenShape
from procession.oauth.signing import Signing

METADATA = ".well-known/oauth-authorization-server"


def routes(*, hashing: Executor, seconds: int = core.LIFETIME_SECONDS) -> tuple[Route, ...]:
    """All of them. Access tokens live for `seconds`; `hashing` hashes passwords."""
    proving = Signing(hashing=hashing, limits=OAuthLimits())

    def row(request: str, handler: Any, mode: Mode, summary: str, **more: Any) -> Route:
        method, pattern = request.split(" ")
        form = {"body": BodyKind.FORM} if method == "POST" else {}
        fields: dict[str, Any] = {"space": Space.OAUTH, **form, **more}
        return Route(method=method, pattern=pattern, handler=handler, rule=PUBLIC, mode=mode, summary=summary, **fields)

    def asked(handler: Any) -> Any:
        return partial(handler, limits=proving.limits, seconds=seconds)

    page = {"error_html": html_pages.error}
    question = {"reply": Revoked, "takes": TokenQuestion}
    return (
        row("GET ", _home, Mode.READ, "What this is, for a browser", space=Space.ROOT, **page),
        row("GET runs/{run}", _run, Mode.READ, "Where the link of an alert leads", space=Space.ROOT, **page),
        row("GET authorize", authorize.show, Mode.READ, "Sign in and consent", **page),
        row("POST authorize", partial(authorize.answer, proving=proving), Mode.STREAM, "Sign in and consent", **page),
        row("POST logout", signing.leave, Mode.WRITE, "Sign out", **page),
        row("GET password", signing.show_password, Mode.READ, "Set a password", **page),
        row("POST password", partial(signing.set_password, proving=proving), Mode.STREAM, "Set a password", **page),
        row("POST token", asked(endpoints.token), Mode.WRITE, "Get tokens", reply=TokenShape, takes=TokenRequest),
        row("POST revoke", asked(endpoints.revoke), Mode.WRITE, "Revoke a token", **question),
        row(
            "POST introspect",
            asked(endpoints.introspect),
            Mode.WRITE,
            "Ask about a token",
            **{**question, "reply": Introspection},
        ),
        row(
            f"GET {METADATA}",
            endpoints.metadata,
            Mode.READ,
            "What this authorization server can do",
            space=Space.ROOT,
            reply=AuthorizationServer,
        ),
    )


def _home(call: Call) -> HtmlReply:
    return html_pages.page("home")


def _run(call: Call) -> HtmlReply:
    """Anybody may open it, so it tells nothing of the run, not even whether there is one."""
    return html_pages.page("run", run=str(call.id(RunId)))
