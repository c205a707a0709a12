"""Upkeep of tables: small files are merged and old versions go, and no row, no run and no restart notices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from procession.model.errors import Invalid
from procession.model.ids import TableId
from procession.model.lifecycle import StepStatus
from procession.model.tables import NewPart, TableOperation
from procession.operations import tables
from procession.operations.table_upkeep import TableUpkeep
from procession.store import checks
from procession.store import tables as table_store
from procession.store.database import Transaction
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.steps import process
from tests.engine.test_step_tables import adding, ended, ledger, reads, sql, workers
from tests.engine.test_table_writes import READ, amounts, carrying, to
from tests.engine.world import SetClock, World

__all__ = ["workers"]  # a fixture
DAY = 86_400.0


@pytest.fixture
def world(tmp_path: Path, workers: Any) -> Iterator[World]:
    made = World(tmp_path, isolation=OPEN, workers=workers, clock=SetClock())
    made.engine.start()
    yield made
    made.close()


def upkeep(world: World, days_min: int = 0) -> TableUpkeep:
    return TableUpkeep(database=world.db, resources=world.resources, days_min=days_min)


def parts(world: World, table: TableId) -> int:
    with world.db.read() as tx:
        return len(tables.snapshot(tx, table).parts)


def crowded(world: World) -> TableId:
    """A table of ten files, as no append leaves it: those that it has, again and again."""
    table = ledger(world, 1, 2)
    for number in range(9):
        with world.db.read() as tx:
            present = tables.snapshot(tx, table)
        managed.write(world, table, [{"amount": 10 + number}], mode="replace")
        _put_beside(world, table, present.version.number)
    return table


def _put_beside(world: World, table: TableId, number: int) -> None:
    """The files of the present version and those of another one."""

    def publish(tx: Transaction) -> None:
        newest, draft = tables.snapshot(tx, table), tables.take_back(tx, table, number)
        present = (NewPart(content=part.content, rows=part.rows) for part in newest.parts)
        both = replace(draft, added=(*draft.added, *present), same_as=None)
        table_store.publish(tx, table, both, author="ada", now=world.clock.now())

    world.db.write(publish)


def test_small_files_are_merged_and_every_row_stays(world: World) -> None:
    table = crowded(world)
    before, version = sorted(amounts(world, table)), managed.version(world, table)
    assert parts(world, table) == 10

    more = upkeep(world).tick()

    assert more
    assert not upkeep(world).tick()
    assert (parts(world, table), sorted(amounts(world, table))) == (1, before)
    assert sorted(amounts(world, table, version)) == before
    newest = managed.versions(world, table)[0]
    assert (newest.operation, newest.author, newest.same_as) == (TableOperation.COMPACT, "Procession", version)


def test_a_step_that_has_read_the_version_before_a_merge_is_in_no_conflict(world: World) -> None:
    table = crowded(world)

    def merge() -> None:
        if parts(world, table) > 1:
            upkeep(world).merge()

    world.tables.before_prepare = merge
    step = sql("add", "SELECT amount FROM ledger WHERE amount > 5", READ, {"result": to("replace")})

    run = world.begin(process(step))

    assert ended(world, run)[0] is StepStatus.SUCCESS
    assert sorted(amounts(world, table)) == list(range(10, 19))
    assert TableOperation.COMPACT in [version.operation for version in managed.versions(world, table)]


def test_a_restart_takes_back_what_a_step_wrote_before_a_merge(world: World) -> None:
    table = ledger(world, 10)
    run = world.begin(carrying())
    ended(world, run)
    with world.db.read() as tx:
        present = tables.snapshot(tx, table)
    merged = upkeep(world)._merged(present)
    world.db.write(lambda tx: table_store.publish(tx, table, merged, author="Procession", now=world.clock.now()))

    world.restart(run, "add")

    ended(world, run)
    assert amounts(world, table) == [11, 2]


def test_a_merge_that_is_late_changes_nothing(world: World) -> None:
    table = crowded(world)
    with world.db.read() as tx:
        present = tables.snapshot(tx, table)
    late = upkeep(world)._merged(present)
    managed.write(world, table, [{"amount": 77}])

    found = world.db.write(lambda tx: table_store.publish(tx, table, late, author="Procession", now=world.clock.now()))

    assert found is None
    assert 77 in amounts(world, table)


def test_old_versions_go_and_those_that_runs_have_read_or_written_stay(world: World) -> None:
    table = ledger(world, 1)
    run = world.begin(adding())  # reads version 4
    ended(world, run)
    managed.write(world, table, [{"amount": 2}])
    managed.write(world, table, [{"amount": 3}], mode="replace")
    carried = world.begin(carrying())
    ended(world, carried)
    managed.write(world, table, [{"amount": 5}])
    managed.write(world, table, [{"amount": 6}])
    assert isinstance(world.clock, SetClock)
    world.clock.passed_seconds += 40 * DAY
    world.resources.home_clock.tick(world.db)
    held = {number: amounts(world, table, number) for number in (4, 6, 7, 9)}

    upkeep(world, days_min=30).remove_old()

    numbers = [version.number for version in managed.versions(world, table)]
    assert numbers == [9, 7, 6, 4]
    assert {number: amounts(world, table, number) for number in numbers} == held
    with pytest.raises(Invalid, match=r"version 5 of table .* is not kept any more"):
        managed.rows(world, table, 5)
    world.restart(run, "add")
    ended(world, run)
    assert reads(world, run)[-1][0]["version"] == 4


def test_young_versions_stay_and_without_a_setting_all_do(world: World) -> None:
    table = ledger(world, 1)
    managed.write(world, table, [{"amount": 2}])
    before = len(managed.versions(world, table))

    upkeep(world, days_min=30).remove_old()
    upkeep(world, days_min=0).tick()

    assert len(managed.versions(world, table)) == before


def test_files_of_versions_that_went_are_named_by_no_row(world: World) -> None:
    table = ledger(world, 1)
    managed.write(world, table, [{"amount": 2}], mode="replace")
    with world.db.read() as tx:
        old = tables.snapshot(tx, table, 4).parts[0].content.sha256
        new = tables.snapshot(tx, table, 5).parts[0].content.sha256
    assert isinstance(world.clock, SetClock)
    world.clock.passed_seconds += 40 * DAY
    world.resources.home_clock.tick(world.db)

    upkeep(world, days_min=30).remove_old()

    with world.db.read() as tx:
        named = {sha256 for part in world.blobs.parts() for sha256 in checks.contents(tx, part)}
    assert (old in named, new in named) == (False, True)


def test_a_restart_finds_what_its_step_has_appended_below_versions_that_are_gone(world: World) -> None:
    table = ledger(world, 10)
    run = world.begin(process(sql("add", "SELECT 5 AS amount", {}, {"result": to("append")})))
    ended(world, run)
    for amount in (1, 2, 3):
        managed.write(world, table, [{"amount": amount}])
    assert isinstance(world.clock, SetClock)
    world.clock.passed_seconds += 40 * DAY
    world.resources.home_clock.tick(world.db)
    upkeep(world, days_min=30).remove_old()
    assert [one.number for one in managed.versions(world, table)] == [8, 5, 4]

    world.restart(run, "add")

    assert ended(world, run)[0] is StepStatus.SUCCESS
    assert amounts(world, table) == [10, 1, 2, 3, 5]


def test_the_newest_versions_alone_are_read_and_all_are_counted(world: World) -> None:
    table = ledger(world, 1, 2, 3)

    with world.db.read() as tx:
        assert [one.number for one in tables.versions(tx, table, most=2)] == [4, 3]
        assert tables.count_versions(tx, table) == len(tables.versions(tx, table)) == 3
