"""What a version of a process changed, for people: what was there before, and what is there now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from procession.model.processes import Flow, Process, Property, PropertyType, Retry, Step
from procession.pages import conditions, formats
from procession.pages.formats import Reader

# What is longer, or has several lines, is read in the text of the file.
SHOWN_CHARACTERS_MAX = 120
TYPES = {
    PropertyType.DROPDOWN: "choice",
    PropertyType.TEXT: "text",
    PropertyType.STRING: "text",
    PropertyType.NUMBER: "number",
    PropertyType.DECIMAL: "decimal",
    PropertyType.CHECK_BOX: "yes or no",
    PropertyType.SYSTEM_VARIABLE: "filled in by Procession",
    PropertyType.DATEPICKER: "date",
    PropertyType.FILE: "file",
}
ACTIONS = {"run_sql": "SQL", "run_python": "Python", "reconcile": "Reconcile", "wait": "Wait", "fail": "Fail"}
_FLOWS = {Flow.INPUT: "input", Flow.OUTPUT: "result", Flow.NONE: "value"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """`what` was `was` and is now `now`; with neither, `what` says it all."""

    what: str
    was: str = ""
    now: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesOfPlace:
    """All that changed in one place: a step, or the process as a whole."""

    place: str
    changes: tuple[Changed, ...]


def between(old: Process, new: Process, reader: Reader) -> list[ChangesOfPlace]:
    """In the order of the newer version; what is gone comes last. Empty where the two mean the same."""
    found = [ChangesOfPlace(place="The process", changes=tuple(_of_process(old, new)))]
    for step in new.steps:
        before = old.step(step.key)
        changes = [Changed(what="new step")] if before is None else _of_step((old, before), (new, step), reader)
        found.append(ChangesOfPlace(place=_place(step), changes=tuple(changes)))
    gone = [step for step in old.steps if new.step(step.key) is None]
    found += [ChangesOfPlace(place=_place(step), changes=(Changed(what="is gone"),)) for step in gone]
    return [place for place in found if place.changes]


def sentence(places: list[ChangesOfPlace]) -> str:
    """In a line of a list: "Step 2.2 Pay: new step; step 1.1 Parameters: value of Amount"."""
    return "; ".join(f"{place.place}: {', '.join(change.what for change in place.changes)}" for place in places)


def _place(step: Step) -> str:
    return f"Step {step.order} {step.name}"


def _of_process(old: Process, new: Process) -> Iterator[Changed]:
    pairs = {
        "name": (old.name, new.name),
        "description": (old.description, new.description),
        "alert goes to": (old.alert_email, new.alert_email),
        "alert by text message goes to": (old.alert_sms, new.alert_sms),
        "alert is sent": (old.alert_when, new.alert_when),
        "time limit": (formats.duration(old.time_limit_seconds), formats.duration(new.time_limit_seconds)),
        "runs at the same time": (_shown(old.runs_at_once), _shown(new.runs_at_once)),
    }
    yield from _differing(pairs)


def _differing(pairs: Mapping[str, tuple[str, str]]) -> Iterator[Changed]:
    for what, (was, now) in pairs.items():
        if was != now:
            yield _changed(what, was, now)


def _changed(what: str, was: str, now: str) -> Changed:
    if any(len(text) > SHOWN_CHARACTERS_MAX or "\n" in text for text in (was, now)):
        return Changed(what=f"other {what}")
    return Changed(what=what, was=was or "empty", now=now or "empty")


def _of_step(old: tuple[Process, Step], new: tuple[Process, Step], reader: Reader) -> Iterator[Changed]:
    before, step = old[1], new[1]
    pairs = {
        "name": (before.name, step.name),
        "action": (ACTIONS.get(before.action, before.action), ACTIONS.get(step.action, step.action)),
        "time limit": (_limit(before), _limit(step)),
        "tries again": (_retry(before.retry), _retry(step.retry)),
        "effect": (before.effect, step.effect),
    }
    yield from _differing(pairs)
    # Told only where the file says otherwise: the number of the step before changes with every step that is put in.
    if _rules(before) != _rules(step):
        yield _changed("runs when", conditions.of_step(*old, reader), conditions.of_step(*new, reader))
    yield from _of_settings(before.settings, step.settings)
    yield from _of_properties(before, step, reader)


def _rules(step: Step) -> tuple[Any, ...]:
    return step.enabled, step.needs, step.when, step.skip_when


def _limit(step: Step) -> str:
    return "none of its own" if step.time_limit_seconds is None else formats.duration(step.time_limit_seconds)


def _retry(retry: Retry | None) -> str:
    return "never" if retry is None else f"{retry.times} times, after {retry.wait_seconds:g} s"


def _of_settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Changed]:
    before, after = dict(_leaves(old)), dict(_leaves(new))
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield _changed(name, _shown(before.get(name)), _shown(after.get(name)))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each single value with the path to it: "rules 1 tolerance"."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path} {key}".strip())
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value, 1):
            yield from _leaves(item, f"{path} {number}".strip())
    else:
        yield path, value


def _shown(value: Any) -> str:
    match value:
        case None | "":
            return ""
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def _of_properties(old: Step, new: Step, reader: Reader) -> Iterator[Changed]:
    before = {item.key: item for item in old.properties}
    for item in new.properties:
        was = before.pop(item.key, None)
        if was is None:
            yield Changed(what=f"new {_FLOWS[item.flow]} “{item.name}”, {takes(item, reader)}")
        else:
            yield from _of_property(was, item, reader)
    yield from (Changed(what=f"{_FLOWS[item.flow]} “{item.name}” is gone") for item in before.values())


def _of_property(was: Property, item: Property, reader: Reader) -> Iterator[Changed]:
    pairs = {
        f"name of “{was.name}”": (was.name, item.name),
        f"type of “{item.name}”": (TYPES[was.type], TYPES[item.type]),
        f"“{item.name}” is": (_FLOWS[was.flow], _FLOWS[item.flow]),
        f"“{item.name}” required": (_shown(was.required), _shown(item.required)),
        f"“{item.name}” shown": (_shown(was.visible), _shown(item.visible)),
        f"value of “{item.name}”": (conditions.value(was.value, reader), conditions.value(item.value, reader)),
        f"choices of “{item.name}”": (", ".join(was.options), ", ".join(item.options)),
        f"decimal places of “{item.name}”": (_shown(was.decimal_points), _shown(item.decimal_points)),
        f"help of “{item.name}”": (was.mouseover, item.mouseover),
    }
    yield from _differing(pairs)


def takes(item: Property, reader: Reader) -> str:
    """What an input takes: "number, 10 unless given", "file, required"."""
    words = TYPES[item.type]
    if item.value is not None and item.value != "":
        return f"{words}, {conditions.value(item.value, reader)} unless given"
    return words if item.flow is not Flow.INPUT else f"{words}, {'required' if item.required else 'optional'}"
