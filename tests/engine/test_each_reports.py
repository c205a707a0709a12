"""A run for each row: what people reported of loops over runs elsewhere, and what is odd about rows."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.engine.table_workers import TableWorkers
from procession.model.child_runs import RowCounts
from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.people import Role
from procession.store import child_rows, permissions
from procession.store.blobs import Sink
from procession.store.database import Transaction
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.steps import data, item, process, python, run_process, stay, wait
from tests.engine.test_each import DOUBLE, above, listed, rows, shown, under_way
from tests.engine.test_run_process import THEIRS, called, names, process_named, user
from tests.engine.world import World
from tests.support import wait_until


def test_a_process_that_runs_once_at_a_time_does_so_for_rows_too(shared: World, tmp_path: Path) -> None:
    """kestra-io/kestra#10228: a loop started ten runs of a flow that allows one."""
    gate = tmp_path / "gate"
    below = called(shared, python("slow", stay(gate)), concurrency=1)
    run = shared.begin(above(shared, rows(1, 2, 3), below))
    wait_until(lambda: len(under_way(shared, run)) == 3)
    children = under_way(shared, run)
    shared.wait_for(children[0], "slow", StepStatus.RUNNING)

    assert [shared.run(child).status for child in children[1:]] == [RunStatus.SCHEDULED] * 2
    gate.touch()
    assert shared.wait(run, 60.0).outcome is Outcome.SUCCESS


def test_every_row_keeps_its_own_results_however_they_end(shared: World, tmp_path: Path) -> None:
    """camunda/camunda#4860 and #11476: each run that ended overwrote what the others had given; n8n-io/n8n#12629."""
    gate = tmp_path / "gate"
    code = f"import os, time\nwhile inputs['n'] == 1 and not os.path.exists({str(gate)!r}): time.sleep(0.005)"
    below = called(shared, python("first", code, inputs={"n": "${p.n}"}), DOUBLE)
    run = shared.begin(above(shared, rows(1, 2, 3), below, outputs={"p.twice": "${d.list}", "p.n": "${d.list}"}))
    wait_until(lambda: [row.said for row in shown(shared, run)].count("succeeded") == 2)
    gate.touch()

    assert shared.wait(run, 60.0).outcome is Outcome.SUCCESS
    assert [(one["row"], one["p.n"], one["p.twice"]) for one in listed(shared, run)] == [
        ("1", "1", "2"),
        ("2", "2", "4"),
        ("3", "3", "6"),
    ]


def test_a_row_that_somebody_mends_meanwhile_counts_as_it_ended_then(shared: World, tmp_path: Path) -> None:
    """kestra-io/kestra#10866: the loop went on by what it had counted, and not by how its runs stood."""
    gate, good = tmp_path / "gate", tmp_path / "good"
    code = (
        f"import os, time\nwhile inputs['n'] == 3 and not os.path.exists({str(gate)!r}): time.sleep(0.005)\n"
        f"assert inputs['n'] != 2 or os.path.exists({str(good)!r}), 'not yet'"
    )
    below = called(shared, python("maybe", code, inputs={"n": "${p.n}"}), DOUBLE)
    each = {"source": "${d.rows}", "stop": "never"}
    run = shared.begin(above(shared, rows(1, 2, 3), below, each=each))
    wait_until(lambda: [row.said for row in shown(shared, run)] == ["succeeded", "failed", "under way"])
    mended = shown(shared, run)[1].child
    assert mended is not None
    good.touch()
    shared.restart(mended, "maybe")
    shared.wait(mended, 60.0)
    gate.touch()

    assert shared.wait(run, 60.0).outcome is Outcome.SUCCESS
    assert shared.step(run, "call").message == "3 rows: 3 succeeded"


def test_a_restart_knows_rows_again_wherever_they_stand(shared: World, tmp_path: Path) -> None:
    """apache/airflow#28868 and others name runs by their place or the clock: here by the key of the row."""
    source = tmp_path / "source"
    source.write_text("n,account\n1,a\n2,b\n")
    make = python(
        "make",
        f"outputs.file('rows', 'r.csv').write_text(open({str(source)!r}).read())",
        outputs={"rows": "${d.rows}"},
    )
    below = called(shared, DOUBLE)
    each = {"source": "${d.rows}", "key": ["account"]}
    run = shared.begin(above(shared, make, below, each=each, outputs={"p.twice": "${d.list}"}))
    shared.wait(run, 60.0)
    before = {row.key: row.child for row in shown(shared, run)}
    source.write_text("n,account\n9,c\n2,b\n5,a\n")

    shared.restart(run, "make")

    assert shared.wait(run, 60.0).outcome is Outcome.SUCCESS
    after = {row.key: row.child for row in shown(shared, run)}
    # The same account with another value is another question.
    assert after["b"] == before["b"] and after["a"] != before["a"]
    assert [(one["row"], one["p.twice"]) for one in listed(shared, run)] == [("c", "18"), ("b", "4"), ("a", "10")]


