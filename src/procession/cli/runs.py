"""Processes and their runs: apply, run, status, cancel, restart; in a home, or with a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from procession.cli.registering import command, option
from procession.commands.console import Console


@command("apply", is_remote=True, example="apply month-end.yaml")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@option("--owner", "Login of the user who becomes the owner. Default: the first ClientAdmin.", metavar="LOGIN")
def apply(console: Console, files: Sequence[str], owner: str | None) -> int:
    """Create processes from process files, or publish their next version."""
    if access := console.server_access():
        from procession.commands import remote

        return remote.apply(console, access, files, owner)
    from procession.commands import processes

    return processes.apply(console, files, owner)


@command(
    "run",
    is_remote=True,
    example="run 'Month end' --input parameters.month=2026-11-30 --file parameters.bank=bank.csv --wait",
)
@click.argument("process")
@option("--input", "The value of an INPUT property.", multiple=True, metavar="STEP.PROPERTY=VALUE")
@option("--file", "The file for a File property.", multiple=True, metavar="STEP.PROPERTY=PATH")
@option("--wait", "Watch it to its end; works without a server, too.", is_flag=True)
def run_process(console: Console, process: str, *, wait: bool, **given: Sequence[str]) -> int:
    """Create a run of PROCESS (a name or an id), fill it and start it.

    With --wait the exit code is 0 when the outcome is Success or Warning, else 1.
    """
    if access := console.server_access():
        from procession.commands import remote

        return remote.run(console, access, process, given=given, wait=wait)
    from procession.commands import runs

    return runs.run(console, process, inputs=given["input"], paths=given["file"], wait=wait)


@command("try", example="try month-end.yaml match --file files.bank=bank.csv --value parameters.month=2026-11")
@click.argument("path", metavar="FILE")
@click.argument("step")
@option("--file", "A file for a property that the step reads.", multiple=True, metavar="STEP.PROPERTY=PATH")
@option("--value", "A value for one.", multiple=True, metavar="STEP.PROPERTY=VALUE")
@option("--rows", "So many rows of each file. Default: 1000.", type=click.IntRange(1, 100_000), default=1_000)
def try_step(console: Console, path: str, step: str, *, rows: int, **given: Sequence[str]) -> int:
    """Run one STEP (its key, or a number such as 2.1) of a process file on the first rows of its inputs.

    Nothing is published and nothing is written; a step that reaches outside says what it would send, and to whom.
    The exit code is 0 when it would end as Success or Warning, else 1.
    """
    from procession.commands import trying

    wanted = trying.GivenInputs(paths=given["file"], values=given["value"], rows=rows)
    return trying.try_step(console, path, step, given=wanted)


@command("status", is_remote=True, example="status pr-7")
@click.argument("run")
def status(console: Console, run: str) -> int:
    """Show a run and its steps."""
    if access := console.server_access():
        from procession.commands import remote

        return remote.status(console, access, run)
    from procession.commands import runs

    return runs.status(console, run)


@command("cancel", is_remote=True, example="cancel pr-7 --reason 'wrong bank file'")
@click.argument("run")
@option("--reason", "Kept in the run's history.")
def cancel(console: Console, run: str, reason: str | None) -> int:
    """Cancel a run."""
    if access := console.server_access():
        from procession.commands import remote

        return remote.cancel(console, access, run, reason)
    from procession.commands import runs

    return runs.cancel(console, run, reason)


@command("approve", is_remote=True, example="approve pr-7 controllers --comment 'agreed with the ledger'")
@click.argument("run")
@click.argument("step")
@option("--comment", "Kept with the decision.", default="")
@option("--signed", "The hash of what you looked at; nothing is decided if it has changed.", metavar="HASH")
def approve(console: Console, run: str, step: str, comment: str, signed: str | None) -> int:
    """Say yes to what STEP of RUN asks, as who signs in to the server."""
    from procession.commands import approving

    return approving.decide(console, run, step, is_approved=True, comment=comment, signed=signed)


@command("reject", is_remote=True, example="reject pr-7 controllers --comment 'account 4010 is twice in it'")
@click.argument("run")
@click.argument("step")
@option("--comment", "Kept with the decision.", default="")
@option("--signed", "The hash of what you looked at; nothing is decided if it has changed.", metavar="HASH")
def reject(console: Console, run: str, step: str, comment: str, signed: str | None) -> int:
    """Say no to what STEP of RUN asks, as who signs in to the server."""
    from procession.commands import approving

    return approving.decide(console, run, step, is_approved=False, comment=comment, signed=signed)


@command("restart", is_remote=True, example="restart pr-7 reconcile --reason 'bank file corrected'")
@click.argument("run")
@click.argument("step")
@option("--plan", "Only tell what would run again.", is_flag=True)
@option("--reason", "Kept in the run's history.")
@option("--latest", "Go on with the newest version of the process.", is_flag=True)
@option("--latest-tables", "Read tables as they are now, not as they were.", is_flag=True)
@option("--release", "Let a step declared `effect: once` happen again.", multiple=True, metavar="STEP")
def restart(console: Console, run: str, step: str, *, plan: bool, **given: Any) -> int:
    """Start RUN again from STEP: a key, an id, or an order such as 2.1."""
    if access := console.server_access():
        from procession.commands import remote_restart as there

        return (
            there.show_plan(console, access, run, step) if plan else there.restart(console, access, run, step, **given)
        )
    from procession.commands import restarting as here

    return here.show_plan(console, run, step) if plan else here.restart(console, run, step, **given)
