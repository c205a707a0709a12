"""Connections to what lies outside. A secret is never an argument: process lists and histories show those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from procession.cli.registering import CommandFunction, command, commands, option
from procession.commands.console import Console

# Written out: the model would take longer to import than the help to print.
_KINDS = click.Choice(["smtp", "http", "sftp", "s3", "database", "folder"])
_SET = "An option and its value, such as host=sftp.bank.example; again for each."
_BY_PROMPT = "The name of a secret, such as password: asked for without showing it, or read from standard input."
_BY_FILE = "The name of a secret and the file that holds it, such as private_key=id_ed25519."
_PRIVATE = "Whether it may reach this machine and private networks."
_HOLDER = "The login of a user."


@commands.group("connection")
def connection_commands() -> None:
    """Connections to what lies outside: addresses, secrets, who may use them."""


def _described(function: CommandFunction) -> CommandFunction:
    """The options that say what a connection is."""
    named: list[Callable[[CommandFunction], CommandFunction]] = [
        click.option("--set", "options", help=_SET, multiple=True, metavar="OPTION=VALUE", default=()),
        option("--description", "What it is for."),
        option("--private-hosts/--no-private-hosts", _PRIVATE, default=None),
        option("--secret", _BY_PROMPT, multiple=True, metavar="NAME", default=()),
        option("--secret-file", _BY_FILE, multiple=True, metavar="NAME=FILE", default=()),
    ]
    # The last that is added stands first in the help.
    for add in reversed(named):
        function = add(function)
    return function


@command(
    "add",
    connection_commands,
    example="connection add bank sftp --set host=sftp.bank.example --set user=acme"
    " --set 'host_keys=ssh-ed25519 AAAAC3Nz...' --secret password",
)
@click.argument("name")
@click.argument("kind", type=_KINDS)
@_described
def add_connection(console: Console, name: str, kind: str, **given: Any) -> int:
    """Make the connection NAME of this KIND."""
    from procession.commands import connections

    return connections.add(console, name, kind, connections.DescribedConnection(**given))


@command("list", connection_commands, example="connection list")
def list_connections(console: Console) -> int:
    """Show the connections, without their secrets."""
    from procession.commands import connections

    return connections.list_all(console)


@command("show", connection_commands, example="connection show bank")
@click.argument("name")
def show_connection(console: Console, name: str) -> int:
    """Show one connection: its options, since when it has which secrets, who may use it and who does."""
    from procession.commands import connections

    return connections.show(console, name)


@command("set", connection_commands, example="connection set bank --secret password")
@click.argument("name")
@option("--rename", "Another name; process files may go on with the old one.", metavar="NAME")
@option("--forget", "The name of a secret to take away; again for each.", multiple=True, metavar="NAME")
@_described
def set_connection(console: Console, name: str, *, rename: str | None, forget: tuple[str, ...], **given: Any) -> int:
    """Change the connection NAME; what is not given stays. Secrets must be given again with another address."""
    from procession.commands import connections

    return connections.change(console, name, connections.DescribedConnection(**given, rename=rename, forget=forget))


@command("remove", connection_commands, example="connection remove bank")
@click.argument("name")
def remove_connection(console: Console, name: str) -> int:
    """Remove the connection NAME with its secrets; refused while processes use it."""
    from procession.commands import connections

    return connections.remove(console, name)


@command("allow", connection_commands, example="connection allow bank --group Treasury")
@click.argument("name")
@option("--user", _HOLDER, metavar="LOGIN")
@option("--group", "The name of a user group.", metavar="NAME")
def allow_connection(console: Console, name: str, *, user: str | None, group: str | None) -> int:
    """Let a user or a group use the connection NAME in processes."""
    from procession.commands import connections

    return connections.allow(console, name, connections.Holding(user=user, group=group, is_allowed=True))


@command("disallow", connection_commands, example="connection disallow bank --user ada")
@click.argument("name")
@option("--user", _HOLDER, metavar="LOGIN")
@option("--group", "The name of a user group.", metavar="NAME")
def disallow_connection(console: Console, name: str, *, user: str | None, group: str | None) -> int:
    """Take that away again; it counts at once, also for runs under way."""
    from procession.commands import connections

    # The same function both ways: what is asked for differs only in its sign.
    return connections.allow(console, name, connections.Holding(user=user, group=group, is_allowed=False))


@command("rekey", connection_commands, example="connection rekey")
@option("--forget-lost", "Instead: forget the secrets that no key opens, so that they can be set again.", is_flag=True)
def rekey_connections(console: Console, *, forget_lost: bool) -> int:
    """Encrypt every secret with a new key, and forget the old one; the server may be at work."""
    from procession.commands import connections

    return connections.rekey(console, forget_lost=forget_lost)
