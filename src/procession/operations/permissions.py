"""Who may: one function decides it for every route, and the operations ask it again for what a route cannot know."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from procession.model.errors import Forbidden, NotFound, Unauthorized
from procession.model.ids import Id, ProcessId, UserId
from procession.model.people import ROLE_RANK, Caller, Role, User, UserRole, with_implied
from procession.store import people, permissions
from procession.store.database import Transaction

ADMINS = frozenset({UserRole.CLIENT_ADMIN, UserRole.SVX_ADMIN})
DESIGNERS = ADMINS | {UserRole.DESIGNER}


class Rule(Protocol):
    """A token with `scope`, whose user has at least `role` on the thing that the id named `of` names ("": none)."""

    @property
    def scope(self) -> str: ...

    @property
    def role(self) -> str: ...

    @property
    def of(self) -> str: ...


def authenticate(tx: Transaction, token: str, now: datetime) -> Caller:
    """Who sends this access token, with which scopes. Raises Unauthorized."""
    found = people.token(tx, hashlib.sha256(token.encode()).hexdigest(), now)
    if found is None:
        raise Unauthorized("the access token is unknown, expired or revoked; ask for a new one at /oauth/token")
    return Caller(user=found.user, scopes=with_implied(found.scopes))


def permit(tx: Transaction, caller: Caller, rule: Rule, ids: Mapping[str, Id]) -> None:
    """Raises Forbidden for a scope or role that is too small, NotFound for what the caller must not see."""
    require_scope(caller, rule.scope)
    if not rule.of:
        return
    thing = ids[rule.of]
    process = permissions.process_of(tx, thing)
    if process is None:
        raise not_found(thing)
    require(tx, caller, process, Role(rule.role), thing)


def require_scope(caller: Caller, scope: str) -> None:
    if scope not in caller.scopes:
        raise Forbidden(f"this needs an access token with the scope {scope}")


def require(tx: Transaction, caller: Caller, process: ProcessId, role: Role, thing: Id) -> None:
    """The caller's role on `process`, to which `thing` belongs. Raises NotFound without any role, else Forbidden."""
    own = role_of(tx, caller.user, process)
    if own is None:
        raise not_found(thing)
    if ROLE_RANK[own] < ROLE_RANK[role]:
        raise Forbidden(f"this needs the role {role} on {_belongs(thing, process)}; yours is {own}")


def role_of(tx: Transaction, user: User, process: ProcessId) -> Role | None:
    """The user's largest role on the process; whoever administers users is an owner everywhere."""
    return Role.OWNER if user.role in ADMINS else people.role_on(tx, process, user.id)


def viewer(caller: Caller) -> UserId | None:
    """Whose permissions filter a list; None sees everything."""
    return None if caller.user.role in ADMINS else caller.user.id


def not_found(thing: Id) -> NotFound:
    return NotFound(f"there is no {thing.noun} {thing}")


def _belongs(thing: Id, process: ProcessId) -> str:
    return f"process {process}" if thing == process else f"process {process}, to which {thing} belongs"
