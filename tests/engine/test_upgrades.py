"""A restart that takes the newest version: what comes before stays to the byte, what differs there is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from procession.model.errors import Invalid
from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, StepStatus
from procession.model.runs import HistoryKind
from procession.store import history
from procession.store import steps as step_store
from tests.engine.steps import StepText, data, fail, item, mark, marks, process, python, wait
from tests.engine.world import World

NOTES = {"m": "${in.month}", "n": "${out.n}"}
VALUES = data("in", item("month", "String", "INPUT", value="1993-12"), item("rate", "Number", value=3))
OUT = data("out", item("n", flow="OUTPUT"), item("f", "File", "OUTPUT"))
FIRST = python("first", "outputs['n'] = 41", outputs={"n": "${out.n}"})


def failed(world: World, *steps: StepText, name: str, **inputs: object) -> RunId:
    """A run that has ended, badly."""
    given = {f"in.{key}": value for key, value in inputs.items()}
    run = world.begin(process(*steps, name=name), given)
    assert world.wait(run).outcome is Outcome.FAILED
    return run


def latest(world: World, run: RunId, key: str, *steps: StepText, name: str, **more: Any) -> None:
    """A newer version is published, and the run restarted with it."""
    release = more.pop("release", frozenset())
    world.apply(process(*steps, name=name, **more))
    world.restart(run, key, release, takes_latest=True)
    world.wait(run)


def test_the_fixed_step_runs_and_those_before_it_do_not(shared: World, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = python("first", mark(log, "first") + "outputs['n'] = 41", outputs={"n": "${out.n}"})
    run = failed(shared, VALUES, OUT, first, python("sum", "raise ValueError('bug')"), name="Fixed", month="1994-01")
    before = shared.step(run, "first")

    fixed = python("sum", mark(log, "sum") + "outputs['n'] = inputs['n'] + int(inputs['m'][:4])", inputs=NOTES,
                   outputs={"n": "${out.n}"})  # fmt: skip
    latest(shared, run, "sum", VALUES, OUT, first, fixed, name="Fixed")

    assert shared.run(run).outcome is Outcome.SUCCESS
    assert marks(log) == ["first", "sum"]
    assert shared.value(run, "out.n") == 41 + 1994
    assert shared.step(run, "first") == before
    assert shared.run(run).version == 2


def test_without_latest_a_restart_follows_the_version_that_ran(shared: World) -> None:
    run = failed(shared, fail("sum", "old"), name="Pinned")
    shared.apply(process(wait("sum"), name="Pinned"))

    shared.restart(run, "sum")

    assert shared.wait(run).outcome is Outcome.FAILED
    assert (shared.step(run, "sum").message, shared.run(run).version) == ("old", 1)


def test_new_steps_run_gone_ones_do_not_and_what_they_wrote_is_taken_back(shared: World) -> None:
    old = python("old", "outputs['n'] = 7", outputs={"n": "${out.n}"})
    run = failed(shared, OUT, wait("a"), old, fail("sum"), name="Moved")
    gone = shared.step(run, "old")
    new = python("new", "message(str(inputs['n']))", inputs={"n": "${out.n}"})
    shared.apply(process(OUT, wait("a"), wait("sum"), new, name="Moved"))
    with pytest.raises(Invalid, match=r'step 1\.3 "old" is gone, and was kept so far'):
        shared.restart(run, "sum", takes_latest=True)

    shared.restart(run, "a", takes_latest=True)
    shared.wait(run)

    assert list(shared.steps(run)) == ["out", "a", "sum", "new"]
    assert set(shared.statuses(run).values()) == {StepStatus.SUCCESS}
    assert shared.step(run, "new").message == "None"
    assert shared.run(run).outcome is Outcome.SUCCESS
    with shared.db.read() as tx:
        assert step_store.find(tx, gone.id) is not None
        assert [attempt.step for attempt in history.attempts_of_run(tx, run)].count(gone.id) == 1


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ((data("in", item("month", "String", "INPUT", value="1994-01"), item("rate", "Number", value=3)), OUT, FIRST),
         'step 1.1 "in": property "month" (value)'),
        ((data("in", item("month", "String", "INPUT", value="1993-12"), item("rate", "Number", value=4)), OUT, FIRST),
         'step 1.1 "in": property "rate" (value)'),
        ((VALUES, data("out", item("n", flow="OUTPUT")), FIRST), 'step 1.2 "out": property "f" is gone'),
        ((VALUES, OUT, python("first", "outputs['n'] = 42", outputs={"n": "${out.n}"})), 'step 1.3 "first": its settings'),
        ((VALUES, OUT, wait("between"), FIRST), 'step 1.3 "between" is new and would not run'),
        ((VALUES, OUT), 'step 1.3 "first" is gone, and was kept so far'),
        ((OUT, VALUES, FIRST), "the steps before it stand in another order"),
        ((VALUES, OUT, {**FIRST, "enabled": False}), "whether it is enabled"),
    ],
)  # fmt: skip
def test_what_differs_before_the_restart_point_is_refused_by_name(
    shared: World, before: tuple[StepText, ...], why: str
) -> None:
    name = f"Refused {why}"[:100].replace('"', "")
    run = failed(shared, VALUES, OUT, FIRST, fail("sum"), name=name)
    was = shared.steps(run)
    shared.apply(process(*before, wait("sum"), name=name))

    with pytest.raises(Invalid) as refused:
        shared.restart(run, "sum", takes_latest=True)

    assert why in refused.value.message
    assert "follows version 1 and cannot go on with version 2" in refused.value.message
    assert (shared.run(run).version, shared.run(run).attempt, shared.steps(run)) == (1, 1, was)


def test_everything_that_stands_in_the_way_is_told_at_once(shared: World) -> None:
    run = failed(shared, VALUES, OUT, FIRST, fail("sum"), name="Both")
    shared.apply(process(data("in"), data("out"), wait("sum"), name="Both"))

    with pytest.raises(Invalid) as refused:
        shared.restart(run, "sum", takes_latest=True)

    assert refused.value.message.count("; ") >= 2


def test_names_and_places_may_change_before_the_restart_point(shared: World) -> None:
    run = failed(shared, VALUES, OUT, FIRST, fail("sum"), name="Renamed")
    renamed = {**FIRST, "name": "The first"}

    latest(shared, run, "sum", VALUES, OUT, renamed, wait("sum"), name="Renamed")

    assert shared.step(run, "first").name == "The first"
    assert shared.run(run).outcome is Outcome.SUCCESS


def test_constants_of_steps_that_run_again_begin_with_the_newer_value_and_inputs_stay(shared: World) -> None:
    told = python("told", "raise ValueError('bug')")
    run = failed(shared, VALUES, told, name="Constants", month="1994-01")
    newer = data("in", item("month", "String", "INPUT", value="2000-01"), item("rate", "Number", value=4),
                 item("extra", "String", value="more"))  # fmt: skip
    says = python("told", "message(inputs['m'] + ' ' + str(inputs['r']) + ' ' + inputs['e'])",
                  inputs={"m": "${in.month}", "r": "${in.rate}", "e": "${in.extra}"})  # fmt: skip

    latest(shared, run, "in", newer, says, name="Constants")
    assert shared.step(run, "told").message == "1994-01 4 more"

    shared.restart(run, "in")
    shared.wait(run)
    assert shared.step(run, "told").message == "1994-01 4 more"


def test_an_input_that_the_run_cannot_have_is_told_before_it_is_queued(shared: World) -> None:
    run = failed(shared, VALUES, fail("sum"), name="Lacks")
    newer = data("in", item("month", "Number", "INPUT", value=1), item("ledger", "File", "INPUT", required=True),
                 item("who", "String", "INPUT", required=True))  # fmt: skip
    shared.apply(process(newer, wait("sum"), name="Lacks"))

    with pytest.raises(Invalid) as refused:
        shared.restart(run, "in", takes_latest=True)

    for text in ('property "month" does not take', 'property "ledger" needs a file', 'property "who" needs a value'):
        assert text in refused.value.message


def test_what_must_not_happen_twice_is_released_by_name_whatever_the_newer_version_calls_it(
    shared: World, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    pay = python("pay", mark(log, "paid"), effect="once")
    run = failed(shared, wait("a"), pay, fail("sum"), name="Once")
    softer = {**pay, "effect": "idempotent"}
    shared.apply(process(wait("a"), softer, wait("sum"), name="Once"))
    with pytest.raises(Invalid, match=r"must not happen twice .effect: once. and has begun before"):
        shared.restart(run, "pay", takes_latest=True)
    shared.apply(process(wait("a"), {**pay, "key": "pay2"}, wait("sum"), name="Once"))
    with pytest.raises(Invalid, match="release it by name to restart: pay"):
        shared.restart(run, "a", takes_latest=True)
    assert marks(log) == ["paid"]

    shared.restart(run, "a", frozenset({"pay"}), takes_latest=True)

    assert shared.wait(run).outcome is Outcome.SUCCESS
    assert marks(log) == ["paid", "paid"]


def test_a_step_that_is_gone_or_disabled_cannot_be_the_restart_point(shared: World) -> None:
    run = failed(shared, wait("a"), fail("sum"), name="Point")
    shared.apply(process(wait("a"), name="Point"))
    with pytest.raises(Invalid, match="it has no step sum"):
        shared.restart(run, "sum", takes_latest=True)

    shared.apply(process(wait("a"), {**wait("sum"), "enabled": False}, name="Point"))
    with pytest.raises(Invalid, match=r'step 1\.2 "sum" is disabled in it'):
        shared.restart(run, "sum", takes_latest=True)


def test_the_history_says_which_version_and_the_settings_of_the_process_are_the_newer_ones(shared: World) -> None:
    run = failed(shared, fail("sum"), name="Told")
    alert = {"email": "new@example.com"}
    latest(shared, run, "sum", fail("sum"), name="Told", alert=alert, description="newer")

    (restarted,) = [row for row in shared.history(run) if row.kind is HistoryKind.RESTARTED]
    assert (restarted.detail["versionBefore"], restarted.detail["version"]) == (1, 2)
    assert (shared.run(run).alert_email, shared.run(run).description) == ("new@example.com", "newer")


def test_a_step_that_comes_back_in_a_later_version_begins_anew(shared: World) -> None:
    file = python("make", "outputs.file('f').write_text('x')", outputs={"f": "${out.f}"})
    run = failed(shared, wait("a"), OUT, file, fail("sum"), name="Back")
    latest(shared, run, "a", wait("a"), fail("sum"), name="Back")
    assert list(shared.steps(run)) == ["a", "sum"]

    latest(shared, run, "a", wait("a"), OUT, wait("make"), wait("sum"), name="Back")

    assert shared.run(run).outcome is Outcome.SUCCESS
    assert shared.value(run, "out.f") is None


def test_a_run_of_the_newest_version_is_simply_restarted(shared: World) -> None:
    run = failed(shared, fail("sum"), name="Newest")

    shared.restart(run, "sum", takes_latest=True)

    assert (shared.wait(run).attempt, shared.run(run).version) == (2, 1)


def test_the_restart_point_may_have_moved_to_another_place(shared: World) -> None:
    text = process(VALUES, OUT, FIRST, fail("sum"), name="Places")
    run = shared.begin(text)
    shared.wait(run)
    newer = json.loads(process(VALUES, OUT, FIRST, name="Places"))
    newer["groups"].append({"group": "Sums", "steps": [wait("before"), {**wait("sum"), "name": "Sum up"}]})

    shared.apply(json.dumps(newer))
    with pytest.raises(Invalid, match=r'step 2\.1 "before" is new and would not run'):
        shared.restart(run, "sum", takes_latest=True)
    shared.restart(run, "first", takes_latest=True)
    shared.wait(run)

    assert [(step.order, step.name) for step in shared.steps(run).values()][3:] == [
        ("2.1", "before"),
        ("2.2", "Sum up"),
    ]
    assert shared.run(run).outcome is Outcome.SUCCESS


def test_a_restart_from_a_later_step_does_not_spoil_one_from_an_earlier_step(shared: World, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = python("first", mark(log, "first") + "outputs['n'] = 41", outputs={"n": "${out.n}"})
    says = python("sum", "message(str(inputs['n']))", inputs={"n": "${out.n}"})
    run = failed(shared, OUT, first, fail("sum"), name="Twice")
    latest(shared, run, "sum", OUT, first, says, name="Twice")

    shared.restart(run, "first")
    shared.wait(run)

    assert marks(log) == ["first", "first"]
    assert shared.step(run, "sum").message == "41"
    assert (shared.run(run).outcome, shared.run(run).attempt, shared.run(run).version) == (Outcome.SUCCESS, 3, 2)


def test_a_step_for_failures_that_ran_is_undone_by_the_restart(shared: World) -> None:
    rescue = {**wait("rescue"), "when": {"failed": "sum"}}
    run = failed(shared, wait("a"), fail("sum"), rescue, name="Rescue")
    assert shared.step(run, "rescue").status is StepStatus.SUCCESS

    latest(shared, run, "sum", wait("a"), wait("sum"), rescue, name="Rescue")

    assert shared.step(run, "rescue").status is StepStatus.SKIPPED
    assert shared.run(run).outcome is Outcome.SUCCESS
