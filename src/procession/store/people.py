"""Users and user groups: every statement about them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from msgspec.structs import replace

from procession.model.ids import GroupId, UserId
from procession.model.people import AccountStatus, Group, NumberStyle, User, UserRole
from procession.store import times
from procession.store.database import Row, Transaction

# The columns of as_user(), of the table called u.
USER = (
    "u.id, u.login, u.email, u.first_name, u.last_name, u.role, u.status, u.city, u.country, u.born_on, u.department,"
    " u.phone_land, u.phone_mobile, u.timezone, u.signed_in_at, u.numbers, u.has_shortcuts"
)


def add_user(tx: Transaction, user: User, now: datetime) -> User:
    """The user as stored: the id given in `user` is not looked at."""
    number = tx.insert(
        "INSERT INTO user_account (login, email, first_name, last_name, role, status, city, country, born_on,"
        " department, phone_land, phone_mobile, timezone, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        *_columns(user),
        times.to_column(now),
    )
    return replace(user, id=UserId(number))


def change_user(tx: Transaction, user: User) -> None:
    """Write everything of the user but when they signed in."""
    tx.run(
        "UPDATE user_account SET login = ?, email = ?, first_name = ?, last_name = ?, role = ?, status = ?, city = ?,"
        " country = ?, born_on = ?, department = ?, phone_land = ?, phone_mobile = ?, timezone = ?,"
        " numbers = ?, has_shortcuts = ? WHERE id = ?",
        *_columns(user),
        user.numbers,
        int(user.has_shortcuts),
        user.id.number,
    )


def _columns(user: User) -> tuple[str | None, ...]:
    return (
        user.login,
        user.email,
        user.first_name,
        user.last_name,
        user.role,
        user.status,
        user.city,
        user.country,
        None if user.born_on is None else user.born_on.isoformat(),
        user.department,
        user.phone_land,
        user.phone_mobile,
        user.timezone,
    )


def user(tx: Transaction, user_id: UserId) -> User | None:
    return _maybe_user(tx.one(f"SELECT {USER} FROM user_account u WHERE u.id = ?", user_id.number))


def user_by_login(tx: Transaction, login: str) -> User | None:
    # People write their login in any case.
    return _maybe_user(tx.one(f"SELECT {USER} FROM user_account u WHERE lower(u.login) = lower(?)", login))


def user_by_email(tx: Transaction, email: str) -> User | None:
    return _maybe_user(tx.one(f"SELECT {USER} FROM user_account u WHERE lower(u.email) = lower(?)", email))


def first_admin(tx: Transaction) -> User | None:
    """The oldest active ClientAdmin."""
    return _maybe_user(
        tx.one(
            f"SELECT {USER} FROM user_account u WHERE u.role = 'ClientAdmin' AND u.status = 'Active'"
            " ORDER BY u.id LIMIT 1"
        )
    )


def has_other_admin(tx: Transaction, user: UserId) -> bool:
    """Whether there is an active ClientAdmin besides this user."""
    return (
        tx.one(
            # An invited one counts as none: nobody may ever accept the invitation.
            "SELECT 1 FROM user_account WHERE role = 'ClientAdmin' AND status = 'Active' AND id <> ? LIMIT 1",
            user.number,
        )
        is not None
    )


def users(tx: Transaction) -> list[User]:
    """All of them, by login."""
    return [as_user(row) for row in tx.all(f"SELECT {USER} FROM user_account u ORDER BY u.login")]


def password_hash(tx: Transaction, user: UserId) -> str | None:
    """None for a user who has no password yet."""
    row = tx.one("SELECT password_hash FROM user_account WHERE id = ?", user.number)
    if row is None:
        return None
    (hashed,) = row
    return None if hashed is None else str(hashed)


def set_password(tx: Transaction, user: UserId, hashed: str) -> None:
    tx.run("UPDATE user_account SET password_hash = ? WHERE id = ?", hashed, user.number)


def signed_in(tx: Transaction, user: UserId, now: datetime) -> None:
    """Remember when the user last signed in with a password."""
    tx.run("UPDATE user_account SET signed_in_at = ? WHERE id = ?", times.to_column(now), user.number)


def names(tx: Transaction, logins: Collection[str]) -> dict[str, str]:
    """First and last names by login."""
    rows = tx.all(
        "SELECT login, first_name || ' ' || last_name FROM user_account"
        f" WHERE login IN ({', '.join('?' * len(logins))})",
        *logins,
    )
    return dict(rows)


def is_empty(tx: Transaction) -> bool:
    """Whether there is no user yet."""
    return tx.one("SELECT 1 FROM user_account LIMIT 1") is None


def add_group(tx: Transaction, name: str, description: str, now: datetime) -> Group:
    number = tx.insert(
        "INSERT INTO user_group (name, description, created_at) VALUES (?, ?, ?) RETURNING id",
        *(name, description, times.to_column(now)),
    )
    return Group(id=GroupId(number), name=name, description=description)


def group(tx: Transaction, group_id: GroupId) -> Group | None:
    return _maybe_group(tx.one("SELECT id, name, description FROM user_group WHERE id = ?", group_id.number))


def groups(tx: Transaction) -> list[Group]:
    """All of them, by name."""
    return [_group(row) for row in tx.all("SELECT id, name, description FROM user_group ORDER BY lower(name), id")]


def groups_of(tx: Transaction, user: UserId) -> list[Group]:
    """Those that the user is a member of, by name."""
    rows = tx.all(
        "SELECT g.id, g.name, g.description FROM user_group g JOIN user_group_member m ON m.group_id = g.id"
        " WHERE m.user_id = ? ORDER BY lower(g.name), g.id",
        user.number,
    )
    return [_group(row) for row in rows]


def change_group(tx: Transaction, group: Group) -> None:
    tx.run(
        "UPDATE user_group SET name = ?, description = ? WHERE id = ?", group.name, group.description, group.id.number
    )


def delete_group(tx: Transaction, group_id: GroupId) -> None:
    """With its memberships and its permissions."""
    # Before the group, or its foreign keys refuse.
    tx.run("DELETE FROM permission WHERE group_id = ?", group_id.number)
    tx.run("DELETE FROM connection_user WHERE group_id = ?", group_id.number)
    tx.run("DELETE FROM user_group_member WHERE group_id = ?", group_id.number)
    tx.run("DELETE FROM user_group WHERE id = ?", group_id.number)


def group_by_name(tx: Transaction, name: str) -> Group | None:
    return _maybe_group(tx.one("SELECT id, name, description FROM user_group WHERE name = ?", name))


def _maybe_group(row: Row | None) -> Group | None:
    return None if row is None else _group(row)


def _group(row: Row) -> Group:
    number, name, description = row
    return Group(id=GroupId(number), name=name, description=description)


def add_member(tx: Transaction, group: GroupId, member: UserId) -> None:
    tx.run("INSERT INTO user_group_member VALUES (?, ?) ON CONFLICT DO NOTHING", group.number, member.number)


def remove_member(tx: Transaction, group: GroupId, member: UserId) -> bool:
    """False when the user was no member."""
    return bool(tx.run("DELETE FROM user_group_member WHERE group_id = ? AND user_id = ?", group.number, member.number))


def members(tx: Transaction, group: GroupId) -> list[User]:
    """By login."""
    rows = tx.all(
        f"SELECT {USER} FROM user_account u JOIN user_group_member m ON m.user_id = u.id WHERE m.group_id = ?"
        " ORDER BY u.login",
        group.number,
    )
    return [as_user(row) for row in rows]


def memberships(tx: Transaction) -> list[tuple[GroupId, UserId]]:
    """Who is in which group, of all groups."""
    rows = tx.all("SELECT group_id, user_id FROM user_group_member ORDER BY group_id, user_id")
    return [(GroupId(group), UserId(user)) for group, user in rows]


def passwordless(tx: Transaction) -> set[UserId]:
    """Who has not set a password yet, or was never sent a link to do so."""
    return {UserId(number) for (number,) in tx.all("SELECT id FROM user_account WHERE password_hash IS NULL")}


def is_member(tx: Transaction, group: GroupId, user: UserId) -> bool:
    row = tx.one("SELECT 1 FROM user_group_member WHERE group_id = ? AND user_id = ?", group.number, user.number)
    return row is not None


def _maybe_user(row: Row | None) -> User | None:
    return None if row is None else as_user(row)


def as_user(row: Sequence[Any]) -> User:
    """A row of the columns USER."""
    (
        number,
        login,
        email,
        first_name,
        last_name,
        role,
        status,
        city,
        country,
        born_on,
        department,
        phone_land,
        phone_mobile,
        timezone,
        signed_in_at,
        numbers,
        has_shortcuts,
    ) = row
    return User(
        id=UserId(number),
        login=login,
        email=email,
        first_name=first_name,
        last_name=last_name,
        role=UserRole(role),
        status=AccountStatus(status),
        city=city,
        country=country,
        born_on=None if born_on is None else date.fromisoformat(born_on),
        department=department,
        phone_land=phone_land,
        phone_mobile=phone_mobile,
        timezone=timezone,
        signed_in_at=times.maybe_from_column(signed_in_at),
        numbers=NumberStyle(numbers),
        has_shortcuts=bool(has_shortcuts),
    )
