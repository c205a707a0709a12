"""Users and user groups, as an administrator creates and changes them."""

from __future__ import annotations

import re
from datetime import datetime

from procession.model.errors import Invalid, NotFound
from procession.model.ids import UserId
from procession.model.people import AccountStatus, Group, User, UserRole
from procession.store import people
from procession.store.database import Transaction

NAME_CHARACTERS_MAX = 255
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
        first_name=named(first_name, "the first name"),
        last_name=named(last_name, "the last name"),
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


def named(text: str, what: str) -> str:
    """The text as a name of `what`. Raises Invalid."""
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
    name = named(name, "the name of a group")
    if people.group_by_name(tx, name) is not None:
        raise Invalid(f'there is a user group "{name}" already')
    return people.add_group(tx, name, "", now)
