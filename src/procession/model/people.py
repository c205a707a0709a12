"""Users, groups, applications, tokens and the roles that decide what each may do (docs/users.md, docs/wire.md)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import msgspec

from procession.model.ids import ApplicationId, GroupId, ResourceId, UserId

UTC_NAME = "(UTC) Coordinated Universal Time"


class UserRole(StrEnum):
    SUBSCRIBER = "Subscriber"
    DESIGNER = "Designer"
    CLIENT_ADMIN = "ClientAdmin"
    SVX_ADMIN = "SVXAdmin"


class AccountStatus(StrEnum):
    ACTIVE = "Active"
    SUSPENDED = "Suspended"
    # SolveXia's word; nobody is locked here but by an administrator.
    LOCKED = "Locked"


class Role(StrEnum):
    """A role on a resource; each includes those below it."""

    READER = "reader"
    EXECUTOR = "executor"
    EDITOR = "editor"
    OWNER = "owner"


class NumberStyle(StrEnum):
    """How a user reads and writes numbers."""

    POINT = "point"  # 1,234.50
    COMMA = "comma"  # 1.234,50
    SPACE = "space"  # 1 234,50


class User(msgspec.Struct, frozen=True, kw_only=True):
    id: UserId
    login: str
    email: str
    first_name: str
    last_name: str
    role: UserRole
    status: AccountStatus
    city: str | None = None
    country: str | None = None
    born_on: date | None = None
    department: str | None = None
    phone_land: str | None = None
    phone_mobile: str | None = None
    # The name and not the zone: the API gives back what it was given.
    timezone: str = UTC_NAME  # as it was given: one of model/timezones
    signed_in_at: datetime | None = None  # with a password; tokens of scripts do not count
    numbers: NumberStyle = NumberStyle.POINT
    has_shortcuts: bool = True  # single keys do something on pages


class Group(msgspec.Struct, frozen=True, kw_only=True):
    id: GroupId
    name: str
    description: str


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    """A role on a resource, granted to a user or a group."""

    resource: ResourceId
    name: str  # of the resource
    role: Role


class GivenRole(msgspec.Struct, frozen=True, kw_only=True):
    """Who was given a role on a resource."""

    resource: ResourceId
    holder: UserId | GroupId
    role: Role


class LogItem(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the user log. `number` grows with time."""

    number: int
    at: datetime
    login: str
    message: str
    about: str = ""  # the id of what it tells of, where it tells of one thing


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """An OAuth client; a client_credentials token acts as `user` within `scopes`."""

    id: ApplicationId
    client_id: str
    # No slow hash: 256 random bits cannot be guessed, and scripts ask often.
    secret_hash: str  # hex SHA-256 of a random secret
    name: str
    user: UserId
    scopes: frozenset[str]
    redirect_uris: tuple[str, ...] = ()
    is_public: bool = False  # cannot keep a secret (RFC 6749 section 2.1): PKCE, and no client_credentials
    used_at: datetime | None = None  # when it was last given a token


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The user behind a request and its scopes, implied ones included. The command line has every scope.

    `until` is when what proved them ends by itself, by the home's own clock; None for never.
    """

    user: User
    scopes: frozenset[str]
    until: datetime | None = None


class Token(msgspec.Struct, frozen=True, kw_only=True):
    user: User
    scopes: frozenset[str]
    expires_at: datetime


# What each scope implies (docs/wire.md, Tokens); "process" is the widest of its family.
IMPLIED_SCOPES = {
    "process": frozenset({"process", "process_execute", "process_read"}),
    "process_execute": frozenset({"process_execute", "process_read"}),
    "file": frozenset({"file", "file_read"}),
    "mtable": frozenset({"mtable", "mtable_read"}),
    "user": frozenset({"user", "user_read"}),
    "usergroup": frozenset({"usergroup", "usergroup_read"}),
    "permission": frozenset({"permission", "permission_read"}),
    "application": frozenset({"application", "application_read"}),
}

SCOPES = frozenset(
    {
        *(scope for implied in IMPLIED_SCOPES.values() for scope in implied),
        "log_read",
    }
)


def with_implied(scopes: frozenset[str]) -> frozenset[str]:
    """The scopes and everything they imply."""
    found: set[str] = set()
    for scope in scopes:
        implied = IMPLIED_SCOPES.get(scope)
        if implied is None:
            found.add(scope)
        else:
            found |= implied
    return frozenset(found)
