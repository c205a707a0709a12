"""Who may do what on which processes or tables, at a glance: all of them for administrators, else what one owns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from procession.model.ids import GroupId, ProcessId, ResourceId, TableId, UserId
from procession.model.people import Caller, GivenRole, Group, Role, User
from procession.model.rights import ADMINS, PROCESS_CEILING, ROLE_RANK, at_most
from procession.operations import processes, tables
from procession.operations.permissions import Holder
from procession.store import people, permissions
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ByGroup:
    role: Role
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleCell:
    """`own` was given to exactly this holder. `counts` is what their roles come to, cut by what their user role may be.

    `by_group` is the largest of their groups, `is_admin` says that they own everything.
    """

    own: Role | None = None
    by_group: ByGroup | None = None
    counts: Role | None = None
    is_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleMatrix:
    """`columns` are what the caller may give roles on, by name; `members` says how many people a group has."""

    columns: tuple[tuple[ResourceId, str], ...]
    groups: tuple[Group, ...]
    users: tuple[User, ...]
    members: Mapping[GroupId, int]
    cell: Callable[[Holder, ResourceId], RoleCell]


def of(tx: Transaction, caller: Caller, kind: type[ResourceId]) -> RoleMatrix:
    """The whole of it. Others than administrators see people who have a role on what they own, and themselves."""
    grants, memberships = permissions.granted(tx, kind), people.memberships(tx)
    groups = people.groups(tx)
    groups_of: dict[UserId, list[GroupId]] = defaultdict(list)
    for group, user in memberships:
        groups_of[user].append(group)
    given = {(item.holder, item.resource): item.role for item in grants}
    roles = _Roles(given=given, groups_of=groups_of, names={item.id: item.name for item in groups}, users={})
    columns = tuple(
        (resource, name)
        for resource, name in _visible(tx, caller, kind)
        if roles.of_user(caller.user, resource).counts is Role.OWNER
    )
    users = _users(tx, caller, grants, {resource for resource, _ in columns}, memberships)
    roles.users.update({user.id: user for user in users})
    members: dict[GroupId, int] = defaultdict(int)
    for group, _ in memberships:
        members[group] += 1
    return RoleMatrix(columns=columns, groups=tuple(groups), users=users, members=members, cell=roles.cell)


def _visible(tx: Transaction, caller: Caller, kind: type[ResourceId]) -> list[tuple[ResourceId, str]]:
    if kind is ProcessId:
        return [(row.id, row.name) for row in processes.listed(tx, caller)]
    return [(table.id, table.name) for table in tables.listed(tx, caller, name=None)]


def _users(
    tx: Transaction,
    caller: Caller,
    grants: Iterable[GivenRole],
    owned: set[ResourceId],
    memberships: Iterable[tuple[GroupId, UserId]],
) -> tuple[User, ...]:
    everybody = people.users(tx)
    if caller.user.role not in ADMINS:
        # Who exists is not for everybody to know: only who has a part in what the caller owns.
        holders = {grant.holder for grant in grants if grant.resource in owned}
        known = {holder for holder in holders if isinstance(holder, UserId)} | {caller.user.id}
        known |= {user for group, user in memberships if group in holders}
        everybody = [user for user in everybody if user.id in known]
    return tuple(sorted(everybody, key=lambda user: (user.first_name.casefold(), user.last_name.casefold(), user.id)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Roles:
    given: Mapping[tuple[Holder, ResourceId], Role]
    groups_of: Mapping[UserId, list[GroupId]]
    names: Mapping[GroupId, str]
    users: dict[UserId, User]

    def cell(self, holder: Holder, resource: ResourceId) -> RoleCell:
        if isinstance(holder, UserId):
            return self.of_user(self.users[holder], resource)
        own = self.given.get((holder, resource))
        return RoleCell(own=own, counts=own)

    def of_user(self, user: User, resource: ResourceId) -> RoleCell:
        own = self.given.get((user.id, resource))
        if user.role in ADMINS:
            return RoleCell(own=own, counts=Role.OWNER, is_admin=True)
        found = [
            ByGroup(role=self.given[group, resource], group=self.names[group])
            for group in self.groups_of.get(user.id, ())
            if (group, resource) in self.given
        ]
        largest = max(found, key=lambda item: ROLE_RANK[item.role], default=None)
        every = [*([] if own is None else [own]), *(item.role for item in found)]
        counts = max(every, key=ROLE_RANK.__getitem__, default=None)
        # As operations/rights cuts it: a Subscriber that was made owner of a process runs it, no more.
        if counts is not None and not isinstance(resource, TableId):
            counts = at_most(counts, PROCESS_CEILING[user.role])
        return RoleCell(own=own, by_group=largest, counts=counts)
