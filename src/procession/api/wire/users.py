"""Users on the wire."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from procession.api.wire.scalars import (
    AccountStatus,
    AUser,
    GivenName,
    Name,
    SevenDigits,
    Timezone,
    UserRole,
)

# ruff: noqa: RUF036  (the wire's names, and its order of types)


Day = Annotated[str, Meta(pattern=r"^\d\d/\d\d/\d{4}$")]
GivenDay = Annotated[str, Meta(extra_json_schema={"description": "dd/MM/yyyy or ISO 8601"})]
Email = Annotated[str, Meta(max_length=255, pattern=r"^[^@\s]+@[^@\s]+$")]
Password = Annotated[str, Meta(min_length=12, max_length=64)]


class ListedUser(Struct, frozen=True, kw_only=True):
    id: AUser
    loginName: str


class UserShape(Struct, frozen=True, kw_only=True):
    """setPasswordLink is there once: for a new user without a password, from a server that sends no mail."""

    id: AUser
    firstName: str
    lastName: str
    loginName: str
    email: str
    accountStatus: AccountStatus
    city: str | None
    country: str | None
    dateOfBirth: Day | None
    department: str | None
    lastSignInDate: SevenDigits | None
    phoneNumberLand: str | None
    phoneNumberMobile: str | None
    timezone: str
    userRole: UserRole
    setPasswordLink: str | UnsetType = UNSET


class _Profile(Struct, frozen=True, kw_only=True):
    city: Name | None | UnsetType = UNSET
    country: Name | None | UnsetType = UNSET
    dateOfBirth: GivenDay | None | UnsetType = UNSET
    department: Name | None | UnsetType = UNSET
    phoneNumberLand: Name | None | UnsetType = UNSET
    phoneNumberMobile: Name | None | UnsetType = UNSET


class NewUser(_Profile, frozen=True, kw_only=True):
    """Without a password the user is sent a link to set one."""

    email: Email
    firstName: GivenName
    lastName: GivenName
    userRole: UserRole
    timezone: Timezone
    password: Password | None | UnsetType = UNSET


class UserChange(_Profile, frozen=True, kw_only=True):
    """What is left out stays; "" empties what may be empty. accountActive is an old word for accountStatus."""

    email: Email | None | UnsetType = UNSET
    firstName: GivenName | None | UnsetType = UNSET
    lastName: GivenName | None | UnsetType = UNSET
    userRole: UserRole | None | UnsetType = UNSET
    timezone: Timezone | None | UnsetType = UNSET
    password: Password | None | UnsetType = UNSET
    accountStatus: AccountStatus | None | UnsetType = UNSET
    accountActive: bool | None | UnsetType = UNSET
