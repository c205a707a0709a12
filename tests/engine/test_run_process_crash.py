"""Crash before and after every commit of a run that starts another: it is started once, and its values arrive."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from procession.model.ids import ProcessId
from procession.model.lifecycle import RUN_FINAL
from procession.store.crash import pass_by
from tests.crashing import STRIDE, Countdown, at_every_point
from tests.engine.crash_script import open_world
from tests.engine.steps import data, decide, item, process, python, run_process
from tests.support import wait_until

pytestmark = pytest.mark.crash

BELOW = process(
    data("p", item("n", flow="INPUT", required=True), item("twice")),
    python("double", "outputs['twice'] = inputs['n'] * 2", inputs={"n": "${p.n}"}, outputs={"twice": "${p.twice}"}),
    name="Below",
)
ABOVE = process(
    data("d", item("result")),
    run_process("call", "Below", inputs={"p.n": 7}, outputs={"p.twice": "${d.result}"}),
    decide("way", ({"equals": {"property": "d.result", "value": 14}}, {"d.result": 15})),
    name="Above",
)


def _furnish(home: Path) -> None:
    home.mkdir()
    world = open_world(home, pass_by)
    world.apply(BELOW)
    world.apply(ABOVE)
    world.close()


def perform(home: Path, last: int | None) -> list[str]:
    """A run that starts another; ends with the process when the countdown does."""
    points = Countdown(last)
    world = open_world(home, points)
    world.engine.start()
    run = world.start(world.create(ProcessId(2)).id).id
    (home / "acknowledged").write_text(str(run))
    world.wait(run)
    world.close()
    return points.passed


def recover(home: Path) -> None:
    world = open_world(home, pass_by)
    world.engine.start()

    def is_over() -> bool:
        with world.db.read() as tx:
            return {status for (status,) in tx.all("SELECT status FROM run WHERE started_by IS NOT NULL")} <= RUN_FINAL

    wait_until(is_over)
    world.close()


def test_a_crash_at_any_point_starts_it_once_and_loses_nothing(tmp_path: Path, is_thorough: bool) -> None:
    _furnish(tmp_path / "model")
    stride = 1 if is_thorough else STRIDE
    crashes = at_every_point(tmp_path, perform, recover, _check, stride=stride)
    print(f"{crashes} crash points of a run that starts another, 0 violations")
    assert crashes > 10 // stride


def _check(home: Path, where: str) -> None:
    with closing(sqlite3.connect(f"file:{home / 'procession.db'}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == [], where
        runs = db.execute(
            "SELECT process_id, status, outcome FROM run WHERE started_by IS NOT NULL ORDER BY process_id"
        ).fetchall()
        assert runs in ([], [(1, "Finished", "Success"), (2, "Finished", "Success")]), f"{where}: {runs}"
        steps = db.execute(
            "SELECT key, status FROM step WHERE run_id IS NOT NULL AND kind = 'Action' AND key <> 'double' ORDER BY id"
        ).fetchall()
        assert not runs or steps == [("call", "Success"), ("way", "Success")], f"{where}: {steps}"
        started = db.execute("SELECT count(*), count(child_id) FROM child_run").fetchone()
        assert started == (len(runs) // 2,) * 2, f"{where}: started {started}"
        values = db.execute("SELECT value FROM property WHERE key = 'result' AND value IS NOT NULL").fetchall()
        assert values == [("15",)] * (len(runs) // 2), f"{where}: {values}"
        left = db.execute("SELECT id FROM step_attempt WHERE is_gone = 0 OR status = 'Running'").fetchall()
        assert left == [], f"{where}: {left}"
    assert not (home / "acknowledged").exists() or runs, f"{where}: an acknowledged start is lost"
