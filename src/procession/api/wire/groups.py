"""User groups on the wire."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from procession.api.wire.scalars import (
    AGroup,
    AUser,
    GivenName,
)

# ruff: noqa: RUF036  (the wire's names, and its order of types)


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
