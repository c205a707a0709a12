"""Tables that were approved: a step behind the approval reads the version that was signed, or says why it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.engine.table_workers import TableWorkers
from procession.model.errors import Forbidden, Invalid
from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, StepStatus
from procession.model.restart import Wish
from procession.operations import runs
from procession.store import tables
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.steps import approve, python, stay
from tests.engine.test_approvals import Floor

SHOWS = ["${table:Ledger}"]


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableWorkers]:
    with managed.processes(tmp_path_factory.getbasetemp()) as made:
        yield made


@pytest.fixture
def floor(tmp_path: Path, workers: TableWorkers) -> Iterator[Floor]:
    made = Floor(tmp_path, isolation=OPEN, workers=workers)
    managed.make(made.world, "Ledger", {"amount": 1}, amount="Money")
    yield made
    made.world.close()


def add(key: str = "add", **more: Any) -> Any:
    settings = {
        "sql": "SELECT sum(amount) FROM ledger",
        "inputs": {"ledger": "${table:Ledger}"},
        "outputs": {"result": "${d.total}"},
    }
    return {"action": "run_sql", "name": key, "key": key, "with": settings, **more}


def others_write(floor: Floor, amount: int) -> None:
    with floor.world.db.read() as tx:
        ledger = tables.by_name(tx, "Ledger")
    assert ledger is not None
    managed.write(floor.world, ledger.id, [{"amount": amount}])


def total(floor: Floor, run: RunId) -> str:
    return str(floor.world.value(run, "d.total"))


def restart(floor: Floor, run: RunId, key: str, **wish: Any) -> None:
    step = floor.world.step(run, key).id
    floor.world.db.write(lambda tx: runs.restart(floor.world.act(tx), run, step, wish=Wish(**wish)))


def test_rows_that_come_after_the_decision_are_not_read(floor: Floor, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run = floor.begin(approve("ok", shows=SHOWS), python("stay", stay(gate)), add())
    floor.say(floor.ann, run)
    floor.world.wait_for(run, "stay", StepStatus.RUNNING)
    others_write(floor, 100)
    gate.touch()

    assert floor.world.wait(run).outcome is Outcome.SUCCESS
    assert total(floor, run) == "1"


def test_whoever_wrote_its_rows_by_hand_since_it_was_approved_cannot_approve_it(floor: Floor) -> None:
    admin = floor.world.caller
    floor.world.caller = floor.ann
    others_write(floor, 50)
    floor.world.caller = admin
    others_write(floor, 60)
    run = floor.begin(approve("ok", shows=SHOWS), name="Signed")

    with pytest.raises(Forbidden, match='wrote rows of the table "Ledger" since it was last approved'):
        floor.say(floor.ann, run)
    floor.say(floor.bob, run)
    assert floor.world.wait(run).outcome is Outcome.SUCCESS
    # What was approved is nobody's any more; another process has approved nothing.
    again, other = floor.begin(approve("ok", shows=SHOWS), name="Signed"), floor.begin(approve("ok", shows=SHOWS))
    with pytest.raises(Forbidden):
        floor.say(floor.ann, other)
    floor.say(floor.ann, again)
    assert floor.world.wait(again).outcome is Outcome.SUCCESS


def test_whoever_wrote_its_rows_by_a_run_of_another_process_cannot_approve_it(floor: Floor) -> None:
    write = {"sql": "SELECT 7 AS amount", "outputs": {"result": {"to": "${table:Ledger}", "mode": "append"}}}
    feed = floor.apply({"action": "run_sql", "name": "feed", "key": "feed", "with": write}, name="Feed")
    admin, floor.world.caller = floor.world.caller, floor.ann
    fed = floor.world.start(floor.world.create(feed).id).id
    floor.world.caller = admin
    assert floor.world.wait(fed).outcome is Outcome.SUCCESS
    run = floor.begin(approve("ok", shows=SHOWS), name="Signed")

    with pytest.raises(Forbidden, match='a run that wrote rows of the table "Ledger" since it was last approved'):
        floor.say(floor.ann, run)
    floor.say(floor.bob, run)
    assert floor.world.wait(run).outcome is Outcome.SUCCESS
    # What was approved is nobody's any more.
    again = floor.begin(approve("ok", shows=SHOWS), name="Signed")
    floor.say(floor.ann, again)
    assert floor.world.wait(again).outcome is Outcome.SUCCESS


def test_the_newest_tables_are_refused_behind_an_approval_of_older_ones(floor: Floor) -> None:
    run = floor.begin(approve("ok", shows=SHOWS), add())
    floor.say(floor.ann, run)
    floor.world.wait(run)
    others_write(floor, 100)

    with pytest.raises(Invalid, match=r"version \d of the table .Ledger. was approved in step .* at version \d now"):
        restart(floor, run, "add", reads_latest=True)
    restart(floor, run, "add")

    floor.world.wait(run)
    assert total(floor, run) == "1"


def test_approved_anew_the_step_reads_what_was_approved_and_not_what_it_read_before(floor: Floor) -> None:
    run = floor.begin(approve("ok", shows=SHOWS), add())
    floor.say(floor.ann, run)
    floor.world.wait(run)
    others_write(floor, 100)
    restart(floor, run, "ok")
    floor.world.wait_for(run, "ok", StepStatus.RUNNING)
    floor.say(floor.ann, run)

    floor.world.wait(run)
    assert total(floor, run) == "101"


def append(key: str = "append") -> Any:
    settings = {
        "sql": "SELECT 10::DECIMAL(18, 2) AS amount",
        "outputs": {"result": {"to": "${table:Ledger}", "mode": "append"}},
    }
    return {"action": "run_sql", "name": key, "key": key, "with": settings}


def test_what_the_run_itself_has_written_since_is_read(floor: Floor) -> None:
    run = floor.begin(approve("ok", shows=SHOWS), append(), add())
    floor.say(floor.ann, run)

    floor.world.wait(run)
    assert total(floor, run) == "11", floor.world.step(run, "append").message


def test_rows_of_others_below_what_the_run_has_written_are_told(floor: Floor, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run = floor.begin(approve("ok", shows=SHOWS), python("stay", stay(gate)), append(), add())
    floor.say(floor.ann, run)
    floor.world.wait_for(run, "stay", StepStatus.RUNNING)
    others_write(floor, 100)
    gate.touch()

    assert floor.world.wait(run).outcome is Outcome.FAILED
    assert 'of the table "Ledger" was approved, and eve has changed it' in floor.world.step(run, "add").message
