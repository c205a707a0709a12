"""A run for each row: a few at a time, each once, the worst of them all, and a file that lists every row."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from procession.engine.options import EngineSettings
from procession.model.errors import Invalid
from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.store import child_rows, history
from procession.store.child_rows import ShownRow
from tests.engine.conftest import OPEN
from tests.engine.steps import data, item, python, run_process, stay, wait
from tests.engine.steps import process as process_text
from tests.engine.test_run_process import called, names
from tests.engine.world import World
from tests.support import wait_until

SUCCESS, WARNING, FAILED, RUNNING = StepStatus.SUCCESS, StepStatus.WARNING, StepStatus.FAILED, StepStatus.RUNNING
OURS = data("d", item("n", flow="INPUT", value=7), item("rows", "File"), item("list", "File"), item("gate", "Text"))
DOUBLE = python("double", "outputs['twice'] = inputs['n'] * 2", inputs={"n": "${p.n}"}, outputs={"twice": "${p.twice}"})
NOT_TWO = python("odd", "assert inputs['n'] != 2, 'two is wrong'", inputs={"n": "${p.n}"})
EACH = {"source": "${d.rows}"}
INPUTS = {"p.n": "{n}"}


def rows(*numbers: object, heading: str = "n") -> dict[str, Any]:
    """A step that makes the source."""
    text = "\n".join([heading, *map(str, numbers)]) + "\n"
    code = f"outputs.file('rows', 'rows.csv').write_text({text!r})"
    return python("make", code, outputs={"rows": "${d.rows}"})


def above(world: World, source: dict[str, Any], below: str, *more: Any, **settings: Any) -> str:
    given: dict[str, Any] = {"inputs": INPUTS, "each": EACH, **settings}
    return process_text(OURS, source, run_process("call", below, **given), *more, name=names(world, "Above"))


def shown(world: World, run: RunId) -> list[ShownRow]:
    """Of the step's last try."""
    with world.db.read() as tx:
        tries = child_rows.attempts_of_run(tx, run)
        return child_rows.between(tx, tries[0].attempt, 1, 10_000) if tries else []


def under_way(world: World, run: RunId) -> list[RunId]:
    return [row.child for row in shown(world, run) if row.child is not None and row.said == "under way"]


def listed(world: World, run: RunId, reference: str = "d.list") -> list[dict[str, str]]:
    content = world.value(run, reference)
    assert isinstance(content, bytes)
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_a_run_is_made_for_each_row_and_all_that_they_give_is_listed(shared: World) -> None:
    below = called(shared, DOUBLE)
    text = above(shared, rows(3, 1, 2), below, wait("next"), outputs={"p.twice": "${d.list}"})
    run = shared.begin(text)

    assert shared.wait(run, 60.0).outcome is Outcome.SUCCESS
    assert shared.step(run, "call").message == "3 rows: 3 succeeded"
    found = listed(shared, run)
    assert [(one["row"], one["state"], one["p.twice"]) for one in found] == [
        ("3", "succeeded", "6"),
        ("1", "succeeded", "2"),
        ("2", "succeeded", "4"),
    ]
    children = [RunId.parse(one["process_run"]) for one in found]
    assert len(set(children)) == 3
    detail = shared.history(children[0])[0].detail
    assert (detail["parentRun"], detail["row"]) == (str(run), "3")
    last = [row.detail for row in shared.history(run) if row.detail.get("figures")][-1]
    assert last["figures"] == {
        **{"rows": "3", "started": "3", "kept": "0"},
        **{"succeeded": "3", "warned": "0", "failed": "0", "left_out": "0"},
    }


def test_only_rows_that_fit_are_run_a_few_at_a_time(shared: World, tmp_path: Path) -> None:
    """kestra-io/kestra#2976: once the first had ended, all the others began. argoproj/argo-workflows#1156: at once."""
    gate = tmp_path / "gate"
    below = called(shared, python("slow", stay(gate)))
    each = {"source": "${d.rows}", "where": "n % 2 = 1", "at_once": 2}
    run = shared.begin(above(shared, rows(*range(1, 11)), below, each=each))
    wait_until(lambda: len(under_way(shared, run)) == 2)
    first, _ = under_way(shared, run)
    shared.cancel(first)

    # One has ended and made room for nothing: by default a failure starts no more.
    wait_until(lambda: [row.said for row in shown(shared, run)].count("not started") == 3)
    gate.touch()

    assert shared.wait(run, 60.0).outcome is Outcome.FAILED
    assert [row.said for row in shown(shared, run)] == ["cancelled", "succeeded", *["not started"] * 3]
    assert shared.step(run, "call").message.startswith(
        "5 rows: 1 succeeded, 1 failed, 3 not started, since one before had failed; "
        f'"1" ({shown(shared, run)[0].child}) cancelled'
    )


