"""A run is a copy of its process: steps, properties, values and template files, with ids of their own."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from procession.model import values
from procession.model.errors import Invalid
from procession.model.files import Content
from procession.model.ids import ProcessId, RunId
from procession.model.processes import Flow, Process, PropertyType
from procession.model.steps import PropertyRow
from procession.operations import processes
from procession.store import files, steps
from procession.store import processes as store
from procession.store.database import Transaction

INPUTS_MAX = 10_000
MISTAKES_SHOWN_MAX = 20


def with_inputs(process: Process, inputs: Mapping[str, object]) -> Process:
    """The process with these values, by "step.property". Raises Invalid with everything that is wrong with them."""
    if len(inputs) > INPUTS_MAX:
        raise Invalid(f"there are {len(inputs):,} inputs, more than {INPUTS_MAX:,}")
    mistakes = []
    for reference, raw in inputs.items():
        try:
            process = _with_input(process, reference, raw)
        except Invalid as error:
            mistakes.append(error.message)
    if mistakes:
        raise Invalid("; ".join(mistakes[:MISTAKES_SHOWN_MAX]))
    return process


def _with_input(process: Process, reference: str, raw: object) -> Process:
    item = process.property(reference)
    if item is None:
        known = [f"{step.key}.{item.key}" for step, item in process.properties() if item.flow is Flow.INPUT]
        near = get_close_matches(reference, known, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else f"; the inputs are {', '.join(known) or 'none'}"
        raise Invalid(f'there is no input "{reference[:100]}"{hint}')
    if item.flow is not Flow.INPUT or item.type is PropertyType.SYSTEM_VARIABLE:
        raise Invalid(f'property "{reference}" is not an INPUT')
    return processes.with_property(process, reference, value=values.normalise(item, raw))


def next_number(tx: Transaction, process: ProcessId) -> int:
    """The number in the name of the process's next run."""
    return store.count_run(tx, process)


def add_steps(tx: Transaction, run: RunId, process_id: ProcessId, process: Process) -> None:
    """The run's own steps; a file that the process holds is the run's file to begin with."""
    for position, step in enumerate(process.steps):
        steps.add(tx, process_id, run, step, position=position)
    held = templates(tx, process_id)
    for key, row in _with_keys(tx, process_id, run):
        template = held.get(_place(row, key))
        content = None if template is None else content_of(template)
        if template is not None and template.file and row.file and (content or template.file.name):
            files.fill(tx, row.file.id, name=template.file.name, content=content)


def templates(tx: Transaction, process: ProcessId) -> dict[str, PropertyRow]:
    """The File properties of the process by "step.property"; what they hold, each run begins with."""
    return {_place(row, key): row for key, row in _with_keys(tx, process, None)}


def _with_keys(tx: Transaction, process: ProcessId, run: RunId | None) -> list[tuple[str, PropertyRow]]:
    """The File properties, each with its step's key."""
    owned = steps.of_process(tx, process) if run is None else steps.of_run(tx, run)
    rows = steps.properties_of_process(tx, process) if run is None else steps.properties_of_run(tx, run)
    keys = {step.id: step.key for step in owned}
    return [(keys[row.step], row) for row in rows if row.file is not None]


def _place(row: PropertyRow, step_key: str) -> str:
    return f"{step_key}.{row.item.key}"


def content_of(row: PropertyRow) -> Content | None:
    """What the property's file holds; None for an empty one, and for what is no file."""
    if row.file is None or row.file.sha256 is None:
        return None
    return Content(sha256=row.file.sha256, size_bytes=row.file.size_bytes)
