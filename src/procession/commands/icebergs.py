"""table iceberg: the versions of a managed table, copied into an Iceberg table that other programs read."""

from __future__ import annotations

import uuid
from pathlib import Path

from procession.actions import extras
from procession.actions.problems import Problem
from procession.actions.tables.iceberg import IcebergFolder, IcebergPart, IcebergVersion
from procession.commands import opening
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.model.errors import Invalid, NotFound
from procession.model.ids import TableId
from procession.operations import tables
from procession.store import identity
from procession.store import tables as table_store
from procession.store.blobs import Blobs
from procession.store.database import Transaction


def publish(console: Console, name: str, *, to: str, location: str | None) -> int:
    """Raises NotFound, Invalid."""
    for words in extras.lacking("pyiceberg", extra="iceberg", what="Iceberg tables"):
        raise Invalid(words)
    folder = Path(to).absolute()
    with opening.open_home(console) as opened:
        table, versions = _versions(opened, name)
        published = IcebergFolder(folder, location=location or str(folder), table=table)
        try:
            new = published.publish(versions)
        except Problem as problem:
            raise Invalid(str(problem)) from None
    answer = {"versions": len(versions), "newFiles": new, "folder": str(folder)}
    console.answer(answer, f'"{name}": {len(versions)} versions in {folder}, {new} new files')
    return 0


def _versions(opened: OpenedHome, name: str) -> tuple[uuid.UUID, list[IcebergVersion]]:
    """All in one look, oldest first, and an id that is the table's for good."""
    with opened.database.read() as tx:
        table = table_store.by_name(tx, name)
        if table is None:
            raise NotFound(f'there is no table "{name}"')
        own = uuid.uuid5(uuid.NAMESPACE_URL, f"procession:{identity.find(tx).id}:{table.id}")
        kept = sorted(tables.versions(tx, table.id), key=lambda one: one.number)
        return own, [version_of(tx, opened.resources.blobs, table.id, one.number) for one in kept]


def version_of(tx: Transaction, blobs: Blobs, table: TableId, number: int) -> IcebergVersion:
    """A version with the paths of its files."""
    found = tables.snapshot(tx, table, number)
    return IcebergVersion(
        number=number,
        at=found.version.created_at,
        operation=found.version.operation,
        columns=found.version.columns,
        run=str(found.version.run or ""),
        step=str(found.version.step or ""),
        parts=tuple(
            IcebergPart(name=part.content.sha256, path=Path(blobs.fetch(part.content.sha256)), rows=part.rows)
            for part in found.parts
        ),
    )
