"""Connections as administrators make, change, allow and remove them, each act with its line in the log.

Nothing here gives a secret away: they are opened for a step (operations/connections_of_steps) and for a test.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from procession.model.connections import (
    DIALECTS,
    NAME_CHARACTERS_MAX,
    OPTIONS,
    SECRETS,
    Connection,
    ConnectionKind,
    bound_to,
    check_secret,
    place_of,
    plain,
)
from procession.model.errors import Forbidden, Invalid, NotFound
from procession.model.ids import ConnectionId, GroupId, UserId
from procession.model.people import AccountStatus, Caller, User
from procession.model.rights import ADMINS
from procession.operations import people
from procession.operations.act import Act
from procession.operations.telling import tell
from procession.store import connections as store
from procession.store.connections import SealedSecret
from procession.store.database import Transaction
from procession.store.keyring import Keyring

# A name stands in process files: no quotes, no line, nothing that YAML would read as something else.
_NAME = re.compile(r"[^\W_](?:[\w .-]*[\w])?\Z")
_BEFORE_PLACE = re.compile(r" - at `\$\.?([^`]*)`\Z")  # in msgspec's messages

Holder = UserId | GroupId


def find(tx: Transaction, connection: ConnectionId) -> Connection:
    """Raises NotFound."""
    found = store.find(tx, connection)
    if found is None:
        raise NotFound(f"there is no connection {connection}")
    return found


def find_by_name(tx: Transaction, name: str) -> Connection:
    """Raises NotFound."""
    found = store.by_name(tx, name)
    if found is None:
        raise NotFound(f'there is no connection "{name[:NAME_CHARACTERS_MAX]}"')
    return found


def listed(tx: Transaction, caller: Caller) -> list[Connection]:
    """What the caller may use, by name; administrators see all."""
    every = store.all_of_them(tx)
    if caller.user.role in ADMINS:
        return every
    usable = store.usable_by(tx, caller.user.id)
    return [one for one in every if one.id in usable]


def may_use(tx: Transaction, user: User | None, connection: ConnectionId) -> bool:
    """Whether the user may use it now: an administrator, or somebody whom one has allowed; never a locked account."""
    if user is None or user.status is not AccountStatus.ACTIVE:
        return False
    return user.role in ADMINS or connection in store.usable_by(tx, user.id)


class NewConnection(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator says of a connection that is to be, or of what it is to become."""

    name: str
    kind: ConnectionKind
    options: Mapping[str, Any]
    description: str = ""
    private_hosts: bool = False
    secrets: Mapping[str, str] = {}
    # On the server's machine, where folders are: an administrator of users is not one of its files.
    by_operator: bool = False


def _tell_made(act: Act, made: Connection) -> None:
    # The log says where it leads: an auditor reads there who sent a password to which host, and since when.
    private = ", private hosts too" if made.private_hosts else ""
    place = f"{made.kind} {place_of(made.kind, made.options)}{private}"
    tell(act, f'made the connection "{made.name}": {place}', made.id)


def add(act: Act, wanted: NewConnection) -> Connection:
    """Raises Forbidden, Invalid, KeyTrouble."""
    require_administrator(act)
    name, options = _free_name(act.tx, wanted.name, None), _options(wanted.kind, wanted.options)
    _require_operator(act, wanted, options)
    connection = Connection(
        id=ConnectionId(0),  # the store gives one
        name=name,
        kind=wanted.kind,
        description=people.line(wanted.description, "the description"),
        options=options,
        private_hosts=wanted.private_hosts,
        created_at=act.now,
        modified_at=act.now,
        modified_by=act.author,
    )
    made = store.add(act.tx, connection)
    _tell_made(act, replace(connection, id=made))
    _set_secrets(act, find(act.tx, made), wanted.secrets)
    return find(act.tx, made)


def change(
    act: Act, connection: ConnectionId, wanted: NewConnection, *, drops: frozenset[str] = frozenset()
) -> Connection:
    """It becomes `wanted`; secrets that are not given stay, unless `drops` names them or the address is another one.

    Raises Forbidden, NotFound, KeyTrouble, and Invalid where secrets must be given again.
    """
    require_administrator(act)
    before = find(act.tx, connection)
    # Its secrets and options would mean something else.
    if wanted.kind is not before.kind:
        raise Invalid("a connection stays of its kind: make another one")
    after = replace(
        before,
        name=_free_name(act.tx, wanted.name, connection),
        description=people.line(wanted.description, "the description"),
        options=_options(wanted.kind, wanted.options),
        private_hosts=wanted.private_hosts,
        modified_at=act.now,
        modified_by=act.author,
    )
    if before.address != after.address:
        _require_operator(act, wanted, after.options)
    _require_secrets_again(before, after, {*wanted.secrets, *drops})
    if told := _differences(before, after):
        store.change(act.tx, after)
        tell(act, f'changed the connection "{after.name}": {"; ".join(told)}', connection)
    for name in sorted(drops - set(wanted.secrets)):
        if store.forget_secret(act.tx, connection, name):
            tell(act, f'forgot the {_words(name)} of the connection "{after.name}"', connection)
    _set_secrets(act, after, wanted.secrets)
    return find(act.tx, connection)


def _require_secrets_again(before: Connection, after: Connection, given: set[str]) -> None:
    """A secret goes where it was set for: whoever changes the host must know it."""
    # One that is given again, or taken away, goes nowhere by mistake.
    kept = [one.name for one in before.secrets if one.name not in given]
    if kept and before.address != after.address:
        raise Invalid(
            f"the {' and the '.join(map(_words, kept))} of this connection was set for"
            f" {place_of(before.kind, before.options)} as it is described now: give it again with the change, or"
            " remove it, so that it goes nowhere by mistake"
        )


