"""The comparison with other systems (bench/peers), without any of them: its statistics, its drivers and its refusals."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.figures import Figure
from bench.peers import contest, session
from bench.peers.contest import IDLE, MANY, ONE, P50, P99, Measured, Survivors
from bench.peers.contract import LANES, Nature
from bench.peers.driven import Driven, PeerFailed
from bench.peers.driver import named
from bench.peers.session import Session
from bench.peers.systems import System

from tests.support import wait_until

NATURE = Nature(packages=(), durability="a file", isolation="thread", cancel="none")


def _measured(title: str, *rates: float, alive: bool = False) -> Measured:
    turns = tuple({ONE: rate, MANY: 2 * rate, P50: 1000 / rate, P99: 5000 / rate, IDLE: 40.0} for rate in rates)
    return Measured(title=title, turns=turns, survivors=Survivors(step=alive, child=False), nature=NATURE)


def _figure(name: str, ours: Measured, peer: Measured) -> Figure:
    return next(figure for figure in contest.report(ours, peer).figures if figure.name == name)


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Driven]:
    side = Driven(sys.executable, "tests.plain_peer:Plain", _place(tmp_path))
    yield side
    side.close()


def _place(tmp_path: Path) -> Path:
    place = tmp_path / "run"
    place.mkdir()
    return place


def test_the_ratio_is_that_of_each_round_and_not_of_the_medians() -> None:
    ours, peer = _measured("Ours", 100, 200, 400), _measured("Theirs", 50, 40, 400)

    ratio = _figure(f"{ONE}: Theirs over ours", ours, peer)

    assert ratio.values == (0.5, 0.2, 1.0)
    assert ratio.median == 0.5


def test_ahead_is_more_steps_but_fewer_milliseconds() -> None:
    ours, slower = _measured("Ours", 100), _measured("Theirs", 50)

    assert _figure(f"{ONE}: Theirs over ours", ours, slower).is_reached
    assert _figure(f"{P99}: Theirs over ours", ours, slower).is_reached
    assert not _figure(f"{ONE}: Ours over ours", slower, ours).is_reached
    assert not _figure(f"{P99}: Ours over ours", slower, ours).is_reached


def test_the_table_has_a_row_for_ours_and_for_each_peer() -> None:
    ours, first, second = _measured("Ours", 100, 300), _measured("A", 50, 60), _measured("B", 10, 10, alive=True)

    rows = contest.table([(ours, first), (ours, second)]).splitlines()

    assert [row.split(" | ")[0] for row in rows[2:]] == ["| **Ours**", "| A", "| B"]
    assert rows[3].split(" | ")[1] == "55 (0.35)"
    assert "step ALIVE, child dead after 10 s" in rows[4]
    assert len({row.count("|") for row in rows}) == 1


def test_a_driver_measures_its_peer(driven: Driven) -> None:
    assert driven.nature.isolation == "thread"
    assert driven.rate(lanes=LANES, seconds=0.05) > 0
    assert all(0 <= taken < 10_000 for taken in driven.firsts(count=3, seconds=10))


def test_a_peer_that_fails_at_its_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(PeerFailed, match="start: RuntimeError: the disk is on fire"):
        Driven(sys.executable, "tests.plain_peer:Failing", _place(tmp_path))

    assert not (tmp_path / "run").exists()


def test_a_step_that_resists_is_seen_and_nothing_is_left_after_the_end(driven: Driven) -> None:
    step, child = f"step{os.getpid()}", f"child{os.getpid()}"

    driven.resist(f"{step} {child}")

    assert named(step) and named(child)
    driven.close()
    wait_until(lambda: not named(step) and not named(child))


def test_a_peer_that_does_not_install_is_reported_and_the_next_one_goes_on(tmp_path: Path) -> None:
    broken = System(title="Nobody", driven_by="nowhere:Nobody", packages=("no such requirement!",))
    sitting = Session(tmp_path, {"nobody": broken})

    report = sitting.measure("peers/nobody", full=False)

    assert report.title == "Nobody: NOT measured"
    assert "no such requirement!" in report.remarks[0]
    assert sitting.table() == ""


def test_peers_stands_for_each_of_them() -> None:
    assert session.expanded(["W1", "peers"]) == ["W1", *session.NAMES]