def test_never_stopping_runs_all_and_the_worst_of_them_counts(shared: World) -> None:
    """n8n-io/n8n#9890, StackStorm/st2#6234: one that failed ended the loop, although it was to go on."""
    below = called(shared, NOT_TWO, DOUBLE)
    each = {"source": "${d.rows}", "at_once": 1, "stop": "never"}
    run = shared.begin(above(shared, rows(1, 2, 3), below, each=each, outputs={"p.twice": "${d.list}"}))

    assert shared.wait(run, 60.0).outcome is Outcome.FAILED
    message = shared.step(run, "call").message
    assert message.startswith('3 rows: 2 succeeded, 1 failed; "2" (pr-') and "two is wrong" in message
    # The list tells why: it is kept although the step failed.
    assert [(one["state"], one["p.twice"]) for one in listed(shared, run)] == [
        ("succeeded", "2"),
        ("failed", ""),
        ("succeeded", "6"),
    ]


def test_a_restart_runs_only_those_that_did_not_succeed(shared: World, tmp_path: Path) -> None:
    """kestra-io/kestra#6571, apache/airflow#68936: a restart ran what had succeeded a second time."""
    gate = tmp_path / "good"
    code = f"import os; assert inputs['n'] != 2 or os.path.exists({str(gate)!r}), 'not yet'"
    below = called(shared, python("maybe", code, inputs={"n": "${p.n}"}), DOUBLE)
    run = shared.begin(above(shared, rows(1, 2, 3), below, outputs={"p.twice": "${d.list}"}))
    shared.wait(run, 60.0)
    before = {row.key: row.child for row in shown(shared, run)}
    gate.touch()

    shared.restart(run, "call")

    assert shared.wait(run, 60.0).outcome is Outcome.SUCCESS
    after = {row.key: row.child for row in shown(shared, run)}
    assert after["1"] == before["1"] and after["2"] != before["2"]
    kept = sum(before[key] == child for key, child in after.items())
    assert shared.step(run, "call").message == f"3 rows: 3 succeeded, {kept} kept from an earlier try"
    assert [one["p.twice"] for one in listed(shared, run)] == ["2", "4", "6"]


@pytest.mark.parametrize(("again", "kept"), [("failed", 2), ("all", 0)])
def test_again_all_runs_every_row_anew(shared: World, again: str, kept: int) -> None:
    below = called(shared, DOUBLE)
    run = shared.begin(above(shared, rows(1, 2), below, again=again))
    shared.wait(run, 60.0)
    before = {row.child for row in shown(shared, run)}

    shared.restart(run, "call")
    shared.wait(run, 60.0)

    assert len(before & {row.child for row in shown(shared, run)}) == kept


def test_a_cancel_cancels_all_that_are_under_way_and_starts_none(shared: World, tmp_path: Path) -> None:
    """kestra-io/kestra#7933, PrefectHQ/prefect#9738: what was queued was let go, or went on."""
    below = called(shared, python("slow", stay(tmp_path / "never")))
    run = shared.begin(above(shared, rows(*range(1, 21)), below, each={"source": "${d.rows}", "at_once": 3}))
    wait_until(lambda: len(under_way(shared, run)) == 3)
    children = under_way(shared, run)

    shared.cancel(run)

    assert [shared.run(child).status for child in children] == [RunStatus.CANCELLED] * 3
    shared.engine.look(run)
    assert [row.said for row in shown(shared, run)] == [*["cancelled"] * 3, *["not started"] * 17]