def test_a_role_that_is_taken_away_starts_no_further_row(shared: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    below = called(shared, python("slow", stay(gate)), DOUBLE)
    text = above(shared, rows(1, 2, 3), below, each={"source": "${d.rows}", "at_once": 1})
    dan, admin = user(shared, names(shared, "each").replace(" ", "")), shared.caller
    row = process_named(shared, below)
    shared.db.write(lambda tx: permissions.give(tx, row.id, Role.EXECUTOR, holder=dan.user.id))
    try:
        shared.caller = dan
        run = shared.begin(text)
    finally:
        shared.caller = admin
    wait_until(lambda: len(under_way(shared, run)) == 1)
    shared.db.write(lambda tx: permissions.take_away(tx, row.id, holder=dan.user.id))
    gate.touch()

    assert shared.wait(run, 60.0).outcome is Outcome.FAILED
    assert [one.said for one in shown(shared, run)] == ["succeeded", "refused", "not started"]
    assert '"2" was refused: running the process' in shared.step(run, "call").message


def test_the_rows_of_a_suspended_user_say_so(shared: World, tmp_path: Path) -> None:
    gate, admin = tmp_path / "gate", shared.caller
    below = called(shared, python("slow", stay(gate)), DOUBLE)
    text = above(shared, rows(1, 2), below, each={"source": "${d.rows}", "at_once": 1})
    eve = user(shared, names(shared, "gone").replace(" ", ""))
    row = process_named(shared, below)
    shared.db.write(lambda tx: permissions.give(tx, row.id, Role.EXECUTOR, holder=eve.user.id))
    try:
        shared.caller = eve
        run = shared.begin(text)
    finally:
        shared.caller = admin
    wait_until(lambda: len(under_way(shared, run)) == 1)
    shared.db.write(lambda tx: tx.run("UPDATE user_account SET status = 'Suspended' WHERE id = ?", eve.user.id.number))
    gate.touch()

    assert shared.wait(run, 60.0).outcome is Outcome.FAILED
    assert f'"2" was refused: {eve.user.login}, who started the run, is suspended' in shared.step(run, "call").message


def test_a_file_and_a_value_of_this_process_go_to_every_row(shared: World) -> None:
    copy = python(
        "copy",
        "outputs['twice'] = len(open(inputs['f']).read()) + inputs['n']",
        inputs={"f": "${p.file}", "n": "${p.n}"},
        outputs={"twice": "${p.twice}"},
    )
    below = called(shared, copy)
    given = {"p.n": "{n}", "p.file": "${d.rows}"}
    run = shared.begin(above(shared, rows(1, 2), below, inputs=given, outputs={"p.twice": "${d.list}"}))

    assert shared.wait(run, 60.0).outcome is Outcome.SUCCESS
    assert [one["p.twice"] for one in listed(shared, run)] == ["7", "8"]


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableWorkers]:
    with managed.processes(tmp_path_factory.getbasetemp()) as made:
        yield made


def test_rows_of_a_managed_table_arrive_as_what_they_are(tmp_path: Path, workers: TableWorkers) -> None:
    """Amounts, dates, flags and empty cells: argoproj/argo-workflows#1713 gave every row what the first one had."""
    world = World(tmp_path, isolation=OPEN, workers=workers)
    world.engine.start()
    try:
        run = _run_of_a_table(world)

        assert world.wait(run, 60.0).outcome is Outcome.SUCCESS, world.step(run, "call").message
        assert [list(one.values())[4:] for one in listed(world, run)] == [
            ["1234.50", "2026-01-31", "true", "0.10", "4010 of 2026-01-31"],
            ["", "2026-02-28", "false", "0.10", "4020 of 2026-02-28"],
        ]
    finally:
        world.close()


def _run_of_a_table(world: World) -> RunId:
    table: list[dict[str, Any]] = [
        {"account": "4010", "amount": "1234.50", "day": "2026-01-31", "is_open": True},
        {"account": "4020", "amount": None, "day": "2026-02-28", "is_open": False},
        {"account": "4030", "amount": "1", "day": "2026-02-28", "is_open": None},
    ]
    managed.make(
        world, "Accounts", *table, account="FixedLengthText", amount="Money", day="Datetime", is_open="TrueFalse"
    )
    theirs = data(
        "p",
        item("amount", "Decimal", "INPUT", decimal_points=2),
        item("day", "Datepicker", "INPUT"),
        item("flag", "CheckBox", "INPUT"),
        item("said", "Text", "INPUT"),
        item("rate", "Decimal", "INPUT", decimal_points=2),
    )
    world.apply(process(theirs, name="Below"))
    given = {"p.amount": "{amount}", "p.day": "{day}", "p.flag": "{is_open}", "p.said": "{Account} of {day}"}
    call = run_process(
        "call",
        "Below",
        inputs={**given, "p.rate": 0.1},
        each={"source": "${table:Accounts}", "where": "is_open IS NOT NULL", "key": ["account"]},
        outputs=dict.fromkeys(("p.amount", "p.day", "p.flag", "p.said", "p.rate"), "${d.list}"),
    )
    return world.begin(process(data("d", item("list", "File")), call, name="Above"))


