"""Crash at every commit of a step that records what it does outside: what is done once is done once."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from procession.model.ids import RunId
from procession.model.lifecycle import RUN_FINAL, StepStatus
from procession.store.crash import CrashPoint, pass_by
from tests.crashing import Countdown, at_every_point
from tests.engine import outside
from tests.engine.crash_script import ISOLATION
from tests.engine.outside import Connections, leaving, lines
from tests.engine.steps import process
from tests.engine.world import World
from tests.support import wait_until

pytestmark = pytest.mark.crash

STRIDE = 15  # in `make test`: odd, so that before and after a commit take turns; `make thorough` stops at every point
LINES = 4
TEXTS = (
    process(leaving("send", lines=LINES), name="Repeated"),
    process(leaving("send", lines=LINES, more={"effect": "once"}), name="Once"),
)


def opened(home: Path, crash_point: CrashPoint = pass_by) -> World:
    world = World(
        home,
        isolation=replace(ISOLATION, landlock=True, **outside.ISOLATION),
        crash_point=crash_point,
        more_actions=outside.ACTIONS,
        connections=Connections(outside.make_folder(home)),
    )
    world.engine.start()
    return world


def perform(home: Path, last: int | None) -> list[str]:
    """Both processes, one after the other, each with its lines in a file of its own."""
    points = Countdown(last)
    world = opened(home, points)
    for text in TEXTS:
        world.wait(world.begin(text))
        (home / "outside/lines").rename(home / "outside/first")
    world.close()
    return points.passed


def recover(home: Path) -> None:
    """What waits for somebody to release it is released: the person has looked, and lets it go on."""
    (home / "before").write_text(json.dumps([lines(home / "outside"), on_disk(home)]))
    world = opened(home)
    for run in started(world):
        wait_until(lambda run=run: world.run(run).status in RUN_FINAL)  # type: ignore[misc]
        step = world.step(run, "send")
        if step.status is StepStatus.FAILED:
            assert "it must not happen twice" in step.message
            world.restart(run, "send", release=frozenset({"send"}))
            world.wait(run)
        assert world.step(run, "send").status is StepStatus.SUCCESS
    world.close()


def started(world: World) -> list[RunId]:
    with world.db.read() as tx:
        return [RunId(row[0]) for row in tx.all("SELECT id FROM run WHERE status <> 'NotStarted' ORDER BY id")]


def on_disk(home: Path) -> list[str]:
    """The journal of the last run that has one, read past our own code."""
    sql = (
        "SELECT j.entry FROM journal_entry j JOIN step_attempt a ON a.id = j.attempt_id"
        " WHERE a.run_id = (SELECT max(run_id) FROM step_attempt) ORDER BY a.id, j.number"
    )
    with closing(sqlite3.connect(f"file:{home / 'procession.db'}?mode=ro", uri=True)) as db:
        has_table = db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'journal_entry'").fetchone()
        return [entry for (entry,) in db.execute(sql)] if has_table else []


def test_what_was_recorded_before_a_crash_is_done_once_whatever_follows(tmp_path: Path, is_thorough: bool) -> None:
    stride = 1 if is_thorough else STRIDE
    (tmp_path / "model").mkdir()
    crashes = at_every_point(tmp_path, perform, recover, check, stride=stride)
    print(f"{crashes} crash points, 0 violations")
    assert crashes > 45 // stride


def check(home: Path, point: str) -> None:
    """By the lines, and the journal, as they were when the server had crashed."""
    left, recorded = json.loads((home / "before").read_text())
    if not left:
        return
    # Nothing is done before it is on disk that it is tried, and nothing more before it is on disk that it is done.
    assert {f"try {number}" for number in left} <= set(recorded)
    assert {f"done {number}" for number in left[:-1]} <= set(recorded)
    counts = Counter(lines(home / "outside"))
    assert set(counts) == {str(number) for number in range(1, LINES + 1)}
    for number, count in counts.items():
        in_doubt = number == left[-1] and f"done {number}" not in recorded
        assert count == 1 or (in_doubt and count == 2), (point, number, count, recorded)
