"""Missing INPUTs: refused at the start if the run is sure to need them, else reported by the data step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from procession.model import values
from procession.model.processes import Flow, Process, PropertyType, Step, StepKind
from procession.model.steps import PropertyRow


def is_missing(row: PropertyRow) -> bool:
    """A required INPUT without a value, or without a file."""
    if row.item.flow is not Flow.INPUT:
        return False
    if row.file is not None:
        return row.item.required and row.file.sha256 is None
    return row.item.required and values.is_missing(row.item, row.item.value)


def wanting(process: Process, rows: Sequence[PropertyRow]) -> Iterator[str]:
    """What missing() gives, one text each."""
    names = {step.key: step.name for step in process.steps}
    for row in missing(process, rows):
        what = "a file" if row.item.type is PropertyType.FILE else "a value"
        yield f"{names[row.step_key]} > {row.item.name} needs {what} ({row.reference})"


def missing(process: Process, rows: Sequence[PropertyRow]) -> Iterator[PropertyRow]:
    """Missing INPUTs of the data steps that are sure to run unless an earlier step fails.

    A step that a condition may skip is left out: its inputs may never be asked for.
    """
    # Only what is certain to be needed: refusing a start for an input that a condition skips would stop a month-end
    # for nothing.
    keys = {step.key for step in certain(process) if step.kind is StepKind.DATA}
    return (row for row in rows if row.step_key in keys and is_missing(row))


def certain(process: Process) -> Iterator[Step]:
    """Steps that no condition can skip, directly or through a step they need."""
    unconditional: set[str] = set()
    for step in process.steps:
        is_free = step.enabled and step.when is None and step.skip_when is None
        if is_free and unconditional.issuperset(step.needs or ()):
            unconditional.add(step.key)
            yield step
