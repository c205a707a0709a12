"""Which resource a thing belongs to, and who has which role on it: every statement about permissions."""

from __future__ import annotations

from collections.abc import Collection

from procession.model.ids import (
    ActionStepId,
    DataStepId,
    FileId,
    GroupId,
    Id,
    ProcessId,
    ResourceId,
    RunId,
    TableId,
    UserId,
)
from procession.model.people import GivenRole, Permission, Role, UserRole
from procession.model.rights import ROLE_RANK
from procession.store.database import Transaction

_PROCESS_OF = {
    ProcessId: "SELECT id FROM process WHERE id = ?",
    RunId: "SELECT process_id FROM run WHERE id = ?",
    DataStepId: "SELECT process_id FROM step WHERE id = ? AND kind = 'Data' AND (is_retired = 0 OR run_id > 0)",
    ActionStepId: "SELECT process_id FROM step WHERE id = ? AND kind = 'Action' AND (is_retired = 0 OR run_id > 0)",
    FileId: "SELECT s.process_id FROM file f JOIN property q ON q.id = f.property_id JOIN step s ON s.id = q.step_id"
    " WHERE f.id = ? AND (s.run_id > 0 OR (q.is_retired = 0 AND s.is_retired = 0))",
}
_COLUMN_OF: dict[type[Id], str] = {ProcessId: "process_id", TableId: "table_id"}


def resource_of(tx: Transaction, thing: Id) -> ResourceId | None:
    """The process or table whose roles count for `thing`.

    None when there is no such thing, when the present version of its process no longer has it, and for a kind of thing
    that belongs to nothing: what no rule knows is there for nobody. What a run once had stays, for its history.
    """
    if isinstance(thing, TableId):
        row = tx.one("SELECT id FROM managed_table WHERE id = ? AND is_deleted = 0", thing.number)
        return None if row is None else thing
    statement = _PROCESS_OF.get(type(thing))
    row = None if statement is None else tx.one(statement, thing.number)
    if row is None:
        return None
    (process,) = row
    return ProcessId(process)


def role_on(tx: Transaction, resource: ResourceId, user: UserId) -> Role | None:
    """The largest role of this user on the resource, of their own or through a group."""
    column = _COLUMN_OF[type(resource)]
    rows = tx.all(
        f"SELECT role FROM permission WHERE {column} = ? AND user_id = ? UNION"
        " SELECT p.role FROM permission p JOIN user_group_member m ON m.group_id = p.group_id"
        f" WHERE p.{column} = ? AND m.user_id = ?",
        *(resource.number, user.number, resource.number, user.number),
    )
    # In Python: the rank of roles is a rule of the model, and no column.
    return max((Role(role) for (role,) in rows), key=ROLE_RANK.__getitem__, default=None)


def on_processes(tx: Transaction, user: UserId) -> list[tuple[ProcessId, Role]]:
    """What the user was given on any process, of their own and through groups; a process may be there twice."""
    rows = tx.all(
        "SELECT q.process_id, q.role FROM permission q WHERE q.process_id IS NOT NULL AND (q.user_id = ? OR q.group_id"
        " IN (SELECT m.group_id FROM user_group_member m WHERE m.user_id = ?))",
        *(user.number, user.number),
    )
    return [(ProcessId(number), Role(role)) for number, role in rows]


def give(tx: Transaction, resource: ResourceId, role: Role, *, holder: UserId | GroupId) -> None:
    """Give the user or the group exactly this role, whatever they had before."""
    # Not by ON CONFLICT: which of four partial indexes is met depends on holder and resource.
    take_away(tx, resource, holder=holder)
    holder_column = _holder_column(holder)
    tx.run(
        f"INSERT INTO permission ({_COLUMN_OF[type(resource)]}, {holder_column}, role) VALUES (?, ?, ?)",
        *(resource.number, holder.number, role),
    )


def take_away(tx: Transaction, resource: ResourceId, *, holder: UserId | GroupId) -> bool:
    """Take away what the user or the group was given; False when that was nothing."""
    column, holder_column = _COLUMN_OF[type(resource)], _holder_column(holder)
    return bool(
        tx.run(
            f"DELETE FROM permission WHERE {column} = ? AND {holder_column} = ?",
            *(resource.number, holder.number),
        )
    )


