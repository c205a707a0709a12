"""Whose follow-up is tried next, what becomes of a try whose end cannot be written, and what waits for one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from procession.engine.table_workers import TableWorkers
from procession.model.errors import Unavailable
from procession.operations import follow_ups
from procession.operations.follow_ups import FollowUps
from procession.store import connections as store
from procession.store.sqlite import SqliteDatabase
from tests.actions import transfer_sites
from tests.actions.transfer_sites import Site
from tests.engine.test_follow_ups import fetched, fetching, follower, share, told, world
from tests.engine.test_transfer_steps import connect
from tests.engine.world import World

__all__ = ["follower", "share", "world"]


def test_a_dead_server_takes_no_turn_of_another(world: World, follower: FollowUps, share: Site, tmp_path: Path) -> None:
    """Its follow-ups are older, and each of them would come first."""
    share.put("out/a.xml", b"1")
    dead = [fetched(world, fetching()) for _ in range(3)]
    away = share.root.rename(share.root.with_name("away"))
    moments = iter([0.0, 30.0, 30.0])
    slow = replace(follower, monotonic=lambda: next(moments))
    assert slow.tick()
    assert [[state for state, _ in told(world, run)] for run in dead] == [["Waiting"], [], []]
    (tmp_path / "other").mkdir()
    with transfer_sites.folder(tmp_path / "other") as healthy:
        healthy.folder("done")
        healthy.put("out/b.xml", b"2")
        connect(world, healthy, name="house")
        run = fetched(world, fetching(connection="house"))

        resting = replace(slow, monotonic=lambda: 119.0)
        assert resting.tick() and not resting.tick()

        assert told(world, run) == [("Done", 'moved 1 file in "house", out')]
        healthy.put("out/b.xml", b"2")
        again = fetched(world, fetching(connection="house", overwrite=True))
        rested = replace(slow, monotonic=lambda: 121.0)
        assert rested.tick()
        assert told(world, again)[0][0] == "Done"
    # A try that succeeds says that it is back; those that were not tried yet come first.
    away.rename(share.root)
    assert rested.tick() and not rested._rests
    assert told(world, dead[1])[0][0] == "Done"
    while rested.tick():
        pass


def test_an_end_that_finds_no_room_is_written_by_the_next_tick(
    world: World, follower: FollowUps, share: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the row would be at work, and a restart of the step refused, until the server is started again."""
    share.put("out/a.xml", b"1")
    run = fetched(world, fetching())
    write = SqliteDatabase.write

    def full(database: SqliteDatabase, operation: Any) -> Any:
        if operation.func is follow_ups._end:
            raise Unavailable("the disk is full")
        return write(database, operation)

    monkeypatch.setattr(SqliteDatabase, "write", full)
    with pytest.raises(Unavailable):
        follower.tick()
    with pytest.raises(Unavailable):
        follower.tick()
    monkeypatch.undo()

    assert not follower.tick()
    assert [state for state, _ in told(world, run)] == ["Done"]
    world.restart(run, "fetch")
    world.wait(run)


def test_an_unexpected_error_is_a_failure_that_is_told(
    world: World, follower: FollowUps, share: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    share.put("out/a.xml", b"1")
    run = fetched(world, fetching())
    monkeypatch.setattr(TableWorkers, "run", lambda *_, **__: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        follower.tick()
    assert not follower.tick()

    assert told(world, run) == [("Waiting", "an unexpected error, which the log of the server tells")]
    world.restart(run, "fetch")
    world.wait(run)
    monkeypatch.undo()
    assert follower.tick()


def test_a_connection_is_kept_while_files_wait_to_be_put_away(world: World, follower: FollowUps, share: Site) -> None:
    share.put("out/a.xml", b"1")
    run = fetched(world, fetching())

    def runs(tx: Any) -> list[Any]:
        found = store.by_name(tx, "bank")
        assert found is not None
        return store.runs_of(tx, found.id)

    with world.db.read() as tx:
        assert runs(tx) == [run]
    follower.tick()
    with world.db.read() as tx:
        assert runs(tx) == []
