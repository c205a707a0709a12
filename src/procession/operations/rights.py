"""Permission checks: one function for every route, called again by operations for what a route cannot know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from procession.model.errors import Forbidden, NotFound
from procession.model.ids import ApplicationId, GroupId, Id, ProcessId, TableId, UserId
from procession.model.people import Caller, Role, User, UserRole
from procession.model.rights import (
    ADMINS,
    PROCESS_CEILING,
    ROLE_ON_A_GROUP,
    ROLE_ON_ONESELF,
    ROLE_RANK,
    USER_ROLE_RANK,
    Rule,
    at_most,
    covers,
)
from procession.store import applications, people, permissions
from procession.store.database import Transaction


def permit(tx: Transaction, caller: Caller, rule: Rule, ids: Mapping[str, Id]) -> None:
    """Raises Forbidden for a scope or role that is too small, NotFound for what the caller must not see."""
    # The scope first: a token that may not read at all must not learn what exists.
    require_scope(caller, rule.scope)
    if rule.user_role:
        require_user_role(caller.user, UserRole(rule.user_role))
    if rule.of:
        require(tx, caller, ids[rule.of], Role(rule.role))


def require_scope(caller: Caller, scope: str) -> None:
    if scope not in caller.scopes:
        raise Forbidden(f"this needs an access token with the scope {scope}")


def require_user_role(user: User, needed: UserRole) -> None:
    if USER_ROLE_RANK[user.role] < USER_ROLE_RANK[needed]:
        raise Forbidden(f"this needs the user role {needed}; yours is {user.role}")


def require(tx: Transaction, caller: Caller, thing: Id, role: Role) -> None:
    """The caller's role on `thing`, or on what it belongs to. Raises NotFound without any role, else Forbidden."""
    own = role_of(tx, caller.user, thing)
    # 404 and not 403: that there is such a thing is already something to know.
    if own is None:
        raise not_found(thing)
    if covers(own, role):
        return
    if isinstance(thing, UserId | GroupId):
        raise Forbidden(f"this needs the user role {UserRole.CLIENT_ADMIN}; yours is {caller.user.role}")
    raise Forbidden(
        f"this needs the role {role} on {_belongs(tx, thing)}; yours is {own}{_why(caller.user, own, thing)}"
    )


def role_of(tx: Transaction, user: User, thing: Id) -> Role | None:
    """The user's largest role on the thing; None when there is no such thing, or the user must not see it."""
    if isinstance(thing, UserId):
        return _role_on_user(tx, user, thing)
    if isinstance(thing, GroupId):
        own = Role.OWNER if user.role in ADMINS else ROLE_ON_A_GROUP
        return None if people.group(tx, thing) is None else own
    if isinstance(thing, ApplicationId):
        owner = applications.owner(tx, thing)
        return Role.OWNER if owner is not None and (owner == user.id or user.role in ADMINS) else None
    resource = permissions.resource_of(tx, thing)
    # The ceiling of a user role does not cut administrators.
    if resource is None or user.role in ADMINS:
        return None if resource is None else Role.OWNER
    granted = permissions.role_on(tx, resource, user.id)
    if granted is None or not isinstance(resource, ProcessId):
        return granted
    # Cut when asked and not when given: a user whose role is raised has what they were given.
    return at_most(granted, PROCESS_CEILING[user.role])


def roles_on(tx: Transaction, user: User, processes: Iterable[ProcessId]) -> dict[ProcessId, Role]:
    """The same as role_of() for many processes, in one statement; those without a role are left out."""
    if user.role in ADMINS:
        return dict.fromkeys(processes, Role.OWNER)
    granted: dict[ProcessId, Role] = {}
    for process, role in permissions.on_processes(tx, user.id):
        granted[process] = max(granted.get(process, role), role, key=ROLE_RANK.__getitem__)
    ceiling = PROCESS_CEILING[user.role]
    return {process: at_most(granted[process], ceiling) for process in processes if process in granted}


def _role_on_user(tx: Transaction, user: User, other: UserId) -> Role | None:
    if user.role in ADMINS:
        return None if people.user(tx, other) is None else Role.OWNER
    return ROLE_ON_ONESELF if other == user.id else None


def viewer(caller: Caller) -> UserId | None:
    """The user whose permissions filter a list; None: no filter."""
    return None if caller.user.role in ADMINS else caller.user.id


def not_found(thing: Id) -> NotFound:
    return NotFound(f"there is no {thing.noun} {thing}")


def _belongs(tx: Transaction, thing: Id) -> str:
    resource = permissions.resource_of(tx, thing)
    if resource is None or thing == resource:
        return f"{thing.noun} {thing}"
    return f"{resource.noun} {resource}, to which {thing} belongs"


def _why(user: User, own: Role, thing: Id) -> str:
    """Says what no grant can change, so nobody asks an owner in vain."""
    # Only then no owner can help; everybody else should ask one.
    is_ceiling = user.role is UserRole.SUBSCRIBER and own is PROCESS_CEILING[user.role]
    return (
        "" if not is_ceiling or isinstance(thing, ApplicationId | TableId) else f", the most that a {user.role} can be"
    )
