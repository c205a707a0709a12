"""Whose follow-up is tried next, what becomes of a try whose end cannot be written, and what waits for one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from procession.actions.contract import ConnectionInput
from procession.engine.step_connections import ConnectionUse
from procession.engine.table_workers import JobEnd, TableWorkers
from procession.model.errors import Unavailable
from procession.model.follow_ups import DueFollowUp, FollowUp
from procession.model.ids import ActionStepId, RunId
from procession.operations import follow_ups
from procession.operations.follow_up_lanes import LANES, FollowUpLanes
from procession.operations.follow_ups import FollowUps
from procession.store import connections as store
from procession.store.follow_ups import Turns
from procession.store.sqlite import SqliteDatabase
from tests.actions import transfer_sites
from tests.actions.site import Site
from tests.engine.test_follow_ups import fetched, fetching, follower, follower_of, share, told, world
from tests.engine.test_transfer_steps import connect
from tests.engine.world import World

__all__ = ["follower", "share", "world"]


@dataclass(frozen=True, slots=True)
class StopsTheServer:
    """A connection is opened once its follow-up was taken, and before a process is asked for."""

    follower: FollowUps

    def open(self, use: ConnectionUse) -> ConnectionInput:
        self.follower.close()
        return self.follower.connections.open(use)


def test_one_that_was_taken_while_the_server_stops_waits_for_the_next(
    world: World, follower: FollowUps, share: Site
) -> None:
    """It started a process behind close(), which moved files when everything else had ended."""
    share.put("out/a.xml", b"1")
    run = fetched(world, fetching())

    assert not replace(follower, connections=StopsTheServer(follower)).tick()

    assert (share.names("out"), told(world, run)) == (["a.xml"], [])
    # The next server makes it at once.
    following = follower_of(world)
    assert following.tick()
    following.close()
    assert share.names("done") == ["a.xml"]


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
    assert rested.tick() and not rested.lanes.rests
    assert told(world, dead[1])[0][0] == "Done"
    while rested.tick():
        pass


def test_a_try_that_takes_its_time_holds_up_no_other_server(
    world: World, follower: FollowUps, share: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share.put("out/a.xml", b"1")
    held = [fetched(world, fetching()) for _ in range(2)]
    is_there, may_go_on, really = threading.Event(), threading.Event(), FollowUps._try

    def slowly(one: FollowUps, due: DueFollowUp) -> JobEnd:
        if due.connection == "bank":
            is_there.set()
            assert may_go_on.wait(60.0)
        return really(one, due)

    monkeypatch.setattr(FollowUps, "_try", slowly)
    first = threading.Thread(target=follower.tick)
    assert not follower.tick(lane=1), "the lane before it looks"
    first.start()
    assert is_there.wait(60.0)
    (tmp_path / "other").mkdir()
    with transfer_sites.folder(tmp_path / "other") as healthy:
        healthy.folder("done")
        healthy.put("out/b.xml", b"2")
        connect(world, healthy, name="house")
        run = fetched(world, fetching(connection="house"))
        assert follower.tick(lane=1)
        assert [state for state, _ in told(world, run)] == ["Done"]

    # The other of the same server waits for its turn, and the process of the first is not ended.
    assert not follower.tick(lane=1)
    may_go_on.set()
    first.join()
    assert [[state for state, _ in told(world, one)] for one in held] == [["Done"], []]
    assert follower.tick()


def test_servers_that_fail_leave_a_lane_to_the_others() -> None:
    lanes, asked = FollowUpLanes(rests={"dead": 0.0}), list[Turns]()
    names = iter(["a", "b", "c"])

    def find(turns: Turns) -> DueFollowUp:
        asked.append(turns)
        return due_of(next(names))

    taken = [lanes.take(lane, find, lambda: 1.0) for lane in range(LANES - 1)]
    lanes.take(LANES - 1, lambda turns: asked.append(turns), lambda: 1.0)

    assert [sorted(turns.resting) for turns in asked] == [[], ["a"], ["a", "b"], ["a", "b", "c", "dead"]]
    assert {one.connection for one in taken if one is not None} == {"a", "b", "c"}


def due_of(connection: str) -> DueFollowUp:
    return DueFollowUp(
        attempt=1,
        run=RunId(1),
        step=ActionStepId(1),
        action="transfer_files",
        connection=connection,
        asked=FollowUp(settings={}, listed=""),
        tries=0,
        message="",
        journal=(),
    )


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
