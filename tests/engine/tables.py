"""Managed tables of a world: made, written and read as a person would, by the API's operations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from procession.actions.tables.contract import Mode
from procession.engine.table_workers import TableWorkers, settings
from procession.model.columns import ColumnType
from procession.model.ids import TableId
from procession.model.people import Caller
from procession.model.tables import TableVersion
from procession.operations import columns, table_rows, tables
from procession.operations.act import Act
from procession.operations.columns import ColumnChange
from procession.operations.tables import TableWork
from procession.store.database import Transaction
from tests.engine.world import World

Rows = Sequence[dict[str, Any]]


def workers(place: Path) -> TableWorkers:
    """Real processes for table jobs of the worlds in this place; they start with the first job."""
    bounds = {"readable_paths": (str(place), "/sys/fs/cgroup"), "writable_paths": (str(place),)}
    return TableWorkers(place / "tables", settings(**bounds))


@contextmanager
def processes(place: Path) -> Iterator[TableWorkers]:
    made = workers(place)
    yield made
    made.close()


@contextmanager
def world_with_workers(home: Path) -> Iterator[World]:
    with processes(home) as made:
        world = World(home, workers=made)
        yield world
        world.close()


def work(world: World, caller: Caller | None = None) -> TableWork:
    def admit(tx: Transaction) -> Act:
        return Act(tx=tx, caller=caller or world.caller, now=world.clock.now(), resources=world.resources)

    return TableWork(database=world.db, resources=world.resources, admit=admit)


def make(world: World, name: str, *rows: dict[str, Any], caller: Caller | None = None, **kinds: str) -> TableId:
    """A table with a column for each of `kinds`, which are types, and these rows."""
    by = work(world, caller)
    table = world.db.write(lambda tx: tables.create(by.admit(tx), name=name, description="")).id
    for column, kind in kinds.items():
        columns.add(by, table, ColumnChange(name=column, type=ColumnType(kind)))
    if rows:
        write(world, table, rows, caller=caller)
    return table


def write(
    world: World, table: TableId, rows: Rows, mode: Mode = "append", key: Sequence[str] = (), caller: Any = None
) -> int:
    """The version that it makes."""
    with world.resources.table_workers.temporary_folder() as place:
        body = place / "rows.json"
        body.write_text(json.dumps(list(rows)))
        request = table_rows.RowsRequest(path=body, format="json", mode=mode, key=tuple(key))
        return table_rows.write(work(world, caller), table, request).present.version.number


def rows(world: World, table: TableId, version: int | None = None) -> list[dict[str, Any]]:
    with world.db.read() as tx:
        present = tables.snapshot(tx, table, version)
    with world.resources.table_workers.temporary_folder() as place:
        wanted = table_rows.Wanted(format="json")
        _, path = table_rows.read(world.resources, present, wanted, place)
        found: list[dict[str, Any]] = json.loads(Path(path).read_text())
    return found


def version(world: World, table: TableId) -> int:
    return versions(world, table)[0].number


def versions(world: World, table: TableId) -> list[TableVersion]:
    """Newest first."""
    with world.db.read() as tx:
        return tables.versions(tx, table)
