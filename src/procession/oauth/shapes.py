"""The bodies of the OAuth endpoints, as openapi.json shows them."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

# ruff: noqa: RUF036  (null after the type, as in the other shapes)


class TokenShape(Struct, frozen=True, kw_only=True):
    """RFC 6749 section 5.1; no refresh token comes of client_credentials."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | UnsetType = UNSET


class TokenRequest(Struct, frozen=True, kw_only=True):
    """Which fields are needed depends on the grant_type: RFC 6749 sections 4.1.3, 4.4.2 and 6, RFC 7636 section 4.5."""

    grant_type: Annotated[str, Meta(examples=["client_credentials"])]
    client_id: str | None | UnsetType = UNSET
    client_secret: str | None | UnsetType = UNSET
    scope: str | None | UnsetType = UNSET
    code: str | None | UnsetType = UNSET
    redirect_uri: str | None | UnsetType = UNSET
    code_verifier: str | None | UnsetType = UNSET
    refresh_token: str | None | UnsetType = UNSET


class TokenQuestion(Struct, frozen=True, kw_only=True):
    """RFC 7009 section 2.1, RFC 7662 section 2.1."""

    token: str
    token_type_hint: str | None | UnsetType = UNSET
    client_id: str | None | UnsetType = UNSET
    client_secret: str | None | UnsetType = UNSET


class Revoked(Struct, frozen=True, kw_only=True):
    """Nothing: the status says that the token is dead now."""


class Introspection(Struct, frozen=True, kw_only=True):
    """RFC 7662 section 2.2; only `active` for a token that is none of the asking application's."""

    active: bool
    scope: str | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    username: str | UnsetType = UNSET
    token_type: str | UnsetType = UNSET
    exp: int | UnsetType = UNSET
    sub: str | UnsetType = UNSET
    iss: str | UnsetType = UNSET


class AuthorizationServer(Struct, frozen=True, kw_only=True):
    """RFC 8414 section 2."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    introspection_endpoint: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]
    code_challenge_methods_supported: list[str]
    authorization_response_iss_parameter_supported: bool
