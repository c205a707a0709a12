"""Versions of a managed table published as Iceberg: a reader goes back to each that is kept, and to no other."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
