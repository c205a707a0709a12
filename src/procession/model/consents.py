"""OAuth consents of users, with the authorization codes and refresh tokens issued under each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from procession.model.ids import ApplicationId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Lets an application act for a user within `scopes`. Revoking it revokes every code and token issued under it."""

    id: int
    application: ApplicationId
    user: UserId
    scopes: frozenset[str]
    is_revoked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedApplication:
    """What may act for a user: by consents that stand and by tokens that live. `scopes` are those of all together."""

    application: ApplicationId
    name: str
    scopes: frozenset[str]
    allowed_at: datetime  # the latest consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """Of PKCE (RFC 7636); the method is always S256."""

    text: str
    method: str = "S256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An authorization code. `redirect_uri` is "" when the request named none (RFC 6749 section 4.1.3)."""

    hash: str
    consent: Consent
    redirect_uri: str
    challenge: Challenge | None
    expires_at: datetime
    is_used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    hash: str
    consent: Consent
    scopes: frozenset[str]
    expires_at: datetime
    is_used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """An access token or a refresh token as introspection shows it (RFC 7662 section 2.2)."""

    application: ApplicationId
    user: UserId
    login: str
    scopes: frozenset[str]
    expires_at: datetime
