"""Crash before and after every commit of a step that starts a run for each row: each once, and the list is whole."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from procession.model.ids import RunId
from procession.model.lifecycle import RUN_FINAL
from procession.store.crash import pass_by
from procession.store.folder import BlobFolder
from tests.crashing import Countdown, at_every_point
from tests.engine.crash_script import open_world
from tests.engine.steps import data, item, process, python, run_process
from tests.support import wait_until

pytestmark = pytest.mark.crash

BELOW = process(
    data("p", item("n", flow="INPUT", required=True), item("twice")),
    python("double", "outputs['twice'] = inputs['n'] * 2", inputs={"n": "${p.n}"}, outputs={"twice": "${p.twice}"}),
    name="Below",
)
ABOVE = process(
    data("d", item("rows", "File", "INPUT"), item("list", "File")),
    run_process(
        "call",
        "Below",
        inputs={"p.n": "{n}"},
        each={"source": "${d.rows}", "at_once": 2, "stop": "never"},
        outputs={"p.twice": "${d.list}"},
    ),
    name="Above",
)
LIST = "row,process_run,state,problem,p.twice\n5,{},succeeded,,10\n6,{},succeeded,,12\n7,{},succeeded,,14\n"
RUN = RunId(1)
STRIDE = 23  # in `make test`: odd, so that before and after a commit take turns; there are about 66 points


def _furnish(home: Path) -> None:
    home.mkdir()
    world = open_world(home, pass_by)
    world.apply(BELOW)
    run = world.create(world.apply(ABOVE)).id
    assert run == RUN
    source = home / "rows.csv"
    source.write_text("n\n5\n6\n7\n")
    world.upload(run, "d.rows", source)
    world.close()


def perform(home: Path, last: int | None) -> list[str]:
    """A run that starts three others, two at a time; ends with the process when the countdown does."""
    points = Countdown(last)
    world = open_world(home, points)
    world.engine.start()
    world.start(RUN)
    (home / "acknowledged").touch()
    world.wait(RUN)
    world.close()
    return points.passed


def recover(home: Path) -> None:
    world = open_world(home, pass_by)
    world.engine.start()

    def is_over() -> bool:
        with world.db.read() as tx:
            return {status for (status,) in tx.all("SELECT status FROM run WHERE started_by IS NOT NULL")} <= RUN_FINAL

    wait_until(is_over, 30.0)
    world.close()


def test_a_crash_at_any_point_starts_each_row_once_and_loses_nothing(tmp_path: Path, is_thorough: bool) -> None:
    _furnish(tmp_path / "model")
    stride = 1 if is_thorough else STRIDE
    crashes = at_every_point(tmp_path, perform, recover, _check, stride=stride)
    print(f"{crashes} crash points of a run that starts three others, 0 violations")
    assert crashes >= 30 // stride  # commits come together where a machine is quick


def _check(home: Path, where: str) -> None:
    with closing(sqlite3.connect(f"file:{home / 'procession.db'}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == [], where
        runs = db.execute("SELECT id, status, outcome FROM run WHERE started_by IS NOT NULL ORDER BY id").fetchall()
        assert len(runs) in (0, 4), f"{where}: {runs}"
        assert {run[1:] for run in runs} <= {("Finished", "Success")}, f"{where}: {runs}"
        rows = db.execute("SELECT row_key, state, child_id FROM child_run ORDER BY attempt_id, place").fetchall()
        children = [run for run, *_ in runs if run != RUN.number]
        assert rows == list(zip("567", ["Over"] * 3, children, strict=True)) if runs else rows == [], f"{where}: {rows}"
        file = db.execute(
            "SELECT sha256 FROM file f JOIN property p ON p.id = f.property_id JOIN step s ON s.id = p.step_id"
            " WHERE s.run_id = 1 AND p.key = 'list'"
        ).fetchone()
        left = db.execute("SELECT id FROM step_attempt WHERE is_gone = 0 OR status = 'Running'").fetchall()
        assert left == [], f"{where}: {left}"
    assert not (home / "acknowledged").exists() or runs, f"{where}: an acknowledged start is lost"
    if runs:
        listed = BlobFolder(home / "files").path(file[0]).read_text()
        assert listed == LIST.format(*(RunId(child) for child in children)), f"{where}: {listed}"
