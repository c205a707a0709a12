"""Steps that run another process: started once, waited for without a process, cancelled with the run above."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from procession.engine.options import EngineSettings
from procession.model.errors import Invalid
from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.people import Caller, Role, UserRole
from procession.operations import people, processes, trials
from procession.store import approvals, child_runs, permissions, retention
from procession.store import processes as process_store
from procession.store.processes import ProcessRow
from tests.engine.conftest import OPEN
from tests.engine.steps import data, item, process, python, run_process, stay, wait
from tests.engine.world import World
from tests.support import wait_until

SUCCESS, FAILED, RUNNING = StepStatus.SUCCESS, StepStatus.FAILED, StepStatus.RUNNING
DATA = data("d", item("n", flow="INPUT", value=7), item("result"), item("file", "File"), item("copy", "File"))
THEIRS = data(
    "p",
    item("n", flow="INPUT", required=True),
    item("file", "File", "INPUT"),
    item("twice"),
    item("copy", "File"),
)
DOUBLE = python(
    "double",
    "outputs['twice'] = inputs['n'] * 2",
    inputs={"n": "${p.n}"},
    outputs={"twice": "${p.twice}"},
)
COPY = python(
    "copy",
    "outputs.file('copy').write_text(open(inputs['file']).read().upper())",
    inputs={"file": "${p.file}"},
    outputs={"copy": "${p.copy}"},
)
CALL = {"inputs": {"p.n": "${d.n}"}, "outputs": {"p.twice": "${d.result}"}}


def child_of(world: World, run: RunId) -> RunId:
    (child,) = children(world, run)
    return child


def children(world: World, run: RunId) -> list[RunId]:
    """Oldest first."""
    with world.db.read() as tx:
        rows = child_runs.of_run(tx, run, limit=100)
    return [row.child for row in reversed(rows) if row.child is not None]


def names(world: World, name: str) -> str:
    """A name that no other test has."""
    with world.db.read() as tx:
        (count,) = tx.one("SELECT count(*) FROM process")  # type: ignore[misc]
    return f"{name} {count}"


def process_named(world: World, name: str) -> ProcessRow:
    with world.db.read() as tx:
        row = process_store.by_name(tx, name)
    assert row is not None
    return row


def called(world: World, *steps: Any, **more: Any) -> str:
    name = names(world, "Below")
    world.apply(process(THEIRS, *steps, name=name, **more))
    return name


def calling(world: World, *steps: Any, **more: Any) -> str:
    return process(DATA, *steps, name=names(world, "Above"), **more)


def test_a_run_gives_its_values_to_the_one_that_started_it(shared: World) -> None:
    below = called(shared, DOUBLE)
    run = shared.begin(calling(shared, run_process("call", below, **CALL), wait("next")))

    assert shared.wait(run).outcome is Outcome.SUCCESS
    child = child_of(shared, run)
    assert shared.value(run, "d.result") == 14
    assert shared.step(run, "call").message == f"process run {child} succeeded"
    told = [row.detail for row in shared.history(run) if row.detail.get("processRun")]
    assert told[0]["processRun"] == str(child)
    assert shared.history(child)[0].detail["parentRun"] == str(run)
    assert shared.run(child).started_by == shared.run(run).started_by


def test_files_go_both_ways_without_a_copy_of_their_bytes(shared: World, tmp_path: Path) -> None:
    below = called(shared, COPY)
    first = python("make", "outputs.file('file').write_text('abc')", outputs={"file": "${d.file}"})
    call = run_process("call", below, inputs={"p.n": 1, "p.file": "${d.file}"}, outputs={"p.copy": "${d.copy}"})
    run = shared.begin(calling(shared, first, call))

    assert shared.wait(run).outcome is Outcome.SUCCESS
    assert shared.value(run, "d.copy") == b"ABC"
    with shared.db.read() as tx:
        rows = tx.all("SELECT sha256, count(*) FROM file WHERE sha256 IS NOT NULL GROUP BY sha256 HAVING count(*) > 1")
    assert len(rows) >= 2


def test_the_worst_of_it_is_how_the_step_ends(shared: World) -> None:
    below = called(shared, python("bad", "raise ValueError('no rows')"))
    run = shared.begin(calling(shared, run_process("call", below, **CALL), wait("next")))

    assert shared.wait(run).outcome is Outcome.FAILED
    message = shared.step(run, "call").message
    assert message.startswith(f'process run {child_of(shared, run)} failed: step 1.2 "bad"'), message
    assert shared.value(run, "d.result") is None


def test_a_file_that_was_not_made_fails_the_step(shared: World) -> None:
    below = called(shared, wait("nothing"))
    call = run_process("call", below, inputs={"p.n": 1}, outputs={"p.copy": "${d.copy}"})
    run = shared.begin(calling(shared, call))

    assert shared.wait(run).outcome is Outcome.FAILED
    assert "gave nothing in p.copy" in shared.step(run, "call").message


def test_it_holds_no_process_while_it_waits(shared: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    below = called(shared, python("slow", stay(gate)))
    run = shared.begin(calling(shared, run_process("call", below, inputs={"p.n": 1})))
    wait_until(lambda: bool(children(shared, run)))
    child = child_of(shared, run)
    shared.wait_for(child, "slow", RUNNING)

    step = shared.step(run, "call")
    gate.touch()

    assert step.status is RUNNING and str(child) in step.progress_message
    assert shared.wait(run).outcome is Outcome.SUCCESS


def test_without_wait_the_step_ends_at_once(shared: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    below = called(shared, python("slow", stay(gate)))
    run = shared.begin(calling(shared, run_process("call", below, inputs={"p.n": 1}, wait=False)))

    assert shared.wait(run).outcome is Outcome.SUCCESS
    child = child_of(shared, run)
    assert shared.step(run, "call").message == f"started process run {child}"
    assert shared.run(child).status in (RunStatus.SCHEDULED, RunStatus.RUNNING)
    gate.touch()
    shared.wait(child)


def test_a_cancel_cancels_what_is_below(shared: World, tmp_path: Path) -> None:
    gate = tmp_path / "never"
    lowest = called(shared, python("slow", stay(gate)))
    middle = called(shared, run_process("deeper", lowest, inputs={"p.n": 1}))
    run = shared.begin(calling(shared, run_process("call", middle, inputs={"p.n": 1})))
    wait_until(lambda: bool(children(shared, run)) and bool(children(shared, child_of(shared, run))))
    child = child_of(shared, run)
    grandchild = child_of(shared, child)
    shared.wait_for(grandchild, "slow", RUNNING)

    shared.cancel(run)

    assert [shared.run(one).status for one in (run, child, grandchild)] == [RunStatus.CANCELLED] * 3
    assert f"{run}, which waits for it" in str([row.detail for row in shared.history(child)])


def test_a_run_below_that_is_cancelled_fails_the_step(shared: World, tmp_path: Path) -> None:
    below = called(shared, python("slow", stay(tmp_path / "never")))
    run = shared.begin(calling(shared, run_process("call", below, inputs={"p.n": 1})))
    wait_until(lambda: bool(children(shared, run)))

    shared.cancel(child_of(shared, run))

    assert shared.wait(run).outcome is Outcome.FAILED
    assert shared.step(run, "call").message == f"process run {child_of(shared, run)} was cancelled"


def test_a_time_out_cancels_what_is_below(shared: World, tmp_path: Path) -> None:
    below = called(shared, python("slow", stay(tmp_path / "never")))
    run = shared.begin(calling(shared, run_process("call", below, inputs={"p.n": 1}), time_limit="1s"))

    assert shared.wait(run).status is RunStatus.TIMED_OUT
    child = child_of(shared, run)
    assert shared.run(child).status is RunStatus.CANCELLED
    assert f"process run {run}, which waits for it, timed out" in str([row.detail for row in shared.history(child)])


def test_a_restart_keeps_what_succeeded_and_runs_anew_what_did_not(shared: World, tmp_path: Path) -> None:
    gate = tmp_path / "good"
    below = called(shared, python("maybe", f"import os; assert os.path.exists({str(gate)!r}), 'not yet'"), DOUBLE)
    run = shared.begin(calling(shared, run_process("call", below, **CALL), wait("next")))
    assert shared.wait(run).outcome is Outcome.FAILED
    gate.touch()

    shared.restart(run, "call")
    assert shared.wait(run).outcome is Outcome.SUCCESS
    shared.restart(run, "call")
    assert shared.wait(run).outcome is Outcome.SUCCESS

    first, second, third = children(shared, run)
    assert first != second and second == third
    assert shared.value(run, "d.result") == 14


def test_a_run_that_somebody_mended_is_taken_by_a_restart(shared: World, tmp_path: Path) -> None:
    gate = tmp_path / "good"
    below = called(shared, python("maybe", f"import os; assert os.path.exists({str(gate)!r}), 'not yet'"), DOUBLE)
    run = shared.begin(calling(shared, run_process("call", below, **CALL)))
    shared.wait(run)
    gate.touch()
    child = child_of(shared, run)
    shared.restart(child, "maybe")
    shared.wait(child)

    shared.restart(run, "call")

    assert shared.wait(run).outcome is Outcome.SUCCESS
    assert set(children(shared, run)) == {child}


@pytest.mark.parametrize(("again", "count"), [("failed", 1), ("all", 2)])
def test_again_all_runs_it_although_it_succeeded(shared: World, again: str, count: int) -> None:
    below = called(shared, DOUBLE)
    run = shared.begin(calling(shared, run_process("call", below, **CALL, again=again)))
    shared.wait(run)

    shared.restart(run, "call")
    shared.wait(run)

    assert len(set(children(shared, run))) == count


def test_other_inputs_are_another_run(shared: World, tmp_path: Path) -> None:
    given = tmp_path / "n"
    given.write_text("3")
    below = called(shared, DOUBLE)
    first = python("n", f"outputs['n'] = int(open({str(given)!r}).read())", outputs={"n": "${d.m}"})
    own = data("d", item("m"), item("result"))
    call = run_process("call", below, inputs={"p.n": "${d.m}"}, outputs={"p.twice": "${d.result}"})
    run = shared.begin(process(own, first, call, name=names(shared, "Above")))
    shared.wait(run)
    given.write_text("4")

    shared.restart(run, "n")
    shared.wait(run)

    assert shared.value(run, "d.result") == 8
    assert len(set(children(shared, run))) == 2


# --- what people reported of others


def test_a_run_below_that_only_waits_its_turn_is_cancelled_too(shared: World, tmp_path: Path) -> None:
    """kestra-io/kestra#7933: what was queued was let go when its parent was killed."""
    gate = tmp_path / "gate"
    below = called(shared, python("slow", stay(gate)), concurrency=1)
    text = calling(shared, run_process("call", below, inputs={"p.n": 1}))
    first, second = shared.begin_many(text, 2)
    wait_until(lambda: bool(children(shared, first)) and bool(children(shared, second)))
    shared.wait_for(child_of(shared, first), "slow", RUNNING)

    shared.cancel(second)
    gate.touch()

    assert shared.wait(first).outcome is Outcome.SUCCESS
    queued = shared.run(child_of(shared, second))
    assert (queued.status, queued.started_at) == (RunStatus.CANCELLED, None)


