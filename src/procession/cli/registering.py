"""Registers functions as commands, with their group and the common options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

CommandFunction = Callable[..., int | None]
Register = Callable[[CommandFunction], click.Command]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Procession runs your processes, step by step, and loses none of them."""


def _remember(context: click.Context, option: click.Parameter, value: str | bool | None) -> None:
    """Stores a common option in the Console instead of passing it to the function."""
    assert option.name is not None
    # Frozen and replaced: an option may stand before the command or behind it.
    context.obj = replace(context.obj, **{option.name: value})


_COMMON_OPTIONS = (
    click.Option(
        ["--home"],
        metavar="DIR",
        help="Where the data is. Default: PROCESSION_HOME, else ./procession-data.",
        expose_value=False,
        callback=_remember,
    ),
    click.Option(
        ["--json"],
        is_flag=True,
        help="Print one JSON object and nothing else.",
        expose_value=False,
        callback=_remember,
    ),
)


_SERVER_OPTION = click.Option(
    ["--server"],
    metavar="URL",
    help="Work with this server, not a home; sign in by PROCESSION_CLIENT_ID and _SECRET. Default: PROCESSION_SERVER.",
    expose_value=False,
    callback=_remember,
)


def command(name: str, group: click.Group = commands, *, is_remote: bool = False, example: str = "") -> Register:
    """Registers a function as a command that also takes --home and --json, and --server where it `is_remote`.

    The function gets the Console first, then its own options; it returns None, or an exit code other than 0. `example`
    is a line without "procession", for the help and for docs/commands.md.
    """

    def register(function: CommandFunction) -> click.Command:
        epilog = f"Example: procession {example}" if example else None
        registered = group.command(name, epilog=epilog)(click.pass_obj(function))
        registered.params.extend((*_COMMON_OPTIONS, _SERVER_OPTION) if is_remote else _COMMON_OPTIONS)
        return registered

    return register


def option(name: str, text: str, **more: Any) -> Callable[[CommandFunction], CommandFunction]:
    return click.option(name, help=text, **more)
