"""OAuth applications and access tokens: every statement about them."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from procession.model.ids import ApplicationId, UserId
from procession.model.people import Application, Token
from procession.store import people, times
from procession.store.database import Row, Transaction

_APPLICATION = "id, client_id, secret_hash, name, user_id, scopes, redirect_uris, is_public, used_at"


def is_empty(tx: Transaction) -> bool:
    """Whether there is no application yet."""
    return tx.one("SELECT 1 FROM application LIMIT 1") is None


def add(tx: Transaction, application: Application, now: datetime) -> Application:
    """Stores the application and returns it with its id; ignores the id in `application`."""
    number = tx.insert(
        "INSERT INTO application (client_id, secret_hash, name, user_id, scopes, redirect_uris, is_public, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        application.client_id,
        application.secret_hash,
        application.name,
        application.user.number,
        " ".join(sorted(application.scopes)),
        # No address holds white space.
        " ".join(application.redirect_uris),
        int(application.is_public),
        times.to_column(now),
    )
    return replace(application, id=ApplicationId(number))


def find(tx: Transaction, application_id: ApplicationId) -> Application | None:
    return _maybe(tx.one(f"SELECT {_APPLICATION} FROM application WHERE id = ?", application_id.number))


def by_client_id(tx: Transaction, client_id: str) -> Application | None:
    return _maybe(tx.one(f"SELECT {_APPLICATION} FROM application WHERE client_id = ?", client_id))


def listed(tx: Transaction, user: UserId | None) -> list[Application]:
    """Those of a user, or all, oldest first."""
    where, parameters = ("", ()) if user is None else (" WHERE user_id = ?", (user.number,))
    return [
        _application(row) for row in tx.all(f"SELECT {_APPLICATION} FROM application{where} ORDER BY id", *parameters)
    ]


def change(tx: Transaction, application: Application) -> None:
    """Write its name, scopes, addresses and secret."""
    tx.run(
        "UPDATE application SET name = ?, scopes = ?, redirect_uris = ?, secret_hash = ? WHERE id = ?",
        application.name,
        " ".join(sorted(application.scopes)),
        " ".join(application.redirect_uris),
        application.secret_hash,
        application.id.number,
    )


def note_use(tx: Transaction, application_id: ApplicationId, now: datetime) -> None:
    """It was given a token."""
    tx.run("UPDATE application SET used_at = ? WHERE id = ?", times.to_column(now), application_id.number)


def delete(tx: Transaction, application_id: ApplicationId) -> None:
    """Deletes it with every grant, code and token."""
    number = application_id.number
    tx.run("DELETE FROM token WHERE application_id = ?", number)
    # Children first: these foreign keys do not cascade, so that nothing goes by accident.
    for table in ("authorization_code", "refresh_token"):
        tx.run(f"DELETE FROM {table} WHERE grant_id IN (SELECT id FROM oauth_grant WHERE application_id = ?)", number)
    tx.run("DELETE FROM oauth_grant WHERE application_id = ?", number)
    tx.run("DELETE FROM application WHERE id = ?", number)


def revoke_tokens(tx: Transaction, application_id: ApplicationId, now: datetime) -> None:
    """Ends every token and every grant of the application, so no refresh token can bring one back."""
    number = application_id.number
    tx.run("DELETE FROM token WHERE application_id = ?", number)
    tx.run(
        "UPDATE oauth_grant SET revoked_at = ? WHERE application_id = ? AND revoked_at IS NULL",
        *(times.to_column(now), number),
    )


def revoke_tokens_of_user(tx: Transaction, user: UserId, now: datetime) -> None:
    """End every session, grant and token of the user, those of their applications too."""
    number = user.number
    # Sessions too: whoever signs out everywhere means the browsers as well.
    tx.run("DELETE FROM session WHERE user_id = ?", number)
    # Before the tokens: one that is being issued under a grant has held it, and is among those that go.
    tx.run(
        "UPDATE oauth_grant SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL",
        *(times.to_column(now), number),
    )
    tx.run("DELETE FROM token WHERE user_id = ?", number)


def owner(tx: Transaction, application_id: ApplicationId) -> UserId | None:
    """Whom it acts as; None when there is no such application."""
    row = tx.one("SELECT user_id FROM application WHERE id = ?", application_id.number)
    if row is None:
        return None
    (user,) = row
    return UserId(user)


def _maybe(row: Row | None) -> Application | None:
    return None if row is None else _application(row)


def _application(row: Row) -> Application:
    number, client_id, secret_hash, name, user, scopes, redirect_uris, is_public, used_at = row
    return Application(
        id=ApplicationId(number),
        client_id=client_id,
        secret_hash=secret_hash,
        name=name,
        user=UserId(user),
        scopes=frozenset(scopes.split()),
        redirect_uris=tuple(redirect_uris.split()),
        is_public=bool(is_public),
        used_at=times.maybe_from_column(used_at),
    )


def add_token(
    tx: Transaction, token_hash: str, application: Application, *, scopes: frozenset[str], expires_at: datetime
) -> None:
    """Keep the SHA-256 of a token; its text is never stored."""
    tx.run(
        "INSERT INTO token (hash, application_id, user_id, scopes, expires_at) VALUES (?, ?, ?, ?, ?)",
        token_hash,
        application.id.number,
        application.user.number,
        " ".join(sorted(scopes)),
        times.to_column(expires_at),
    )


def proof_state(tx: Transaction) -> int:
    """Another one whenever a token ended or a user changed since (triggers of the schema), in whatever process."""
    # One row of one table: it is read at every request.
    row = tx.one("SELECT state FROM proof_state")
    assert row is not None
    (state,) = row
    return int(state)


def token(tx: Transaction, token_hash: str, now: datetime) -> Token | None:
    """The token and its user, while it has not expired and the user's account is active."""
    row = tx.one(
        f"SELECT {people.USER}, t.scopes, t.expires_at FROM token t JOIN user_account u ON u.id = t.user_id"
        " WHERE t.hash = ? AND t.expires_at > ? AND u.status = 'Active'",
        *(token_hash, times.to_column(now)),
    )
    if row is None:
        return None
    *user, scopes, expires_at = row
    return Token(user=people.as_user(user), scopes=frozenset(scopes.split()), expires_at=times.from_column(expires_at))


def drop_expired_tokens(tx: Transaction, now: datetime, limit: int) -> int:
    return tx.run(
        "DELETE FROM token WHERE hash IN (SELECT hash FROM token WHERE expires_at <= ? LIMIT ?)",
        *(times.to_column(now), limit),
    )