def test_a_time_out_cancels_them_and_is_no_success(shared: World, tmp_path: Path) -> None:
    """apache/airflow#70795: what a time-out left undone was told as a success."""
    below = called(shared, python("slow", stay(tmp_path / "never")))
    text = above(shared, rows(1, 2, 3), below).replace('{"process"', '{"time_limit": "3s", "process"', 1)
    run = shared.begin(text)

    assert shared.wait(run, 60.0).status is RunStatus.TIMED_OUT
    assert {row.said for row in shown(shared, run)} <= {"cancelled", "waiting"}
    assert shared.step(run, "call").status is FAILED


def test_no_rows_end_with_a_remark_and_an_empty_list(shared: World) -> None:
    """apache/airflow#25200, kestra-io/kestra#4278: an empty list failed, or passed for work that was done."""
    below = called(shared, DOUBLE)
    each = {"source": "${d.rows}", "where": "n > 9"}
    run = shared.begin(above(shared, rows(1, 2), below, each=each, outputs={"p.twice": "${d.list}"}))

    assert shared.wait(run, 60.0).outcome is Outcome.WARNING
    assert shared.step(run, "call").message == "0 of 2 rows; no row fits where, so nothing is run"
    assert listed(shared, run) == []


def test_the_file_of_a_single_row_is_taken_as_it_is(shared: World) -> None:
    make = python("make", "outputs.file('copy', 'one.txt').write_text('abc')", outputs={"copy": "${p.copy}"})
    below = called(shared, make)
    run = shared.begin(above(shared, rows(1), below, outputs={"p.copy": "${d.list}"}))

    assert shared.wait(run, 60.0).outcome is Outcome.SUCCESS
    assert shared.value(run, "d.list") == b"abc"


# --- what is refused before anything starts


@pytest.mark.parametrize(
    ("source", "settings", "said"),
    [
        (rows(1, "abc", 3), {}, 'row 2 ("abc"), inputs.p.n ({n}): property "n" must be a number, not "abc"'),
        (rows(1, 2, 1), {}, 'rows 1 and 3 have the same n: "1"; no run was started'),
        (rows("1,a", ",b", heading="n,x"), {"each": {**EACH, "key": ["x"]}}, "needs a value, and the cell is empty"),
        (rows(1, 2), {"inputs": {"p.n": "{m}"}}, 'inputs: there is no column "m"'),
        (rows(1, 2), {"each": {**EACH, "key": ["k"]}}, 'each.key: there is no column "k"'),
        (rows(1, 2), {"each": {**EACH, "where": "n + 1"}}, "a condition is wanted"),
        (rows(1, 2), {"outputs": {"p.copy": "${d.list}"}}, "p.copy is a file, and can be taken from one run only"),
    ],
)
def test_a_row_that_does_not_fit_starts_none(
    shared: World, source: dict[str, Any], settings: dict[str, Any], said: str
) -> None:
    below = called(shared, DOUBLE)
    run = shared.begin(above(shared, source, below, **settings))

    assert shared.wait(run, 60.0).outcome is Outcome.FAILED
    assert said in shared.step(run, "call").message
    assert shown(shared, run) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"inputs": {"p.n": 1}}, "none has a {column} in it"),
        ({"wait": False}, "wait: the runs of rows are waited for"),
        ({"outputs": {"p.twice": "${d.gate}"}}, "outputs.p.twice: what the runs of rows give is listed in a File"),
        ({"outputs": {"p.twice": "${d.list}", "p.copy": "${d.list}"}}, "needs a File of its own"),
        ({"each": {**EACH, "where": "n >"}}, "each.where"),
        ({"each": {**EACH, "at_once": 0}}, "at_once"),
        ({"inputs": {"p.n": "{n}", "p.file": "{n}"}}, "a file is given as"),
    ],
)
def test_what_can_be_known_is_refused_when_it_is_published(shared: World, settings: dict[str, Any], said: str) -> None:
    below = called(shared, DOUBLE)

    with pytest.raises(Invalid) as refused:
        shared.apply(above(shared, rows(1), below, **settings))

    assert said in refused.value.message


