"""Access rules as data. Only operations/rights.permit reads them.

docs/permissions.md shows them; a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from procession.model.people import SCOPES, Role, UserRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who may: a token with `scope`, whose user has at least `role` on the thing that the path's id `of` names, and at
    least the user role `user_role`.

    An empty `of` means that the operation itself filters what the caller may see, or asks about what the body names.
    """

    scope: str
    role: str = ""
    of: str = ""
    user_role: str = ""


# What an id of a path can name for a rule to ask about.
HAS_ROLES = frozenset({"process", "run", "step", "file", "table", "user", "group", "application", "resource"})
# A route that needs no token says so in its row; there is no other way around the permission function.
PUBLIC = Rule(scope="")

# Each role on a resource, and each user role, includes those below it.
ROLE_RANK = {Role.READER: 1, Role.EXECUTOR: 2, Role.EDITOR: 3, Role.OWNER: 4}
# Numbers and not the order of the enum: another role can come between.
USER_ROLE_RANK = {UserRole.SUBSCRIBER: 1, UserRole.DESIGNER: 2, UserRole.CLIENT_ADMIN: 3, UserRole.SVX_ADMIN: 4}

# Whoever administers users is an owner everywhere.
ADMINS = frozenset({UserRole.CLIENT_ADMIN, UserRole.SVX_ADMIN})

# The highest role each user role can have on a process, whatever was granted: Subscribers run, they do not build.
# Administrators need no grant, so none of theirs is cut.
PROCESS_CEILING = {UserRole.SUBSCRIBER: Role.EXECUTOR, UserRole.DESIGNER: Role.OWNER}

# On a user: administrators manage everybody, everybody reads themselves, nobody else sees anybody.
ROLE_ON_ONESELF = Role.READER
# On a user group: everybody may read it, administrators manage it.
ROLE_ON_A_GROUP = Role.READER


def check(rule: Rule, path: Collection[str]) -> None:
    """Refuses a rule that admits everybody or nobody. `path`: names of the ids that the rule can refer to.

    Raises ValueError.
    """
    if rule is PUBLIC:
        return
    if rule.scope not in SCOPES:
        raise ValueError(f"no token has the scope of {rule}")
    # Half a rule would look like one that asks and ask nothing.
    if bool(rule.role) != bool(rule.of):
        raise ValueError(f"a role is a role on something: {rule}")
    if rule.of and (rule.of not in HAS_ROLES or rule.of not in path or rule.role not in list(Role)):
        raise ValueError(f"nobody can have the role of {rule}")
    if rule.user_role and rule.user_role not in list(UserRole):
        raise ValueError(f"nobody has the user role of {rule}")


def can_own_a_process(role: UserRole) -> bool:
    """Whether users of this role can own a process."""
    return role in ADMINS or PROCESS_CEILING[role] is Role.OWNER


def covers(own: Role, needed: Role) -> bool:
    """Whether the role `own` includes `needed`."""
    return ROLE_RANK[own] >= ROLE_RANK[needed]


def at_most(role: Role, ceiling: Role) -> Role:
    """The smaller of the two."""
    return min(role, ceiling, key=ROLE_RANK.__getitem__)
