"""The command line. Each command imports what it needs when it is called, so that help is instant.

Every command takes --home and --json. With --json it prints exactly one JSON object on stdout and nothing else. An
error is one line on stderr and exit code 1; a usage error is exit code 2.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

import procession
from procession.config import SettingError
from procession.model.errors import ProcessionError

if TYPE_CHECKING:
    from procession.config import Settings

CommandFunction = Callable[..., int | None]
STOPPED_BY_KEYBOARD = 130  # what shells expect: 128 + SIGINT


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """What every command is given first: where the data is, and how its answer is wanted."""

    home: str | None = None
    json: bool = False

    def settings(self, **overrides: str | int | None) -> Settings:
        """The settings in force, options first. Raises SettingError."""
        from procession import config

        return config.read(home=self.home, **overrides)

    def answer(self, content: Mapping[str, Any], text: str) -> None:
        """The one answer of a command: `content` as JSON with --json, else `text` for people."""
        if not self.json:
            click.echo(text)
            return
        import json

        # Ids, paths and dates answer with their text.
        click.echo(json.dumps(content, default=str, ensure_ascii=False))

    def tell(self, text: str) -> None:
        """A line for people on the way to the answer; with --json nothing."""
        if not self.json:
            click.echo(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the result is the exit code. `arguments` None: those of this process."""
    return run(commands, arguments)


def run(group: click.Group, arguments: Sequence[str] | None) -> int:
    """Runs one command of a group, and turns errors into their line and their exit code."""
    try:
        code: int | None = group.main(arguments, prog_name="procession", standalone_mode=False, obj=Console())
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return _fail("stopped", STOPPED_BY_KEYBOARD)
    except (ProcessionError, SettingError) as error:
        return _fail(str(error), 1)
    return code or 0


def _fail(text: str, code: int) -> int:
    line = " ".join(text.split())
    click.echo(f"procession: {line}", err=True)
    return code


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Procession runs your processes, step by step, and loses none of them."""


def _remember(context: click.Context, option: click.Parameter, value: str | bool | None) -> None:
    """Keeps a common option in the Console instead of handing it to each function."""
    assert option.name is not None
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


def command(name: str, group: click.Group = commands) -> Callable[[CommandFunction], click.Command]:
    """Registers a function as a command that also takes --home and --json.

    The function gets the Console first, then its own options; it returns None, or an exit code other than 0.
    """

    def register(function: CommandFunction) -> click.Command:
        registered = group.command(name)(click.pass_obj(function))
        registered.params.extend(_COMMON_OPTIONS)
        return registered

    return register


@command("version")
def version(console: Console) -> None:
    """Show the version of this program."""
    console.answer({"version": procession.__version__}, f"procession {procession.__version__}")


@command("schema")
def schema(console: Console) -> None:
    """Print the JSON Schema of process files, for editors."""
    import json

    from procession import actions
    from procession.model import file_schema

    content = file_schema.schema(actions.book())
    console.answer(content, json.dumps(content, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
