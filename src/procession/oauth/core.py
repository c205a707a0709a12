"""Authlib's authorization server on our own transport and tables (RFC 6749): clients, errors and what a request is.

Made for one request, because it holds that request's transaction. Access tokens are opaque; only their SHA-256 is kept.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from procession.model.errors import ProcessionError
from procession.model.people import SCOPES, Application, with_implied
from procession.operations import consents
from procession.operations.applications import DEFAULT_SCOPES
from procession.operations.home_time import HomeClock
from procession.store.database import Transaction

# An hour: short for a token that leaks, long for a script that asks once a run.
LIFETIME_SECONDS = 3_600
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}  # RFC 6749 section 5.1
# Authlib refuses plain HTTP by the address; whether TLS ends here or at a proxy is for `serve` to decide.
ADDRESS = "https://procession.invalid/oauth/token"
# One sentence for an unknown client and for a wrong secret: the difference would tell which clients exist.
BAD_CLIENT = "client_id or client_secret is wrong"
# What says to whom an answer goes; given twice, it says nothing.
NAMES_OF_CLIENT = ("client_id", "redirect_uri")
# http on this machine with or without a port: RFC 8252 section 7.3 and RFC 9700 section 2.1 leave it to the moment.
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::[0-9]{1,5})?(/[^\s#]*)?\Z")


class Refused(ProcessionError):
    """An error of RFC 6749 section 5.2; the API adds `message` and `supportId` to `fields`."""

    def __init__(self, error: str, description: str, *, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(description)
        self.status = status
        self.fields = {"error": error, "error_description": description}
        self.headers = {"pragma": "no-cache", **headers}


def refused(status: int, body: Mapping[str, str]) -> Refused:
    """Authlib's answer as one of our errors."""
    error = body["error"]
    description = body.get("error_description") or error
    # 401 whichever way the secret came (RFC 6749 section 5.2 leaves it open), so that clients have one case.
    if error == "invalid_client":
        status, description = 401, BAD_CLIENT
    if error == "unsupported_grant_type":
        # Authlib repeats what was sent, which may be anything.
        description = "grant_type must be client_credentials, authorization_code or refresh_token"
    headers = {"www-authenticate": 'Basic realm="procession"'} if status == 401 else {}
    return Refused(error, description, status=status, headers=headers)


def split_scopes(text: str) -> frozenset[str]:
    """Scopes are separated by white space; a comma is accepted, because the documents show one."""
    return frozenset(part for part in re.split(r"[\s,]+", text) if part)


