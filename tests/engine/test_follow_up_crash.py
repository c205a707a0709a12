"""Crash at every commit of a step that fetches, and of what it asks for afterwards: no file is lost, and none forgotten."""

from __future__ import annotations

import io
import zipfile
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from procession.actions.contract import ConnectionInput
from procession.engine.step_connections import ConnectionUse
from procession.engine.table_workers import TableWorkers, reaching_settings
from procession.model.ids import RunId
from procession.model.lifecycle import RUN_FINAL, RunStatus, StepStatus
from procession.operations.follow_ups import FollowUps
from procession.store.crash import CrashPoint, pass_by
from tests.actions import transfer_sites
from tests.actions.site import Site
from tests.crashing import Countdown, at_every_point, finish, in_a_child, why
from tests.engine.crash_script import ISOLATION
from tests.engine.test_follow_ups import fetching, told
from tests.engine.world import World
from tests.support import wait_until

pytestmark = pytest.mark.crash

RUN = RunId(1)
QUICK_STRIDE = 15  # in `make test`: odd, as before and after a commit take turns; `make thorough` stops at every point
POINTS_MIN = 20
FILES = {"a.xml": b"1", "b.xml": b"22"}
AFTER = {"move to done/": dict(FILES), "delete": {}}


class Bank:
    """The port of the engine: the connection leads to a folder of its own beside each home, on the test's one server."""

    def __init__(self, site: Site, place: Path) -> None:
        where = {"path": str(place / "bank")} if site.kind == "folder" else {"root": f"{place.name}/bank"}
        self._connection = replace(site.connection, options={**site.connection.options, **where})

    def open(self, use: ConnectionUse) -> ConnectionInput:
        return self._connection


def opened(site: Site, place: Path, crash_point: CrashPoint = pass_by) -> tuple[World, FollowUps]:
    isolation, home = replace(ISOLATION, landlock=True, user_ready=0, warm_ready=0), place / "home"
    world = World(home, isolation=isolation, crash_point=crash_point, connections=Bank(site, place))
    world.engine.start()
    follower = FollowUps(
        database=world.db,
        actions=world.resources.actions,
        connections=world.step_connections,
        workers=TableWorkers(home / "work/follow-ups", reaching_settings(isolation)),
        clock=world.clock.now,
        monotonic=world.clock.monotonic,
        ring=world.announcements.ring,
        limits=world.settings.limits,
    )
    follower.start()
    return world, follower


def close(world: World, follower: FollowUps) -> None:
    follower.close()
    world.close()


def prepare(site: Site, after: str) -> None:
    """In a process of its own, as everything that starts threads."""
    place = site.root / "model"
    for folder in ("bank/out", "bank/done", "home"):
        (place / folder).mkdir(parents=True)
    for name, content in FILES.items():
        (place / "bank/out" / name).write_bytes(content)
    world, follower = opened(site, place)
    world.create(world.apply(fetching(connection="share", after=after)))
    close(world, follower)


def perform(site: Site, place: Path, last: int | None) -> None:
    world, follower = opened(site, place, Countdown(last))
    world.start(RUN)
    world.wait(RUN)
    follower.tick()
    close(world, follower)


def recover(site: Site, place: Path) -> None:
    world, follower = opened(site, place)

    wait_until(lambda: world.run(RUN).status in {*RUN_FINAL, RunStatus.NOT_STARTED}, 30.0)
    has_run = world.run(RUN).status is not RunStatus.NOT_STARTED
    while follower.tick():
        pass
    if has_run:
        assert world.step(RUN, "fetch").status is StepStatus.SUCCESS, world.step(RUN, "fetch").message
        with zipfile.ZipFile(io.BytesIO(world.value(RUN, "files.all"))) as archive:  # type: ignore[arg-type]
            assert {name: archive.read(name) for name in archive.namelist()} == FILES
        # Once, and as it should: no repetition has found anything strange.
        ((state, message),) = told(world, RUN)
        assert (state, "; " in message) == ("Done", False), message
    (place / "has_run").write_text(str(int(has_run)))
    close(world, follower)


def contents(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()} if folder.is_dir() else {}


def check(after: str, place: Path, point: str) -> None:
    has_run = (place / "has_run").read_text() == "1"
    assert contents(place / "bank/out") == ({} if has_run else FILES), point
    assert contents(place / "bank/done") == (AFTER[after] if has_run else {}), point


MOVE, DELETE = AFTER
ALL = [(kind, after, 1) for kind in ("folder", "sftp", "s3") for after in AFTER]


@pytest.mark.parametrize(
    ("kind", "after", "stride"),
    [
        ("folder", MOVE, QUICK_STRIDE),
        *(pytest.param(*one, id=f"{one[0]}-{one[1][:6]}-all", marks=pytest.mark.thorough) for one in ALL),
    ],
)
def test_what_was_fetched_is_put_away_once_whatever_ends_the_server(
    tmp_path: Path, kind: str, after: str, stride: int
) -> None:
    with transfer_sites.site(kind, tmp_path) as site:
        assert finish(in_a_child(tmp_path, partial(prepare, site, after))) == 0, why(tmp_path)
        crashes = at_every_point(
            site.root, partial(perform, site), partial(recover, site), partial(check, after), stride=stride
        )
    print(f"{crashes} crash points, 0 violations")
    assert crashes >= POINTS_MIN // stride
