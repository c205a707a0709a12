"""Suggestions decided by a person: a restart of the step counts with it, and so does the run of the next month."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.engine.table_workers import TableWorkers
from procession.model.ids import RunId
from procession.model.lifecycle import StepStatus
from procession.model.restart import Wish
from procession.model.suggestions import Choice, Decided
from procession.operations import deciding, runs, suggestions, table_plans
from procession.operations.deciding import DecidedBy
from procession.operations.suggestions import AskedPage
from procession.store import steps as step_store
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.steps import StepText, data, item, process, python
from tests.engine.world import World

TEXT = "FixedLengthText"
COLUMNS = {
    "decision": TEXT,
    "left_key": TEXT,
    "right_key": TEXT,
    "comment": TEXT,
    "decided_by": TEXT,
    "decided_at": TEXT,
}
# 2026.10 is a key, whatever number it looks like.
BOOKS = "entry,reference,day,amount\n2026.10,A,2026-01-03,7\n"
BANK = "line,reference,day,amount\nK6,A,2026-01-02,7\nK7,A,2026-01-04,7\n"


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableWorkers]:
    with managed.processes(tmp_path_factory.getbasetemp()) as made:
        yield made


@pytest.fixture
def world(tmp_path: Path, workers: TableWorkers) -> Iterator[World]:
    made = World(tmp_path, isolation=OPEN, workers=workers)
    made.engine.start()
    yield made
    made.close()


def files() -> StepText:
    code = f"outputs.file('books').write_text({BOOKS!r})\noutputs.file('bank').write_text({BANK!r})"
    return python("write", code, outputs={"books": "${d.books}", "bank": "${d.bank}"})


def reconciling() -> str:
    settings = {
        "left": "${d.books}",
        "right": "${d.bank}",
        "amount": "amount",
        "date": "day",
        "key": {"left": "entry", "right": "line"},
        "rules": [{"name": "Near", "equal": ["reference"], "days": 5}],
        "decisions": "${table:Decisions}",
        "outputs": {
            "matched": {"to": "${d.matched}", "as": "matched.csv"},
            "suggested": {"to": "${d.suggested}", "as": "suggested.csv"},
        },
    }
    names = ("books", "bank", "matched", "suggested")
    match = {"action": "reconcile", "name": "match", "key": "match", "with": settings}
    return process(data("d", *(item(name, "File") for name in names)), files(), match)


def matched(world: World, run: RunId) -> list[tuple[str, str, str]]:
    with world.db.read() as tx:
        file = step_store.by_reference(tx, run)["d.matched"].file
    assert file is not None and file.sha256 is not None
    text = world.resources.blobs.fetch(file.sha256).read_text()
    return [(row["rule"], row["left_entry"], row["right_line"]) for row in csv.DictReader(io.StringIO(text))]


def asked(world: World, run: RunId) -> suggestions.Reviewed:
    with world.db.read() as tx:
        return suggestions.find(tx, world.resources, world.caller, run, world.step(run, "match").id)


def accept(world: World, run: RunId, number: int, reason: str = "the bank says so") -> int:
    found = asked(world, run)
    seen = suggestions.look(world.resources, found, found.table, AskedPage(numbers=(number,))).suggestions[0]
    choice = Choice(number=number, decided=Decided.MATCH, reason=reason, seal=seen.seal)
    said = DecidedBy(by=world.caller.user.login, at=world.clock.now())
    return deciding.write(managed.work(world), found, [choice], said)


def test_an_accepted_suggestion_is_matched_by_a_restart_with_the_tables_of_now_and_by_the_next_run(
    world: World,
) -> None:
    managed.make(world, "Decisions", caller=None, **COLUMNS)
    run = world.begin(reconciling())
    world.wait(run)
    assert world.step(run, "match").status is StepStatus.WARNING, world.statuses(run)
    assert matched(world, run) == []

    assert accept(world, run, 1) == 1
    with world.db.read() as tx:
        plan = table_plans.make(tx, runs.restart_plan(tx, world.resources, run, world.step(run, "match").id))
    assert [(read.name, read.is_changed) for read in plan.read] == [("Decisions", True)]
    world.db.write(
        lambda tx: runs.restart(world.act(tx), run, world.step(run, "match").id, wish=Wish(reads_latest=True))
    )
    world.wait(run)

    assert matched(world, run) == [("By hand", "2026.1", "K6")]
    again = world.begin(reconciling())
    world.wait(again)
    assert matched(world, again) == [("By hand", "2026.1", "K6")]
