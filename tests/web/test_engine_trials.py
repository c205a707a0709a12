"""Decisions and questions tried from the designer: what would happen is said, and nothing does."""

from __future__ import annotations

import pytest

from tests.api.house import House
from tests.web.account_site import Visitor, visitor
from tests.web.test_try_step import apply, tries

PROCESS = """
process: Closing
groups:
  - group: All
    steps:
      - data: Results
        properties:
          - {name: Count, type: Number, flow: INPUT, value: 3}
          - {name: Path, type: Dropdown, options: [none, review], flow: OUTPUT}
          - {name: Report, type: File, flow: INPUT}
      - action: decide
        name: Who looks
        with:
          rules:
            - {name: Many, when: {at_least: {property: results.count, value: 10}}, set: {results.path: none}}
            - {name: Some, when: {at_least: {property: results.count, value: 1}}, set: {results.path: review}}
      - action: approve
        name: Agreed
        with:
          title: Post it?
          shows: ["${results.count}", "${results.report}"]
          who: {user: mate}
          before: 4h
      - action: approve
        name: Agreed by two
        with: {title: Post it?, who: {group: Nobody}, at_least: 2}
"""


@pytest.fixture
def visit(home: House) -> Visitor:
    return visitor(home)


def test_a_decision_is_judged_by_the_values_that_are_given(home: House, visit: Visitor) -> None:
    said = tries(visit, apply(home, PROCESS), "1.2")

    assert 'Some: results.path = "review"' in said and "Path review" in said
    assert "Every other step is taken to have succeeded" in said
    assert "Nothing was published, written or sent." in said


def test_what_a_decision_takes_for_empty_is_told(home: House, visit: Visitor) -> None:
    """A system variable is filled in when a run starts: without a word, another rule would decide there."""
    text = PROCESS.replace("value: 3}", "}\n          - {name: By, type: SystemVariable, variable: USERNAME}")
    text = text.replace(
        "{at_least: {property: results.count, value: 10}}", "{equals: {property: results.by, value: x}}"
    )

    said = tries(visit, apply(home, text.replace("at_least: {property", "not_equals: {property", 1)), "1.2")

    assert "Judged as empty, and perhaps filled in a run: results.by, results.count." in said


def test_a_question_says_whom_it_would_ask_and_what_they_would_sign(home: House, visit: Visitor) -> None:
    said = tries(visit, apply(home, PROCESS), "1.3")

    assert "It would ask “Post it?” and wait." in said
    assert "Signed: Count, 3 Signed: Report, empty so far" in said
    assert "Asked now: mate (mate); one of them decides." in said
    assert "After 4h, those who have not decided are mailed again." in said
    # It was only said: nobody has anything to decide.
    assert "To decide" not in visitor(home, "mate").open("/")


def test_a_question_that_nobody_could_ever_decide_is_told_before_it_waits(home: House, visit: Visitor) -> None:
    said = tries(visit, apply(home, PROCESS), "1.4")

    assert "It ends with remarks" in said
    assert "Asked now: nobody" in said and "So few people cannot decide it: the run would wait for ever." in said
