"""Which missing INPUTs keep a run from starting: those of steps that no condition may skip."""

from __future__ import annotations

from typing import Any

import pytest

from procession.model import inputs
from procession.model.files import File
from procession.model.ids import DataStepId, FileId, ProcessId, PropertyId
from procession.model.processes import Atom, AtomKind, Flow, Process, Property, PropertyType, Step, StepKind
from procession.model.steps import PropertyRow

ASKS = Atom(kind=AtomKind.SUCCEEDED, subject="work")


def data(key: str, **more: Any) -> Step:
    return Step(key=key, name=key.title(), kind=StepKind.DATA, order="1.1", group="G", **more)


def work(key: str = "work", **more: Any) -> Step:
    return Step(key=key, name=key, kind=StepKind.ACTION, order="1.1", group="G", action="wait", **more)


def row(number: int, step: str, kind: PropertyType = PropertyType.STRING, **more: Any) -> PropertyRow:
    fields: dict[str, Any] = {"flow": Flow.INPUT, "required": True, **more}
    sha256 = fields.pop("sha256", None)
    item = Property(key="a", name="Ledger", type=kind, **fields)
    file = None
    if kind is PropertyType.FILE:
        owner = PropertyId(number)
        file = File(
            id=FileId(number), property=owner, process=ProcessId(1), run=None, name="", sha256=sha256, size_bytes=0
        )
    return PropertyRow(id=PropertyId(number), step=DataStepId(number), step_key=step, item=item, file=file)


def wanting(*steps: Step, kind: PropertyType = PropertyType.STRING, **more: Any) -> list[str]:
    """Of a process whose n-th step has the id ds-n, and an INPUT where it is a data step."""
    rows = [row(number, step.key, kind, **more) for number, step in enumerate(steps) if step.kind is StepKind.DATA]
    return list(inputs.wanting(Process(name="P", steps=steps), rows))


def test_a_missing_value_and_a_missing_file_are_told_by_step_and_property() -> None:
    assert wanting(data("files"), data("month")) == [
        "Files > Ledger needs a value (files.a)",
        "Month > Ledger needs a value (month.a)",
    ]
    assert wanting(data("files"), kind=PropertyType.FILE) == ["Files > Ledger needs a file (files.a)"]


@pytest.mark.parametrize(
    "more",
    [{"value": "x"}, {"required": False}, {"flow": Flow.OUTPUT}, {"kind": PropertyType.FILE, "sha256": "ab"}],
)
def test_what_is_filled_or_need_not_be_is_not_told(more: dict[str, Any]) -> None:
    assert wanting(data("files"), **more) == []


@pytest.mark.parametrize("more", [{"when": ASKS}, {"skip_when": ASKS}, {"enabled": False}])
def test_a_step_that_may_be_skipped_is_not_asked_for_its_inputs(more: dict[str, Any]) -> None:
    assert wanting(work(), data("files", **more)) == []


def test_a_step_that_needs_one_that_may_be_skipped_is_not_asked_either() -> None:
    steps = (work(), work("maybe", skip_when=ASKS), work("behind", needs=("maybe",)), data("files", needs=("behind",)))

    assert wanting(*steps) == []


def test_a_plain_list_goes_on_behind_a_skipped_step_so_its_inputs_are_needed() -> None:
    assert wanting(work(), work("maybe", skip_when=ASKS), data("files")) == ["Files > Ledger needs a value (files.a)"]
    assert wanting(work(), data("files", needs=("work",))) == ["Files > Ledger needs a value (files.a)"]