def role_of_holder(tx: Transaction, resource: ResourceId, *, holder: UserId | GroupId) -> Role | None:
    """What was given to exactly this user or group."""
    row = tx.one(
        f"SELECT role FROM permission WHERE {_COLUMN_OF[type(resource)]} = ? AND {_holder_column(holder)} = ?",
        *(resource.number, holder.number),
    )
    if row is None:
        return None
    (role,) = row
    return Role(role)


def has_other_owner(
    tx: Transaction, resource: ResourceId, *, holder: UserId | GroupId, roles: Collection[UserRole]
) -> bool:
    """Whether somebody else can act as its owner: active, of one of these user roles, and not by way of `holder`."""
    column = _holder_column(holder)
    row = tx.one(
        "SELECT 1 FROM permission p LEFT JOIN user_group_member m ON m.group_id = p.group_id"
        # A group owns as well: what counts is whether a person is left who can act.
        " JOIN user_account u ON u.id = coalesce(p.user_id, m.user_id)"
        f" WHERE p.{_COLUMN_OF[type(resource)]} = ? AND p.role = 'owner'"
        f" AND (p.{column} IS NULL OR p.{column} <> ?)"
        f" AND u.status = 'Active' AND u.role IN ({', '.join('?' for _ in roles)}) LIMIT 1",
        *(resource.number, holder.number, *roles),
    )
    return row is not None


def of_holder(tx: Transaction, holder: UserId | GroupId) -> list[Permission]:
    """What was given to exactly this user or group, by name; processes first."""
    column = _holder_column(holder)
    rows = tx.all(
        "SELECT 'p', r.id, r.name, p.role FROM permission p JOIN process r ON r.id = p.process_id"
        f" WHERE p.{column} = ? UNION ALL"
        " SELECT 'mt', t.id, t.name, p.role FROM permission p JOIN managed_table t ON t.id = p.table_id"
        f" WHERE p.{column} = ? AND t.is_deleted = 0 ORDER BY 1 DESC, 3",
        *(holder.number, holder.number),
    )
    kinds: dict[str, type[ProcessId] | type[TableId]] = {"p": ProcessId, "mt": TableId}
    return [Permission(resource=kinds[kind](number), name=name, role=Role(role)) for kind, number, name, role in rows]


def granted(tx: Transaction, kind: type[ResourceId]) -> list[GivenRole]:
    """Every role that was given on processes, or on tables that are there."""
    column = _COLUMN_OF[kind]
    there = " AND table_id IN (SELECT id FROM managed_table WHERE is_deleted = 0)" if kind is TableId else ""
    rows = tx.all(
        f"SELECT {column}, user_id, group_id, role FROM permission WHERE {column} IS NOT NULL{there}"
        " ORDER BY group_id, user_id"
    )
    return [
        GivenRole(resource=kind(number), holder=GroupId(group) if user is None else UserId(user), role=Role(role))
        for number, user, group, role in rows
    ]


def holders(tx: Transaction, resource: ResourceId) -> list[tuple[UserId | GroupId, str, Role]]:
    """Who was given what on it: users by login, then groups by name."""
    column = _COLUMN_OF[type(resource)]
    rows = tx.all(
        "SELECT 1, u.id, u.login, p.role FROM permission p JOIN user_account u ON u.id = p.user_id"
        f" WHERE p.{column} = ? UNION ALL"
        " SELECT 2, g.id, g.name, p.role FROM permission p JOIN user_group g ON g.id = p.group_id"
        f" WHERE p.{column} = ? ORDER BY 1, 3",
        *(resource.number, resource.number),
    )
    return [(UserId(number) if kind == 1 else GroupId(number), name, Role(role)) for kind, number, name, role in rows]


def name_of(tx: Transaction, resource: ResourceId) -> str:
    """Of a resource that exists."""
    table = "process" if isinstance(resource, ProcessId) else "managed_table"
    row = tx.one(f"SELECT name FROM {table} WHERE id = ?", resource.number)
    assert row is not None
    (name,) = row
    return str(name)


def _holder_column(holder: UserId | GroupId) -> str:
    return "user_id" if isinstance(holder, UserId) else "group_id"
