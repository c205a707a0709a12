"""The routes of this door, for the one dispatcher: every one is public, because it asks for its own proof."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any

from procession.config import SsoProvider
from procession.door.contract import BodyKind, Mode, Route, Space
from procession.model.rights import PUBLIC
from procession.oauth import authorize, core, endpoints, signing
from procession.oauth.limits import OAuthLimits
from procession.oauth.shapes import AuthorizationServer, Introspection, Revoked, TokenQuestion, TokenRequest, TokenShape
from procession.oauth.signing import Signing
from procession.pages import environment

METADATA = ".well-known/oauth-authorization-server"


def routes(
    *, hashing: Executor, seconds: int = core.LIFETIME_SECONDS, provider: SsoProvider | None = None
) -> tuple[Route, ...]:
    """All of them. Access tokens live for `seconds`; `hashing` hashes passwords; `provider` signs people in, too."""
    proving = Signing(hashing=hashing, limits=OAuthLimits(), sso="" if provider is None else provider.name)
    return (*_for_people(proving), *_for_programs(proving, seconds), *_by_provider(provider, proving))


def _by_provider(provider: SsoProvider | None, proving: Signing) -> tuple[Route, ...]:
    if provider is None:
        return ()
    from procession.oauth.sso import BACK, Sso

    sso = Sso(provider, proving)
    root: dict[str, Any] = {"error_html": environment.error, "space": Space.ROOT}
    return (
        _row("GET sign-in/sso", sso.begin, Mode.STREAM, "Sign in by a provider", **root),
        _row(f"GET {BACK}", sso.finish, Mode.STREAM, "Back from the provider", **root),
    )


def _row(request: str, handler: Any, mode: Mode, summary: str, **more: Any) -> Route:
    method, pattern = request.split(" ")
    form = {"body": BodyKind.FORM} if method == "POST" else {}
    fields: dict[str, Any] = {"space": Space.OAUTH, **form, **more}
    return Route(method=method, pattern=pattern, handler=handler, rule=PUBLIC, mode=mode, summary=summary, **fields)


def _for_people(proving: Signing) -> tuple[Route, ...]:
    page: dict[str, Any] = {"error_html": environment.error}
    root = {**page, "space": Space.ROOT}
    return (
        _row("GET sign-in", partial(signing.show, proving=proving), Mode.READ, "Sign in", **root),
        _row("POST sign-in", partial(signing.sign_in, proving=proving), Mode.STREAM, "Sign in", **root),
        _row("POST sign-out", signing.leave, Mode.WRITE, "Sign out", **root),
        _row("GET authorize", authorize.show, Mode.READ, "Sign in and consent", **page),
        _row("POST authorize", partial(authorize.answer, proving=proving), Mode.STREAM, "Sign in and consent", **page),
        _row("GET password", signing.show_password, Mode.READ, "Set a password", **page),
        _row("POST password", partial(signing.set_password, proving=proving), Mode.STREAM, "Set a password", **page),
    )


def _for_programs(proving: Signing, seconds: int) -> tuple[Route, ...]:
    def asked(handler: Any) -> Any:
        return partial(handler, limits=proving.limits, seconds=seconds)

    question: dict[str, Any] = {"reply": Revoked, "takes": TokenQuestion}
    introspection = {**question, "reply": Introspection}
    metadata = {"space": Space.ROOT, "reply": AuthorizationServer}
    return (
        _row("POST token", asked(endpoints.token), Mode.WRITE, "Get tokens", reply=TokenShape, takes=TokenRequest),
        _row("POST revoke", asked(endpoints.revoke), Mode.WRITE, "Revoke a token", **question),
        _row("POST introspect", asked(endpoints.introspect), Mode.WRITE, "Ask about a token", **introspection),
        _row(f"GET {METADATA}", endpoints.metadata, Mode.READ, "What this authorization server can do", **metadata),
    )