def test_a_cell_that_looks_like_a_reference_is_a_text(shared: World) -> None:
    own = data("p", item("text", "Text", "INPUT", required=True), item("said", "Text"))
    say = python("say", "outputs['said'] = inputs['t']", inputs={"t": "${p.text}"}, outputs={"said": "${p.said}"})
    below = names(shared, "Below")
    shared.apply(process_text(own, say, name=below))
    run = shared.begin(
        above(
            shared,
            rows("${d.n}", "{n}", "=1+1"),
            below,
            inputs={"p.text": "{n}"},
            outputs={"p.said": "${d.list}"},
        )
    )

    assert shared.wait(run, 60.0).outcome is Outcome.SUCCESS
    assert [one["p.said"] for one in listed(shared, run)] == ["${d.n}", "{n}", "'=1+1"]


# --- a server that stops


def test_a_server_that_stops_meanwhile_goes_on_and_starts_none_twice(tmp_path: Path) -> None:
    """camunda/camunda#12918, kestra-io/kestra#10866: the parent went on before all of its children had been made."""
    world, gate = World(tmp_path, isolation=OPEN, settings=EngineSettings(grace_seconds=0.5)), tmp_path / "gate"
    world.engine.start()
    try:
        below = called(world, python("slow", stay(gate)), DOUBLE)
        each = {"source": "${d.rows}", "at_once": 2}
        run = world.begin(above(world, rows(*range(1, 6)), below, each=each, outputs={"p.twice": "${d.list}"}))
        wait_until(lambda: len(under_way(world, run)) == 2)
        before = set(under_way(world, run))
        world.engine.close()
        world.engine = world.new_engine()
        world.engine.start()
        gate.touch()

        assert world.wait(run, 60.0).outcome is Outcome.SUCCESS
        children = [row.child for row in shown(world, run)]
        assert before < set(children) and len(set(children)) == 5
        assert world.step(run, "call").tries == 1
        with world.db.read() as tx:
            assert tx.one("SELECT count(*) FROM run WHERE started_by IS NOT NULL") == (6,)
            assert not history.not_gone(tx)
        assert [one["p.twice"] for one in listed(world, run)] == ["2", "4", "6", "8", "10"]
    finally:
        world.close()


def writing(key: str, rate: int, before: str = "", **more: Any) -> dict[str, Any]:
    """A step that gives a rate, and a file that says it."""
    code = f"{before}outputs['rate'] = {rate}\noutputs.file('paper', 'p.txt').write_text('{rate}')"
    return python(key, code, outputs={"rate": "${d.rate}", "paper": "${d.paper}"}, **more)


def test_all_rows_get_what_properties_held_when_they_were_kept_also_after_a_server_stopped(tmp_path: Path) -> None:
    world, gate, turn = World(tmp_path, isolation=OPEN), tmp_path / "gate", tmp_path / "turn"
    ours = data("d", *(item(key, "File") for key in ("rows", "list", "paper")), item("rate"))
    theirs = data("p", item("n", flow="INPUT"), item("rate", flow="INPUT"), item("paper", "File", "INPUT"), item("x"))
    code = f"{stay(gate)}outputs['x'] = inputs['rate'] * 1000 + int(open(inputs['paper']).read())"
    own = python("own", code, inputs={"rate": "${p.rate}", "paper": "${p.paper}"}, outputs={"x": "${p.x}"})
    inputs = {"p.n": "{n}", "p.rate": "${d.rate}", "p.paper": "${d.paper}"}
    call = run_process(
        "call",
        "Below",
        inputs=inputs,
        each={**EACH, "at_once": 1},
        outputs={"p.x": "${d.list}"},
        frame={"needs": ["make", "first"]},
    )
    late = writing("late", 9, stay(turn), needs=["first"])
    world.engine.start()
    try:
        world.apply(process_text(theirs, own, name="Below"))
        run = world.begin(process_text(ours, rows(1, 2, 3), writing("first", 7), late, call, name="Above"))
        wait_until(lambda: len(under_way(world, run)) == 1)
        turn.touch()
        wait_until(lambda: world.step(run, "late").status is SUCCESS)
        world.engine.close()
        world.engine = world.new_engine()
        world.engine.start()
        gate.touch()

        assert world.wait(run, 60.0).outcome is Outcome.SUCCESS
        assert world.value(run, "d.rate") == 9
        assert [one["p.x"] for one in listed(world, run)] == ["7007"] * 3
    finally:
        world.close()