def test_a_run_below_that_is_mended_later_brings_nothing_back_to_life(shared: World, tmp_path: Path) -> None:
    """kestra-io/kestra#12435: its second end told the parent again, which went on though it was over."""
    gate = tmp_path / "good"
    below = called(shared, python("maybe", f"import os; assert os.path.exists({str(gate)!r}), 'not yet'"))
    run = shared.begin(calling(shared, run_process("call", below, inputs={"p.n": 1}), wait("next")))
    ended = shared.wait(run)
    gate.touch()

    shared.restart(child_of(shared, run), "maybe")
    shared.wait(child_of(shared, run))
    shared.engine.look(run)

    assert shared.run(run) == ended
    assert shared.statuses(run)["call"] is FAILED


def test_a_failure_comes_up_through_a_run_that_waited_itself(shared: World) -> None:
    """n8n-io/n8n#32236, PrefectHQ/prefect#11435: what failed after a wait was a success further up."""
    lowest = called(shared, python("bad", "raise ValueError('no rows')"))
    middle = called(shared, run_process("deeper", lowest, inputs={"p.n": 1}))
    run = shared.begin(calling(shared, run_process("call", middle, inputs={"p.n": 1}), wait("next")))

    assert shared.wait(run).outcome is Outcome.FAILED
    assert "no rows" in shared.step(run, "call").message


