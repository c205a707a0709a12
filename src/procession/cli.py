"""The command line. Each command imports what it needs when it is called, so that help is instant.

Every command takes --home and --json. With --json it prints exactly one JSON object on stdout and nothing else. An
error is one line on stderr and exit code 1; a usage error is exit code 2.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import click

import procession
from procession.commands.console import Console
from procession.config import SettingError
from procession.model.errors import ProcessionError

CommandFunction = Callable[..., int | None]
Register = Callable[[CommandFunction], click.Command]
STOPPED_BY_KEYBOARD = 130  # what shells expect: 128 + SIGINT


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
        click.echo(str(mistake), err=True)
    return _fail("1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes", 1)


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


_SERVER_OPTION = click.Option(
    ["--server"],
    metavar="URL",
    help="Work with this server, not a home; sign in by PROCESSION_CLIENT_ID and _SECRET. Default: PROCESSION_SERVER.",
    expose_value=False,
    callback=_remember,
)


def command(name: str, group: click.Group = commands, *, is_remote: bool = False) -> Register:
    """Registers a function as a command that also takes --home and --json, and --server where it `is_remote`.

    The function gets the Console first, then its own options; it returns None, or an exit code other than 0.
    """

    def register(function: CommandFunction) -> click.Command:
        registered = group.command(name)(click.pass_obj(function))
        registered.params.extend((*_COMMON_OPTIONS, _SERVER_OPTION) if is_remote else _COMMON_OPTIONS)
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


def _option(name: str, text: str, **more: Any) -> Callable[[CommandFunction], CommandFunction]:
    return click.option(name, help=text, **more)


@command("serve")
@_option("--host", "The address to listen at. Default: 127.0.0.1, this machine only.")
@_option("--port", "The port; 0 takes any free one. Default: 8080.", type=int)
@_option("--tls-cert", "A certificate in PEM; needs --tls-key too.", metavar="FILE")
@_option("--tls-key", "Its key in PEM.", metavar="FILE")
def serve(console: Console, **overrides: str | int | None) -> int:
    """Run the server until it is told to end (Ctrl-C or SIGTERM)."""
    settings = console.settings(**overrides)
    from procession.commands import serving

    return serving.serve(console, settings)


@command("apply", is_remote=True)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_option("--owner", "Login of the user who becomes the owner. Default: the first ClientAdmin.", metavar="LOGIN")
def apply(console: Console, files: Sequence[str], owner: str | None) -> int:
    """Create processes from process files, or publish their next version."""
    if access := console.server_access():
        from procession.commands import remote

        return remote.apply(console, access, files, owner)
    from procession.commands import processes

    return processes.apply(console, files, owner)


@command("run", is_remote=True)
@click.argument("process")
@_option("--input", "The value of an INPUT property.", multiple=True, metavar="STEP.PROPERTY=VALUE")
@_option("--file", "The file for a File property.", multiple=True, metavar="STEP.PROPERTY=PATH")
@_option("--wait", "Watch it to its end; works without a server, too.", is_flag=True)
def run_process(console: Console, process: str, *, wait: bool, **given: Sequence[str]) -> int:
    """Create a run of PROCESS (a name or an id), fill it and start it.

    With --wait the exit code is 0 when the outcome is Success or Warning, else 1.
    """
    if access := console.server_access():
        from procession.commands import remote

        return remote.run(console, access, process, given=given, wait=wait)
    from procession.commands import runs

    return runs.run(console, process, inputs=given["input"], paths=given["file"], wait=wait)


@command("status", is_remote=True)
@click.argument("run")
def status(console: Console, run: str) -> int:
    """Show a run and its steps."""
    if access := console.server_access():
        from procession.commands import remote

        return remote.status(console, access, run)
    from procession.commands import runs

    return runs.status(console, run)


@command("cancel", is_remote=True)
@click.argument("run")
@_option("--reason", "Kept in the run's history.")
def cancel(console: Console, run: str, reason: str | None) -> int:
    """Cancel a run."""
    if access := console.server_access():
        from procession.commands import remote

        return remote.cancel(console, access, run, reason)
    from procession.commands import runs

    return runs.cancel(console, run, reason)


@command("restart", is_remote=True)
@click.argument("run")
@click.argument("step")
@_option("--plan", "Only tell what would run again.", is_flag=True)
@_option("--reason", "Kept in the run's history.")
@_option("--release", "Let a step declared `effect: once` happen again.", multiple=True, metavar="STEP")
def restart(console: Console, run: str, step: str, *, plan: bool, **given: Any) -> int:
    """Start RUN again from STEP: a key, an id, or an order such as 2.1."""
    if access := console.server_access():
        from procession.commands import remote_restart as there

        return (
            there.show_plan(console, access, run, step) if plan else there.restart(console, access, run, step, **given)
        )
    from procession.commands import runs

    return runs.show_plan(console, run, step) if plan else runs.restart(console, run, step, **given)


@commands.group("user")
def user_commands() -> None:
    """Users."""


@commands.group("group")
def group_commands() -> None:
    """User groups."""


@commands.group("application")
def application_commands() -> None:
    """OAuth applications: what scripts sign in with."""


@command("create", user_commands)
@_option("--email", "The login is its part before the @.", required=True)
@_option("--first-name", "First name.", required=True)
@_option("--last-name", "Last name.", required=True)
@_option(
    "--role",
    "What the user may do.",
    required=True,
    type=click.Choice(["Subscriber", "Designer", "ClientAdmin", "SVXAdmin"], case_sensitive=False),
)
def create_user(console: Console, **given: str) -> int:
    """Create a user."""
    from procession.commands import people

    return people.create_user(console, **given)


@command("create", group_commands)
@_option("--name", "The group's name.", required=True)
def create_group(console: Console, name: str) -> int:
    """Create a user group."""
    from procession.commands import people

    return people.create_group(console, name)


@command("create", application_commands)
@_option("--name", "What it is for.", required=True)
@_option("--user", "Login of the user it acts as. Default: the first ClientAdmin.", metavar="LOGIN")
@_option(
    "--scopes", 'What it may ask for, such as "process file", or "all".', default="process_read", show_default=True
)
def create_application(console: Console, **given: Any) -> int:
    """Create an application; prints its client_id and its client_secret, once."""
    from procession.commands import people

    return people.create_application(console, **given)


@command("doctor")
def doctor(console: Console) -> int:
    """Check the home: permissions, space, database, files, isolation."""
    from procession.commands import doctor as doctor_command

    return doctor_command.doctor(console)


if __name__ == "__main__":
    sys.exit(main())
