"""Users, groups, OAuth applications and their tokens: created by an administrator, read by the token endpoint."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Set
from datetime import datetime

from procession.model.errors import Invalid, NotFound
from procession.model.ids import UserId
from procession.model.people import SCOPES, AccountStatus, Application, Group, User, UserRole
from procession.store import people
from procession.store.database import Transaction

NAME_CHARACTERS_MAX = 255
SECRET_BYTES = 32
CLIENT_ID_BYTES = 16
TOKENS_DROPPED_MAX = 20  # expired ones, with every token that is issued: more than come in, so they never pile up
_EMAIL = re.compile(r"[^@\s\"<>()\[\],;:\\]+@[^@\s\"<>()\[\],;:\\]+\Z")
_NOT_IN_A_LOGIN = re.compile(r"[^a-z0-9._-]+")


def create_user(tx: Transaction, *, email: str, first_name: str, last_name: str, role: UserRole, now: datetime) -> User:
    """An active user whose login is the email's local part, with a number where it is taken. Raises Invalid."""
    email = email.strip()
    if len(email) > NAME_CHARACTERS_MAX or not _EMAIL.match(email) or not email.isprintable():
        raise Invalid(f'"{email[:80]}" is not an email address')
    if people.user_by_email(tx, email) is not None:
        raise Invalid(f"there is a user with the email {email} already")
    user = User(
        id=UserId(0),  # the store gives one
        login=_free_login(tx, email),
        email=email,
        first_name=_name(first_name, "the first name"),
        last_name=_name(last_name, "the last name"),
        role=role,
        status=AccountStatus.ACTIVE,
    )
    return people.add_user(tx, user, now)


def _free_login(tx: Transaction, email: str) -> str:
    wanted = _NOT_IN_A_LOGIN.sub("", email.partition("@")[0].lower()) or "user"
    login, number = wanted, 1
    while people.user_by_login(tx, login) is not None:
        number += 1
        login = f"{wanted}{number}"
    return login


def _name(text: str, what: str) -> str:
    text = text.strip()
    if not text or len(text) > NAME_CHARACTERS_MAX or not text.isprintable():
        raise Invalid(f"{what} must be one line of 1 to {NAME_CHARACTERS_MAX} characters")
    return text


def find_user(tx: Transaction, login: str) -> User:
    """Any case. Raises NotFound."""
    user = people.user_by_login(tx, login)
    if user is None:
        raise NotFound(f'there is no user "{login}"')
    return user


def first_admin(tx: Transaction) -> User:
    """Who stands for the operator at the command line. Raises NotFound."""
    user = people.first_admin(tx)
    if user is None:
        raise NotFound("there is no ClientAdmin yet; create one: procession user create --role ClientAdmin ...")
    return user


def create_group(tx: Transaction, *, name: str, now: datetime) -> Group:
    """Raises Invalid when the name is taken."""
    name = _name(name, "the name of a group")
    if people.group_by_name(tx, name) is not None:
        raise Invalid(f'there is a user group "{name}" already')
    return people.add_group(tx, name, "", now)


def create_application(
    tx: Transaction, *, name: str, user_login: str, scopes: Set[str], now: datetime
) -> tuple[Application, str]:
    """An OAuth client that acts as this user, and its secret, which is shown now and never again."""
    unknown = sorted(scopes - SCOPES)
    if unknown:
        raise Invalid(f"there is no scope {', '.join(unknown)}; there are {', '.join(sorted(SCOPES))}")
    user = find_user(tx, user_login)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    application = Application(
        id=0,  # the store gives one
        client_id=secrets.token_hex(CLIENT_ID_BYTES),
        secret_hash=hashlib.sha256(secret.encode()).hexdigest(),
        name=_name(name, "the name of an application"),
        user=user.id,
        scopes=frozenset(scopes),
    )
    people.add_application(tx, application, now)
    stored = people.application(tx, application.client_id)
    assert stored is not None
    return stored, secret


def issue_token(
    tx: Transaction, now: datetime
) -> tuple[Callable[[str], Application | None], Callable[[str, int, UserId, frozenset[str], datetime], None]]:
    """What the token endpoint needs of this transaction: find an application by client_id, and keep a token's hash.

    An application whose user is not active is not found.
    """
    seen: dict[int, Application] = {}

    def find(client_id: str) -> Application | None:
        application = people.application(tx, client_id)
        user = None if application is None else people.user(tx, application.user)
        if application is None or user is None or user.status is not AccountStatus.ACTIVE:
            return None
        seen[application.id] = application
        return application

    def add(token_hash: str, application: int, user: UserId, scopes: frozenset[str], expires_at: datetime) -> None:
        assert seen[application].user == user
        people.drop_expired_tokens(tx, now, TOKENS_DROPPED_MAX)
        people.add_token(tx, token_hash, seen[application], scopes=scopes, expires_at=expires_at)

    return find, add
