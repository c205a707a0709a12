"""Connections, their sealed secrets, who may use them, and what processes mean by their names: every statement."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec

from procession.model.connections import Connection, ConnectionKind, SecretSet
from procession.model.ids import ConnectionId, GroupId, ProcessId, RunId, UserId
from procession.store import times
from procession.store.database import Row, Transaction
from procession.store.keyring import Sealed

_COLUMNS = "id, name, kind, description, options, private_hosts, created_at, modified_at, modified_by, used_at"


def add(tx: Transaction, connection: Connection) -> ConnectionId:
    number = tx.insert(
        "INSERT INTO connection (name, kind, description, options, private_hosts, created_at, modified_at, modified_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        *(connection.name, connection.kind, connection.description, json.dumps(connection.options)),
        *(int(connection.private_hosts), times.to_column(connection.created_at)),
        *(times.to_column(connection.modified_at), connection.modified_by),
    )
    return ConnectionId(number)


def change(tx: Transaction, connection: Connection) -> None:
    tx.run(
        "UPDATE connection SET name = ?, description = ?, options = ?, private_hosts = ?, modified_at = ?,"
        " modified_by = ? WHERE id = ?",
        *(connection.name, connection.description, json.dumps(connection.options), int(connection.private_hosts)),
        *(times.to_column(connection.modified_at), connection.modified_by, connection.id.number),
    )


# Not a DELETE: old versions of processes name it, and their runs must say what they went by.
def remove(tx: Transaction, connection: ConnectionId) -> None:
    """Its secrets and who may use it go; its row stays for the versions that name it."""
    # First of all: whatever else stays of it, no secret does.
    tx.run("DELETE FROM connection_secret WHERE connection_id = ?", connection.number)
    tx.run("DELETE FROM connection_user WHERE connection_id = ?", connection.number)
    tx.run("UPDATE connection SET is_removed = 1 WHERE id = ?", connection.number)


def find(tx: Transaction, connection: ConnectionId) -> Connection | None:
    """None for one that was removed."""
    return _maybe(tx, tx.one(f"SELECT {_COLUMNS} FROM connection WHERE id = ? AND is_removed = 0", connection.number))


def by_name(tx: Transaction, name: str) -> Connection | None:
    """In any case of its letters."""
    # By the expression of the unique index, so that both agree on what is one name.
    return _maybe(
        tx, tx.one(f"SELECT {_COLUMNS} FROM connection WHERE lower(name) = lower(?) AND is_removed = 0", name)
    )


def all_of_them(tx: Transaction) -> list[Connection]:
    """By name."""
    # Two statements for all: one a connection would take a list of hundreds a second.
    secrets: dict[int, list[SecretSet]] = {}
    for number, *one in tx.all("SELECT connection_id, name, set_at, set_by FROM connection_secret ORDER BY name"):
        secrets.setdefault(number, []).append(_secret(one))
    rows = tx.all(f"SELECT {_COLUMNS} FROM connection WHERE is_removed = 0 ORDER BY lower(name)")
    return [_connection(row, secrets.get(row[0], [])) for row in rows]


def _maybe(tx: Transaction, row: Row | None) -> Connection | None:
    if row is None:
        return None
    sql = "SELECT name, set_at, set_by FROM connection_secret WHERE connection_id = ? ORDER BY name"
    return _connection(row, [_secret(one) for one in tx.all(sql, row[0])])


def _secret(row: Any) -> SecretSet:
    name, set_at, set_by = row
    return SecretSet(name=name, set_at=times.from_column(set_at), set_by=set_by)


def _connection(row: Row, secrets: Collection[SecretSet]) -> Connection:
    number, name, kind, description, options, private_hosts, created_at, modified_at, modified_by, used_at = row
    return Connection(
        id=ConnectionId(number),
        name=name,
        kind=ConnectionKind(kind),
        description=description,
        options=json.loads(options),
        # SQLite has no truth values.
        private_hosts=bool(private_hosts),
        created_at=times.from_column(created_at),
        modified_at=times.from_column(modified_at),
        modified_by=modified_by,
        used_at=times.maybe_from_column(used_at),
        secrets=tuple(secrets),
    )


# Never shown and never compared: only the keyring knows what to do with it.
class SealedSecret(msgspec.Struct, frozen=True, kw_only=True):
    connection: ConnectionId
    name: str
    sealed: Sealed


def set_secret(tx: Transaction, secret: SealedSecret, *, user: str, now: datetime) -> None:
    tx.run(
        "INSERT INTO connection_secret VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (connection_id, name) DO UPDATE SET"
        " key_id = excluded.key_id, sealed = excluded.sealed, set_at = excluded.set_at, set_by = excluded.set_by",
        *(secret.connection.number, secret.name, secret.sealed.key_id, secret.sealed.content),
        *(times.to_column(now), user),
    )


def reseal(tx: Transaction, secret: SealedSecret) -> None:
    """The same secret under another key: when it was set, and by whom, stays."""
    tx.run(
        "UPDATE connection_secret SET key_id = ?, sealed = ? WHERE connection_id = ? AND name = ?",
        *(secret.sealed.key_id, secret.sealed.content, secret.connection.number, secret.name),
    )


def forget_secret(tx: Transaction, connection: ConnectionId, name: str) -> bool:
    sql = "DELETE FROM connection_secret WHERE connection_id = ? AND name = ?"
    return bool(tx.run(sql, connection.number, name))


def secrets(tx: Transaction, connection: ConnectionId | None = None) -> list[SealedSecret]:
    """Of one connection, or of all."""
    # One question for both: the key is changed for all of them, a step opens those of one.
    which, parameters = ("", ()) if connection is None else (" WHERE connection_id = ?", (connection.number,))
    sql = f"SELECT connection_id, name, key_id, sealed FROM connection_secret{which} ORDER BY connection_id, name"
    return [
        SealedSecret(connection=ConnectionId(number), name=name, sealed=Sealed(key_id=key_id, content=bytes(content)))
        for number, name, key_id, content in tx.all(sql, *parameters)
    ]


def has_secrets(tx: Transaction) -> bool:
    return tx.one("SELECT 1 FROM connection_secret LIMIT 1") is not None


def allow(tx: Transaction, connection: ConnectionId, holder: UserId | GroupId) -> bool:
    """False when they were allowed before."""
    column = _column(holder)
    # Asked twice it changes nothing, and the log tells it once.
    sql = f"INSERT INTO connection_user (connection_id, {column}) VALUES (?, ?) ON CONFLICT DO NOTHING"
    return bool(tx.run(sql, connection.number, holder.number))


def disallow(tx: Transaction, connection: ConnectionId, holder: UserId | GroupId) -> bool:
    """False when they were not allowed."""
    sql = f"DELETE FROM connection_user WHERE connection_id = ? AND {_column(holder)} = ?"
    return bool(tx.run(sql, connection.number, holder.number))


def _column(holder: UserId | GroupId) -> str:
    return "user_id" if isinstance(holder, UserId) else "group_id"


def allowed(tx: Transaction, connection: ConnectionId) -> list[tuple[UserId | GroupId, str]]:
    """Whom an administrator has allowed to use it: users by login, then groups by name."""
    rows = tx.all(
        "SELECT 1, u.id, u.login FROM connection_user c JOIN user_account u ON u.id = c.user_id"
        " WHERE c.connection_id = ? UNION ALL SELECT 2, g.id, g.name FROM connection_user c"
        " JOIN user_group g ON g.id = c.group_id WHERE c.connection_id = ? ORDER BY 1, 3",
        *(connection.number, connection.number),
    )
    return [(UserId(number) if kind == 1 else GroupId(number), name) for kind, number, name in rows]


def usable_by(tx: Transaction, user: UserId) -> frozenset[ConnectionId]:
    """Those that the user was allowed, of their own or by a group; removed ones may be among them."""
    rows = tx.all(
        "SELECT connection_id FROM connection_user WHERE user_id = ?"
        " UNION SELECT c.connection_id FROM connection_user c"
        " JOIN user_group_member m ON m.group_id = c.group_id WHERE m.user_id = ?",
        *(user.number, user.number),
    )
    return frozenset(ConnectionId(number) for (number,) in rows)


class NamedConnection(msgspec.Struct, frozen=True):
    """The connection behind a name of a process's version, and who vouches for its use."""

    connection: ConnectionId
    user: UserId


