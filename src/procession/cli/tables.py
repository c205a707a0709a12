"""Managed tables, for those who read them with other programs."""

from __future__ import annotations

import click

from procession.cli.registering import command, commands, option
from procession.commands.console import Console


@commands.group("table")
def table_commands() -> None:
    """Managed tables: published for other programs."""


@command("iceberg", table_commands, example='table iceberg "Ledger" --to /srv/lake/ledger')
@click.argument("name")
@option("--to", "The folder that holds the Iceberg table; made when it is missing.", required=True, metavar="FOLDER")
@option(
    "--location", "What readers call this folder, such as s3://lake/ledger; its path if left out.", metavar="ADDRESS"
)
def publish_table(console: Console, name: str, *, to: str, location: str | None) -> int:
    """Publish all kept versions of the table NAME as snapshots of an Iceberg table, in a copy of its own."""
    from procession.commands import icebergs

    return icebergs.publish(console, name, to=to, location=location)
