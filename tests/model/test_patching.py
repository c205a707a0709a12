"""A step set anew on its own lines: what changed, and nothing else."""

from __future__ import annotations

import copy
import difflib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.model.process_file import documents, editing, patching

FILE = """process: Check
groups:
  - group: Check
    steps:
      # The heart of it
      - action: reconcile   # since 2024
        name: Match

        with:
          left: ${files.ledger}
          right: {file: "${files.bank}", delimiter: ";"}   # from the bank
          # Money
          amount: {left: amount, right: paid}
          rules:
            # The safe one first
            - name: Exact  # the best
              equal: [{left: invoice, right: reference}, account]

            # What is left
            - name: Near
              equal:
              - account  # ours
              - month
              tolerance: 0.50  # half
              # as agreed with the bank
          outputs:
            only_left: ${files.unpaid}
        # said by the auditor
        time_limit: 10m
      - action: wait
        name: Rest
        with: {seconds: 1}
"""
STEP: dict[str, Any] = documents.read(FILE).data["groups"][0]["steps"][0]


def changes(step: dict[str, Any]) -> list[str]:
    """The lines that are no more, and those that are new."""
    text = editing.changed(FILE, "1.1", step)
    assert patching.same(documents.read(text).data["groups"][0]["steps"][0], step)
    found = difflib.unified_diff(FILE.splitlines(), text.splitlines(), n=0, lineterm="")
    return [f"{line[0]} {line[1:].strip()}" for line in found if line[:2] not in {"--", "++", "@@"}]


def edited(*path: Any, to: Any) -> dict[str, Any]:
    step = copy.deepcopy(STEP)
    at: Any = step
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = to
    return step


def rules(*found: Any) -> dict[str, Any]:
    return edited("with", "rules", to=list(found))


def test_what_says_the_same_is_not_touched() -> None:
    assert changes(copy.deepcopy(STEP)) == []


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            edited("with", "rules", 1, "tolerance", to=Decimal("0.25")),
            ["- tolerance: 0.50  # half", "+ tolerance: 0.25  # half"],
        ),
        (edited("with", "rules", 0, "name", to="Same"), ["- - name: Exact  # the best", "+ - name: Same  # the best"]),
        (
            edited("with", "amount", "right", to="sum"),
            ["- amount: {left: amount, right: paid}", "+ amount: {left: amount, right: sum}"],
        ),
        (edited("with", "rules", 1, "equal", 1, to="year"), ["- - month", "+ - year"]),
        (edited("with", "rules", 1, "days", to=3), ["+ days: 3"]),
        (edited("time_limit", to="2h"), ["- time_limit: 10m", "+ time_limit: 2h"]),
        (edited("name", to="1"), ["- name: Match", '+ name: "1"']),
        (edited("with", "totals_by", to="month"), ["+ totals_by: month"]),
    ],
)
def test_a_change_is_on_its_own_lines(step: dict[str, Any], said: list[str]) -> None:
    assert changes(step) == said


def test_a_card_moves_with_its_comments() -> None:
    first, second = STEP["with"]["rules"]
    text = editing.changed(FILE, "1.1", rules(second, first))

    assert sorted(text.split("\n")) == sorted(FILE.split("\n"))
    assert text.index("# What is left") < text.index("name: Near") < text.index("# The safe one") < text.index("Exact")


def test_a_card_is_added_and_taken_away_on_its_own_lines() -> None:
    first, second = STEP["with"]["rules"]

    assert changes(rules(first, second, {"name": "Any", "equal": ["account"]})) == [
        "+ - name: Any",
        "+ equal:",
        "+ - account",
    ]
    assert "- # What is left" in changes(rules(first)) and "- # The safe one first" not in changes(rules(first))
    assert changes(rules(second))[:2] == ["- # The safe one first", "- - name: Exact  # the best"]


@pytest.mark.parametrize(
    "step", [edited("with", to={"seconds": 1}), rules(), edited("with", "left", to={"file": "${files.ledger}"})]
)
def test_a_setting_of_another_kind_is_written_anew_and_those_beside_it_stay(step: dict[str, Any]) -> None:
    assert "- time_limit: 10m" not in changes(step) and "- name: Match" not in changes(step)


@pytest.mark.parametrize("one", [1, Decimal("1.5"), "1", None, [1]])
@pytest.mark.parametrize("other", [True, Decimal("1.50"), "true", "", [Decimal(1)], {}])
def test_values_of_two_types_are_never_the_same(one: Any, other: Any) -> None:
    assert not patching.same({"a": [one]}, {"a": [other]})


NAMES = st.sampled_from(["name", "equal", "a b", "null", "x: y", "7", "#", "- z", "ä"])
LEAVES = st.none() | st.booleans() | st.integers(-99, 99) | st.decimals("-9", "9", places=2) | NAMES
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
SETTINGS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4)


def _file(settings: dict[str, Any]) -> str:
    """With a comment behind each line that can have one."""
    step = {"action": "x", "name": "y", "with": settings}
    text = patching.dumped({"process": "z", "groups": [{"group": "g", "steps": [step]}]})
    lines = [
        f"{line}  # {number}" if "'" not in line and '"' not in line and "|" not in line else line
        for number, line in enumerate(text.splitlines())
    ]
    commented = "\n".join(lines) + "\n"
    return commented if patching.same(documents.read(commented).data, documents.read(text).data) else text


@given(before=SETTINGS, after=SETTINGS, kept=st.sets(NAMES))
def test_any_settings_can_follow_any_others(before: dict[str, Any], after: dict[str, Any], kept: set[str]) -> None:
    wanted = {**after, **{name: before[name] for name in kept & before.keys()}}
    text = _file(before)
    changed = editing.changed(text, "1.1", {"action": "x", "name": "y", "with": wanted})

    assert patching.same(documents.read(changed).data["groups"][0]["steps"][0]["with"], wanted)
    assert editing.changed(text, "1.1", {"action": "x", "name": "y", "with": before}) == text


@given(settings=SETTINGS, value=st.integers(100, 200), data=st.data())
def test_one_value_changed_is_one_line_changed(settings: dict[str, Any], value: int, data: st.DataObject) -> None:
    text = _file({"first": 1, "settings": settings, "last": 2})
    step = documents.read(text).data["groups"][0]["steps"][0]
    at: Any = step["with"]
    at[data.draw(st.sampled_from(["first", "last"]))] = value

    lines = list(zip(text.splitlines(), editing.changed(text, "1.1", step).splitlines(), strict=True))

    assert sum(one != other for one, other in lines) == 1
