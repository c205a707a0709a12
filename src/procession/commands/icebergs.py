"""table iceberg: the versions of a managed table, copied into an Iceberg table that other programs read."""

from __future__ import annotations

import uuid
from collections import deque
from pathlib import Path

from procession.actions import extras
from procession.actions.problems import Problem
from procession.actions.tables.iceberg import IcebergFolder
from procession.actions.tables.iceberg_versions import IcebergPart, IcebergVersion
from procession.commands import opening
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.model.errors import Invalid, NotFound
from procession.model.ids import TableId
from procession.model.tables import Part, TableVersion
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
        return own, versions_of(tx, opened.resources.blobs, table.id)


def versions_of(tx: Transaction, blobs: Blobs, table: TableId) -> list[IcebergVersion]:
    """Those that are kept, oldest first, with the paths of their files.

    In one pass over both: to ask for the files of each version takes time by the square of their number.
    """
    coming = deque(table_store.lives_of_parts(tx, table))
    present: list[tuple[IcebergPart, int | None]] = []  # with the version in which it is no more
    found = []
    for version in sorted(tables.versions(tx, table), key=lambda one: one.number):
        number = version.number
        while coming and coming[0][1] <= number:
            part, _, until = coming.popleft()
            # One that came and went between two versions that are kept is no more.
            present += [] if until is not None and until <= number else [(_part(blobs, part), until)]
        present = [one for one in present if one[1] is None or one[1] > number]
        found.append(_version(version, tuple(part for part, _ in present)))
    return found


def _part(blobs: Blobs, part: Part) -> IcebergPart:
    return IcebergPart(name=part.content.sha256, path=Path(blobs.fetch(part.content.sha256)), rows=part.rows)


def _version(version: TableVersion, parts: tuple[IcebergPart, ...]) -> IcebergVersion:
    return IcebergVersion(
        number=version.number,
        at=version.created_at,
        operation=version.operation,
        columns=version.columns,
        run=str(version.run or ""),
        step=str(version.step or ""),
        parts=parts,
    )