def test_a_disk_that_is_full_for_a_while_holds_up_the_list_and_nothing_else(tmp_path: Path) -> None:
    """kestra-io/kestra#10866: what the runs gave was not written, and the step went on without it."""
    world, refused = World(tmp_path, isolation=OPEN), list[int]()
    sink = world.blobs.sink

    def full_at_first() -> Sink:
        if len(refused) < 2:
            refused.append(1)
            raise OSError(errno.ENOSPC, "no space left")
        return sink()

    world.engine.start()
    try:
        below = called(world, DOUBLE)
        text = above(world, rows(1, 2), below, outputs={"p.twice": "${d.list}"})
        process_id = world.apply(text)
        world.blobs.sink = full_at_first  # type: ignore[method-assign, assignment]
        run = world.create(process_id).id
        world.start(run)

        assert world.wait(run, 60.0).outcome is Outcome.SUCCESS
        assert len(refused) == 2
        assert [one["p.twice"] for one in listed(world, run)] == ["2", "4"]
    finally:
        world.close()


def fails_once(once: Path, gate: Path) -> str:
    """The run of 2 fails at first, and waits for the gate then."""
    return (
        f"import os, time\nif inputs['n'] == 2 and not os.path.exists({str(once)!r}):\n"
        f"    open({str(once)!r}, 'w').close()\n    raise SystemExit('not yet')\n"
        f"while inputs['n'] == 2 and not os.path.exists({str(gate)!r}): time.sleep(0.005)\n"
    )


def test_a_run_that_is_restarted_while_the_list_waits_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was left out of the count, and a step whose row was under way succeeded."""
    world, gate, once = World(tmp_path, isolation=OPEN), tmp_path / "gate", tmp_path / "once"
    sink, counts, seen = world.blobs.sink, child_rows.counts, list[int]()

    def restarted() -> Sink:
        if not shown(world, run):  # the source is made
            return sink()
        world.blobs.sink = sink  # type: ignore[method-assign]
        failed = shown(world, run)[1].child
        assert failed is not None
        world.restart(failed, "odd")
        raise OSError(errno.ENOSPC, "no space left")

    def counted(tx: Transaction, attempt: int) -> RowCounts:
        found = counts(tx, attempt)
        seen.append(found.under_way)
        # The run may end now that it was found under way.
        if found.under_way:
            gate.touch()
        return found

    monkeypatch.setattr(child_rows, "counts", counted)
    world.engine.start()
    try:
        below = called(world, python("odd", fails_once(once, gate), inputs={"n": "${p.n}"}), DOUBLE)
        each = {"source": "${d.rows}", "stop": "never"}
        process_id = world.apply(above(world, rows(1, 2), below, each=each, outputs={"p.twice": "${d.list}"}))
        world.blobs.sink = restarted  # type: ignore[method-assign, assignment]
        run = world.create(process_id).id
        world.start(run)

        assert world.wait(run, 60.0).outcome is Outcome.SUCCESS
        assert 1 in seen
        assert [one["p.twice"] for one in listed(world, run)] == ["2", "4"]
    finally:
        world.close()


def test_versions_that_come_between_rows_are_told(shared: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    below = called(shared, python("slow", stay(gate)), DOUBLE)
    each = {"source": "${d.rows}", "at_once": 1}
    run = shared.begin(above(shared, rows(1, 2), below, each=each, outputs={"p.twice": "${d.list}"}))
    wait_until(lambda: len(under_way(shared, run)) == 1)
    shared.apply(process(THEIRS, DOUBLE, name=below))
    gate.touch()

    assert shared.wait(run, 60.0).outcome is Outcome.WARNING
    assert shared.step(run, "call").message.endswith(
        "2 succeeded; its runs are of versions 1 to 2 of the process, published meanwhile"
    )


def test_an_output_that_a_newer_version_has_not_is_no_empty_cell(shared: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    below = called(shared, python("slow", stay(gate)), DOUBLE)
    each = {"source": "${d.rows}", "at_once": 1}
    run = shared.begin(above(shared, rows(1, 2), below, each=each, outputs={"p.twice": "${d.list}"}))
    wait_until(lambda: len(under_way(shared, run)) == 1)
    shared.apply(process(data("p", item("n", flow="INPUT", required=True)), wait("nothing"), name=below))
    gate.touch()

    assert shared.wait(run, 60.0).outcome is Outcome.FAILED
    assert "nothing was given in p.twice" in shared.step(run, "call").message
    assert [one["p.twice"] for one in listed(shared, run)] == ["2", ""]
