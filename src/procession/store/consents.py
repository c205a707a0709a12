"""Consents, authorization codes, refresh tokens and the access tokens that came of them: every statement about them.

Only the SHA-256 of a code or token is kept. A used code or refresh token stays until it would have expired, so that
its second use is noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from procession.model.consents import AllowedApplication, Challenge, Code, Consent, IssuedToken, RefreshToken
from procession.model.ids import ApplicationId, UserId
from procession.store import times
from procession.store.database import Transaction

_CONSENT = "g.id, g.application_id, g.user_id, g.scopes, g.revoked_at"
# A code that somebody kept is most of all used long after its minute.
CODE_KEPT = timedelta(days=1)


def add(tx: Transaction, application: ApplicationId, user: UserId, scopes: frozenset[str], now: datetime) -> Consent:
    number = tx.insert(
        "INSERT INTO oauth_grant (application_id, user_id, scopes, created_at) VALUES (?, ?, ?, ?) RETURNING id",
        *(application.number, user.number, " ".join(sorted(scopes)), times.to_column(now)),
    )
    return Consent(id=number, application=application, user=user, scopes=scopes, is_revoked=False)


def revoke(tx: Transaction, consent: Consent, now: datetime) -> None:
    """End it with every access token; its codes and refresh tokens stay, and are refused."""
    # First the consent: a token that is being issued under it has held it, and is among those that go.
    tx.run(
        "UPDATE oauth_grant SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", times.to_column(now), consent.id
    )
    tx.run("DELETE FROM token WHERE grant_id = ?", consent.id)


def allowed(tx: Transaction, user: UserId, now: datetime) -> list[AllowedApplication]:
    """Which applications the user has allowed to act for them, and still can be given or has a token; by name."""
    rows = tx.all(
        "SELECT a.id, a.name, g.scopes, g.created_at FROM oauth_grant g JOIN application a ON a.id = g.application_id"
        " WHERE g.user_id = ? AND g.revoked_at IS NULL AND ("
        " EXISTS (SELECT 1 FROM refresh_token r WHERE r.grant_id = g.id AND r.used_at IS NULL AND r.expires_at > ?)"
        " OR EXISTS (SELECT 1 FROM token t WHERE t.grant_id = g.id AND t.expires_at > ?))"
        " ORDER BY lower(a.name), a.id, g.id",
        *(user.number, times.to_column(now), times.to_column(now)),
    )
    found: dict[int, AllowedApplication] = {}
    for number, name, scopes, created_at in rows:
        before = found[number].scopes if number in found else frozenset[str]()
        # Each sign-in to an application makes a consent of its own; the latest stands last.
        found[number] = AllowedApplication(
            application=ApplicationId(number),
            name=name,
            scopes=before | frozenset(scopes.split()),
            allowed_at=times.from_column(created_at),
        )
    return list(found.values())


def withdraw(tx: Transaction, user: UserId, application: ApplicationId, now: datetime) -> None:
    """End every consent of the user to this application, with its access tokens."""
    mine = "SELECT id FROM oauth_grant WHERE user_id = ? AND application_id = ?"
    tx.run(
        f"UPDATE oauth_grant SET revoked_at = ? WHERE id IN ({mine}) AND revoked_at IS NULL",
        *(times.to_column(now), user.number, application.number),
    )
    tx.run(f"DELETE FROM token WHERE grant_id IN ({mine})", user.number, application.number)


def hold(tx: Transaction, consent: Consent) -> bool:
    """Whether it stands, and nobody revokes it before this transaction ends."""
    # A write that changes nothing locks the row, also where each statement sees what others have committed meanwhile.
    return tx.run("UPDATE oauth_grant SET revoked_at = NULL WHERE id = ? AND revoked_at IS NULL", consent.id) == 1


def _consent(row: Sequence[Any]) -> Consent:
    number, application, user, scopes, revoked_at = row
    return Consent(
        id=number,
        application=ApplicationId(application),
        user=UserId(user),
        scopes=frozenset(scopes.split()),
        is_revoked=revoked_at is not None,
    )


def add_code(tx: Transaction, code: Code) -> None:
    challenge = code.challenge
    tx.run(
        "INSERT INTO authorization_code (hash, grant_id, redirect_uri, code_challenge, code_challenge_method,"
        " expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        code.hash,
        code.consent.id,
        code.redirect_uri,
        None if challenge is None else challenge.text,
        None if challenge is None else challenge.method,
        times.to_column(code.expires_at),
    )


def code(tx: Transaction, code_hash: str) -> Code | None:
    row = tx.one(
        f"SELECT {_CONSENT}, c.redirect_uri, c.code_challenge, c.code_challenge_method, c.expires_at, c.used_at"
        " FROM authorization_code c JOIN oauth_grant g ON g.id = c.grant_id WHERE c.hash = ?",
        code_hash,
    )
    if row is None:
        return None
    *consent, uri, challenge, method, expires_at, used_at = row
    return Code(
        hash=code_hash,
        consent=_consent(consent),
        redirect_uri=uri,
        challenge=None if challenge is None else Challenge(text=challenge, method=method),
        expires_at=times.from_column(expires_at),
        is_used=used_at is not None,
    )


def use_code(tx: Transaction, code_hash: str, now: datetime) -> bool:
    """Whether this is its first use."""
    return _use(tx, "authorization_code", code_hash, now)


def add_refresh_token(tx: Transaction, token: RefreshToken) -> None:
    tx.run(
        "INSERT INTO refresh_token (hash, grant_id, scopes, expires_at) VALUES (?, ?, ?, ?)",
        *(token.hash, token.consent.id, " ".join(sorted(token.scopes)), times.to_column(token.expires_at)),
    )


def refresh_token(tx: Transaction, token_hash: str) -> RefreshToken | None:
    row = tx.one(
        f"SELECT {_CONSENT}, r.scopes, r.expires_at, r.used_at"
        " FROM refresh_token r JOIN oauth_grant g ON g.id = r.grant_id WHERE r.hash = ?",
        token_hash,
    )
    if row is None:
        return None
    *consent, scopes, expires_at, used_at = row
    return RefreshToken(
        hash=token_hash,
        consent=_consent(consent),
        scopes=frozenset(scopes.split()),
        expires_at=times.from_column(expires_at),
        is_used=used_at is not None,
    )


def use_refresh_token(tx: Transaction, token_hash: str, now: datetime) -> bool:
    """Whether this is its first use."""
    return _use(tx, "refresh_token", token_hash, now)


def _use(tx: Transaction, table: str, row_hash: str, now: datetime) -> bool:
    changed = tx.run(
        # Two requests with one code: exactly one of them finds it unused.
        f"UPDATE {table} SET used_at = ? WHERE hash = ? AND used_at IS NULL",
        times.to_column(now),
        row_hash,
    )
    return changed == 1


def add_token(tx: Transaction, token_hash: str, token: IssuedToken, consent: Consent | None) -> None:
    """An access token; without a consent it is the application's own (client_credentials)."""
    tx.run(
        "INSERT INTO token (hash, application_id, user_id, scopes, expires_at, grant_id) VALUES (?, ?, ?, ?, ?, ?)",
        token_hash,
        token.application.number,
        token.user.number,
        " ".join(sorted(token.scopes)),
        times.to_column(token.expires_at),
        None if consent is None else consent.id,
    )


