"""The three grants, on Authlib's: client_credentials, authorization_code with PKCE, refresh_token with rotation."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge

from procession.model.consents import Challenge, Code, Consent, IssuedToken, RefreshToken
from procession.model.ids import UserId
from procession.model.people import User, with_implied
from procession.oauth.core import Client, Core, OAuthRequest, split_scopes
from procession.operations import consents

WITH_SECRET = ("client_secret_basic", "client_secret_post")
ALL_METHODS = (*WITH_SECRET, "none")
# A SHA-256 in base64url without padding (RFC 7636 section 4.2).
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def register(server: Core) -> None:
    server.register_grant(ClientCredentials)
    # Authlib asks the grants in this order which of them a request is for.
    server.register_grant(AuthorizationCode, [Pkce()])
    server.register_grant(Refresh)


def _answer(
    server: Core, client: Client, user: UserId, scopes: frozenset[str], consent: Consent | None = None
) -> dict[str, Any]:
    """An access token, as the token endpoint answers it (RFC 6749 section 5.1)."""
    context = server.context
    token = IssuedToken(
        application=client.application.id,
        user=user,
        # Only introspection tells it, and reads it from the user's row.
        login="",
        scopes=scopes,
        expires_at=context.now + timedelta(seconds=context.seconds),
    )
    text = consents.issue(context.tx, token, context.now, consent=consent)
    return {
        "access_token": text,
        "token_type": "Bearer",
        "expires_in": context.seconds,
        "scope": " ".join(sorted(scopes)),
    }


class ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]
    """The token acts as the user who registered the application."""

    TOKEN_ENDPOINT_AUTH_METHODS = WITH_SECRET

    def validate_requested_scope(self) -> None:
        self.request.resolved_scopes = self.request.client.requested_scopes(self.request.payload.scope)

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        client = self.request.client
        body = _answer(self.server, client, client.application.user, self.request.resolved_scopes)
        return 200, body, self.TOKEN_RESPONSE_HEADER


class AuthorizationCode(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ALL_METHODS

    @staticmethod
    def validate_authorization_redirect_uri(request: OAuthRequest, client: Client) -> str:
        """Raises InvalidRequestError, without the address: what is wrong with it may be any character."""
        asked = request.payload.redirect_uri
        if asked and not client.check_redirect_uri(asked):
            raise InvalidRequestError("the redirect_uri is not one that this application has registered")
        uri = asked or client.get_default_redirect_uri()
        if not uri:
            raise InvalidRequestError("the redirect_uri is missing, and this application has not registered just one")
        return str(uri)

    def validate_requested_scope(self) -> None:
        """All but what would outlive the consent: an application that this one registers for the user."""
        scopes = self.request.client.requested_scopes(self.request.payload.scope)
        if "application" in split_scopes(self.request.payload.scope or ""):
            raise InvalidScopeError(description="the scope application is not given by consent")
        self.request.resolved_scopes = scopes - {"application"}

    def allow(self, user: User) -> str:
        """The code, once the request is valid and the user has agreed."""
        request, context = self.request, self.server.context
        wanted = consents.ConsentRequest(
            application=request.client.application,
            scopes=request.resolved_scopes,
            redirect_uri=request.payload.redirect_uri or "",
            challenge=_challenge(request),
        )
        return consents.allow(context.tx, user.id, wanted, context.now)

    def query_authorization_code(self, code: str, client: Client) -> _CodeFound | None:
        context = self.server.context
        found = consents.find_code(context.tx, code, client.application.id, context.now)
        return None if found is None else _CodeFound(found)

    def validate_token_request(self) -> None:
        """A redirect_uri that the authorization request left out may come now, but only as the one registered."""
        super().validate_token_request()
        request = self.request
        asked, named = request.payload.redirect_uri, request.authorization_code.code.redirect_uri
        if asked and not named and asked != request.client.get_default_redirect_uri():
            raise InvalidGrantError("Invalid 'redirect_uri' in request.")

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        code, client, context = self.request.authorization_code.code, self.request.client, self.server.context
        # Before the tokens exist: nothing may be issued for a code that was used in this moment.
        if not consents.use(context.tx, code, context.now):
            raise InvalidGrantError("Invalid 'code' in request.")
        consent = code.consent
        body = _answer(self.server, client, consent.user, consent.scopes, consent)
        body["refresh_token"] = consents.issue_refresh_token(context.tx, consent, consent.scopes, context.now)
        return 200, body, self.TOKEN_RESPONSE_HEADER


def _challenge(request: OAuthRequest) -> Challenge | None:
    text = request.payload.data.get("code_challenge")
    return Challenge(text=text) if text else None


class _CodeFound:
    """A Code with Authlib's interface."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.code_challenge = None if code.challenge is None else code.challenge.text
        # The only one that is ever stored.
        self.code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        return self.code.redirect_uri


class Pkce(CodeChallenge):  # type: ignore[misc]
    """S256 alone: `plain` protects nobody who needs protection (RFC 7636 section 7.2, RFC 9700 section 2.1.1).

    Public applications must use it; others may, and are then held to it.
    """

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: AuthorizationCode, redirect_uri: str) -> None:
        fields, lists = grant.request.payload.data, grant.request.payload.datalist
        if any(len(lists.get(name, [])) > 1 for name in ("code_challenge", "code_challenge_method")):
            raise InvalidRequestError("code_challenge or its method is given more than once")
        challenge, method = fields.get("code_challenge"), fields.get("code_challenge_method")
        # A confidential application has its secret; RFC 9700 only recommends PKCE for it.
        if not challenge and not method:
            if grant.request.client.application.is_public:
                raise InvalidRequestError("a public application must send a code_challenge (PKCE)")
            return
        if method != "S256":
            raise InvalidRequestError("code_challenge_method must be S256; without one it would be plain")
        if not challenge or not _CHALLENGE.match(challenge):
            raise InvalidRequestError("the code_challenge is not a SHA-256 in base64url without padding")

    def validate_code_verifier(self, grant: AuthorizationCode, result: object) -> None:
        verifier = grant.request.form.get("code_verifier", "")
        if verifier.endswith("\n"):  # Authlib's pattern would let it pass
            raise InvalidRequestError("the code_verifier holds a character that it may not")
        super().validate_code_verifier(grant, result)


class Refresh(RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ALL_METHODS

    def _validate_request_token(self, client: Client) -> RefreshToken:
        text = self.request.form.get("refresh_token")
        if text is None:
            raise InvalidRequestError("the refresh_token is missing")
        context = self.server.context
        token = consents.find_refresh_token(context.tx, text, client.application.id, context.now)
        if token is None:
            raise InvalidGrantError("the refresh_token is unknown, used, expired or revoked")
        return token

    def _validate_token_scope(self, token: RefreshToken) -> None:
        """Less is fine, more is not (RFC 6749 section 6)."""
        asked = split_scopes(self.request.payload.scope or "")
        if not asked <= with_implied(token.scopes):
            raise InvalidScopeError(description="this is more than the user has allowed")
        self.request.resolved_scopes = asked or token.scopes

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        token, client, context = self.request.refresh_token, self.request.client, self.server.context
        if not consents.use(context.tx, token, context.now):
            raise InvalidGrantError("the refresh_token is unknown, used, expired or revoked")
        consent = token.consent
        body = _answer(self.server, client, consent.user, self.request.resolved_scopes, consent)
        # RFC 6749 section 6: the new one has the scopes of the old one, however narrow this access token is.
        body["refresh_token"] = consents.issue_refresh_token(context.tx, consent, token.scopes, context.now)
        return 200, body, self.TOKEN_RESPONSE_HEADER
