"""Mistakes deep in an action's settings: each at its own place, with the nearest right name."""

from __future__ import annotations

from typing import Any

import pytest

from procession import actions
from procession.model import process_file
from procession.model.process_file import documents
from procession.model.process_file.documents import FileMistakes

FILE = """process: Check
groups:
  - group: Inputs
    steps:
      - data: Files
        properties:
          - {name: Ledger, type: File, flow: INPUT}
          - {name: Bank, type: File, flow: INPUT}
          - {name: Unpaid, type: File, flow: OUTPUT}
  - group: Check
    steps:
      - action: reconcile
        name: Match
        with:
          left: ${files.ledger}
          right: {file: "${files.bank}", delimiter: ";"}
          amount: amount
          rules:
            - name: Exact
              equal: [invoice]
            - name: Near
              equal: [{left: account, right: to}]
              tolerance: 0.5
              choose: nearest
          outputs:
            only_left: ${files.unpaid}
"""
WITH = ("groups", 1, "steps", 0, "with")
ACTIONS = actions.registry()


def found(*changes: tuple[str, str]) -> list[tuple[Any, str]]:
    """Where below the settings, and what."""
    text = FILE
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    with pytest.raises(FileMistakes) as caught:
        process_file.parse(text, actions=ACTIONS)
    assert all(mistake.path[: len(WITH)] == WITH for mistake in caught.value.mistakes)
    return [(mistake.path[len(WITH) :], mistake.message) for mistake in caught.value.mistakes]


def test_the_file_is_right() -> None:
    assert process_file.parse(FILE, actions=ACTIONS).name == "Check"


@pytest.mark.parametrize(
    ("before", "after", "path", "message"),
    [
        ("choose: nearest", "chose: nearest", ("rules", 1, "chose"), 'did you mean "choose"?'),
        ("choose: nearest", "choose: neerest", ("rules", 1, "choose"), 'did you mean "nearest"?'),
        ("choose: nearest", "choose: random", ("rules", 1, "choose"), 'it is one of "nearest", "only"'),
        ("delimiter", "delimeter", ("right", "delimeter"), 'did you mean "delimiter"?'),
        ("right: to", "rihgt: to", ("rules", 1, "equal", 0, "rihgt"), 'did you mean "right"?'),
        ("only_left:", "onlyleft:", ("outputs", "onlyleft"), 'did you mean "only_left"?'),
        ("left: account, right: to", "left: account", ("rules", 1, "equal", 0, "right"), 'it needs "right"'),
        ("- name: Exact\n              ", "- ", ("rules", 0, "name"), 'rules 1: it needs "name"'),
        ("tolerance: 0.5", "tolerance: [0.5]", ("rules", 1, "tolerance"), "Expected"),
        ("tolerance: 0.5", "tolerance: -1", ("rules", 1, "tolerance"), "must be zero or more"),
        ("tolerance: 0.5", "days: 3", ("rules", 1, "days"), 'needs "date"'),
        ("${files.unpaid}", "{to: '${files.unpaid}', as: x.pdf}", ("outputs", "only_left", "as"), ".pdf"),
        ("amount: amount", "amount: amount\n          totals_by: month", ("totals_by",), "means nothing without"),
        ("          amount: amount\n", "", ("amount",), 'the settings need "amount"'),
        ("${files.ledger}", "${files.leger}", ("left",), 'did you mean "files.ledger"?'),
        ("${files.bank}", "${files.banck}", ("right", "file"), 'did you mean "files.bank"?'),
    ],
)
def test_a_mistake_is_at_its_place(before: str, after: str, path: tuple[Any, ...], message: str) -> None:
    ((place, said),) = found((before, after))

    assert place == path and message in said


def test_several_mistakes_of_one_setting_are_told_at_once() -> None:
    told = found(("equal: [invoice]", "equl: [invoice]"), ("choose: nearest", "chose: nearest"))

    assert [place for place, _ in told] == [("rules", 0, "equl"), ("rules", 1, "chose")]


def test_the_line_is_that_of_the_mistake() -> None:
    with pytest.raises(FileMistakes) as caught:
        process_file.parse(FILE.replace("choose", "chose"), actions=ACTIONS)

    (mistake,) = caught.value.mistakes
    assert FILE.splitlines()[mistake.line - 1][mistake.column - 1 :].startswith("choose")


@pytest.mark.parametrize("kind", sorted(ACTIONS))
def test_every_example_of_an_action_is_right(kind: str) -> None:
    for example in ACTIONS[kind].examples:
        document = documents.Document(data={"with": dict(example.settings)})
        process_file.settings.convert(document, ("with",), dict(example.settings), ACTIONS[kind])

        assert not document.mistakes
