"""Roles on processes and tables over HTTP, as users and groups have them."""

from __future__ import annotations

from procession.api.wire import permissions as wire
from procession.api.wire import reading
from procession.door.contract import Call, EmptyReply
from procession.door.rules import OWN_RESOURCE
from procession.model.errors import Invalid
from procession.model.ids import GroupId, ResourceId, UserId, parse_resource
from procession.model.people import Permission, Role
from procession.operations import permissions, rights
from procession.operations.permissions import Holder


def listed(call: Call) -> list[wire.PermissionShape]:
    return [_shown(item) for item in permissions.of_holder(call.tx, call.caller, _holder(call))]


def create(call: Call) -> wire.PermissionShape:
    """Gives the role on the resource that the body names, whatever the holder had on it before."""
    given = call.body.get("resourceid")
    if not isinstance(given, str):
        raise Invalid('name what the permission is for: {"resourceId": "p-1", "role": "reader"}')
    resource = parse_resource(given)
    # The route could not ask: the resource stands in the body.
    rights.permit(call.tx, call.caller, OWN_RESOURCE, {"resource": resource})
    return _given(call, resource)


def change(call: Call) -> wire.PermissionShape:
    """The same for a resource that the path names."""
    return _given(call, call.id(ResourceId))


def revoke(call: Call) -> EmptyReply:
    permissions.take_away(call.act, _holder(call), call.id(ResourceId))
    return EmptyReply()


def _given(call: Call, resource: ResourceId) -> wire.PermissionShape:
    role = reading.choice(Role, call.body.get("role"), field="role")
    return _shown(permissions.give(call.act, _holder(call), resource, role))


def _holder(call: Call) -> Holder:
    return call.find_id(UserId) or call.id(GroupId)


def _shown(item: Permission) -> wire.PermissionShape:
    return wire.PermissionShape(resourceId=str(item.resource), resourceName=item.name, role=item.role)
