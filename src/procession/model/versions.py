"""Compares two versions of a process: what differs, and whether a run can go on with the newer one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from procession.model import values
from procession.model.errors import Invalid
from procession.model.lifecycle import StepStatus
from procession.model.plans import label, later_steps
from procession.model.processes import Flow, Process, Property, PropertyType, Step
from procession.model.steps import PropertyRow

# These may change before the restart point, too: no step depends on them.
_OF_STEP = {
    "kind": "its kind",
    "action": "its action",
    "enabled": "whether it is enabled",
    "settings": "its settings",
    "needs": "what it needs",
    "when": "its condition",
    "skip_when": "its skip condition",
    "time_limit_seconds": "its time limit",
    "retry": "its retries",
    "effect": "its effect",
}
_OF_PROPERTY = {
    "type": "type",
    "flow": "flow",
    "required": "required",
    "value": "value",
    "options": "options",
    "decimal_points": "decimal points",
    "variable": "variable",
}
_OF_PROCESS = {
    "description": "description",
    "alert_email": "alert",
    "alert_sms": "alert",
    "alert_when": "alert",
    "time_limit_seconds": "time limit",
    "runs_at_once": "concurrency",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a run has done: statuses by step key, properties by "step.property"."""

    statuses: Mapping[str, StepStatus]
    properties: Mapping[str, PropertyRow]


def changes(old: Process, new: Process) -> list[str]:
    """All differences that may matter, one text for each step, in the order of the newer version."""
    words = [word for field, word in _OF_PROCESS.items() if getattr(old, field) != getattr(new, field)]
    found = [f"the {word} of the process" for word in dict.fromkeys(words)]
    for step in new.steps:
        before = old.step(step.key)
        if before is None:
            found.append(f"{label(step)} is new")
        elif differing := list(_differing(before, step)):
            found.append(f"{label(step)}: {', '.join(differing)}")
    found += [f"{label(step)} is gone" for step in old.steps if new.step(step.key) is None]
    # A version without any change that matters is worth saying: the restart is then safe.
    if not found and old != new:
        found.append("names, places and looks only")
    return found


def _differing(old: Step, new: Step) -> Iterator[str]:
    yield from (word for field, word in _OF_STEP.items() if _shown(old, field) != _shown(new, field))
    before = {item.key: item for item in old.properties}
    for item in new.properties:
        was = before.pop(item.key, None)
        if was is None:
            yield f'property "{item.key}" is new'
            continue
        words = [word for field, word in _OF_PROPERTY.items() if getattr(was, field) != getattr(item, field)]
        if words:
            yield f'property "{item.key}" ({", ".join(words)})'
    yield from (f'property "{key}" is gone' for key in before)


def _shown(step: Step, field: str) -> object:
    # Two mappings are equal in any order, and columns in another order make another file.
    return msgspec.json.encode(step.settings) if field == "settings" else getattr(step, field)


def obstacles(old: Process, new: Process, key: str, past: Past) -> list[str]:
    """Why the run cannot go on from the step `key` with the newer version; empty when it can."""
    named = new.step(key)
    if named is None:
        return [f"it has no step {key}"]
    if not named.enabled:
        return [f"{label(named)} is disabled in it"]
    statuses = {step.key: past.statuses.get(step.key, StepStatus.NOT_STARTED) for step in new.steps}
    # Under both versions: a step may be kept by one and run again by the other.
    behind = later_steps(old, key, past.statuses), later_steps(new, key, statuses)
    found = list(_before(old, new, behind))
    for step in new.steps:
        if step.key in behind[1]:
            found += _unfit(old.step(step.key), step, past)
    return found


def _before(old: Process, new: Process, behind: tuple[frozenset[str], frozenset[str]]) -> Iterator[str]:
    kept = [step.key for step in old.steps if step.key not in behind[0]]
    will_be_kept = [step.key for step in new.steps if step.key not in behind[1]]
    for key in dict.fromkeys((*kept, *will_be_kept)):
        before, step = old.step(key), new.step(key)
        if before is None:
            assert step is not None
            yield f"{label(step)} is new and would not run"
        elif step is None:
            yield f"{label(before)} is gone, and was kept so far"
        elif key not in kept:
            yield f"{label(step)} would not run again any more"
        elif key not in will_be_kept:
            yield f"{label(step)} would run again"
        elif differing := list(_differing(before, step)):
            yield f"{label(step)}: {', '.join(differing)}"
    # The default order is by position: moved steps follow others than they did.
    if set(kept) == set(will_be_kept) and kept != will_be_kept:
        yield "the steps before it stand in another order"


def _unfit(old: Step | None, new: Step, past: Past) -> Iterator[str]:
    """Values of the run that do not fit a step to run again, or are missing."""
    if old is not None and old.kind is not new.kind:
        yield f"{label(new)} is a {new.kind} step, and was a {old.kind} step"
        return
    # What a condition may skip is asked for when its turn comes.
    is_sure = new.enabled and new.when is None and new.skip_when is None
    for item in new.properties:
        row = past.properties.get(f"{new.key}.{item.key}")
        place = f'{label(new)}, property "{item.name}"'
        if row is not None and (row.file is not None) != (item.type is PropertyType.FILE):
            yield f"{place} is a {item.type}, and was a {row.item.type}"
        elif item.flow is Flow.INPUT and (problem := _unfit_input(row, item, is_sure=is_sure)):
            yield f"{place} {problem}"


def _unfit_input(row: PropertyRow | None, item: Property, *, is_sure: bool) -> str:
    """`is_sure`: no condition can skip the step, so its required inputs must be there."""
    asks = item.required and is_sure
    if item.type is PropertyType.FILE:
        has_file = row is not None and row.file is not None and row.file.sha256 is not None
        return "" if has_file or not asks else "needs a file, and a started run takes none"
    value = item.value if row is None else row.item.value
    try:
        fitting = None if value is None else values.normalise(item, value)
    except Invalid as error:
        return f"does not take the value of the run: {error.message}"
    return "needs a value, and a started run takes none" if asks and values.is_missing(item, fitting) else ""


def carried(old: Process, new: Process) -> set[str]:
    """Each "step.property" whose value the run keeps: INPUTs, and those that start alike in both versions."""
    begins = {f"{step.key}.{item.key}": item for step, item in old.properties()}
    kept = set()
    for step, item in new.properties():
        reference = f"{step.key}.{item.key}"
        before = begins.get(reference)
        if before is not None and (item.flow is Flow.INPUT or (before.type, before.value) == (item.type, item.value)):
            kept.add(reference)
    return kept
