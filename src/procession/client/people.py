"""Users, groups, permissions, OAuth applications, and the user log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from procession.client import reading
from procession.client.asking import segment
from procession.client.connection import Connection
from procession.client.shapes import Named


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedUser:
    id: str
    login_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`date_of_birth` is dd/MM/yyyy; `set_password_link` comes once, from a server without mail."""

    id: str
    first_name: str
    last_name: str
    login_name: str
    email: str
    account_status: str
    user_role: str
    timezone: str | None = None
    city: str | None = None
    country: str | None = None
    date_of_birth: str | None = None
    department: str | None = None
    last_sign_in_date: datetime | None = None
    phone_number_land: str | None = None
    phone_number_mobile: str | None = None
    set_password_link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    id: str
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """`role` is owner, editor, executor or reader."""

    resource_id: str
    resource_name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogItem:
    id: str
    message: str
    user_name: str
    time_stamp: datetime


class People:
    """Administration. Raises Forbidden for what the user's role does not allow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def users(self) -> list[ListedUser]:
        return reading.shapes(ListedUser, self._connection.get("users"))

    def user(self, user_id: str) -> User:
        return reading.shape(User, self._connection.get(f"users/{segment(user_id)}"))

    def create_user(self, email: str, *, first_name: str, last_name: str, role: str, **more: object) -> User:
        """`more` by the names on the wire: timezone (required by the API), password, city, ..."""
        content = {"email": email, "firstName": first_name, "lastName": last_name, "userRole": role, **more}
        return reading.shape(User, self._connection.post("users", content))

    def change_user(self, user_id: str, /, **fields: object) -> User:
        """Fields by their names on the wire, such as accountStatus="Suspended"."""
        return reading.shape(User, self._connection.post(f"users/{segment(user_id)}", fields))

    def groups_of(self, user_id: str) -> list[Named]:
        return reading.shapes(Named, self._connection.get(f"users/{segment(user_id)}/usergroups"))

    def groups(self) -> list[Named]:
        return reading.shapes(Named, self._connection.get("usergroups"))

    def group(self, group_id: str) -> Group:
        return reading.shape(Group, self._connection.get(f"usergroups/{segment(group_id)}"))

    def members(self, group_id: str) -> list[ListedUser]:
        return reading.shapes(ListedUser, self._connection.get(f"usergroups/{segment(group_id)}/users"))

    def add_member(self, group_id: str, user_id: str) -> ListedUser:
        content = {"id": user_id}
        return reading.shape(ListedUser, self._connection.post(f"usergroups/{segment(group_id)}/users", content))

    def remove_member(self, group_id: str, user_id: str) -> None:
        self._connection.delete(f"usergroups/{segment(group_id)}/users/{segment(user_id)}")

    def permissions(self, who: str) -> list[Permission]:
        """`who` is the id of a user (u-) or of a group (ug-)."""
        return reading.shapes(Permission, self._connection.get(_permissions(who)))

    def permit(self, who: str, resource_id: str, role: str) -> Permission:
        """Grants a user or group a role on a process or table, and replaces an earlier one."""
        content = {"resourceId": resource_id, "role": role}
        return reading.shape(Permission, self._connection.post(_permissions(who), content))

    def forbid(self, who: str, resource_id: str) -> None:
        """Take the role away."""
        self._connection.delete(f"{_permissions(who)}/{segment(resource_id)}")

    def logs(self, *, start: datetime | None = None, end: datetime | None = None) -> list[LogItem]:
        """Newest first; without bounds the latest 50."""
        return reading.shapes(LogItem, self._connection.get("logs", {"startDate": start, "endDate": end}))

    def applications(self) -> Sequence[Mapping[str, Any]]:
        """OAuth applications; a secret is shown only by the call that makes it."""
        return reading.objects(self._connection.get("applications"))

    def create_application(self, name: str, **fields: object) -> Mapping[str, Any]:
        """Fields by their names on the wire."""
        made = self._connection.post("applications", {"name": name, **fields})
        return reading.objects([made])[0]

    def delete_application(self, application_id: str) -> None:
        self._connection.delete(f"applications/{segment(application_id)}")


def _permissions(who: str) -> str:
    # The id says which it is; a second argument could only contradict it.
    noun = "usergroups" if who.lower().startswith("ug-") else "users"
    return f"{noun}/{segment(who)}/permissions"