class Client:
    """An Application with Authlib's interface."""

    def __init__(self, application: Application) -> None:
        self.application = application

    @property
    def client_id(self) -> str:
        return self.application.client_id

    def check_client_secret(self, secret: str) -> bool:
        # In constant time, although it compares hashes: it costs nothing.
        return hmac.compare_digest(self.application.secret_hash, consents.digest(secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """A public application proves nothing; what it can do without a secret, it does with PKCE."""
        return method == "none" if self.application.is_public else method != "none"

    def check_grant_type(self, grant_type: str) -> bool:
        """RFC 6749 section 4.4: client_credentials is for those that can keep a secret."""
        match grant_type:
            case "client_credentials":
                return not self.application.is_public
            case _:
                return bool(self.application.redirect_uris)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and bool(self.application.redirect_uris)

    def check_redirect_uri(self, uri: str) -> bool:
        """Letter by letter (RFC 9700 section 2.1), but for the port of a public application on this machine."""
        known = self.application.redirect_uris
        if uri in known or not self.application.is_public:
            return uri in known
        asked = _LOOPBACK.match(uri)
        own = (_LOOPBACK.match(one) for one in known)
        return asked is not None and any(one is not None and one.groups() == asked.groups() for one in own)

    def get_default_redirect_uri(self) -> str | None:
        """RFC 6749 section 3.1.2.3: it may be left out where only one is registered."""
        known = self.application.redirect_uris
        return known[0] if len(known) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""  # grants decide it, in requested_scopes()

    def requested_scopes(self, text: str | None) -> frozenset[str]:
        """Within the application's, implied ones included; without any, all that it has. Raises InvalidScopeError."""
        own = self.application.scopes or DEFAULT_SCOPES
        asked = split_scopes(text or "")
        beyond = asked - with_implied(own)
        if beyond:
            raise InvalidScopeError(description=f"this application may not ask for {_shown_scopes(beyond)}")
        return asked or own


def _shown_scopes(scopes: frozenset[str]) -> str:
    """Those that exist, by their names; of others only that they are unknown: no error may hold any character."""
    known = sorted(scopes & SCOPES)
    return ", ".join([*known, *(["a scope that does not exist"] if scopes - SCOPES else [])])


class OAuthRequest(OAuth2Request):  # type: ignore[misc]
    """`fields` may name one several times; a field without a value counts as left out (RFC 6749 section 3.1)."""

    def __init__(self, method: str, fields: Mapping[str, list[str]], authorization: str = "") -> None:
        super().__init__(method, ADDRESS, headers={"Authorization": authorization} if authorization else {})
        # RFC 6749 section 3.1: a parameter without a value is treated as left out.
        kept = {name: values for name, values in fields.items() if any(values)}
        # Authlib would read the request itself, from a framework that we do not have.
        self.payload = BasicOAuth2Payload({name: values[-1] for name, values in kept.items()})
        self.payload._datalist = kept
        self.resolved_scopes: frozenset[str] = frozenset()

    @property
    def form(self) -> Mapping[str, str]:
        return dict(self.payload.data)


def token_request(fields: Mapping[str, str], authorization: str) -> OAuthRequest:
    return OAuthRequest("POST", {name: [value] for name, value in fields.items()}, authorization)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthContext:
    """The context of a request: transaction, clock, life of access tokens, issuer."""

    tx: Transaction
    home_clock: HomeClock
    seconds: int
    issuer: str

    @property
    def now(self) -> datetime:
        """By which codes and tokens end."""
        return self.home_clock.most()


class Core(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server; the grants and endpoints are registered by who needs them."""

    def __init__(self, context: OAuthContext) -> None:
        super().__init__()
        self.context = context
        # Ours: Authlib's leaves a plus alone, where the form encoding of RFC 6749 section 2.3.1 means a blank.
        self.register_client_auth_method("client_secret_basic", _basic_client)

    def query_client(self, client_id: str) -> Client | None:
        application = consents.find_application(self.context.tx, client_id)
        return None if application is None else Client(application)

    def get_authorization_grant(self, request: OAuthRequest) -> Any:
        """Authlib repeats an unknown response_type, and fails when it holds a character that no error may hold."""
        kind = request.payload.response_type
        if kind == "code":
            return super().get_authorization_grant(request)
        uri = self._known_redirect(request)
        if not kind:
            raise InvalidRequestError("the response_type is missing", redirect_uri=uri)
        raise OAuth2Error(
            "only the response_type code is supported", error="unsupported_response_type", redirect_uri=uri
        )

    def _known_redirect(self, request: OAuthRequest) -> str | None:
        client = self.query_client(request.payload.client_id or "")
        if client is None or any(len(request.payload.datalist.get(name, [])) > 1 for name in NAMES_OF_CLIENT):
            return None
        uri = request.payload.redirect_uri
        if not uri:
            return client.get_default_redirect_uri()
        return str(uri) if client.check_redirect_uri(uri) else None

    def authenticate_client(self, request: OAuthRequest, methods: Any, endpoint: str = "token") -> Any:
        """RFC 6749 section 2.3: not more than one way at a time, and one client."""
        authorization = request.headers.get("Authorization", "")
        if authorization and request.form.get("client_secret"):
            raise InvalidRequestError("send the client's credentials in one way: in the header or in the body")
        if authorization and request.form.get("client_id", basic_id(authorization)) != basic_id(authorization):
            raise InvalidRequestError("header and body name different clients")
        if authorization:
            # With a header, nothing of the body may prove the client.
            methods = [method for method in methods if method == "client_secret_basic"]
            if not methods:
                raise InvalidClientError()
        return super().authenticate_client(request, methods, endpoint)

    def create_oauth2_request(self, request: OAuthRequest) -> OAuthRequest:
        return request

    def save_token(self, token: dict[str, Any], request: OAuthRequest) -> None:
        """Each grant has kept its own."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, dict[str, str]]:
        return status, body, dict(headers)


def basic_credentials(authorization: str) -> tuple[str, str]:
    """Client id and secret of HTTP Basic, each form-urlencoded (RFC 6749 section 2.3.1); both "" for anything else."""
    kind, _, text = authorization.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        # At the first colon: a secret may hold one, a client id may not.
        name, _, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
        return unquote_plus(name, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""


def basic_id(authorization: str) -> str:
    return basic_credentials(authorization)[0]


def _basic_client(query_client: Any, request: OAuthRequest) -> Client | None:
    name, secret = basic_credentials(request.headers.get("Authorization", ""))
    client: Client | None = query_client(name) if name else None
    return client if client is not None and client.check_client_secret(secret) else None
