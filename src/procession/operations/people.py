"""Users and user groups, as an administrator creates and changes them."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime

from msgspec.structs import replace

from procession.model import timezones
from procession.model.errors import Forbidden, Invalid, NotFound
from procession.model.ids import GroupId, UserId
from procession.model.people import UTC_NAME, AccountStatus, Caller, Group, User, UserRole
from procession.model.rights import ADMINS, USER_ROLE_RANK
from procession.operations.act import Act
from procession.store import applications, links, people
from procession.store.database import Transaction

NAME_CHARACTERS_MAX = 255
# A filter by an unknown login finds nothing, instead of being an error that tells who exists.
NOBODY = UserId(0)  # the store counts from 1
# No more is certain without sending a mail; what is excluded would need quoting in a header.
_EMAIL = re.compile(r"[^@\s\"<>()\[\],;:\\]+@[^@\s\"<>()\[\],;:\\]+\Z")
_NOT_IN_A_LOGIN = re.compile(r"[^a-z0-9._-]+")


def create_user(
    tx: Transaction,
    *,
    email: str,
    first_name: str,
    last_name: str,
    role: UserRole,
    now: datetime,
) -> User:
    """An active user whose login is the email's local part, with a number where it is taken. Raises Invalid."""
    user = User(
        id=UserId(0),  # the store gives one
        login="",
        email=email,
        first_name=first_name,
        last_name=last_name,
        role=role,
        status=AccountStatus.ACTIVE,
        timezone=UTC_NAME,
    )
    return add_user(tx, user, now)


def add_user(tx: Transaction, user: User, now: datetime) -> User:
    """This user, as create_user() makes them; the id and the login of `user` are not looked at. Raises Invalid."""
    # Before the login is chosen: it is made of the checked address.
    user = _checked(tx, user)
    return people.add_user(tx, replace(user, login=_free_login(tx, user.email)), now)


def _checked(tx: Transaction, user: User) -> User:
    email = user.email.strip()
    if len(email) > NAME_CHARACTERS_MAX or not _EMAIL.match(email) or not email.isprintable():
        raise Invalid(f'"{email[:80]}" is not an email address')
    other = people.user_by_email(tx, email)
    # The address signs in and receives links, so it must lead to one person.
    if other is not None and other.id != user.id:
        raise Invalid(f"there is a user with the email {email} already")
    return replace(
        user,
        email=email,
        first_name=named(user.first_name, "the first name"),
        last_name=named(user.last_name, "the last name"),
        timezone=timezones.named(user.timezone),
    )


def change_user(act: Act, wanted: User) -> User:
    """The user of this id becomes `wanted`; a suspended one loses every session and token, their runs go on.

    Raises Forbidden for what only a higher user role may, Invalid for the last active ClientAdmin.
    """
    tx = act.tx
    before = user(tx, wanted.id)
    # Both: neither may somebody demote who is above them, nor raise anybody above themselves.
    require_rank(act.caller, before.role)
    require_rank(act.caller, wanted.role)
    wanted = _checked(tx, replace(wanted, login=before.login))
    is_admin = wanted.role is UserRole.CLIENT_ADMIN and wanted.status is AccountStatus.ACTIVE
    was_admin = before.role is UserRole.CLIENT_ADMIN and before.status is AccountStatus.ACTIVE
    # Nobody could make another one: the home would have to be repaired by hand.
    if was_admin and not is_admin and not people.has_other_admin(tx, before.id):
        raise Invalid(f"{before.login} is the last active ClientAdmin; make somebody else a ClientAdmin first")
    # In one statement, so that the trigger on the user's row ends what callers are kept.
    people.change_user(tx, wanted)
    if wanted.status is not AccountStatus.ACTIVE and before.status is AccountStatus.ACTIVE:
        applications.revoke_tokens_of_user(tx, wanted.id, act.now)
        links.drop(tx, wanted.id)
    return wanted


def set_password(tx: Transaction, user_id: UserId, password_hash: str, now: datetime) -> None:
    """Ends every session, grant and token of the user, and any link to set a password."""
    people.set_password(tx, user_id, password_hash)
    links.drop(tx, user_id)
    applications.revoke_tokens_of_user(tx, user_id, now)


def require_rank(caller: Caller, role: UserRole) -> None:
    """Nobody makes or changes a user who is above them. Raises Forbidden."""
    if USER_ROLE_RANK[caller.user.role] < USER_ROLE_RANK[role]:
        raise Forbidden(f"this needs the user role {role}; yours is {caller.user.role}")


def user(tx: Transaction, user_id: UserId) -> User:
    """Raises NotFound."""
    found = people.user(tx, user_id)
    if found is None:
        raise NotFound(f"there is no user {user_id}")
    return found


