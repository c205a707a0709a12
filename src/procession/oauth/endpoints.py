"""Endpoints for applications without a browser: tokens, revocation, introspection (RFC 7662), metadata (RFC 8414)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from procession.door.contract import Call, Refusal, Reply, Request
from procession.model.consents import IssuedToken
from procession.model.errors import TooMany
from procession.model.people import SCOPES
from procession.oauth import grants
from procession.oauth.core import Client, Core, OAuthContext, basic_id, refused, token_request
from procession.oauth.grants import ALL_METHODS, WITH_SECRET
from procession.oauth.limits import OAuthLimits
from procession.operations import consents

NO_CACHE = {"pragma": "no-cache"}  # RFC 6749 section 5.1; no-store is sent always


def _context(call: Call, seconds: int) -> OAuthContext:
    home_clock = call.context.resources.home_clock
    return OAuthContext(tx=call.tx, home_clock=home_clock, seconds=seconds, issuer=call.request.origin)


def token(call: Call, limits: OAuthLimits, seconds: int) -> Reply | Refusal:
    """RFC 6749 sections 4.1.3, 4.4.2 and 6."""

    def ask(server: Core, request: Any) -> Any:
        if not request.form.get("grant_type"):
            return server.handle_error_response(request, InvalidRequestError("the grant_type is missing"))
        # For this request only: Core lives as long as its transaction.
        grants.register(server)
        return server.create_token_response(request)

    return _answered(call, limits, seconds, ask)


def revoke(call: Call, limits: OAuthLimits, seconds: int) -> Reply | Refusal:
    def ask(server: Core, request: Any) -> Any:
        server.register_endpoint(_Revocation)
        return server.create_endpoint_response("revocation", request)

    return _answered(call, limits, seconds, ask)


def introspect(call: Call, limits: OAuthLimits, seconds: int) -> Reply | Refusal:
    def ask(server: Core, request: Any) -> Any:
        server.register_endpoint(_Introspection)
        return server.create_endpoint_response("introspection", request)

    return _answered(call, limits, seconds, ask)


def _answered(call: Call, limits: OAuthLimits, seconds: int, ask: Callable[[Core, Any], Any]) -> Reply | Refusal:
    """What Authlib answers. A refusal may have ended a consent, so it is committed, then raised."""
    authorization = call.request.headers.get("authorization", "")
    request = token_request(call.body, authorization)
    # The limit is by what the client says it is, before that is proved.
    who = basic_id(authorization) or request.form.get("client_id", "")
    if any("\0" in text for text in (who, *request.form.values())):
        # RFC 6749 appendix A: no parameter holds it.
        return Refusal(refused(400, {"error": "invalid_request", "error_description": "a parameter holds a NUL"}))
    context = _context(call, seconds)
    try:
        limits.admit_client(who, call.request.client, context.now)
    except TooMany as error:
        return Refusal(error)
    status, body, _ = ask(Core(context), request)
    # Counted before, forgiven now: a thousand guesses at once all count.
    if status == 200:
        limits.forgive_client(who, call.request.client)
        return Reply(value=body, headers=NO_CACHE)
    # A wrong scope is no guess at a secret.
    if body["error"] != "invalid_client":
        limits.forgive_client(who, call.request.client)
    return Refusal(refused(status, body))


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = ALL_METHODS

    def authenticate_token(self, request: Any, client: Client) -> str:
        if "token" not in request.form:
            raise InvalidRequestError("the token is missing")
        # The hint may be ignored (RFC 7009 section 2.1): one look into each table is all that it would save.
        return str(request.form["token"])

    def revoke_token(self, token: str, request: Any) -> None:
        context = self.server.context
        if not consents.revoke(context.tx, token, request.client.application.id, context.now):
            raise InvalidGrantError("this token is another application's")


class _Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = WITH_SECRET

    def authenticate_token(self, request: Any, client: Client) -> IssuedToken | None:
        if "token" not in request.form:
            raise InvalidRequestError("the token is missing")
        context = self.server.context
        return consents.introspect(context.tx, request.form["token"], client.application.id, context.now)

    def create_introspection_payload(self, token: IssuedToken | None) -> dict[str, Any]:
        """RFC 7662 section 2.2: of what is not the client's own, not even that it exists."""
        if token is None:
            return {"active": False}
        return {
            "active": True,
            "scope": " ".join(sorted(token.scopes)),
            "username": token.login,
            "token_type": "Bearer",
            "exp": int(self.server.context.home_clock.on_wall(token.expires_at).timestamp()),
            "sub": str(token.user),
            "iss": self.server.context.issuer,
        }

    def create_endpoint_response(self, request: Any) -> tuple[int, dict[str, Any], Any]:
        status, body, headers = super().create_endpoint_response(request)
        return status, {**body, "client_id": request.client.client_id} if body["active"] else body, headers


def metadata(call: Call) -> Reply:
    """RFC 8414 section 3; the issuer is the address by which the client reached us."""
    return Reply(value=document(call.request))


def document(request: Request) -> dict[str, Any]:
    base = f"{request.origin}/oauth"
    return {
        "issuer": request.origin,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "revocation_endpoint": f"{base}/revoke",
        "introspection_endpoint": f"{base}/introspect",
        "scopes_supported": sorted(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": list(ALL_METHODS),
        "revocation_endpoint_auth_methods_supported": list(ALL_METHODS),
        "introspection_endpoint_auth_methods_supported": list(WITH_SECRET),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,  # RFC 9207 section 3
    }
