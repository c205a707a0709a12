"""Crash before and after every commit, every publication and every chunk of what clients do: what they were told holds,
what they send again has one effect, and they get to the end (R2, R18 of spec/trust.md)."""

from __future__ import annotations

import gc
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash import checks, consents, people, tables, uploads
from tests.crash.client import Client, furnish, opened, recover
from tests.crashing import CRASHED, Countdown, at_once, finish, in_a_child, why

pytestmark = pytest.mark.crash

LANES = 4  # processes that crash and resume homes, each one after the other
POINTS_MAX = 400  # the scripts are small; more points than this mean that one does not end
LIFE_POINTS = 7  # of a server that ends again and again; no request and no tick passes more than six
LINGER_SECONDS = 0.01  # ten times what an answer takes to its client
Script = Callable[[Client], None]

# The script, and the least number of points of each kind that it has.
SCRIPTS: list[tuple[Script, dict[str, int]]] = [
    (uploads.script, {"before chunk": 6, "after chunk": 6, "before publication": 4, "after publication": 4}),
    (consents.script, {"before commit": 20, "after commit": 20}),
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


@each_script
def test_a_crash_at_any_point_breaks_no_promise(
    tmp_path: Path, furnished: Path, script: Script, least: dict[str, int]
) -> None:
    lanes = {lane: tmp_path / str(lane) for lane in range(1, LANES + 1)}
    for place in lanes.values():
        place.mkdir()

    ends = at_once(lanes, lambda place, lane: _crash_each(furnished, place, lane, script))

    for lane, place in lanes.items():
        assert ends[lane] == 0, why(place)
    crashes = sum(int((place / "crashes").read_text()) for place in lanes.values())
    passed = Counter((tmp_path / "1" / "passed").read_text().splitlines())
    print(f"{crashes} crash points, 0 violations: {dict(passed)}")
    assert passed.total() == crashes
    assert passed >= Counter(least)


def _crash_each(furnished: Path, place: Path, lane: int, script: Script) -> None:
    """Every LANES-th point from `lane` on, until the script has no more."""
    for crashes, point in enumerate(range(lane, POINTS_MAX, LANES)):
        home = _copy(furnished, place / str(point))
        end = finish(in_a_child(home, lambda home=home, point=point: perform(home, script, point)))  # type: ignore[misc]
        assert end in {0, CRASHED}, f"point {point}: {why(home)}"
        again = finish(in_a_child(home, lambda home=home: resume(home, script)))  # type: ignore[misc]
        assert again == 0, f"point {point}: {why(home)}"
        if end == 0:
            (home / "passed").rename(place / "passed")
            (place / "crashes").write_text(str(crashes))
            return
        shutil.rmtree(home)
    raise AssertionError(f"more than {POINTS_MAX} points")


@each_script
def test_a_server_that_ends_again_and_again_gets_its_clients_to_the_end(
    tmp_path: Path, furnished: Path, script: Script, least: dict[str, int]
) -> None:
    home, lives, end = _copy(furnished, tmp_path / "home"), 0, CRASHED
    while end == CRASHED:
        end = finish(in_a_child(home, lambda: perform(home, script, LIFE_POINTS)))
        assert end in {0, CRASHED}, why(home)
        lives += 1
        assert lives < POINTS_MAX

    assert finish(in_a_child(home, lambda: resume(home, script))) == 0, why(home)
    print(f"{lives} lives, 0 violations")
    assert lives > 5


def perform(home: Path, script: Script, last: int) -> None:
    """The script on a server that ends at its `last` point, if it has so many."""
    points = Countdown(last, linger_seconds=LINGER_SECONDS)
    with opened(home, points) as made:
        client = Client(made, home)
        script(client)
        client.keep_promises()
    (home / "passed").write_text("\n".join(points.passed))


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