def remove(act: Act, connection: ConnectionId) -> None:
    """Raises Forbidden, NotFound, and Invalid while a process or a run under way uses it."""
    require_administrator(act)
    found = find(act.tx, connection)
    names = [f'"{name}"' for _, name in store.processes_of(act.tx, connection)]
    # A run under way follows an older version, perhaps.
    names += [f"the process run {run}" for run in store.runs_of(act.tx, connection)]
    if names:
        raise Invalid(
            f'the connection "{found.name}" is used by {_some(names)}: change them first, or take its secrets away,'
            " which stops them at once"
        )
    store.remove(act.tx, connection)
    tell(act, f'removed the connection "{found.name}", with its secrets', connection)


def _some(names: list[str], most: int = 10) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def allow(act: Act, connection: ConnectionId, holder: Holder) -> None:
    """The user, or everybody in the group, may use it in processes. Raises Forbidden, NotFound."""
    require_administrator(act)
    found, name = find(act.tx, connection), _named(act.tx, holder)
    if store.allow(act.tx, connection, holder):
        tell(act, f'allowed {name} to use the connection "{found.name}"', connection)


def disallow(act: Act, connection: ConnectionId, holder: Holder) -> None:
    """Raises Forbidden, NotFound."""
    require_administrator(act)
    found, name = find(act.tx, connection), _named(act.tx, holder)
    # Said and not passed over: whoever takes a right away must know that there was none.
    if not store.disallow(act.tx, connection, holder):
        raise NotFound(f'{name} was not allowed to use the connection "{found.name}"')
    tell(act, f'no longer allows {name} to use the connection "{found.name}"', connection)


def _named(tx: Transaction, holder: Holder) -> str:
    if isinstance(holder, UserId):
        return f'"{people.user(tx, holder).login}"'
    return f'the group "{people.group(tx, holder).name}"'


def require_administrator(act: Act) -> None:
    """Raises Forbidden."""
    # Who makes a connection decides where a password goes, and what of the inner network is reached.
    if act.caller.user.role not in ADMINS:
        raise Forbidden("this needs the user role ClientAdmin: connections are made by administrators")


def _require_operator(act: Act, wanted: NewConnection, options: Mapping[str, Any]) -> None:
    """Only the command line connects folders, and none that holds the home or lies in it."""
    if wanted.kind is not ConnectionKind.FOLDER:
        return
    if not wanted.by_operator:
        raise Forbidden(
            "a folder of the server's machine is connected by its operator, there: procession connection add"
        )
    folder, home = Path(options["path"]).resolve(), _keyring(act).path.parent.resolve()
    if folder.is_relative_to(home) or home.is_relative_to(folder):
        raise Invalid(f"{options['path']} holds the home of this server, or lies in it, and no step may reach that")


def _free_name(tx: Transaction, text: str, connection: ConnectionId | None) -> str:
    name = people.named(text, "the name of a connection")
    if len(name) > NAME_CHARACTERS_MAX or not _NAME.match(name):
        raise Invalid(
            f"the name of a connection has letters, digits, blanks, dots and hyphens, at most {NAME_CHARACTERS_MAX}"
        )
    other = store.by_name(tx, name)
    if other is not None and other.id != connection:
        raise Invalid(f'there is a connection "{other.name}" already')
    return name


def _options(kind: ConnectionKind, given: Mapping[str, Any]) -> dict[str, Any]:
    """Raises Invalid, naming the option."""
    known = OPTIONS[kind].__struct_fields__
    for name in given:
        if name in SECRETS[kind]:
            raise Invalid(f'"{name}" is a secret and no option: it is given where nobody sees it')
        if name not in known:
            raise Invalid(f'a connection of the kind {kind} has no option "{name[:60]}"; it has {", ".join(known)}')
    if kind is ConnectionKind.DATABASE and given.get("dialect", DIALECTS[0]) not in DIALECTS:
        raise Invalid(f"dialect: no such database is known; known are {', '.join(DIALECTS)}")
    try:
        return plain(kind, given)
    except msgspec.ValidationError as error:
        text = str(error)
        place = _BEFORE_PLACE.search(text)
        # Never the value: somebody may have put a password into the wrong field.
        raise Invalid(f"{place[1] + ': ' if place else ''}{_BEFORE_PLACE.sub('', text)}") from None


def _differences(before: Connection, after: Connection) -> list[str]:
    told = [] if before.name == after.name else [f'it was called "{before.name}"']
    told += [] if before.description == after.description else ["another description"]
    told += [
        f"{name} is {after.options.get(name)!r}, was {value!r}"
        for name, value in plain(before.kind, before.options).items()
        if after.options.get(name) != value
    ]
    if before.private_hosts != after.private_hosts:
        told.append("it may reach private hosts" if after.private_hosts else "it may reach no private host")
    return told


def _set_secrets(act: Act, connection: Connection, given: Mapping[str, str]) -> None:
    for name, secret in given.items():
        check_secret(connection.kind, name, secret)
        keyring = _keyring(act)
        # Within the transaction, once in the life of a home: the file is on disk before the first row that needs it.
        if not store.has_secrets(act.tx):
            keyring.make()
        sealed = keyring.seal(secret, bound_to=bound_to(connection, name))
        row = SealedSecret(connection=connection.id, name=name, sealed=sealed)
        store.set_secret(act.tx, row, user=act.author, now=act.now)
        tell(act, f'set the {_words(name)} of the connection "{connection.name}"', connection.id)


def _words(secret: str) -> str:
    return secret.replace("_", " ")


def _keyring(act: Act) -> Keyring:
    keyring = act.resources.keyring
    assert keyring is not None, "every home has one"
    return keyring
