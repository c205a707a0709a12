"""Crash before and after every commit of a run that waits for people: nothing is asked twice, no decision is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from procession.model.approvals import VoteVerdict
from procession.model.ids import ProcessId
from procession.model.lifecycle import RUN_FINAL, StepStatus
from procession.model.people import SCOPES, Caller
from procession.operations import approvals
from procession.operations.approvals import DecisionSaid
from procession.store import approvals as store
from procession.store import people
from procession.store.crash import pass_by
from procession.store.database import Transaction
from tests.crashing import STRIDE, Countdown, at_every_point
from tests.engine.crash_script import open_world
from tests.engine.steps import approve, data, decide, item, process
from tests.engine.world import World
from tests.support import wait_until

pytestmark = pytest.mark.crash

TEXT = process(
    data("d", item("decision", "String"), item("path", "String")),
    approve("ok", at_least=2, outputs={"decision": "${d.decision}"}),
    decide("way", ({"equals": {"property": "d.decision", "value": "approved"}}, {"d.path": "post"})),
)
NAMES = ("ann", "bob")


def _furnish(home: Path) -> None:
    home.mkdir()
    world = open_world(home, pass_by)
    world.apply(TEXT)
    users = [world.add_user(name).user for name in NAMES]

    def make(tx: Transaction) -> None:
        group = people.add_group(tx, "Controllers", "", world.clock.now())
        for user in users:
            people.add_member(tx, group.id, user.id)

    world.db.write(make)
    world.close()


def perform(home: Path, last: int | None) -> list[str]:
    """A run that two people approve; ends with the process when the countdown does."""
    points = Countdown(last)
    world = open_world(home, points)
    world.engine.start()
    run = world.start(world.create(ProcessId(1)).id).id
    world.wait_for(run, "ok", StepStatus.RUNNING)
    for name in NAMES:
        _say(world, name)
        with (home / "acknowledged").open("a") as file:
            file.write(f"{name}\n")
    world.wait(run)
    world.close()
    return points.passed


def _say(world: World, name: str) -> None:
    """Both of a server that stops and of the next: what was said before it is said again."""

    def act(tx: Transaction) -> None:
        for row in store.all_open(tx, limit=10):
            user = people.user_by_login(tx, name)
            assert user is not None
            world.caller = Caller(user=user, scopes=SCOPES)
            signed = approvals.view(tx, row.run, row.step).signed
            approvals.decide(
                world.act(tx), row.run, row.step, DecisionSaid(verdict=VoteVerdict.APPROVED, signed=signed)
            )

    world.db.write(act)


def recover(home: Path) -> None:
    world = open_world(home, pass_by)
    world.engine.start()

    def is_over() -> bool:
        for name in NAMES:
            _say(world, name)
        with world.db.read() as tx:
            return {status for (status,) in tx.all("SELECT status FROM run WHERE started_by IS NOT NULL")} <= RUN_FINAL

    wait_until(is_over)
    world.close()


def test_a_crash_at_any_point_asks_once_and_loses_no_decision(tmp_path: Path, is_thorough: bool) -> None:
    _furnish(tmp_path / "model")
    stride = 1 if is_thorough else STRIDE
    crashes = at_every_point(tmp_path, perform, recover, _check, stride=stride)
    print(f"{crashes} crash points of an approval, 0 violations")
    assert crashes > 10 // stride


def _check(home: Path, where: str) -> None:
    with closing(sqlite3.connect(f"file:{home / 'procession.db'}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == [], where
        runs = db.execute("SELECT id, status, outcome FROM run WHERE started_by IS NOT NULL").fetchall()
        assert all(row[1:] == ("Finished", "Success") for row in runs), f"{where}: {runs}"
        steps = db.execute(
            "SELECT key, status, tries FROM step WHERE run_id IS NOT NULL AND kind = 'Action'"
        ).fetchall()
        assert not runs or steps == [("ok", "Success", 1), ("way", "Success", 1)], f"{where}: {steps}"
        asked = db.execute("SELECT run_id, decision FROM approval").fetchall()
        assert asked == [(run[0], "approved") for run in runs], f"{where}: asked {asked}"
        votes = db.execute("SELECT count(*), count(DISTINCT user_id) FROM approval_vote").fetchone()
        assert votes == (2 * len(runs), 2 * len(runs)), f"{where}: {votes}"
        told = db.execute("SELECT count(*) FROM history WHERE kind = 'approval'").fetchone()
        assert told == (2 * len(runs),), where
        mails = db.execute("SELECT count(*), count(DISTINCT target) FROM outbox WHERE kind = 'approval'").fetchone()
        assert mails == (2 * len(runs), 2 * len(runs)), f"{where}: mails {mails}"
        left = db.execute("SELECT id FROM step_attempt WHERE is_gone = 0 OR status = 'Running'").fetchall()
        assert left == [], f"{where}: {left}"
    path = home / "acknowledged"
    assert not path.exists() or runs, f"{where}: an acknowledged decision is lost"
