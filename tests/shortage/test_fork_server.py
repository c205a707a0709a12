"""Every shortage at every call of the fork servers and keepers: no run fails, none is stuck, and nobody is left."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from procession.engine.isolation import processes
from procession.engine.isolation.options import IsolationSettings
from tests.engine.isolation.house import house_with
from tests.engine.world import World
from tests.shortage.forking import Folder
from tests.shortage.injecting import FAILURES, Order
from tests.shortage.scenarios import Place, is_cancelled, takes_every_slot
from tests.shortage.test_sweep import A_WHILE, ISOLATION, SETTINGS
from tests.support import wait_until

ROOT = str(Path(__file__).parent.parent.parent)
POINTS_IN_QUICK = 5
# Where the server itself is told that its fork server cannot do it: then there is none, and it says so.
AT_START = (
    "_find_namespaces",
    "_can_clone",
    "load",
    "_wake_on_child",
    "rehearse",
    "version",
    "open_system",
    "__init__",
)


def _settings(folder: Path, *, namespaces: bool) -> IsolationSettings:
    (folder / "shortage_folder.py").write_text(f"FOLDER = {str(folder)!r}\n")
    changes = {
        "registry": "tests.shortage.forking:registry",
        "import_paths": (ROOT, str(folder)),
        "namespaces": namespaces,
    }
    return msgspec.structs.replace(ISOLATION, **changes)


@pytest.mark.parametrize("namespaces", [True, False], ids=["namespaces", "trees"])
def test_any_shortage_at_any_call_of_a_fork_server_only_delays_what_it_forks(
    tmp_path: Path, is_thorough: bool, namespaces: bool
) -> None:
    folder = Folder(tmp_path)
    if namespaces:
        with house_with(tmp_path) as house:
            house.need_namespaces()
    world = _open(tmp_path, namespaces=namespaces)
    calls = [call for call in folder.calls() if call.place.partition(":")[2] not in AT_START]
    points = [Order(call, code, times) for call in calls for code in FAILURES[call.name] for times in (1, A_WHILE)]
    tried = points[:: 1 if is_thorough else max(len(points) // POINTS_IN_QUICK, 1)]
    before, violations, failed, done = held(tmp_path), list[str](), 0, set[Order]()
    assert min(before) > 0

    for order, is_last in ((order, is_last) for order in tried for is_last in (False, True)):
        if order in done:
            continue
        folder.give(order)
        try:
            _suffer(Place(world, world.home), folder, before)
            done.add(order)
        except AssertionError as error:
            # What was held before may have been read while a worker was on its way: a point has a second chance.
            violations += [f"{order}: {error}"] if is_last else []
            folder.end()
            world.close()
            world = _open(tmp_path, namespaces=namespaces)
            before = held(tmp_path)
        failed += folder.failed() > 0
    print(
        f"{len(points)} points, {len(tried)} tried, at {failed} something failed, {len(violations)} violations",
        *violations,
        sep="\n",
    )

    world.close()
    assert violations == []
    assert len(points) > 20
    assert failed > len(tried) // 3  # the others are made at its start only


def _open(folder: Path, *, namespaces: bool) -> World:
    home = folder / secrets.token_hex(4)
    home.mkdir()
    world = World(home, settings=SETTINGS, isolation=_settings(folder, namespaces=namespaces))
    world.engine.start()
    for _ in range(2):
        takes_every_slot(Place(world, home))
        is_cancelled(Place(world, home))
    return world


def _suffer(place: Place, folder: Folder, before: Held) -> None:
    takes_every_slot(place)
    is_cancelled(place)
    folder.end()
    takes_every_slot(place)
    wait_until(lambda: all(now <= then for now, then in zip(held(folder.path), before, strict=True)))


class Held(NamedTuple):
    """What an isolation holds; other tests' engines in this process are not counted."""

    handles: int  # of its fork servers
    processes: int  # below them
    pidfds: int  # of these, and of processes that are gone


def held(folder: Path) -> Held:
    """Of the isolation whose settings name the folder."""
    servers = [pid for pid in processes.children(os.getpid()) if str(folder).encode() in _read(pid, "cmdline")]
    family = {pid for server in servers for pid in (server, *processes.descendants(server))}
    return Held(
        handles=sum(len(_names(server, "fd")) for server in servers),
        processes=len(family),
        pidfds=sum(1 for handle in _names(os.getpid(), "fdinfo") if _pid_of(handle) in {*family, -1}),
    )


def _pid_of(handle: str) -> int | None:
    line = re.search(rb"^Pid:\t(-?\d+)", _read(os.getpid(), f"fdinfo/{handle}"), re.MULTILINE)
    return int(line[1]) if line else None


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _names(pid: int, name: str) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/{name}")  # noqa: PTH208 - names are enough
    except OSError:
        return []
