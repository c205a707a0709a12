"""Versions of a managed table published as Iceberg: a reader goes back to each that is kept, and to no other."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.commands.icebergs import versions_of
from procession.model.columns import ColumnType
from procession.operations import columns
from procession.operations.columns import ColumnChange
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.test_iceberg import published, read
from tests.engine.test_step_tables import adding, ended, ledger, workers
from tests.engine.test_table_upkeep import DAY, upkeep
from tests.engine.test_table_writes import amounts, carrying
from tests.engine.world import SetClock, World

__all__ = ["workers"]  # a fixture


@pytest.fixture
def world(tmp_path: Path, workers: Any) -> Iterator[World]:
    made = World(tmp_path, isolation=OPEN, workers=workers, clock=SetClock())
    made.engine.start()
    yield made
    made.close()


def opened(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyiceberg.table import StaticTable

        hint = (folder / "metadata" / "version-hint.text").read_text()
        return StaticTable.from_metadata(str(folder / "metadata" / f"v{hint}.metadata.json"))


def test_a_snapshot_says_which_version_it_is_and_which_run_made_it(world: World, tmp_path: Path) -> None:
    table = ledger(world, 1)
    run = world.begin(carrying())
    ended(world, run)

    published(world, table, tmp_path / "lake")

    versions = {version.number: version for version in managed.versions(world, table)}
    assert run in {version.run for version in versions.values()}
    for snapshot in opened(tmp_path / "lake").snapshots():
        version, said = versions[snapshot.snapshot_id], snapshot.summary.additional_properties
        assert said["procession.version"] == str(version.number)
        assert said.get("procession.run") == (str(version.run) if version.run else None)
        assert said.get("procession.step") == (str(version.step) if version.step else None)
        assert int(said["total-records"]) == version.rows


def test_a_version_that_is_gone_is_offered_no_more_and_the_others_stay(world: World, tmp_path: Path) -> None:
    lake, table = tmp_path / "lake", ledger(world, 1)
    ended(world, world.begin(adding()))
    managed.write(world, table, [{"amount": 2}])
    managed.write(world, table, [{"amount": 3}], mode="replace")
    managed.write(world, table, [{"amount": 5}])
    before = published(world, table, lake)
    assert isinstance(world.clock, SetClock)
    world.clock.passed_seconds += 40 * DAY
    world.resources.home_clock.tick(world.db)

    upkeep(world, days_min=30).remove_old()
    kept = published(world, table, lake)

    assert len(kept) < len(before)
    assert [snapshot.snapshot_id for snapshot in opened(lake).snapshots()] == kept
    for number in kept:
        assert sorted(row["amount"] for row in read(lake, number)) == sorted(amounts(world, table, number))
    with pytest.raises(ValueError, match="Snapshot not found"):
        read(lake, next(number for number in before if number not in kept))


def test_a_reader_goes_back_to_a_moment(world: World, tmp_path: Path) -> None:
    table = ledger(world, 1)
    assert isinstance(world.clock, SetClock)
    world.clock.passed_seconds += DAY
    number = managed.write(world, table, [{"amount": 2}])
    at_ms = int(
        next(one.created_at for one in managed.versions(world, table) if one.number == number).timestamp() * 1e3
    )

    published(world, table, tmp_path / "lake")

    found = opened(tmp_path / "lake")
    assert found.snapshot_as_of_timestamp(at_ms).snapshot_id == number
    assert found.snapshot_as_of_timestamp(at_ms - 1_000).snapshot_id == number - 1


def manifests(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """What stands in front of each manifest, and the fields of its schema."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyiceberg.avro.file import AvroFile
        from pyiceberg.io.fsspec import FsspecFileIO

        found = []
        for path in (folder / "metadata").glob("*.avro"):
            with AvroFile[Any](FsspecFileIO({}).new_input(str(path))) as file:
                if "schema" in file.header.meta:
                    found.append((path.name, file.header.meta))
    return found


def documents(folder: Path) -> list[dict[str, Any]]:
    """Oldest first."""
    paths = sorted((folder / "metadata").glob("v*.metadata.json"), key=lambda path: int(path.name[1:-14]))
    return [json.loads(path.read_text()) for path in paths]


def check_schemas(lake: Path) -> None:
    """A number means one schema, in every document and in every manifest."""
    known: dict[int, Any] = {}
    for document in documents(lake):
        for one in document["schemas"]:
            assert known.setdefault(one["schema-id"], one["fields"]) == one["fields"]
        assert document["last-column-id"] >= max(field["id"] for fields in known.values() for field in fields)
    assert manifests(lake)
    for name, meta in manifests(lake):
        said = json.loads(meta["schema"])
        assert said["fields"] == known[said["schema-id"]], name


