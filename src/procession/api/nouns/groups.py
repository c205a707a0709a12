"""User groups and their members over HTTP."""

from __future__ import annotations

from msgspec.structs import replace

from procession.api.nouns import users
from procession.api.wire import groups as wire
from procession.api.wire import items, reading
from procession.api.wire import users as users_wire
from procession.door.contract import Call, EmptyReply
from procession.model.errors import Invalid
from procession.model.ids import GroupId, UserId
from procession.model.people import Group
from procession.operations import groups as group_operations
from procession.operations import people

DESCRIPTION_CHARACTERS_MAX = 4_000


def listed(call: Call) -> list[items.Named]:
    return [items.named(group.id, group.name) for group in people.groups(call.tx)]


def get(call: Call) -> wire.UserGroup:
    return _shown(people.group(call.tx, call.id(GroupId)))


def members(call: Call) -> list[users_wire.ListedUser]:
    return [users.short(user) for user in people.members(call.tx, call.id(GroupId))]


def create(call: Call) -> wire.UserGroup:
    name = reading.name(call.body.get("name"), field="name")
    description = reading.string(call.body, "description", most=DESCRIPTION_CHARACTERS_MAX)
    return _shown(group_operations.create(call.act, name=name, description=description))


def change(call: Call) -> wire.UserGroup:
    """What is left out stays."""
    wanted = people.group(call.tx, call.id(GroupId))
    if call.body.get("name") is not None:
        wanted = replace(wanted, name=reading.name(call.body["name"], field="name"))
    if call.body.get("description") is not None:
        description = reading.string(call.body, "description", most=DESCRIPTION_CHARACTERS_MAX)
        wanted = replace(wanted, description=description)
    return _shown(group_operations.change(call.act, wanted))


def delete(call: Call) -> EmptyReply:
    group_operations.delete(call.act, call.id(GroupId))
    return EmptyReply()


def add(call: Call) -> users_wire.ListedUser:
    """The member is named by the path, else by the body's id."""
    member = call.find_id(UserId)
    if member is None:
        given = call.body.get("id")
        if not isinstance(given, str):
            raise Invalid('name the user whom to add: {"id": "u-1"}')
        member = UserId.parse(given)
    return users.short(group_operations.add_member(call.act, call.id(GroupId), member))


def remove(call: Call) -> EmptyReply:
    group_operations.remove_member(call.act, call.id(GroupId), call.id(UserId))
    return EmptyReply()


def _shown(group: Group) -> wire.UserGroup:
    return wire.UserGroup(id=str(group.id), name=group.name, description=group.description)
