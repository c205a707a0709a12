"""What decisions put into a change: the move of a step, and what it writes to properties."""

from __future__ import annotations

from collections.abc import Mapping

from procession.actions.contract import FileOutput, OutputValue
from procession.engine.active_run import ActiveRun
from procession.engine.changes import Change, StepMove
from procession.model import values
from procession.model.errors import Invalid
from procession.model.files import Content
from procession.model.lifecycle import StepEvent, StepStatus, move_step
from procession.store.moves import Move, StepWrite
from procession.store.writes import PropertyWrite

MESSAGE_CHARS_MAX = 4_000

EVENT_OF = {
    StepStatus.SUCCESS: StepEvent.SUCCEED,
    StepStatus.WARNING: StepEvent.WARN,
    StepStatus.FAILED: StepEvent.FAIL,
}


def move(
    change: Change,
    key: str,
    events: tuple[StepEvent, ...],
    write: StepWrite,
    detail: Mapping[str, object] | None = None,
) -> None:
    active = change.active
    status = reached = active.statuses[key]
    for event in events:
        reached = move_step(reached, event)
    found = Move(active.step_ids[key], status, reached, StepEvent.BEGIN in events, write)
    change.moves.append(StepMove(found, detail or {}))
    active.statuses[key] = reached


def written(
    active: ActiveRun, key: str, reference: str, value: OutputValue, contents: Mapping[str, Content]
) -> PropertyWrite:
    row = active.properties.get(reference)
    if row is None or reference not in active.prepared.touches[key].writes:
        raise Invalid(f"this step may not write {reference}")
    base = {"property": row.id, "step": active.step_ids[key], "attempt": active.run.attempt}
    if isinstance(value, FileOutput):
        if row.file is None:
            raise Invalid(f'{reference} is a {row.item.type}, it takes a value and not the file "{value.name}"')
        return PropertyWrite(**base, file_name=value.name, content=contents[reference])  # type: ignore[arg-type]
    return PropertyWrite(**base, value=values.normalise(row.item, value))  # type: ignore[arg-type]


def apply(active: ActiveRun, write: PropertyWrite) -> None:
    reference = next(reference for reference, row in active.properties.items() if row.id == write.property)
    if write.content is not None:
        active.set_file(reference, write.file_name, write.content)
    else:
        active.set_value(reference, write.value)
