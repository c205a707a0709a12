"""The command line. Each command imports what it needs when called, so help is instant.

Every command takes --home and --json. With --json it prints exactly one JSON object on stdout and nothing else. An
error is one line on stderr and exit code 1; a usage error is exit code 2.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

# Importing a page registers its commands.
from procession.cli import connections, keeping, looking, people, runs, server
from procession.cli.registering import commands
from procession.commands import plain
from procession.commands.console import Console
from procession.config import SettingError
from procession.model.errors import ProcessionError

PAGES = (server, runs, looking, keeping, people, connections)
STOPPED_BY_KEYBOARD = 130  # what shells expect: 128 + SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the result is the exit code. `arguments` None: those of this process."""
    return run(commands, arguments)


def run(group: click.Group, arguments: Sequence[str] | None) -> int:
    """Runs one command of a group, and turns errors into their line and their exit code."""
    try:
        code: int | None = group.main(arguments, prog_name="procession", standalone_mode=False, obj=Console())
    # Click's own are mistakes of use, with the usage line and exit code 2.
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _fail("stopped", STOPPED_BY_KEYBOARD)
    except ProcessionError as error:
        return _refuse(error, is_json="--json" in (sys.argv[1:] if arguments is None else arguments))
    except SettingError as error:
        return _fail(str(error), 1)
    return code or 0


def _refuse(error: ProcessionError, *, is_json: bool) -> int:
    """One line; the mistakes of a process file have a line each, and with --json an object."""
    mistakes = getattr(error, "mistakes", ())
    if not mistakes:
        return _fail(str(error), 1)
    if is_json:
        import json

        fields = ("file", "line", "column", "message")
        errors = [{name: getattr(mistake, name) for name in fields} for mistake in mistakes]
        click.echo(json.dumps({"errors": errors}, ensure_ascii=False))
        return 1
    for mistake in mistakes:
        click.echo(plain.line(str(mistake)), err=True)
    return _fail("1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes", 1)


def _fail(text: str, code: int) -> int:
    # One line, whatever the message holds: scripts read stderr by lines.
    line = " ".join(text.split())
    click.echo(f"procession: {plain.line(line)}", err=True)
    return code