def test_a_server_that_stops_meanwhile_starts_nothing_twice(tmp_path: Path) -> None:
    """apache/airflow#68936: a worker that died while it waited started a second run at its retry."""
    world, gate = World(tmp_path, isolation=OPEN), tmp_path / "gate"
    world.engine.start()
    try:
        below = called(world, python("slow", stay(gate)))
        run = world.begin(calling(world, run_process("call", below, inputs={"p.n": 1})))
        wait_until(lambda: bool(children(world, run)))
        world.wait_for(child_of(world, run), "slow", RUNNING)
        world.engine.close()
        world.engine = world.new_engine()
        world.engine.start()
        gate.touch()

        assert world.wait(run).outcome is Outcome.SUCCESS
        assert len(children(world, run)) == 1
        assert world.step(run, "call").tries == 1
    finally:
        world.close()


def test_more_runs_that_wait_than_work_at_once_come_to_an_end(tmp_path: Path) -> None:
    """Those that wait for runs below must leave them room."""
    world = World(tmp_path, isolation=OPEN, settings=EngineSettings(grace_seconds=0.5, runs_max=1))
    world.engine.start()
    try:
        below = called(world, DOUBLE)
        runs = world.begin_many(calling(world, run_process("call", below, **CALL)), 20)

        assert {world.wait(run, 60.0).outcome for run in runs} == {Outcome.SUCCESS}
    finally:
        world.close()


