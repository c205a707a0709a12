"""Every shortage at every call of the fork servers and keepers: no run fails, none is stuck, and nobody is left."""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec
import pytest

from procession.engine.isolation.options import IsolationSettings
from tests.engine.world import World
from tests.shortage.forking import Folder
from tests.shortage.injecting import FAILURES, Order
from tests.shortage.scenarios import Place, is_cancelled, takes_every_slot
from tests.shortage.test_sweep import A_WHILE, ISOLATION, SETTINGS, handles, running
from tests.support import wait_until

ROOT = str(Path(__file__).parent.parent.parent)
POINTS_IN_QUICK = 8
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
    world = _open(tmp_path, namespaces=namespaces)
    calls = [call for call in folder.calls() if call.place.partition(":")[2] not in AT_START]
    points = [Order(call, code, times) for call in calls for code in FAILURES[call.name] for times in (1, A_WHILE)]
    tried = points[:: 1 if is_thorough else max(len(points) // POINTS_IN_QUICK, 1)]
    before, violations, failed, done = (handles(), running()), list[str](), 0, set[Order]()

    for order, is_last in ((order, is_last) for order in tried for is_last in (False, True)):
        if order in done:
            continue
        folder.give(order)
        try:
            _suffer(Place(world, world.home), folder, before)
            done.add(order)
        except AssertionError as error:
            # Other tests' engines in this process may have grown meanwhile: a point that fails has a second chance.
            violations += [f"{order}: {error}"] if is_last else []
            folder.end()
            world.close()
            world = _open(tmp_path, namespaces=namespaces)
            before = (handles(), running())
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


def _suffer(place: Place, folder: Folder, before: tuple[int, int]) -> None:
    takes_every_slot(place)
    is_cancelled(place)
    folder.end()
    takes_every_slot(place)
    wait_until(lambda: handles() <= before[0] and running() <= before[1])