def name(tx: Transaction, process: ProcessId, number: int, found: Mapping[str, NamedConnection]) -> None:
    """Keep what the names in this new version mean."""
    tx.many(
        "INSERT INTO process_version_connection (process_id, number, name, connection_id, user_id)"
        " VALUES (?, ?, ?, ?, ?)",
        [(process.number, number, name, one.connection.number, one.user.number) for name, one in found.items()],
    )


def named(tx: Transaction, process: ProcessId, number: int) -> dict[str, NamedConnection]:
    """What the names in the version mean."""
    rows = tx.all(
        "SELECT name, connection_id, user_id FROM process_version_connection WHERE process_id = ? AND number = ?",
        *(process.number, number),
    )
    return {name: NamedConnection(ConnectionId(connection), UserId(user)) for name, connection, user in rows}


def processes_of(tx: Transaction, connection: ConnectionId) -> list[tuple[ProcessId, str]]:
    """Processes whose present version uses it, by name."""
    rows = tx.all(
        # Of the present version only: nobody can change what an old one says.
        "SELECT DISTINCT p.id, p.name FROM process_version_connection c JOIN process p ON p.id = c.process_id"
        " AND p.version = c.number WHERE c.connection_id = ? ORDER BY p.name",
        connection.number,
    )
    return [(ProcessId(number), name) for number, name in rows]


