"""connection add, list, show, set, remove, allow, disallow and rekey; secrets come from a prompt, a file or stdin."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from procession.commands import opening, views, wording
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.model.connections import (
    SECRET_CHARACTERS_MAX,
    SECRETS,
    Connection,
    ConnectionKind,
    from_texts,
    place_of,
    plain,
    to_texts,
)
from procession.model.errors import Invalid
from procession.operations import connection_keys, connections, people
from procession.operations.act import Act
from procession.operations.connections import Holder, NewConnection
from procession.store import connections as store
from procession.store.database import Transaction
from procession.store.keyring import Keyring

USES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedConnection:
    """What the options of add and set say; None and () leave it as it is."""

    options: tuple[str, ...] = ()
    description: str | None = None
    private_hosts: bool | None = None
    secret: tuple[str, ...] = ()
    secret_file: tuple[str, ...] = ()
    rename: str | None = None
    forget: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Exactly one of the two is named."""

    user: str | None
    group: str | None
    is_allowed: bool


def add(console: Console, name: str, kind: str, given: DescribedConnection) -> int:
    """Raises Invalid, Forbidden."""
    # Before the home is opened: a transaction must not wait for somebody at a keyboard.
    secrets = _secrets(ConnectionKind(kind), given)
    wanted = NewConnection(
        name=name,
        kind=ConnectionKind(kind),
        options=from_texts(ConnectionKind(kind), _pairs(given.options)),
        description=given.description or "",
        private_hosts=bool(given.private_hosts),
        secrets=secrets,
        by_operator=True,
    )
    with opening.open_home(console, may_create=True) as opened:
        made = opened.database.write(lambda tx: connections.add(opening.operator(tx, opened), wanted))
    console.answer(_shown(made), f'{made.id} "{made.name}": {made.kind} {place_of(made.kind, made.options)}')
    return 0


def _pairs(given: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise Invalid(f'--set takes an option and its value, such as host=sftp.bank.example; this is "{text[:40]}"')
        # The value as it is: a host key begins and ends with what the server says.
        found.setdefault(name.strip(), []).append(value)
    return found


def _secrets(kind: ConnectionKind, given: DescribedConnection) -> dict[str, str]:
    """What was typed, or lies in a file. Raises Invalid."""
    found: dict[str, str] = {}
    for name in given.secret:
        if "=" in name:
            raise Invalid(
                "a secret is never written into a command, whose words everybody on this machine can read: give only"
                " its name, and it is asked for"
            )
        _require_secret(kind, name)
        found[name] = _asked(name, is_first=not found)
    for text in given.secret_file:
        name, _, path = text.partition("=")
        _require_secret(kind, name)
        found[name] = _file(Path(path))
    return found


def _require_secret(kind: ConnectionKind, name: str) -> None:
    # Asked before it is typed, so that nobody types it in vain.
    if name not in SECRETS[kind]:
        there = ", ".join(SECRETS[kind]) or "none"
        raise Invalid(f'a connection of the kind {kind} has no secret "{name[:60]}"; it has {there}')


def _asked(name: str, *, is_first: bool) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(name.replace("_", " "), hide_input=True, confirmation_prompt=True, err=True))
    if not is_first:
        raise Invalid("standard input holds one secret: give the others by --secret-file")
    # A line end is of the echo or the file that it came from, never of the secret; a key has lines of its own.
    return sys.stdin.read(SECRET_CHARACTERS_MAX + 2).rstrip("\r\n")


