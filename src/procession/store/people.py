"""Users, groups, OAuth applications and tokens: every statement about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from procession.model.ids import ApplicationId, GroupId, UserId
from procession.model.people import AccountStatus, Application, Group, Token, User, UserRole
from procession.store import times
from procession.store.database import Row, Transaction

_USER = "u.id, u.login, u.email, u.first_name, u.last_name, u.role, u.status"


def add_user(tx: Transaction, user: User, now: datetime) -> User:
    """The user as stored: the id given in `user` is not looked at."""
    number = tx.insert(
        "INSERT INTO user_account (login, email, first_name, last_name, role, status, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(user.login, user.email, user.first_name, user.last_name, user.role, user.status, times.to_column(now)),
    )
    return User(
        id=UserId(number),
        login=user.login,
        email=user.email,
        first_name=user.first_name,
        last_name=user.last_name,
        role=user.role,
        status=user.status,
    )


def user(tx: Transaction, user_id: UserId) -> User | None:
    return _maybe_user(tx.one(f"SELECT {_USER} FROM user_account u WHERE u.id = ?", user_id.number))


def user_by_login(tx: Transaction, login: str) -> User | None:
    return _maybe_user(tx.one(f"SELECT {_USER} FROM user_account u WHERE lower(u.login) = lower(?)", login))


def user_by_email(tx: Transaction, email: str) -> User | None:
    return _maybe_user(tx.one(f"SELECT {_USER} FROM user_account u WHERE lower(u.email) = lower(?)", email))


def first_admin(tx: Transaction) -> User | None:
    """The oldest active ClientAdmin."""
    return _maybe_user(
        tx.one(
            f"SELECT {_USER} FROM user_account u WHERE u.role = 'ClientAdmin' AND u.status = 'Active'"
            " ORDER BY u.id LIMIT 1"
        )
    )


def is_empty(tx: Transaction) -> bool:
    """Whether there is no user yet."""
    return tx.one("SELECT 1 FROM user_account LIMIT 1") is None


def has_applications(tx: Transaction) -> bool:
    return tx.one("SELECT 1 FROM application LIMIT 1") is not None


def add_group(tx: Transaction, name: str, description: str, now: datetime) -> Group:
    number = tx.insert(
        "INSERT INTO user_group (name, description, created_at) VALUES (?, ?, ?)",
        *(name, description, times.to_column(now)),
    )
    return Group(id=GroupId(number), name=name, description=description)


def group(tx: Transaction, group_id: GroupId) -> Group | None:
    return _maybe_group(tx.one("SELECT id, name, description FROM user_group WHERE id = ?", group_id.number))


def group_by_name(tx: Transaction, name: str) -> Group | None:
    return _maybe_group(tx.one("SELECT id, name, description FROM user_group WHERE name = ?", name))


def _maybe_group(row: Row | None) -> Group | None:
    return None if row is None else Group(id=GroupId(row[0]), name=row[1], description=row[2])


def add_member(tx: Transaction, group: GroupId, member: UserId) -> None:
    tx.run("INSERT INTO user_group_member VALUES (?, ?) ON CONFLICT DO NOTHING", group.number, member.number)


def add_application(tx: Transaction, application: Application, now: datetime) -> None:
    tx.run(
        "INSERT INTO application (client_id, secret_hash, name, user_id, scopes, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        application.client_id,
        application.secret_hash,
        application.name,
        application.user.number,
        " ".join(sorted(application.scopes)),
        times.to_column(now),
    )


def application(tx: Transaction, client_id: str) -> Application | None:
    row = tx.one(
        "SELECT id, client_id, secret_hash, name, user_id, scopes FROM application WHERE client_id = ?", client_id
    )
    if row is None:
        return None
    return Application(
        id=row[0],
        client_id=row[1],
        secret_hash=row[2],
        name=row[3],
        user=UserId(row[4]),
        scopes=frozenset(row[5].split()),
    )


def user_of_application(tx: Transaction, application_id: ApplicationId) -> UserId | None:
    row = tx.one("SELECT user_id FROM application WHERE id = ?", application_id.number)
    return None if row is None else UserId(row[0])


def add_token(
    tx: Transaction, token_hash: str, application: Application, *, scopes: frozenset[str], expires_at: datetime
) -> None:
    """Keep the SHA-256 of a token; its text is never stored."""
    tx.run(
        "INSERT INTO token (hash, application_id, user_id, scopes, expires_at) VALUES (?, ?, ?, ?, ?)",
        *(token_hash, application.id, application.user.number, " ".join(sorted(scopes)), times.to_column(expires_at)),
    )


def token(tx: Transaction, token_hash: str, now: datetime) -> Token | None:
    """The token and its user, while it has not expired and the user's account is active."""
    row = tx.one(
        f"SELECT {_USER}, t.scopes, t.expires_at FROM token t JOIN user_account u ON u.id = t.user_id"
        " WHERE t.hash = ? AND t.expires_at > ? AND u.status = 'Active'",
        *(token_hash, times.to_column(now)),
    )
    if row is None:
        return None
    return Token(user=_user(row[:7]), scopes=frozenset(row[7].split()), expires_at=times.from_column(row[8]))


def drop_expired_tokens(tx: Transaction, now: datetime, limit: int) -> int:
    return tx.run(
        "DELETE FROM token WHERE hash IN (SELECT hash FROM token WHERE expires_at <= ? LIMIT ?)",
        *(times.to_column(now), limit),
    )


def _maybe_user(row: Row | None) -> User | None:
    return None if row is None else _user(row)


def _user(row: tuple[Any, ...]) -> User:
    return User(
        id=UserId(row[0]),
        login=row[1],
        email=row[2],
        first_name=row[3],
        last_name=row[4],
        role=UserRole(row[5]),
        status=AccountStatus(row[6]),
    )
