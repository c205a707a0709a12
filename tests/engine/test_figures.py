"""Figures of steps: exact, kept with each attempt, and compared with the run before."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from procession.actions.contract import StepOutcome
from procession.engine.isolation import codec, frames
from procession.engine.isolation.contract import Done
from procession.engine.isolation.frames import Finished
from procession.model import figures
from procession.model.figures import ComparedFigure, EarlierFigures, Figures, compare
from procession.model.ids import RunId
from procession.model.lifecycle import StepStatus
from procession.operations import steps
from procession.store import history
from tests.engine.conftest import OPEN
from tests.engine.steps import StepText, data, item, process
from tests.engine.world import World

EXACT: Figures = {"rows": 3, "big": 10**30, "total": Decimal("-0.10"), "none": Decimal("0.00")}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("figures"), isolation=OPEN)
    made.engine.start()
    yield made
    made.close()


def text(name: str, *more: StepText) -> str:
    numbers = data("d", item("n", flow="INPUT", value=2), item("f", "File", "NONE"))
    settings = {
        "inputs": {"n": "${d.n}"},
        "sql": "CREATE TABLE rows AS FROM range($n); SELECT 1 AS one",
        "outputs": {"rows": "${d.f}"},
    }
    return process(numbers, {"action": "run_sql", "name": "count", "key": "count", "with": settings}, *more, name=name)


def of_step(world: World, run: RunId) -> tuple[Figures, EarlierFigures | None]:
    with world.db.read() as tx:
        return steps.figures(tx, world.step(run, "count"))


def test_figures_are_kept_with_the_attempt_and_told_by_the_history(world: World) -> None:
    run = world.begin(text("Kept"))

    world.wait(run)

    with world.db.read() as tx:
        assert [attempt.figures for attempt in history.attempts_of_run(tx, run)] == [{"rows_out.rows": 2}]
    told = [row.detail["figures"] for row in world.history(run) if "figures" in row.detail]
    assert told == [{"rows_out.rows": "2"}]


def test_a_step_is_compared_with_the_last_run_in_which_it_ended_well(world: World) -> None:
    applied = world.apply(text("Compared"))
    runs = [world.create(applied, {"d.n": n}).id for n in (5, 0, 7)]
    for run in runs:
        world.start(run)
        world.wait(run)

    first, before_first = of_step(world, runs[0])
    last, before_last = of_step(world, runs[2])

    assert (first, before_first) == ({"rows_out.rows": 5}, None)
    assert before_last is not None
    assert (last, before_last.run, before_last.figures) == ({"rows_out.rows": 7}, runs[1], {"rows_out.rows": 0})


def test_a_step_that_has_not_run_has_none(world: World) -> None:
    run = world.create(world.apply(text("New"))).id

    assert of_step(world, run) == ({}, None)


def test_figures_travel_to_the_last_digit() -> None:
    done = Done(outcome=StepOutcome(status=StepStatus.SUCCESS, figures=EXACT))

    came = frames.decode(frames.encode(Finished(done=done, job=1, reusable=True)))

    assert isinstance(came, Finished)
    assert {name: figures.text(one) for name, one in came.done.outcome.figures.items()} == {
        "rows": "3",
        "big": "1" + "0" * 30,
        "total": "-0.10",
        "none": "0.00",
    }
    assert figures.encode(figures.decode(figures.encode(EXACT))) == figures.encode(EXACT)


@pytest.mark.parametrize("wrong", [{"n": Decimal("NaN")}, {"n": 1.5}, {"n": "text"}, {"": 1}, {"n" * 300: 1}])
def test_what_is_no_figure_ends_the_attempt_in_words(wrong: Figures) -> None:
    done = Done(outcome=StepOutcome(status=StepStatus.SUCCESS, figures=wrong))

    with pytest.raises(codec.Malformed):
        frames.decode(frames.encode(Finished(done=done, job=1, reusable=True)))


def test_a_change_is_the_exact_difference() -> None:
    earlier = EarlierFigures(run=RunId(1), run_name="May", figures={"total": Decimal("0.30")})

    found = compare({"total": Decimal("0.10"), "new": 2}, earlier)

    assert [(one.shown_now, one.shown_before, one.shown_change) for one in found] == [
        ("0.10", "0.30", "-0.20"),
        ("2", "-", "-"),
    ]
    assert found[1] == ComparedFigure(name="new", now=2, before=None)


def test_a_change_of_long_figures_keeps_every_digit() -> None:
    earlier = EarlierFigures(run=RunId(1), run_name="May", figures={"total": Decimal("1" * 30)})

    (found,) = compare({"total": Decimal("1" * 30 + ".0001")}, earlier)

    assert found.shown_change == "0.0001"