# --- what is refused


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({}, "needs a value (p.n)"),
        ({"inputs": {"p.n": "seven"}}, "inputs.p.n"),
        ({"inputs": {"p.n": "${d.file}"}}, "inputs.p.n: a File does not fit a Number"),
        ({"inputs": {"p.n": 1, "p.file": "a.txt"}}, "inputs.p.file: a file is given as"),
        ({"inputs": {"p.n": 1, "p.twice": 1}}, "has no input p.twice"),
        ({"inputs": {"p.n": 1, "p.nothing": 1}}, "has no input p.nothing"),
        ({"inputs": {"p.n": 1}, "outputs": {"p.none": "${d.result}"}}, "has no property p.none"),
        ({"inputs": {"p.n": 1}, "outputs": {"p.copy": "${d.result}"}}, "a File does not fit a Number"),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_published(shared: World, call: dict[str, Any], said: str) -> None:
    below = called(shared, wait("nothing"))

    with pytest.raises(Invalid) as refused:
        shared.apply(calling(shared, run_process("call", below, **call)))

    assert said in refused.value.message


def test_a_process_that_would_run_itself_is_refused(shared: World) -> None:
    name = names(shared, "Loop")
    with pytest.raises(Invalid, match="run itself"):
        shared.apply(process(THEIRS, run_process("call", name, inputs={"p.n": 1}), name=name))
    shared.apply(process(THEIRS, wait("nothing"), name=name))
    middle = called(shared, run_process("call", name, inputs={"p.n": 1}))

    with pytest.raises(Invalid, match="run itself"):
        shared.apply(process(THEIRS, run_process("call", middle, inputs={"p.n": 1}), name=name))


def test_six_below_one_another_are_refused(shared: World) -> None:
    below = called(shared, DOUBLE)
    for _ in range(4):
        below = called(shared, run_process("call", below, inputs={"p.n": 1}))
    row = process_named(shared, below)
    run = shared.create(row.id, {"p.n": 1}).id
    shared.start(run)

    with pytest.raises(Invalid, match="more than 5"):
        called(shared, run_process("call", below, inputs={"p.n": 1}))

    assert shared.wait(run, 60.0).outcome is Outcome.SUCCESS


def test_a_version_that_made_it_deeper_meanwhile_is_refused_when_it_runs(shared: World) -> None:
    """Each process fits those below it as they were when it was published."""
    lowest = called(shared, DOUBLE)
    chain = [lowest]
    for _ in range(4):
        chain.append(called(shared, run_process("call", chain[-1], inputs={"p.n": 1})))
    more = called(shared, DOUBLE)
    shared.apply(process(THEIRS, run_process("call", more, inputs={"p.n": 1}), name=lowest))
    row = process_named(shared, chain[-1])
    run = shared.create(row.id, {"p.n": 1}).id
    shared.start(run)

    assert shared.wait(run, 60.0).outcome is Outcome.FAILED
    assert "5 runs below one another" in shared.step(run, "call").message


