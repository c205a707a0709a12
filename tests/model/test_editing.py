"""Changes of a process file on its lines: what was meant is what it says, and all else stays as it was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.model.errors import Invalid
from procession.model.process_file import documents, editing, outlines
from procession.model.process_file.documents import FileMistakes

FILE = """# The close of a month
process: Month end   # its name
groups:
  - group: Inputs
    steps:
      # What people fill in
      - data: Parameters
        properties:
          - {name: Amount, type: Number, flow: INPUT}  # in EUR

      - action: wait
        name: Settle
        with:
          seconds: 1
  - group: Work
    steps:
    - action: run_python
      name: Pay
      key: pay
      with:
        code: |
          # not a comment of the file
          x = 1

          # nor this
    - {action: wait, name: Rest, with: {seconds: "1"}}
# the end
concurrency: 2
"""
EXAMPLE = (Path(__file__).parents[2] / "examples" / "standing-orders" / "process.yaml").read_text("utf-8")
WAIT: dict[str, Any] = {"action": "wait", "name": "Pause", "with": {"seconds": 2}}
ORDERS = ("1.1", "1.2", "2.1", "2.2")


def data(text: str) -> Any:
    return documents.read(text).data


def steps(text: str) -> list[str]:
    return [f"{step.order} {step.name}" for group in outlines.outline(text) for step in group.steps]


def test_an_outline_is_there_whatever_is_wrong_with_a_step() -> None:
    broken = FILE.replace("seconds: 1", "secs: [").replace("[", "x").replace("action: wait", "actoin: wait", 1)

    assert [step.split()[0] for step in steps(broken)] == ["1.1", "1.2", "2.1", "2.2"]
    assert [group.name for group in outlines.outline(broken)] == ["Inputs", "Work"]
    assert [step.key for group in outlines.outline(FILE) for step in group.steps] == [
        "parameters",
        "settle",
        "pay",
        "rest",
    ]


@pytest.mark.parametrize("text", ["groups: 5", "groups: [1, null]", "groups: [{steps: {}}]", "[]", "x", ""])
def test_a_text_without_steps_has_none(text: str) -> None:
    assert [step for group in outlines.outline(text) for step in group.steps] == []
    with pytest.raises(Invalid, match=r"no step 1\.1"):
        editing.deleted(text, "1.1")


def test_a_file_that_cannot_be_read_says_where() -> None:
    with pytest.raises(FileMistakes, match="this is not YAML"):
        outlines.outline("process: [")


def test_a_step_moves_with_its_comment_and_nothing_else_changes() -> None:
    moved, place = editing.moved(FILE, "1.1", is_up=False)

    assert place == "1.2"
    assert steps(moved)[:2] == ["1.1 Settle", "1.2 Parameters"]
    assert sorted(moved.split("\n")) == sorted(FILE.split("\n"))
    assert editing.moved(moved, "1.2", is_up=True) == (FILE, "1.1")


def test_a_step_moves_over_the_edge_of_its_group_at_the_indent_of_its_new_place() -> None:
    moved, place = editing.moved(FILE, "1.2", is_up=False)

    assert (place, steps(moved)) == ("2.1", ["1.1 Parameters", "2.1 Settle", "2.2 Pay", "2.3 Rest"])
    assert "    - action: wait\n      name: Settle\n" in moved
    assert editing.lost_comments(FILE, moved) == 0
    assert data(editing.moved(moved, "2.1", is_up=True)[0]) == data(FILE)


@pytest.mark.parametrize(("order", "is_up", "said"), [("1.1", True, "is the first"), ("2.2", False, "is the last")])
def test_beyond_the_ends_there_is_no_place(order: str, is_up: bool, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        editing.moved(FILE, order, is_up=is_up)


def test_a_group_keeps_one_step() -> None:
    alone = editing.deleted(FILE, "1.1")

    for change in (lambda: editing.deleted(alone, "1.1"), lambda: editing.moved(alone, "1.1", is_up=False)):
        with pytest.raises(Invalid, match="the only one of its group"):
            change()


@pytest.mark.parametrize("order", ORDERS)
def test_a_step_is_deleted_with_its_comment_and_nothing_else(order: str) -> None:
    left = editing.deleted(FILE, order)

    group, place = (int(part) - 1 for part in order.split("."))
    wanted = data(FILE)
    del wanted["groups"][group]["steps"][place]
    assert data(left) == wanted
    assert "# The close of a month" in left and "# the end\nconcurrency: 2" in left
    assert ("# What people fill in" in left) == (order != "1.1")


@pytest.mark.parametrize("order", ORDERS)
def test_a_step_is_added_after_another(order: str) -> None:
    text = editing.added(FILE, order, WAIT)

    assert len(steps(text)) == 5
    group, place = (int(part) for part in order.split("."))
    assert f"{group}.{place + 1} Pause" in steps(text)
    assert editing.lost_comments(FILE, text) == 0


def test_a_copy_has_a_name_and_a_key_of_its_own() -> None:
    twice = editing.copied(editing.copied(FILE, "2.1"), "2.1")

    names = [(step.name, step.key) for step in outlines.outline(twice)[1].steps]
    assert names == [("Pay", "pay"), ("Pay 3", "pay_3"), ("Pay 2", "pay_2"), ("Rest", "rest")]
    assert data(twice)["groups"][1]["steps"][1]["with"] == data(FILE)["groups"][1]["steps"][0]["with"]


@pytest.mark.parametrize("order", ORDERS)
def test_a_step_set_anew_says_exactly_that(order: str) -> None:
    step = {"action": "run_python", "name": "A: b # c", "with": {"code": "x = '''\n\n# y\n'''\n", "n": "007"}}

    text = editing.changed(FILE, order, step)

    group, place = (int(part) - 1 for part in order.split("."))
    wanted = data(FILE)
    wanted["groups"][group]["steps"][place] = step
    assert data(text) == wanted
    assert "# The close of a month" in text


def test_json_is_written_anew_and_says_what_was_meant() -> None:
    text = json.dumps(data(FILE))

    added = editing.added(text, "1.2", WAIT)

    wanted = data(FILE)
    wanted["groups"][0]["steps"].append(WAIT)
    assert data(added) == wanted
    assert outlines.spans(text) == []


def test_lost_comments_are_counted() -> None:
    commented = FILE.replace("          seconds: 1\n", "          seconds: 1  # because\n", 1)

    kept = editing.changed(commented, "1.2", WAIT)
    lost = editing.changed(commented, "1.2", WAIT | {"with": {"until": "now"}})

    assert "seconds: 2  # because" in kept and editing.lost_comments(commented, kept) == 0
    assert editing.lost_comments(commented, lost) == 1
    assert editing.lost_comments(FILE, FILE.replace("          # not a comment of the file\n", "")) == 0


def test_each_line_of_a_step_is_known() -> None:
    lines = FILE.splitlines()

    for order, first, end in outlines.spans(FILE):
        assert lines[first - 1].lstrip().startswith("-"), order
        assert lines[end - 2].strip(), order
    assert [order for order, _, _ in outlines.spans(EXAMPLE)] == [step.split()[0] for step in steps(EXAMPLE)]


@pytest.mark.parametrize("order", ["", "1", "0.1", "1.0", "x.y", "9.9", "1.1.1", "\u0661.1", "1" * 30])
def test_a_number_that_no_step_has_is_refused(order: str) -> None:
    with pytest.raises(Invalid, match=r"no number of a step|there is no step"):
        editing.deleted(FILE, order)


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(order=st.sampled_from(ORDERS), step=st.dictionaries(NAMES, VALUES, max_size=4))
def test_whatever_a_step_says_it_is_read_again(order: str, step: dict[str, Any]) -> None:
    step = {"action": "wait", "name": "x", **step}

    text = editing.changed(FILE, order, step)

    group, place = (int(part) - 1 for part in order.split("."))
    assert data(text)["groups"][group]["steps"][place] == step


@given(
    changes=st.lists(
        st.tuples(st.sampled_from(["up", "down", "copy", "delete", "add"]), st.sampled_from(ORDERS)), max_size=8
    )
)
def test_any_order_of_changes_leaves_a_file_with_all_that_is_outside_of_steps(changes: list[tuple[str, str]]) -> None:
    text = FILE
    for change, order in changes:
        try:
            if change in {"up", "down"}:
                text, _ = editing.moved(text, order, is_up=change == "up")
            elif change == "add":
                text = editing.added(text, order, WAIT)
            else:
                text = {"copy": editing.copied, "delete": editing.deleted}[change](text, order)
        except Invalid:
            continue

    assert text.startswith("# The close of a month\nprocess: Month end   # its name\n")
    assert text.endswith("# the end\nconcurrency: 2\n")
