"""Crash before and after every commit and publication of runs that write tables: everything of a step, or nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from procession.clock import SystemClock
from procession.model.ids import RunId, TableId
from procession.model.lifecycle import RUN_FINAL, StepStatus
from procession.model.runs import HistoryKind
from procession.store import tables
from procession.store.crash import CrashPoint, pass_by
from procession.store.migrations import available, migrate
from procession.store.sqlite import SqliteDatabase
from tests.crashing import Countdown, at_every_point
from tests.engine import tables as managed
from tests.engine.crash_script import ISOLATION
from tests.engine.steps import data, item, process
from tests.engine.world import World
from tests.support import wait_until

pytestmark = pytest.mark.crash

STRIDE = 9  # in `make test`, where each home has dear processes of tables; `make thorough` stops at every point
APPEND = {"to": "${table:Ledger}", "mode": "append"}
CARRY = {"to": "${table:Open}", "mode": "replace"}
TEXT = process(
    data("d", item("f", "File", "OUTPUT")),
    {
        "action": "run_sql",
        "name": "add",
        "key": "add",
        "with": {
            "inputs": {"open": "${table:Open}"},
            "sql": "CREATE TABLE new AS SELECT 5 AS amount; CREATE TABLE carried AS SELECT n + 1 AS n FROM open",
            "outputs": {"new": APPEND, "carried": CARRY, "open": "${d.f}"},
        },
    },
)


def opened(home: Path, crash_point: CrashPoint = pass_by) -> World:
    world = World(home, isolation=ISOLATION, crash_point=crash_point, workers=managed.workers(home))
    world.engine.start()
    return world


def _furnish(home: Path) -> None:
    home.mkdir()
    world = opened(home)
    managed.make(world, "Ledger", {"amount": 1}, amount="Number")
    managed.make(world, "Open", {"n": 1}, n="Number")
    close(world)


def perform(home: Path, last: int | None) -> list[str]:
    """A run, and a restart of it. Gives the points that were passed."""
    points = Countdown(last)
    world = opened(home, points)
    run = world.begin(TEXT)
    world.wait(run)
    world.restart(run, "add")
    world.wait(run)
    close(world)
    return points.passed


def recover(home: Path) -> None:
    world = opened(home)
    wait_until(lambda: all(world.run(run).status in RUN_FINAL for run in started(world)))
    check(world)
    close(world)


def close(world: World) -> None:
    world.close()
    world.resources.table_workers.close()


def started(world: World) -> list[RunId]:
    with world.db.read() as tx:
        return [RunId(row[0]) for row in tx.all("SELECT id FROM run WHERE status <> 'NotStarted' ORDER BY id")]


def check(world: World) -> None:
    """What the history tells of tables is what they hold."""
    runs = started(world)
    told = [one for run in runs for row in world.history(run) for one in row.detail.get("wrote", ())]
    taken_back = [row for run in runs for row in world.history(run) if row.kind is HistoryKind.RESTARTED]
    ended = sum(world.step(run, "add").status is StepStatus.SUCCESS for run in runs)
    # However often it was interrupted, the step counts once.
    assert ended == len(runs)
    ledger, open_ = TableId(1), TableId(2)
    assert sorted(row["amount"] for row in managed.rows(world, ledger)) == [1, *[5] * ended]
    assert [row["n"] for row in managed.rows(world, open_)] == [1 + ended]
    # Both tables have as many versions as the step has ends, and as many of them are taken back as there are restarts.
    for table in (ledger, open_):
        versions = Counter(version.operation.value for version in managed.versions(world, table))
        assert versions["takeBack"] == len(taken_back)
        assert sum(one["table"] == str(table) for one in told) == ended + len(taken_back)
    assert versions["replace"] == ended + len(taken_back)


def test_a_crash_at_any_point_leaves_all_targets_of_a_step_or_none(tmp_path: Path, is_thorough: bool) -> None:
    _furnish(tmp_path / "model")
    stride = 1 if is_thorough else STRIDE
    crashes = at_every_point(tmp_path, perform, recover, lambda home, where: None, stride=stride)
    print(f"{crashes} crash points, 0 violations")
    assert crashes > 20 // stride


def test_the_upgrade_keeps_the_versions_of_tables(tmp_path: Path) -> None:
    database, known = SqliteDatabase(tmp_path / "procession.db", on_fatal=pytest.fail), available()
    now = SystemClock().now()
    record = "\nINSERT INTO schema_migration VALUES ({}, '{}', 0);\n"
    database.script("".join(sql + record.format(number, name) for number, (name, sql) in sorted(known.items())[:16]))
    database.script(
        "INSERT INTO managed_table (name, description, version, created_at, modified_at) VALUES ('Rates', '', 2, 0, 0);\n"
        "INSERT INTO table_version VALUES (1, 2, 'create', 'ada', 0, 3, 7, '[]', NULL, NULL);\n"
    )

    applied = migrate(database, now)

    with database.read() as tx:
        version = tables.version(tx, TableId(1), 2)
    database.close()
    assert applied == len(known) - 16
    assert version is not None
    assert (version.author, version.rows, version.size_bytes, version.same_as) == ("ada", 3, 7, None)
