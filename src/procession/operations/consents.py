"""OAuth consents: given by users, turned into tokens, revoked.

Any second use ends everything issued under the same consent (RFC 6749 section 4.1.2, RFC 9700 section 4.14.2).
The functions then answer None instead of raising: the end has to be committed, and an error would take it back.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from procession.model.consents import AllowedApplication, Challenge, Code, Consent, IssuedToken, RefreshToken
from procession.model.ids import ApplicationId, UserId
from procession.model.people import AccountStatus, Application
from procession.store import applications, consents, people
from procession.store.database import Transaction

# RFC 6749 section 4.1.2 asks for at most ten minutes; a browser needs a second.
CODE_SECONDS = 60
REFRESH_DAYS = 183  # half a year from each use
# 256 bits: RFC 6749 section 10.10 asks for a chance below 2^-128 to guess one.
TOKEN_BYTES = 32
EXPIRED_DROPPED_MAX = 20  # with every token that is issued: more than come in, so they never pile up


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRequest:
    """What an application asked a user to allow."""

    application: Application
    scopes: frozenset[str]
    redirect_uri: str
    challenge: Challenge | None


def digest(token: str) -> str:
    """Hex SHA-256: codes and tokens are long and random, so there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def allow(tx: Transaction, user: UserId, request: ConsentRequest, now: datetime) -> str:
    """Records the user's consent and returns an authorization code."""
    # Here and not in a loop of its own: whoever makes rows clears some away.
    consents.drop_expired(tx, now, EXPIRED_DROPPED_MAX)
    consent = consents.add(tx, request.application.id, user, request.scopes, now)
    text = secrets.token_urlsafe(TOKEN_BYTES)
    code = Code(
        hash=digest(text),
        consent=consent,
        redirect_uri=request.redirect_uri,
        challenge=request.challenge,
        expires_at=now + timedelta(seconds=CODE_SECONDS),
        is_used=False,
    )
    consents.add_code(tx, code)
    return text


def find_application(tx: Transaction, client_id: str) -> Application | None:
    """One whose user is active: nobody acts for a suspended user."""
    application = applications.by_client_id(tx, client_id)
    return application if application is not None and is_active(tx, application.user) else None


def is_active(tx: Transaction, user_id: UserId) -> bool:
    user = people.user(tx, user_id)
    return user is not None and user.status is AccountStatus.ACTIVE


def find_code(tx: Transaction, text: str, application: ApplicationId, now: datetime) -> Code | None:
    """The code, while it can be used by this application. A used one ends its consent."""
    code = consents.code(tx, digest(text))
    return code if code is not None and _is_usable(tx, code, application, now) else None


def find_refresh_token(tx: Transaction, text: str, application: ApplicationId, now: datetime) -> RefreshToken | None:
    """The refresh token, while it can be used by this application. A used one ends its consent."""
    token = consents.refresh_token(tx, digest(text))
    return token if token is not None and _is_usable(tx, token, application, now) else None


def _is_usable(tx: Transaction, item: Code | RefreshToken, application: ApplicationId, now: datetime) -> bool:
    # Before is_used: another application must not be able to end this consent.
    if item.consent.application != application:
        return False
    if item.is_used:
        # A second use means that two have it, and one of them stole it.
        consents.revoke(tx, item.consent, now)
        return False
    return not item.consent.is_revoked and now < item.expires_at and is_active(tx, item.consent.user)


def use(tx: Transaction, item: Code | RefreshToken, now: datetime) -> bool:
    """Marks it as exchanged for tokens. False if it was used or revoked since it was found, which ends its consent."""
    # The row stays, marked: only so is a second use noticed.
    take = consents.use_code if isinstance(item, Code) else consents.use_refresh_token
    is_first = consents.hold(tx, item.consent) and take(tx, item.hash, now)
    if not is_first:
        consents.revoke(tx, item.consent, now)
    return is_first


def issue(tx: Transaction, token: IssuedToken, now: datetime, *, consent: Consent | None = None) -> str:
    """An access token, as its text."""
    applications.drop_expired_tokens(tx, now, EXPIRED_DROPPED_MAX)
    text = secrets.token_urlsafe(TOKEN_BYTES)
    consents.add_token(tx, digest(text), token, consent)
    applications.note_use(tx, token.application, now)
    return text


def issue_refresh_token(tx: Transaction, consent: Consent, scopes: Set[str], now: datetime) -> str:
    """A refresh token, as its text."""
    text = secrets.token_urlsafe(TOKEN_BYTES)
    token = RefreshToken(
        hash=digest(text),
        consent=consent,
        scopes=frozenset(scopes),
        expires_at=now + timedelta(days=REFRESH_DAYS),
        is_used=False,
    )
    consents.add_refresh_token(tx, token)
    return text


def allowed(tx: Transaction, user: UserId, now: datetime) -> list[AllowedApplication]:
    """Which applications may act for the user, by name."""
    return consents.allowed(tx, user, now)


def withdraw(tx: Transaction, user: UserId, application: ApplicationId, now: datetime) -> None:
    """The application may no longer act for the user; its tokens of theirs end. To ask twice changes nothing."""
    consents.withdraw(tx, user, application, now)


def introspect(tx: Transaction, text: str, application: ApplicationId, now: datetime) -> IssuedToken | None:
    """A token of this application that is good now; asking about a used refresh token ends nothing."""
    token = consents.token(tx, digest(text))
    if token is None:
        # Access tokens first, as RFC 7662 section 2.1 lets us ignore the hint.
        token = _as_issued(tx, consents.refresh_token(tx, digest(text)))
    if token is None or token.application != application or token.expires_at <= now:
        return None
    return token


def _as_issued(tx: Transaction, token: RefreshToken | None) -> IssuedToken | None:
    if token is None or token.is_used or token.consent.is_revoked:
        return None
    user = people.user(tx, token.consent.user)
    if user is None or user.status is not AccountStatus.ACTIVE:
        return None
    return IssuedToken(
        application=token.consent.application,
        user=user.id,
        login=user.login,
        scopes=token.scopes,
        expires_at=token.expires_at,
    )


def revoke(tx: Transaction, text: str, application: ApplicationId, now: datetime) -> bool:
    """End a token: an access token alone, with a refresh token its whole consent (RFC 7009 section 2.1).

    False, and nothing is changed, for one of another application; an unknown one is ended already.
    """
    token = consents.token(tx, digest(text))
    if token is not None:
        if token.application != application:
            return False
        consents.drop_token(tx, digest(text))
        return True
    refresh = consents.refresh_token(tx, digest(text))
    if refresh is not None:
        if refresh.consent.application != application:
            return False
        consents.revoke(tx, refresh.consent, now)
    return True