def _file(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(SECRET_CHARACTERS_MAX + 2).rstrip("\r\n")
    except OSError as error:
        raise Invalid(f"the file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise Invalid(f"the file {path} holds no text") from None


def list_all(console: Console) -> int:
    with opening.open_home(console) as opened, opened.database.read() as tx:
        found = store.all_of_them(tx)
    lines = [
        f"{one.name:<24}  {one.kind:<8}  {place_of(one.kind, one.options)}"
        + (f"  (used {wording.moment(one.used_at)})" if one.used_at else "")
        for one in found
    ]
    console.answer({"connections": [_shown(one) for one in found]}, "\n".join(lines) or "there are no connections yet")
    return 0


def show(console: Console, name: str) -> int:
    """Raises NotFound."""
    with opening.open_home(console) as opened, opened.database.read() as tx:
        found = connections.find_by_name(tx, name)
        allowed = store.allowed(tx, found.id)
        used_by = store.processes_of(tx, found.id)
        uses = store.uses(tx, found.id, most=USES_SHOWN)
    content = _shown(found) | {
        "allowed": [f"{holder.noun} {called}" for holder, called in allowed],
        "processes": [process for _, process in used_by],
        "uses": [{"run": one.run, "user": one.login, "at": views.date(one.at)} for one in uses],
    }
    console.answer(content, "\n".join(_lines(found, content)))
    return 0


def _lines(found: Connection, content: Mapping[str, Any]) -> list[str]:
    lines = [f'{found.id} "{found.name}": {found.kind}']
    lines += [f"  {found.description}"] if found.description else []
    lines += [f"  {name + ':':<14} {text}" for name, text in to_texts(found.kind, found.options).items() if text]
    lines += [f"  {one.name + ':':<14} set {wording.moment(one.set_at)} by {one.set_by}" for one in found.secrets]
    lines.append(f"  {'reaches:':<14} {'private hosts too' if found.private_hosts else 'no private host'}")
    lines.append(f"  {'allowed:':<14} {', '.join(content['allowed']) or 'administrators only'}")
    lines.append(f"  {'used by:':<14} {', '.join(content['processes']) or 'no process'}")
    return lines + [f"  {views.moment(one['at'])}  {one['run']} of {one['user']}" for one in content["uses"]]


def _shown(one: Connection) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "name": one.name,
        "kind": one.kind,
        "description": one.description,
        "options": [{"name": name, "value": value} for name, value in plain(one.kind, one.options).items()],
        "secrets": [{"name": it.name, "setAt": views.date(it.set_at), "setBy": it.set_by} for it in one.secrets],
        "privateHosts": one.private_hosts,
        "usedAt": one.used_at and views.date(one.used_at),
    }


def change(console: Console, name: str, given: DescribedConnection) -> int:
    """Raises NotFound, Invalid, Forbidden."""
    with opening.open_home(console) as opened, opened.database.read() as tx:
        # Which secrets there can be depends on the kind, and is said before anybody types one.
        kind = connections.find_by_name(tx, name).kind
    # Between two openings: no command holds the home while somebody types.
    secrets = _secrets(kind, given)
    with opening.open_home(console) as opened:
        changed = opened.database.write(partial(_change, opened=opened, name=name, given=given, secrets=secrets))
    console.answer(_shown(changed), f'"{changed.name}" is changed')
    return 0


def _change(
    tx: Transaction, opened: OpenedHome, name: str, given: DescribedConnection, secrets: dict[str, str]
) -> Connection:
    before = connections.find_by_name(tx, name)
    # A typo would otherwise forget nothing and say nothing.
    for secret in given.forget:
        _require_secret(before.kind, secret)
    wanted = NewConnection(
        name=before.name if given.rename is None else given.rename,
        kind=before.kind,
        options={**before.options, **from_texts(before.kind, _pairs(given.options))},
        description=before.description if given.description is None else given.description,
        private_hosts=before.private_hosts if given.private_hosts is None else given.private_hosts,
        secrets=secrets,
        by_operator=True,
    )
    return connections.change(opening.operator(tx, opened), before.id, wanted, drops=frozenset(given.forget))


def remove(console: Console, name: str) -> int:
    """Raises NotFound, Invalid."""

    def operation(tx: Transaction) -> Connection:
        found = connections.find_by_name(tx, name)
        connections.remove(opening.operator(tx, opened), found.id)
        return found

    with opening.open_home(console) as opened:
        gone = opened.database.write(operation)
    console.answer({"id": str(gone.id), "name": gone.name}, f'"{gone.name}" is removed, with its secrets')
    return 0


def allow(console: Console, name: str, holding: Holding) -> int:
    """Raises NotFound, Invalid."""
    if (holding.user is None) is (holding.group is None):
        raise Invalid("name one of the two: --user LOGIN or --group NAME")

    def operation(tx: Transaction) -> None:
        act: Act = opening.operator(tx, opened)
        perform = connections.allow if holding.is_allowed else connections.disallow
        perform(act, connections.find_by_name(tx, name).id, _holder(tx, holding))

    with opening.open_home(console) as opened:
        opened.database.write(operation)
    who = f'the group "{holding.group}"' if holding.user is None else f'"{holding.user}"'
    said = "may use" if holding.is_allowed else "may no longer use"
    console.answer({"name": name, "user": holding.user, "group": holding.group}, f'{who} {said} "{name}"')
    return 0


def _holder(tx: Transaction, holding: Holding) -> Holder:
    if holding.user is not None:
        return people.find_user(tx, holding.user).id
    assert holding.group is not None
    return people.find_group(tx, holding.group).id


def rekey(console: Console, *, forget_lost: bool) -> int:
    """Raises Invalid, KeyTrouble."""
    with opening.open_home(console) as opened:
        keyring = Keyring.of_home(opened.home.folder)
        perform = connection_keys.forget_lost if forget_lost else connection_keys.rekey
        done = perform(opened.database, keyring)
    if forget_lost:
        text = f"forgotten, to be set again: {', '.join(done.lost) or 'nothing'}; {done.secrets} secrets are well"
    else:
        text = f"{done.secrets} secrets are encrypted with a new key; copies of {keyring.path} open them no more"
    console.answer({"secrets": done.secrets, "lost": list(done.lost)}, text)
    return 0
