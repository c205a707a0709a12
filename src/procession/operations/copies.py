"""A run is a copy of its process: steps, properties, values and template files, with ids of their own."""

from __future__ import annotations

from collections.abc import Mapping

from procession.model import values
from procession.model.errors import Invalid
from procession.model.files import Content
from procession.model.ids import ProcessId
from procession.model.nearest import nearest
from procession.model.processes import Flow, Process, Property, PropertyType, Value
from procession.model.steps import PropertyRow
from procession.store import steps
from procession.store.database import Transaction

# Each is checked and may be named in an error: a body of a megabyte can name many.
INPUTS_MAX = 10_000
MISTAKES_MAX = 20
INPUTS_SHOWN_MAX = 50


def checked(process: Process, inputs: Mapping[str, object]) -> dict[str, Value]:
    """Checks inputs by "step.property". Raises Invalid with every mistake."""
    if len(inputs) > INPUTS_MAX:
        raise Invalid(f"there are {len(inputs):,} inputs, more than {INPUTS_MAX:,}")
    # Most runs are created without inputs, and this is most of their time.
    items = {f"{step.key}.{item.key}": item for step, item in process.properties()} if inputs else {}
    found, mistakes = dict[str, Value](), []
    for reference, raw in inputs.items():
        try:
            found[reference] = _input(items, reference, raw)
        # All mistakes at once: one at a time means one request for each.
        except Invalid as error:
            mistakes.append(error.message)
        # Not after the last input: every commit waits for this one.
        if len(mistakes) == MISTAKES_MAX:
            break
    if mistakes:
        raise Invalid("; ".join(mistakes))
    return found


def _input(items: Mapping[str, Property], reference: str, raw: object) -> Value:
    item = items.get(reference)
    if item is None:
        known = [reference for reference, item in items.items() if item.flow is Flow.INPUT]
        # "Did you mean" or the whole list, never both: the list can be long.
        near = nearest(reference, known)
        hint = f'; did you mean "{near}"?' if near else f"; the inputs are {_listed(known)}"
        raise Invalid(f'there is no input "{reference[:100]}"{hint}')
    if item.flow is not Flow.INPUT or item.type is PropertyType.SYSTEM_VARIABLE:
        raise Invalid(f'property "{reference}" is not an INPUT')
    return values.normalise(item, raw)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - INPUTS_SHOWN_MAX:,} more" if len(names) > INPUTS_SHOWN_MAX else ""
    return (", ".join(names[:INPUTS_SHOWN_MAX]) or "none") + more


def templates(tx: Transaction, process: ProcessId) -> dict[str, PropertyRow]:
    """The File properties of the process by "step.property"; what they hold, each run begins with."""
    return {row.reference: row for row in steps.properties_of_process(tx, process) if row.file is not None}


def content_of(row: PropertyRow) -> Content | None:
    """What the property's file holds; None for an empty one, and for what is no file."""
    if row.file is None or row.file.sha256 is None:
        return None
    return Content(sha256=row.file.sha256, size_bytes=row.file.size_bytes)