def test_a_number_of_a_schema_means_the_same_for_ever(world: World, tmp_path: Path) -> None:
    """ClickHouse reads none of a table whose manifests and documents differ: "bound to two different schemas"."""
    lake, table = tmp_path / "lake", ledger(world, 1)
    by = managed.work(world)
    for number, name in enumerate(("b", "c", "d")):
        columns.add(by, table, ColumnChange(name=name, type=ColumnType.MONEY))
        managed.write(world, table, [{name: number}])
    columns.drop(by, table, "b")
    columns.drop(by, table, "c")
    published(world, table, lake)
    check_schemas(lake)
    assert isinstance(world.clock, SetClock)
    world.clock.passed_seconds += 40 * DAY
    world.resources.home_clock.tick(world.db)
    managed.write(world, table, [{"d": 9}])
    columns.add(by, table, ColumnChange(name="e", type=ColumnType.TEXT))
    managed.write(world, table, [{"e": "x"}])

    upkeep(world, days_min=30).remove_old()
    published(world, table, lake)

    check_schemas(lake)
    assert len(documents(lake)) == 2


def test_a_manifest_knows_the_columns_that_its_file_was_filled_with(world: World, tmp_path: Path) -> None:
    """ClickHouse gave NULL for what older rows have by a default: it takes a manifest's version at its word."""
    lake, table = tmp_path / "lake", ledger(world, 1, 2)
    change = ColumnChange(name="Region", type=ColumnType.TEXT, sets_default=True, default="none", nullable=False)
    columns.add(managed.work(world), table, change)
    numbers = published(world, table, lake)

    found = opened(lake)

    for number, is_there in ((numbers[-2], False), (numbers[-1], True)):
        (task,) = found.scan(snapshot_id=number).plan_files()
        assert task.file.file_path.endswith(".parquet")
        (manifest,) = found.snapshot_by_id(number).manifests(found.io)
        assert ("Region" in {field.name for field in schema_of(found, manifest.added_snapshot_id)}) is is_there
    assert {row["Region"] for row in read(lake, numbers[-1])} == {"none"}


def schema_of(table: Any, snapshot: int) -> Any:
    return table.schemas()[table.snapshot_by_id(snapshot).schema_id].fields


def test_what_brings_nothing_new_writes_nothing(world: World, tmp_path: Path) -> None:
    """Of ten thousand versions a document has 4 MB, and cron comes every hour."""
    lake, table = tmp_path / "lake", ledger(world, 1)
    published(world, table, lake)
    before = {path: path.stat().st_mtime_ns for path in lake.rglob("*") if path.name.endswith((".json", ".avro"))}

    published(world, table, lake)

    assert {
        path: path.stat().st_mtime_ns for path in lake.rglob("*") if path.name.endswith((".json", ".avro"))
    } == before


def test_a_reader_that_has_opened_the_table_reads_on_whatever_goes_here(world: World, tmp_path: Path) -> None:
    """apache/iceberg#7007, apache/iceberg#8994: expiry took files from under whoever had opened the table."""
    lake, table = tmp_path / "lake", ledger(world, 1)
    for number in range(2, 12):
        managed.write(world, table, [{"amount": number}], mode="replace")
    first = published(world, table, lake)
    reader = opened(lake)
    assert isinstance(world.clock, SetClock)
    world.clock.passed_seconds += 40 * DAY
    world.resources.home_clock.tick(world.db)
    managed.write(world, table, [{"amount": 12}])

    keeping = upkeep(world, days_min=30)
    keeping.remove_old()
    keeping.merge()
    assert len(published(world, table, lake)) < len(first)

    for place, number in enumerate(first[-10:], start=2):
        assert [row["amount"] for row in reader.scan(snapshot_id=number).to_arrow().to_pylist()] == [place]


class _Asking:
    """A transaction that counts what it is asked."""

    def __init__(self, tx: Any) -> None:
        self._tx, self.asked = tx, 0

    def __getattr__(self, name: str) -> Any:
        self.asked += 1
        return getattr(self._tx, name)


def test_many_versions_are_looked_up_in_one_pass(world: World) -> None:
    table = ledger(world, 1)
    counts = []
    for _ in range(2):
        with world.db.read() as tx:
            asking = _Asking(tx)
            versions_of(asking, world.blobs, table)
            counts.append(asking.asked)
        for number in range(4):
            managed.write(world, table, [{"amount": number}])

    assert counts[0] == counts[1]