def listed(tx: Transaction, caller: Caller) -> list[User]:
    """Everybody for administrators, else oneself."""
    return people.users(tx) if caller.user.role in ADMINS else [caller.user]


def _free_login(tx: Transaction, email: str) -> str:
    # An address of other scripts may leave nothing at all.
    wanted = _NOT_IN_A_LOGIN.sub("", email.partition("@")[0].lower()) or "user"
    login, number = wanted, 1
    while people.user_by_login(tx, login) is not None:
        number += 1
        login = f"{wanted}{number}"
    return login


def named(text: str, what: str) -> str:
    """The text as a name of `what`. Raises Invalid."""
    text = text.strip()
    # Line ends and marks of direction make one name look like another in a list.
    if not text or len(text) > NAME_CHARACTERS_MAX or not text.isprintable():
        raise Invalid(f"{what} must be one line of 1 to {NAME_CHARACTERS_MAX} characters")
    return text


def line(text: str, what: str) -> str:
    """The text, which may be empty, as one line. Raises Invalid."""
    return named(text, what) if text.strip() else ""


def find_user(tx: Transaction, login: str) -> User:
    """Any case. Raises NotFound."""
    user = people.user_by_login(tx, login)
    if user is None:
        raise NotFound(f'there is no user "{login}"')
    return user


def find_user_by_name(tx: Transaction, name: str) -> User:
    """By login or email, any case. Raises NotFound."""
    name = name.strip()
    user = people.user_by_login(tx, name) or people.user_by_email(tx, name)
    if user is None:
        raise NotFound(f'there is nobody with the login or email "{name[:80]}"')
    return user


def id_of(tx: Transaction, login: str) -> UserId:
    """Any case; NOBODY's for a login that nobody has."""
    user = people.user_by_login(tx, login)
    return NOBODY if user is None else user.id


def names(tx: Transaction, logins: Collection[str]) -> dict[str, str]:
    """First and last names by login; whoever is no user any more, or never was one, is left out."""
    return people.names(tx, logins) if logins else {}


def first_admin(tx: Transaction) -> User:
    """Who stands for the operator at the command line. Raises NotFound."""
    user = people.first_admin(tx)
    if user is None:
        raise NotFound("there is no ClientAdmin yet; create one: procession user create --role ClientAdmin ...")
    return user


def create_group(tx: Transaction, *, name: str, description: str = "", now: datetime) -> Group:
    """Raises Invalid when the name is taken."""
    return people.add_group(tx, _group_name(tx, name, None), description, now)


def _group_name(tx: Transaction, name: str, group_id: GroupId | None) -> str:
    name = named(name, "the name of a group")
    other = people.group_by_name(tx, name)
    if other is not None and other.id != group_id:
        raise Invalid(f'there is a user group "{name}" already')
    return name


def change_group(tx: Transaction, wanted: Group) -> Group:
    """The group of this id becomes `wanted`. Raises Invalid when the name is taken."""
    wanted = replace(wanted, name=_group_name(tx, wanted.name, wanted.id))
    people.change_group(tx, wanted)
    return wanted


def group(tx: Transaction, group_id: GroupId) -> Group:
    """Raises NotFound."""
    found = people.group(tx, group_id)
    if found is None:
        raise NotFound(f"there is no user group {group_id}")
    return found


def find_group(tx: Transaction, name: str) -> Group:
    """Raises NotFound."""
    found = people.group_by_name(tx, name)
    if found is None:
        raise NotFound(f'there is no user group "{name}"')
    return found


def groups(tx: Transaction) -> list[Group]:
    """By name; everybody may see them."""
    return people.groups(tx)


def groups_of(tx: Transaction, user_id: UserId) -> list[Group]:
    """By name."""
    return people.groups_of(tx, user_id)


def passwordless(tx: Transaction) -> set[UserId]:
    """Who has no password: they were sent a link that they have not used, or none at all."""
    return people.passwordless(tx)


def members(tx: Transaction, group_id: GroupId) -> list[User]:
    """By login."""
    return people.members(tx, group_id)


def delete_group(tx: Transaction, group_id: GroupId) -> None:
    """With its memberships and what it was granted. Raises NotFound."""
    people.delete_group(tx, group(tx, group_id).id)


def add_member(tx: Transaction, group_id: GroupId, user_id: UserId) -> User:
    """Once is enough: to add a member again changes nothing. Raises NotFound."""
    member = user(tx, user_id)
    people.add_member(tx, group(tx, group_id).id, member.id)
    return member


def remove_member(tx: Transaction, group_id: GroupId, user_id: UserId) -> None:
    """Raises NotFound when the user is no member."""
    if not people.remove_member(tx, group_id, user_id):
        raise NotFound(f"user {user_id} is not a member of user group {group_id}")
