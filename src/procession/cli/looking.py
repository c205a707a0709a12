"""Looking at runs: list, show, log, download; in a home, or on a server."""

from __future__ import annotations

from collections.abc import Sequence

import click

from procession.cli.registering import command, option
from procession.commands.console import Console

# A screenful.
LISTED = 20


@command("list", is_remote=True, example="list runs --process 'Month end' --status Failed --limit 5")
@click.argument("what", type=click.Choice(["runs", "processes"]), default="runs")
@option("--process", "Runs of this process only: a name or an id.", metavar="PROCESS")
@option("--status", "Runs with this status, or with this outcome (Success, Warning, Failed).", metavar="STATUS")
@option("--limit", f"How many, at most. Default: {LISTED}.", type=click.IntRange(1, 499), default=LISTED)
def list_what(console: Console, what: str, *, process: str | None, status: str | None, limit: int) -> int:
    """List runs or processes, newest first."""
    if what == "processes" and (process or status):
        raise click.UsageError("--process and --status choose runs, not processes")
    access = console.server_access()
    from procession.commands import listing

    wanted = listing.ListOptions(process=process, status=status, limit=limit)
    if access:
        from procession.commands import remote_listing as there

        return there.processes(console, access, limit) if what == "processes" else there.runs(console, access, wanted)
    return listing.processes(console, limit) if what == "processes" else listing.runs(console, wanted)


@command("show", is_remote=True, example="show pr-7")
@click.argument("run")
def show(console: Console, run: str) -> int:
    """Show a run: who started it, its steps with their messages, its inputs and outputs."""
    if access := console.server_access():
        from procession.commands import remote_listing

        return remote_listing.show(console, access, run)
    from procession.commands import showing

    return showing.show(console, run)


@command("log", is_remote=True, example="log pr-7 reconcile --follow")
@click.argument("run")
@click.argument("step")
@option("--follow", "Go on until the step is over.", is_flag=True)
@option("--attempt", "Of this attempt at the run; a restart begins another one. Default: the latest.", type=int)
def log(console: Console, run: str, step: str, *, follow: bool, attempt: int | None) -> int:
    """Print what STEP (a key, an id, or an order such as 2.1) has written."""
    # An object that never ends is none.
    if follow and console.json:
        raise click.UsageError("--follow prints lines as they come; --json prints one object: leave one of them out")
    if follow and attempt is not None:
        raise click.UsageError("--follow goes on with the latest attempt: leave --attempt out")
    if access := console.server_access():
        from procession.commands import remote_logs

        return remote_logs.log(console, access, run, step, follow=follow, attempt=attempt)
    from procession.commands import logs

    return logs.log(console, run, step, follow=follow, attempt=attempt)


@command("download", is_remote=True, example="download pr-7 result.report --to reports")
@click.argument("run")
@click.argument("references", nargs=-1, metavar="[STEP.PROPERTY]...")
@option("--to", "The folder; made when it is missing.", metavar="DIR", required=True)
@option("--all", "Every file of the run, not only its outputs.", is_flag=True)
@option("--overwrite", "Replace files of the same name.", is_flag=True)
def download(console: Console, run: str, references: Sequence[str], *, to: str, **how: bool) -> int:
    """Save the output files of RUN, or those that are named; each whole and checked, or not at all."""
    if how["all"] and references:
        raise click.UsageError("name files, or use --all; not both")
    from procession.commands import downloads

    wanted = downloads.Selection(run=run, references=references, is_all=how["all"])
    target = downloads.Target(folder=to, may_overwrite=how["overwrite"])
    if access := console.server_access():
        from procession.commands import remote_downloads

        return remote_downloads.download(console, access, wanted, target)
    return downloads.download(console, wanted, target)