def runs_of(tx: Transaction, connection: ConnectionId) -> list[RunId]:
    """Runs whose version uses it: those under way, and those that have still to put files away with it, perhaps."""
    rows = tx.all(
        "SELECT DISTINCT r.id FROM process_version_connection c JOIN run r ON r.process_id = c.process_id"
        " AND r.version = c.number WHERE c.connection_id = ?"
        " AND (r.status IN ('Scheduled', 'Running') OR r.status <> 'Cancelled' AND EXISTS"
        " (SELECT 1 FROM follow_up f WHERE f.run_id = r.id AND f.state = 'Waiting')) ORDER BY r.id",
        connection.number,
    )
    return [RunId(number) for (number,) in rows]


# By login and not by id: it stays readable when the account is long gone.
class ConnectionUsed(msgspec.Struct, frozen=True, kw_only=True):
    """That a step of the run, started by the user of this login, was given the connection."""

    run: RunId
    login: str
    at: datetime


def add_use(tx: Transaction, connection: ConnectionId, used: ConnectionUsed) -> None:
    # Both in one: the page shows the last use beside the list of them.
    at = times.to_column(used.at)
    sql = "INSERT INTO connection_use (connection_id, run_id, user_login, at) VALUES (?, ?, ?, ?)"
    tx.run(sql, connection.number, used.run.number, used.login, at)
    tx.run("UPDATE connection SET used_at = ? WHERE id = ?", at, connection.number)


def uses(tx: Transaction, connection: ConnectionId, *, most: int) -> list[ConnectionUsed]:
    """The latest first."""
    rows = tx.all(
        "SELECT run_id, user_login, at FROM connection_use WHERE connection_id = ? ORDER BY id DESC LIMIT ?",
        *(connection.number, most),
    )
    return [ConnectionUsed(run=RunId(run), login=login, at=times.from_column(at)) for run, login, at in rows]
