"""What a step asks for once its files are kept: done after that and not before, once, and never to something else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace as replace_fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from procession.engine.table_workers import TableWorkers, reaching_settings
from procession.model.errors import Unavailable
from procession.model.ids import RunId
from procession.model.lifecycle import RunStatus, StepStatus
from procession.model.runs import HistoryKind
from procession.operations import follow_ups
from procession.operations.follow_ups import TRIES_MAX, FollowUps
from procession.store import follow_ups as store
from procession.store import retention, unsolved
from tests.actions import transfer_sites
from tests.actions.site import Site
from tests.engine.conftest import OPEN
from tests.engine.steps import data, fail, item, process, wait
from tests.engine.test_transfer_steps import connect
from tests.engine.world import SetClock, World

ISOLATION = replace(OPEN, landlock=True)
KINDS = ["sftp", "s3", "folder"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("follow-ups"), clock=SetClock(), isolation=ISOLATION)
    made.engine.start()
    yield made
    made.close()


@pytest.fixture
def follower(world: World) -> Iterator[FollowUps]:
    made = follower_of(world)
    yield made
    made.close()


def follower_of(world: World) -> FollowUps:
    made = FollowUps(
        database=world.db,
        actions=world.resources.actions,
        connections=world.step_connections,
        workers=TableWorkers(world.home / "work/follow-ups", reaching_settings(ISOLATION)),
        clock=world.clock.now,
        ring=world.announcements.ring,
        limits=world.settings.limits,
        # No try takes any time by it, so that no failure makes its connection rest.
        monotonic=lambda: 0.0,
    )
    made.start()
    return made


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Iterator[Site]:
    with transfer_sites.site(request.param, tmp_path) as made:
        made.folder("done")
        connect(world, made)
        yield made


@pytest.fixture
def share(world: World, tmp_path: Path) -> Iterator[Site]:
    with transfer_sites.folder(tmp_path) as made:
        made.folder("done")
        connect(world, made)
        yield made


def fetching(*more: dict[str, Any], after: str = "move to done/", **settings: Any) -> str:
    given = {
        "connection": "bank",
        "do": "get",
        "path": "out",
        "pattern": "*.xml",
        "settle_seconds": 0,
        "after": after,
        "outputs": {"files": "${files.all}", "count": "${files.count}"},
        **settings,
    }
    step = {"action": "transfer_files", "name": "Fetch", "key": "fetch", "with": given}
    return process(data("files", item("all", "File", "OUTPUT"), item("count", flow="OUTPUT")), step, *more)


def told(world: World, run: RunId) -> list[tuple[str, str]]:
    rows = [row for row in world.history(run) if row.kind is HistoryKind.FOLLOWED_UP]
    return [(row.detail["state"], row.detail["message"]) for row in rows]


def fetched(world: World, text: str) -> RunId:
    run = world.begin(text)
    world.wait(run)
    assert world.step(run, "fetch").status is StepStatus.SUCCESS, world.step(run, "fetch").message
    return run


@pytest.mark.parametrize(("after", "there"), [("move to done/", ["a.xml", "b.xml"]), ("delete", [])])
def test_files_are_put_away_once_they_are_kept(
    world: World, follower: FollowUps, site: Site, after: str, there: list[str]
) -> None:
    site.put("out/a.xml", b"1")
    site.put("out/b.xml", b"2")

    run = fetched(world, fetching(after=after))

    assert site.names("out") == ["a.xml", "b.xml"]
    assert follower.tick()
    assert (site.names("out"), site.names("done")) == ([], there)
    verb = "moved" if there else "deleted"
    assert told(world, run) == [("Done", f'{verb} 2 files in "bank", out')]
    assert not follower.tick()


def test_what_was_replaced_since_stays_where_it_is(world: World, follower: FollowUps, site: Site) -> None:
    """By its bytes too: the same size within the same second is the same file to whoever asks for those alone."""
    old = site.put("out/a.xml", b"1")
    site.put("out/b.xml", b"2")
    site.put("out/c.xml", b"3")
    run = fetched(world, fetching())
    time = old.stat().st_mtime_ns
    site.put("out/a.xml", b"9")
    os.utime(site.root / "out/a.xml", ns=(time, time))
    site.put("out/b.xml", b"longer")
    site.put("out/d.xml", b"came since")

    follower.tick()

    assert (site.names("out"), site.names("done")) == (["a.xml", "b.xml", "d.xml"], ["c.xml"])
    ((state, message),) = told(world, run)
    assert state == "Done"
    assert message.startswith('moved 1 file in "bank", out; ')
    assert 'have changed since they were listed ("b.xml")' in message
    assert 'hold something else since they were listed ("a.xml")' in message
    with world.db.read() as tx:
        assert unsolved.needs(tx, run)


def test_a_step_that_failed_and_a_run_that_was_cancelled_move_nothing(
    world: World, follower: FollowUps, share: Site
) -> None:
    share.put("out/a.xml", b"1")
    failed = world.begin(fetching(outputs={"file": "${files.all}"}, pattern="*", max_mb=1, none="fail", path="done"))
    world.wait(failed)
    cancelled = world.begin(fetching(wait("rest", seconds=3_600)))
    world.wait_for(cancelled, "rest", StepStatus.RUNNING)
    world.cancel(cancelled)

    assert not follower.tick()
    assert share.names("out") == ["a.xml"]
    assert world.step(cancelled, "fetch").status is StepStatus.SUCCESS
    # Restarted behind the step, the run has its files again: so they are put away.
    world.wait(cancelled)
    world.restart(cancelled, "rest")
    assert follower.tick()
    assert share.names("done") == ["a.xml"]
    world.cancel(cancelled)
    world.wait(cancelled)


def test_a_run_that_fails_later_has_its_files_put_away(world: World, follower: FollowUps, share: Site) -> None:
    share.put("out/a.xml", b"1")
    run = world.begin(fetching(fail("bad")))
    world.wait(run)

    assert follower.tick()
    assert share.names("done") == ["a.xml"]


def test_a_restart_before_it_happened_fetches_again_and_asks_anew(
    world: World, follower: FollowUps, share: Site
) -> None:
    share.put("out/a.xml", b"1")
    run = fetched(world, fetching())
    share.put("out/b.xml", b"2")
    world.restart(run, "fetch")
    world.wait(run)
    assert world.value(run, "files.count") == 2

    assert follower.tick() and not follower.tick()

    assert (share.names("out"), share.names("done")) == ([], ["a.xml", "b.xml"])
    assert [state for state, _ in told(world, run)] == ["Done"]


def test_a_restart_waits_for_the_files_that_are_being_moved(world: World, follower: FollowUps, share: Site) -> None:
    share.put("out/a.xml", b"1")
    run = fetched(world, fetching())
    due = world.db.write(lambda tx: follow_ups._take(tx, world.clock.now(), store.Turns()))

    with pytest.raises(Unavailable, match="is being done right now"):
        world.restart(run, "fetch")
    # The server stops in the middle, and begins again.
    assert due is not None
    follower.start()
    assert follower.tick()
    assert share.names("done") == ["a.xml"]
    world.restart(run, "fetch")
    world.wait(run)


def test_a_failure_is_told_once_tried_again_and_given_up(world: World, follower: FollowUps, share: Site) -> None:
    share.put("out/a.xml", b"1")
    share.put("done/a.xml", b"of last month")
    run = fetched(world, fetching())

    for _ in range(3):
        assert follower.tick()
        world.clock.passed_seconds += 3_600  # type: ignore[attr-defined]

    reason = '"a.xml" is in "done" already; nothing was moved, and only overwrite: true replaces it'
    assert told(world, run) == [("Waiting", reason)]
    with world.db.read() as tx:
        assert [(one.run, one.tries, one.message) for one in store.failing(tx)] == [(run, 3, reason)]
        assert [one.id for one in retention.runs(tx, retention.RetentionRule()) if one.id == run] == []
    world.db.write(lambda tx: tx.run("UPDATE follow_up SET tries = ? WHERE run_id = ?", TRIES_MAX - 1, run.number))
    assert follower.tick()
    assert told(world, run)[1:] == [("GivenUp", reason)]
    assert (share.names("out"), share.read("done/a.xml")) == (["a.xml"], b"of last month")
    with world.db.read() as tx:
        assert unsolved.needs(tx, run)
        (gone,) = [one for one in retention.runs(tx, retention.RetentionRule()) if one.id == run]
    world.db.write(lambda tx: retention.remove(tx, [gone]))


def test_the_same_content_there_is_no_obstacle(world: World, follower: FollowUps, site: Site) -> None:
    site.put("out/empty.xml", b"<Document/>")
    site.put("done/empty.xml", b"<Document/>")
    run = fetched(world, fetching())

    follower.tick()

    assert (site.names("out"), site.names("done")) == ([], ["empty.xml"])
    assert told(world, run)[0][0] == "Done"


def test_a_cancel_stops_it_between_two_files(world: World, follower: FollowUps, share: Site) -> None:
    share.put("out/a.xml", b"1")
    share.put("out/b.xml", b"2")
    run = world.begin(fetching(wait("rest", seconds=3_600)))
    world.wait_for(run, "rest", StepStatus.RUNNING)

    def clock() -> datetime:
        # Asked right before each mark is written: the second finds the run cancelled.
        if share.names("done"):
            world.cancel(run)
        return world.clock.now()

    one = replace_fields(follower, clock=clock)
    assert one.tick()

    assert (share.names("out"), share.names("done")) == (["b.xml"], ["a.xml"])
    assert world.run(run).status is RunStatus.CANCELLED
    assert not one.tick()
    world.wait(run)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"after": "move to out"}, "path and the folder of after are the same"),
        ({"after": "rename"}, "after"),
        ({"after": "move to ../x"}, "leads out of the folder"),
        ({"after": "move to {month}"}, '"{month}" has no value'),
        ({"do": "list", "outputs": {"count": "${files.count}"}}, 'list has no "after"'),
        ({"after": "delete", "overwrite": True}, "unless the files are moved"),
    ],
)
def test_mistakes_are_told_before_anything_is_fetched(
    world: World, share: Site, settings: dict[str, Any], words: str
) -> None:
    share.put("out/a.xml")
    try:
        run = world.begin(fetching(**settings))
    except Exception as error:
        assert words in str(error)
        return
    world.wait(run)
    assert world.step(run, "fetch").status is StepStatus.FAILED
    assert words in world.step(run, "fetch").message
