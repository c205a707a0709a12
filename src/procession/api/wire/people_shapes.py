"""The shapes of users, groups, permissions, logs and applications (docs/wire.md, Shapes)."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from procession.api.wire.request_shapes import GivenName, Name
from procession.api.wire.scalars import (
    AccountStatus,
    AGroup,
    AnApplication,
    AResource,
    AUser,
    ResourceRole,
    SevenDigits,
    Timezone,
    UserRole,
)

# ruff: noqa: RUF036  (the wire's names, and its order of types)
Day = Annotated[str, Meta(pattern=r"^\d\d/\d\d/\d{4}$")]
GivenDay = Annotated[str, Meta(extra_json_schema={"description": "dd/MM/yyyy or ISO 8601"})]
SevenDigitsWithOffset = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}[+-]\d\d:\d\d$")]
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


class UserGroup(Struct, frozen=True, kw_only=True):
    id: AGroup
    name: str
    description: str


class NewGroup(Struct, frozen=True, kw_only=True):
    name: GivenName
    description: Annotated[str, Meta(max_length=4_000)] | None | UnsetType = UNSET


class GroupChange(Struct, frozen=True, kw_only=True):
    """What is left out stays."""

    name: GivenName | None | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=4_000)] | None | UnsetType = UNSET


class NewMember(Struct, frozen=True, kw_only=True):
    id: AUser


class PermissionShape(Struct, frozen=True, kw_only=True):
    resourceId: AResource
    resourceName: str
    role: ResourceRole


class NewPermission(Struct, frozen=True, kw_only=True):
    resourceId: AResource
    role: ResourceRole


class PermissionChange(Struct, frozen=True, kw_only=True):
    role: ResourceRole


class LogItemShape(Struct, frozen=True, kw_only=True):
    id: str
    message: str
    userName: str
    timeStamp: SevenDigitsWithOffset


class ApplicationShape(Struct, frozen=True, kw_only=True):
    """clientSecret is there once: when it is made, and when it is reset."""

    id: AnApplication
    clientId: str
    name: str
    user: str
    scopes: list[str]
    redirectUris: list[str]
    isPublic: bool
    clientSecret: str | UnsetType = UNSET


class NewApplication(Struct, frozen=True, kw_only=True):
    """Without scopes it has process_read. A public one can keep no secret: it signs people in, with PKCE."""

    name: GivenName
    scopes: list[str] | None | UnsetType = UNSET
    redirectUris: list[str] | None | UnsetType = UNSET
    isPublic: bool | None | UnsetType = UNSET


class ApplicationChange(Struct, frozen=True, kw_only=True):
    """What is left out stays."""

    name: GivenName | None | UnsetType = UNSET
    scopes: list[str] | None | UnsetType = UNSET
    redirectUris: list[str] | None | UnsetType = UNSET
