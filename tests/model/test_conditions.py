"""Three-valued logic: Kleene's tables, and which failure is blamed for a condition that cannot hold."""

from __future__ import annotations

from itertools import product

import pytest

from procession.model import conditions
from procession.model.conditions import Facts
from procession.model.lifecycle import StepStatus
from procession.model.processes import Atom, AtomKind, Join, Junction, Value

YES, NO = Atom(kind=AtomKind.SUCCEEDED, subject="good"), Atom(kind=AtomKind.SUCCEEDED, subject="bad")
UNKNOWN, LATER = Atom(kind=AtomKind.SUCCEEDED, subject="left"), Atom(kind=AtomKind.SUCCEEDED, subject="busy")
TRUTHS = {YES: True, NO: False, UNKNOWN: None}


def facts(*, may_read: bool = True, **values: Value) -> Facts:
    ends = {
        "good": StepStatus.SUCCESS,
        "bad": StepStatus.FAILED,
        "warned": StepStatus.WARNING,
        "left": StepStatus.SKIPPED,
        "busy": StepStatus.RUNNING,
    }
    causes = {"bad": "step bad failed"}
    return Facts(
        ends=ends, causes=causes, values={f"d.{key}": value for key, value in values.items()},
        updated={"d.file"}, may_read_properties=may_read,
    )  # fmt: skip


@pytest.mark.parametrize(("left", "right"), list(product(TRUTHS, repeat=2)))
def test_all_and_any_follow_kleene(left: Atom, right: Atom) -> None:
    both = {TRUTHS[left], TRUTHS[right]}
    every = False if False in both else None if None in both else True
    some = True if True in both else None if None in both else False

    assert conditions.judge(Junction(join=Join.ALL, parts=(left, right)), facts()).truth is every
    assert conditions.judge(Junction(join=Join.ANY, parts=(left, right)), facts()).truth is some


@pytest.mark.parametrize(("atom", "truth"), [(YES, False), (NO, True), (UNKNOWN, None), (LATER, None)])
def test_not_turns_what_is_known(atom: Atom, truth: bool | None) -> None:
    assert conditions.judge(Junction(join=Join.NOT, parts=(atom,)), facts()).truth is truth


@pytest.mark.parametrize(("join", "decides"), [(Join.ANY, YES), (Join.ALL, NO)])
def test_what_decides_alone_does_not_wait(join: Join, decides: Atom) -> None:
    assert conditions.judge(Junction(join=join, parts=(LATER, decides)), facts()).truth is (decides is YES)


@pytest.mark.parametrize(("join", "other"), [(Join.ALL, YES), (Join.ANY, NO)])
def test_what_does_not_decide_waits(join: Join, other: Atom) -> None:
    verdict = conditions.judge(Junction(join=join, parts=(LATER, other)), facts())

    assert verdict.truth is None and verdict.is_pending


def test_a_failure_is_blamed_and_a_part_without_one_goes_first() -> None:
    skipped = Atom(kind=AtomKind.SKIPPED, subject="good")

    assert conditions.judge(Junction(join=Join.ALL, parts=(YES, NO)), facts()).cause == "step bad failed"
    assert conditions.judge(Junction(join=Join.ALL, parts=(NO, skipped)), facts()).cause == ""
    assert conditions.judge(Junction(join=Join.ANY, parts=(NO, UNKNOWN)), facts()).cause == "step bad failed"


@pytest.mark.parametrize(
    ("kind", "holds_for"),
    [
        (AtomKind.SUCCEEDED, {"good", "warned"}),
        (AtomKind.WARNED, {"warned"}),
        (AtomKind.FAILED, {"bad"}),
        (AtomKind.COMPLETED, {"good", "warned", "bad"}),
        (AtomKind.SKIPPED, {"left"}),
    ],
)
def test_each_atom_names_its_ends(kind: AtomKind, holds_for: set[str]) -> None:
    held = {key for key in facts().ends if conditions.judge(Atom(kind=kind, subject=key), facts()).truth}

    assert held == holds_for


@pytest.mark.parametrize(
    ("kind", "truths"),
    [
        (AtomKind.EQUALS, (False, True, False)),
        (AtomKind.NOT_EQUALS, (True, False, True)),
        (AtomKind.GREATER, (False, False, True)),
        (AtomKind.AT_LEAST, (False, True, True)),
        (AtomKind.LESS, (True, False, False)),
        (AtomKind.AT_MOST, (True, True, False)),
    ],
)
def test_values_are_compared(kind: AtomKind, truths: tuple[bool, ...]) -> None:
    atom = Atom(kind=kind, subject="d.total", value=10)

    assert tuple(conditions.judge(atom, facts(total=total)).truth for total in (9, 10, 11)) == truths


def test_nothing_and_an_empty_text_are_equal_and_have_no_order() -> None:
    for empty, other in product((None, ""), repeat=2):
        atom = Atom(kind=AtomKind.EQUALS, subject="d.name", value=other)
        assert conditions.judge(atom, facts(name=empty)).truth is True
    assert conditions.judge(Atom(kind=AtomKind.LESS, subject="d.total", value=1), facts(total=None)).truth is None


def test_a_box_that_nobody_ticked_is_not_ticked() -> None:
    for kind, value in ((AtomKind.EQUALS, False), (AtomKind.NOT_EQUALS, True)):
        assert conditions.judge(Atom(kind=kind, subject="d.box", value=value), facts(box=None)).truth is True
    assert conditions.judge(Atom(kind=AtomKind.EQUALS, subject="d.box", value=None), facts(box=None)).truth is True


def test_properties_are_read_once_the_steps_are_decided() -> None:
    atom = Atom(kind=AtomKind.UPDATED, subject="d.file")

    assert conditions.judge(atom, facts()).truth is True
    assert conditions.judge(atom, facts(may_read=False)).is_pending


def test_a_condition_names_the_steps_whose_end_it_asks_about() -> None:
    compared = Atom(kind=AtomKind.EQUALS, subject="d.total", value=1)
    condition = Junction(join=Join.ALL, parts=(YES, Junction(join=Join.NOT, parts=(NO,)), compared))

    assert list(conditions.steps_named(condition)) == ["good", "bad"]
    assert list(conditions.steps_named(None)) == []
