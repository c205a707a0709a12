"""Crash before and after every commit, every publication and every chunk of what clients do: what they were told holds,
what they send again has one effect, and they get to the end."""

from __future__ import annotations

import gc
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from procession.store.crash import CrashPoint
from tests.crash import checks, consents, people, sweeping, tables, uploads
from tests.crash.client import Client, furnish, opened, recover
from tests.crashing import CRASHED, STRIDE, Countdown, at_once, finish, in_a_child, why

pytestmark = pytest.mark.crash

LANES = 4  # processes that resume homes, each one after the other
POINTS_MAX = 400  # the scripts are small; more points than this mean that one does not end
# Of a server that ends again and again; no request and no tick passes more than six.
LIFE_POINTS, LIFE_POINTS_THOROUGH = 13, 7
LINGER_SECONDS = 0.01  # ten times what an answer takes to its client
Script = Callable[[Client], None]

# The script, and the least number of points of each kind that it has.
SCRIPTS: list[Any] = [
    (uploads.script, {"before chunk": 6, "after chunk": 6, "before publication": 4, "after publication": 4}),
    (sweeping.script, {"before publication": 4, "content removed": 2, "before commit": 6}),
    pytest.param(consents.script, {"before commit": 20, "after commit": 20}, marks=pytest.mark.thorough),
    (people.script, {"before commit": 20, "after commit": 20}),
    (tables.script, {"before commit": 12, "after commit": 12, "before publication": 6, "after publication": 6}),
]
each_script = pytest.mark.parametrize(
    ("script", "least"), SCRIPTS, ids=lambda value: getattr(value, "__module__", "").rpartition(".")[2]
)


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("furnished")
    furnish(home)
    gc.freeze()
    return home


class Camera:
    """A crash point that keeps the home as a kill -9 at this point would leave it, and goes on.

    While it does nothing more reaches the disk, and what was answered too early reaches the client.
    """

    def __init__(self, home: Path, images: Path) -> None:
        self._lock = threading.Lock()
        self._home, self._images = home, images
        self.passed: list[str] = []

    def __call__(self, point: str) -> None:
        with self._lock:
            self.passed.append(point)
            threading.Event().wait(LINGER_SECONDS)
            # Shared memory ends with the processes that share it.
            shutil.copytree(
                self._home, self._images / str(len(self.passed)), ignore=shutil.ignore_patterns("*-shm", "child.log")
            )


@each_script
def test_a_crash_at_any_point_breaks_no_promise(
    tmp_path: Path, furnished: Path, script: Script, least: dict[str, int], is_thorough: bool
) -> None:
    home, images = _copy(furnished, tmp_path / "home"), tmp_path / "images"
    images.mkdir()
    assert finish(in_a_child(home, partial(_photograph, home, images, script))) == 0, why(home)
    passed = (home / "passed").read_text().splitlines()
    lanes = {lane: _made(tmp_path / str(lane)) for lane in range(LANES)}
    points = range(1, 1 + len(passed), 1 if is_thorough else STRIDE)

    ends = at_once(lanes, lambda place, lane: _resume_each(images, points[lane::LANES], script))

    for lane, place in lanes.items():
        assert ends[lane] == 0, why(place)
    print(f"{len(points)} of {len(passed)} crash points, 0 violations: {dict(Counter(passed))}")
    assert len(list(images.iterdir())) == len(passed) - len(points)
    assert Counter(passed) >= Counter(least)


def _photograph(home: Path, images: Path, script: Script) -> None:
    camera = Camera(home, images)
    perform(home, script, camera)
    (home / "passed").write_text("\n".join(camera.passed))


def _resume_each(images: Path, points: Iterable[int], script: Script) -> None:
    for point in points:
        home = images / str(point)
        assert finish(in_a_child(home, partial(resume, home, script))) == 0, f"point {point}: {why(home)}"
        shutil.rmtree(home)


@each_script
def test_a_server_that_ends_again_and_again_gets_its_clients_to_the_end(
    tmp_path: Path, furnished: Path, script: Script, least: dict[str, int], is_thorough: bool
) -> None:
    last = LIFE_POINTS_THOROUGH if is_thorough else LIFE_POINTS
    home, lives, end = _copy(furnished, tmp_path / "home"), 0, CRASHED
    while end == CRASHED:
        points = Countdown(last, linger_seconds=LINGER_SECONDS)
        end = finish(in_a_child(home, partial(perform, home, script, points)))
        assert end in {0, CRASHED}, why(home)
        lives += 1
        assert lives < POINTS_MAX

    assert finish(in_a_child(home, partial(resume, home, script))) == 0, why(home)
    print(f"{lives} lives, 0 violations")
    assert lives > (5 if is_thorough else 2)


def perform(home: Path, script: Script, crash_point: CrashPoint) -> None:
    """The script from where it has got to, on a server with this crash point."""
    with opened(home, crash_point) as made:
        client = Client(made, home)
        script(client)
        client.keep_promises()


def resume(home: Path, script: Script) -> None:
    """A server comes back, and another one, which finds nothing to do; then the client gets to the end."""
    recover(home)
    state = checks.whole_state(home)
    with opened(home) as made:
        assert checks.whole_state(home) == state, "a second recovery changed something"
        checks.check(home)
        client = Client(made, home)
        script(client)
        client.keep_promises()
        checks.check(home)


def _copy(furnished: Path, home: Path) -> Path:
    shutil.copytree(furnished, home)
    return home


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