def token(tx: Transaction, token_hash: str) -> IssuedToken | None:
    """The access token, whether it has expired or not, of an active user."""
    row = tx.one(
        "SELECT t.application_id, u.id, u.login, t.scopes, t.expires_at FROM token t"
        " JOIN user_account u ON u.id = t.user_id WHERE t.hash = ? AND u.status = 'Active'",
        token_hash,
    )
    if row is None:
        return None
    application, user, login, scopes, expires_at = row
    return IssuedToken(
        application=ApplicationId(application),
        user=UserId(user),
        login=login,
        scopes=frozenset(scopes.split()),
        expires_at=times.from_column(expires_at),
    )


def drop_token(tx: Transaction, token_hash: str) -> None:
    tx.run("DELETE FROM token WHERE hash = ?", token_hash)


def drop_expired(tx: Transaction, now: datetime, limit: int) -> None:
    """Codes, refresh tokens and sessions that have expired, a few of each."""
    # Expired ones prove nothing; they are only in the way.
    for table, kept in (("authorization_code", CODE_KEPT), ("refresh_token", timedelta()), ("session", timedelta())):
        tx.run(
            f"DELETE FROM {table} WHERE hash IN (SELECT hash FROM {table} WHERE expires_at <= ? LIMIT ?)",
            *(times.to_column(now - kept), limit),
        )
