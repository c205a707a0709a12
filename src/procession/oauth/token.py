"""POST /oauth/token: Authlib's authorization server on our own transport (spec/wire.md section 5, RFC 6749).

Access tokens are opaque; only their SHA-256 is stored, and so it is with client secrets. Both are random and long, so a
plain hash is enough: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidScopeError, OAuth2Request
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from procession.model.errors import ProcessionError
from procession.model.ids import ApplicationId, UserId
from procession.model.people import SCOPES, Application, with_implied

LIFETIME_SECONDS = 3_600
DEFAULT_SCOPES = frozenset({"process_read"})
TOKEN_BYTES = 32
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}  # RFC 6749 section 5.1
# Authlib refuses plain HTTP by the address; whether TLS ends here or at a proxy is for `serve` to decide.
ADDRESS = "https://procession.invalid/oauth/token"
# One sentence for an unknown client and for a wrong secret: the difference would tell which clients exist.
BAD_CLIENT = "client_id or client_secret is wrong"


class Refused(ProcessionError):
    """An error of RFC 6749 section 5.2; the API adds `message` and `supportId` to `fields`."""

    def __init__(self, error: str, description: str, *, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(description)
        self.status = status
        self.fields = {"error": error, "error_description": description}
        self.headers = {**NO_STORE, **headers}


class AddToken(Protocol):
    """operations/applications.issue_token's, bound to its transaction."""

    def __call__(
        self, token_hash: str, application: ApplicationId, user: UserId, scopes: frozenset[str], expires_at: datetime, /
    ) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What the grant reads and writes, bound to one transaction by whoever connects it."""

    find: Callable[[str], Application | None]  # by client_id
    add: AddToken


def digest(secret: str) -> str:
    """Hex SHA-256: how tokens and client secrets are stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def issue(
    book: Book, fields: Mapping[str, str], *, authorization: str, now: datetime, seconds: int = LIFETIME_SECONDS
) -> dict[str, Any]:
    """The answer of the token endpoint; send it with NO_STORE. `authorization` is that header, or "".

    Raises Refused.
    """
    server = _Server(book, now, seconds)
    status, body, headers = server.create_token_response((fields, authorization))
    if status != 200:
        raise _refused(status, body, dict(headers))
    return dict(body)


def _refused(status: int, body: Mapping[str, str], headers: Mapping[str, str]) -> Refused:
    error = body["error"]
    description = body.get("error_description") or error
    if error == "invalid_client":
        status, description = 401, BAD_CLIENT
    kept = {"www-authenticate": 'Basic realm="procession"'} if status == 401 else {}
    return Refused(error, description, status=status, headers=kept)


def split_scopes(text: str) -> frozenset[str]:
    """Scopes are separated by white space; a comma is accepted, because the documents show one."""
    return frozenset(part for part in re.split(r"[\s,]+", text) if part)


class _Client:
    """An Application as Authlib wants to see it."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def check_client_secret(self, secret: str) -> bool:
        return bool(hmac.compare_digest(self.application.secret_hash, digest(secret)))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in {"client_secret_basic", "client_secret_post"}

    def check_grant_type(self, grant_type: str) -> bool:
        return bool(grant_type == ClientCredentialsGrant.GRANT_TYPE)


class _Request(OAuth2Request):  # type: ignore[misc]
    """Authlib reads the client's credentials from `form`, everything else from `payload`."""

    def __init__(self, fields: Mapping[str, str], authorization: str) -> None:
        super().__init__("POST", ADDRESS, headers={"Authorization": authorization} if authorization else {})
        self.payload = BasicOAuth2Payload(fields)

    @property
    def form(self) -> Mapping[str, str]:
        return dict(self.payload.data)


class _ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def validate_requested_scope(self) -> None:
        """Within the application's scopes, implied ones included; what is not named is what the application has."""
        own = self.request.client.application.scopes or DEFAULT_SCOPES
        asked = split_scopes(self.request.payload.scope or "")
        beyond = asked - with_implied(own) | asked - SCOPES
        if beyond:
            raise InvalidScopeError(description=f"this application may not ask for {', '.join(sorted(beyond))}")
        self.request.scope = " ".join(sorted(asked or own))


class _Server(AuthorizationServer):  # type: ignore[misc]
    """Made for one request: it holds that request's transaction."""

    def __init__(self, book: Book, now: datetime, seconds: int) -> None:
        super().__init__()
        self._book, self._now, self._seconds = book, now, seconds
        self.register_grant(_ClientCredentials)
        self.register_token_generator("default", self._token)

    def query_client(self, client_id: str) -> _Client | None:
        application = self._book.find(client_id)
        return None if application is None else _Client(application)

    def create_oauth2_request(self, request: tuple[Mapping[str, str], str]) -> _Request:
        return _Request(*request)

    def _token(self, client: _Client, **_: object) -> dict[str, Any]:
        return {
            "access_token": secrets.token_urlsafe(TOKEN_BYTES),
            "token_type": "Bearer",
            "expires_in": self._seconds,
        }

    def save_token(self, token: dict[str, Any], request: _Request) -> None:
        application = request.client.application
        token["scope"] = request.scope
        self._book.add(
            digest(token["access_token"]),
            application.id,
            application.user,
            frozenset(request.scope.split()),
            self._now + timedelta(seconds=self._seconds),
        )

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, Any]:
        return status, body, headers
