"""Gives users and groups roles on processes and tables, and takes them away."""

from __future__ import annotations

from dataclasses import dataclass

from procession.model.errors import Invalid, NotFound
from procession.model.ids import GroupId, ResourceId, TableId, UserId
from procession.model.people import Caller, Permission, Role, UserRole
from procession.model.rights import ADMINS, can_own_a_process
from procession.operations import people as people_operations
from procession.operations.act import Act
from procession.operations.rights import not_found, role_of
from procession.operations.telling import tell
from procession.store import people, permissions
from procession.store.database import Transaction

Holder = UserId | GroupId


def of_holder(tx: Transaction, caller: Caller, holder: Holder) -> list[Permission]:
    """All for administrators and for the holder, else those on what the caller owns.

    Raises NotFound for a user in whom the caller has no part: who exists is not for everybody to know.
    """
    _find(tx, holder)
    given = permissions.of_holder(tx, holder)
    if caller.user.role in ADMINS or _is_of(tx, caller, holder):
        return given
    owned = [item for item in given if role_of(tx, caller.user, item.resource) is Role.OWNER]
    if not owned and isinstance(holder, UserId):
        raise not_found(holder)
    return owned


def _is_of(tx: Transaction, caller: Caller, holder: Holder) -> bool:
    if isinstance(holder, UserId):
        return caller.user.id == holder
    return people.is_member(tx, holder, caller.user.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGiven:
    """A role that a user or a group was given; `name` is of the holder."""

    holder: Holder
    name: str
    role: Role


def of_resource(tx: Transaction, caller: Caller, resource: ResourceId) -> list[RoleGiven]:
    """Who was given what on it, all for whoever owns it; others see its owners, whom they can ask.

    The caller has a role on it: the route asked.
    """
    is_owner = role_of(tx, caller.user, resource) is Role.OWNER
    given = permissions.holders(tx, resource)
    return [
        RoleGiven(holder=holder, name=_called(tx, holder, name), role=role)
        for holder, name, role in given
        if is_owner or role is Role.OWNER
    ]


def _called(tx: Transaction, holder: Holder, name: str) -> str:
    if isinstance(holder, GroupId):
        return f"Group {name}"
    user = people.user(tx, holder)
    return name if user is None else f"{user.first_name} {user.last_name}"


def _find(tx: Transaction, holder: Holder) -> None:
    if isinstance(holder, UserId):
        people_operations.user(tx, holder)
    else:
        people_operations.group(tx, holder)


def give(act: Act, holder: Holder, resource: ResourceId, role: Role) -> Permission:
    """Exactly this role from now on, whatever it was. The caller owns the resource: the route asked.

    Raises NotFound, and Invalid for the last owner: only an administrator leaves a resource without one.
    """
    tx = act.tx
    _find(tx, holder)
    # A permission on what does not exist yet would be waiting for it.
    if permissions.resource_of(tx, resource) is None:
        raise not_found(resource)
    # Only another role can take the last owner away.
    if role is not Role.OWNER:
        _keep_an_owner(act, holder, resource)
    before = permissions.role_of_holder(tx, resource, holder=holder)
    permissions.give(tx, resource, role, holder=holder)
    if before is not role:
        was = f"; was {before}" if before else ""
        tell(act, f"made {_named(tx, holder)} {role} of {_named(tx, resource)}{was}", resource)
    return Permission(resource=resource, name=permissions.name_of(tx, resource), role=role)


def take_away(act: Act, holder: Holder, resource: ResourceId) -> None:
    """Raises NotFound when nothing was given, Invalid for the last owner as give() does."""
    _find(act.tx, holder)
    _keep_an_owner(act, holder, resource)
    before = permissions.role_of_holder(act.tx, resource, holder=holder)
    if not permissions.take_away(act.tx, resource, holder=holder):
        raise NotFound(f"{holder.noun} {holder} has no permission of their own on {resource.noun} {resource}")
    sentence = f"took the role {before} away from {_named(act.tx, holder)} on {_named(act.tx, resource)}"
    tell(act, sentence, resource)


def _named(tx: Transaction, thing: Holder | ResourceId) -> str:
    if isinstance(thing, UserId):
        return f'"{people_operations.user(tx, thing).login}"'
    if isinstance(thing, GroupId):
        return f'the group "{people_operations.group(tx, thing).name}"'
    return f'{thing.noun} "{permissions.name_of(tx, thing)}"'


def _keep_an_owner(act: Act, holder: Holder, resource: ResourceId) -> None:
    tx = act.tx
    # An administrator owns everything, so nothing is ever without an owner for them.
    if act.caller.user.role in ADMINS:
        return
    is_owner = permissions.role_of_holder(tx, resource, holder=holder) is Role.OWNER
    # An owner by row whose user role is cut below owner cannot act as one.
    can_own = [role for role in UserRole if isinstance(resource, TableId) or can_own_a_process(role)]
    if is_owner and not permissions.has_other_owner(tx, resource, holder=holder, roles=can_own):
        raise Invalid(f"{holder.noun} {holder} is the last owner of {resource.noun} {resource}; name another one first")
