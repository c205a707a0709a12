"""Keeping a home: backup, restore, adopt, prune."""

from __future__ import annotations

from collections.abc import Sequence

import click

from procession.cli.registering import command, commands, option
from procession.commands.console import Console


@command("backup", example="backup /backups/procession-2026-11-30.tar")
@click.argument("file")
@option("--skip-damaged", "Leave out contents that are damaged or missing; without it, none is made.", is_flag=True)
def backup(console: Console, file: str, *, skip_damaged: bool) -> int:
    """Write all of the home into FILE, while the server works, and read it again to check it."""
    from procession.commands import backups

    return backups.backup(console, file, skip_damaged=skip_damaged)


@command("restore", example="restore /backups/procession-2026-11-30.tar --home /srv/procession")
@click.argument("file")
def restore(console: Console, file: str) -> int:
    """Make a home out of a backup. Refused where there is one already, or anything else."""
    from procession.commands import restoring

    return restoring.restore(console, file)


@command("adopt", example="adopt --home /srv/procession --yes")
@option("--yes", "Do it; without it, adopt only shows what would go on here.", is_flag=True)
def adopt(console: Console, *, yes: bool) -> int:
    """Take over what was under way in the home that this one is a copy of.

    A home that was copied, restored from a backup or moved to another disk leaves such runs and mail alone: the
    original may still be at work on them. Refused while a server works on the original.
    """
    from procession.commands import adopting

    return adopting.adopt(console, is_meant=yes)


@command("prune", example="prune --older-than 400d --keep 12 --yes")
@option("--older-than", "Runs that ended longer ago than this, such as 400d or 48h.", metavar="AGE")
@option("--keep", "Of each process, the newest N runs that have ended stay.", metavar="N", type=click.IntRange(0))
@option("--process", "Runs of this process only: a name or an id.", multiple=True, metavar="PROCESS")
@option("--yes", "Do it; without it, prune only shows what would go.", is_flag=True)
def prune(console: Console, *, older_than: str | None, keep: int | None, process: Sequence[str], yes: bool) -> int:
    """Remove old runs with their files and logs, and make the database smaller.

    With both --older-than and --keep, a run must be old and not among the newest. With neither, only files that belong
    to nothing go. Runs that wait, run or were not started stay, and those that wrote a version of a table.
    """
    # It would look like a rule and remove nothing.
    if process and older_than is None and keep is None:
        raise click.UsageError("--process says whose runs; say which, too: --older-than or --keep")
    from procession import config
    from procession.commands import pruning

    age = None if older_than is None else config.age("--older-than", older_than)
    return pruning.prune(console, pruning.PruneOptions(age=age, keep=keep, processes=process, is_meant=yes))


@commands.group("audit")
def audit_commands() -> None:
    """The audit trail: a chain of hashes over the history of all runs and the log."""


@command("verify", audit_commands, example="audit verify")
@option("--head", "A head that an earlier call printed and that was kept elsewhere.", metavar="HEAD")
def verify_audit(console: Console, *, head: str | None) -> int:
    """Check that every row of history and log is as it was written, and name the first that is not."""
    from procession.commands import auditing

    return auditing.verify(console, head)
