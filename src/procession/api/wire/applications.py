"""OAuth applications on the wire."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from procession.api.wire.scalars import (
    AnApplication,
    GivenName,
)

# ruff: noqa: RUF036  (the wire's names, and its order of types)


class ApplicationShape(Struct, frozen=True, kw_only=True):
    """clientSecret is there once: when it is made, and when it is reset."""

    id: AnApplication
    clientId: str
    name: str
    user: str
    scopes: list[str]
    redirectUris: list[str]
    isPublic: bool
    clientSecret: str | UnsetType = UNSET


class NewApplication(Struct, frozen=True, kw_only=True):
    """Without scopes it has process_read. A public one can keep no secret: it signs people in, with PKCE."""

    name: GivenName
    scopes: list[str] | None | UnsetType = UNSET
    redirectUris: list[str] | None | UnsetType = UNSET
    isPublic: bool | None | UnsetType = UNSET


class ApplicationChange(Struct, frozen=True, kw_only=True):
    """What is left out stays."""

    name: GivenName | None | UnsetType = UNSET
    scopes: list[str] | None | UnsetType = UNSET
    redirectUris: list[str] | None | UnsetType = UNSET
