"""Permissions on the wire."""

from __future__ import annotations

from msgspec import Struct

from procession.api.wire.scalars import (
    AResource,
    ResourceRole,
)


class PermissionShape(Struct, frozen=True, kw_only=True):
    resourceId: AResource
    resourceName: str
    role: ResourceRole


class NewPermission(Struct, frozen=True, kw_only=True):
    resourceId: AResource
    role: ResourceRole


class PermissionChange(Struct, frozen=True, kw_only=True):
    role: ResourceRole