def test_a_rename_does_no_harm(shared: World) -> None:
    below = called(shared, DOUBLE)
    text = calling(shared, run_process("call", below, **CALL))
    above = shared.apply(text)
    row = process_named(shared, below)
    shared.db.write(lambda tx: tx.run("UPDATE process SET name = name || ' renamed' WHERE id = ?", row.id.number))
    run = shared.create(above).id
    shared.start(run)

    assert shared.wait(run).outcome is Outcome.SUCCESS
    assert shared.value(run, "d.result") == 14
    assert any("is called" in remark for remark in shared.applied(text).remarks)


def user(world: World, name: str) -> Caller:
    """A designer, who sees only what is given."""
    found = world.db.write(
        lambda tx: people.create_user(
            tx,
            email=f"{name}@example.com",
            first_name=name,
            last_name="Byron",
            role=UserRole.DESIGNER,
            now=world.clock.now(),
        )
    )
    return Caller(user=found, scopes=world.caller.scopes)


def test_who_may_not_run_a_process_runs_it_through_no_other(shared: World) -> None:
    below = called(shared, DOUBLE)
    text = calling(shared, run_process("call", below, **CALL))
    name = names(shared, "dora").replace(" ", "")
    dora, admin = user(shared, name), shared.caller
    row = process_named(shared, below)
    try:
        shared.caller = dora
        with pytest.raises(Invalid, match=f"that {dora.user.login} may run"):
            shared.apply(text)
        shared.db.write(lambda tx: permissions.give(tx, row.id, Role.EXECUTOR, holder=dora.user.id))
        above = shared.apply(text)
        run = shared.create(above).id
        shared.db.write(lambda tx: permissions.take_away(tx, row.id, holder=dora.user.id))
        with pytest.raises(Invalid, match="needs the role executor"):
            shared.start(run)
    finally:
        shared.caller = admin


def test_a_role_that_was_taken_away_meanwhile_counts(shared: World, tmp_path: Path) -> None:
    below, gate = called(shared, DOUBLE), tmp_path / "gate"
    text = calling(shared, python("first", stay(gate)), run_process("call", below, **CALL))
    name = names(shared, "dan").replace(" ", "")
    dan, admin = user(shared, name), shared.caller
    row = process_named(shared, below)
    shared.db.write(lambda tx: permissions.give(tx, row.id, Role.EXECUTOR, holder=dan.user.id))
    try:
        shared.caller = dan
        run = shared.begin(text)
    finally:
        shared.caller = admin
    shared.wait_for(run, "first", RUNNING)

    shared.db.write(lambda tx: permissions.take_away(tx, row.id, holder=dan.user.id))
    gate.touch()

    assert shared.wait(run).outcome is Outcome.FAILED
    assert "needs the role executor" in shared.step(run, "call").message
    assert children(shared, run) == []


def test_who_published_the_process_below_prepares_the_run_above(shared: World) -> None:
    author = shared.add_user(names(shared, "author").replace(" ", ""))
    admin, shared.caller = shared.caller, author
    try:
        below = called(shared, DOUBLE)
    finally:
        shared.caller = admin
    run = shared.begin(calling(shared, run_process("call", below, **CALL)))
    shared.wait(run)

    with shared.db.read() as tx:
        assert author.user.login in approvals.preparers(tx, run)


def test_a_run_is_kept_while_the_one_that_started_it_is(shared: World) -> None:
    below = called(shared, DOUBLE)
    run = shared.begin(calling(shared, run_process("call", below, **CALL)))
    shared.wait(run)
    child = child_of(shared, run)
    pair = [run, child]

    with shared.db.read() as tx:
        first = retention.runs(tx, retention.RetentionRule(), among=pair)
    shared.db.write(lambda tx: retention.remove(tx, first))
    with shared.db.read() as tx:
        second = retention.runs(tx, retention.RetentionRule(), among=pair)

    assert [one.id for one in first] == [run]
    assert [one.id for one in second] == [child]


def test_a_try_out_starts_no_other_run(shared: World) -> None:
    below = called(shared, DOUBLE)
    name = names(shared, "Above")
    shared.apply(process(DATA, run_process("call", below, **CALL), name=name))
    with shared.db.read() as tx:
        found = processes.definition_of(tx, process_named(shared, name).id, 1)

    with pytest.raises(Invalid, match="runs another process"):
        shared.db.write(lambda tx: trials._require_harmless(shared.act(tx), found))
