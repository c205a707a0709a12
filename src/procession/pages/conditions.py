"""When a step runs, as a sentence: "2.1 and 2.2 succeeded, if Amount is greater than 10"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from procession.model import conditions
from procession.model.processes import Atom, AtomKind, Condition, Join, Process, Step, Value
from procession.pages.formats import Reader

_OF_STEP = {
    AtomKind.SUCCEEDED: "succeeded",
    AtomKind.WARNED: "had remarks",
    AtomKind.FAILED: "failed",
    AtomKind.COMPLETED: "ended",
    AtomKind.SKIPPED: "was skipped",
}
_COMPARED = {
    AtomKind.EQUALS: "is",
    AtomKind.NOT_EQUALS: "is not",
    AtomKind.GREATER: "is greater than",
    AtomKind.AT_LEAST: "is at least",
    AtomKind.LESS: "is less than",
    AtomKind.AT_MOST: "is at most",
}


def of_step(process: Process, step: Step, reader: Reader) -> str:
    """When this step runs."""
    if not step.enabled:
        return "never: it is switched off"
    base = _needs(process, step)
    if step.when is not None:
        asked = of(process, step.when, reader)
        # A condition on steps takes the place of what the step would wait for.
        alone = step.needs is None and any(True for _ in conditions.steps_named(step.when))
        base = asked if alone else f"{base}, if {asked}"
    if step.skip_when is not None:
        base = f"{base}; skipped if {of(process, step.skip_when, reader)}"
    return base


def _needs(process: Process, step: Step) -> str:
    if step.needs is not None:
        return f"{_joined([_number(process, key) for key in step.needs])} succeeded" if step.needs else "at the start"
    earlier = [one for one in process.steps[: process.steps.index(step)] if one.enabled]
    return f"{earlier[-1].order} succeeded" if earlier else "at the start"


def of(process: Process, condition: Condition, reader: Reader) -> str:
    """The condition in words."""
    if isinstance(condition, Atom):
        return _atom(process, condition, reader)
    parts = [_part(process, part, reader) for part in condition.parts]
    match condition.join:
        case Join.NOT:
            return f"not ({of(process, condition.parts[0], reader)})"
        case Join.ALL:
            return " and ".join(parts)
        case Join.ANY:
            return " or ".join(parts)
        case _:
            assert_never(condition.join)


def _part(process: Process, part: Condition, reader: Reader) -> str:
    """With brackets around what is itself several: "and" and "or" are read in both ways."""
    is_several = not isinstance(part, Atom) and part.join is not Join.NOT
    text = of(process, part, reader)
    return f"({text})" if is_several else text


def _atom(process: Process, atom: Atom, reader: Reader) -> str:
    if atom.kind in _OF_STEP:
        return f"{_number(process, atom.subject)} {_OF_STEP[atom.kind]}"
    name = _name(process, atom.subject)
    if atom.kind is AtomKind.UPDATED:
        return f"the file {name} is new"
    return f"{name} {_COMPARED[atom.kind]} {value(atom.value, reader)}"


def _number(process: Process, key: str) -> str:
    step = process.step(key)
    return key if step is None else step.order


def _name(process: Process, reference: str) -> str:
    item = process.property(reference)
    return reference if item is None else item.name


def value(given: Value, reader: Reader) -> str:
    """As a person reads it."""
    match given:
        case None | "":
            return "empty"
        case bool():
            return "yes" if given else "no"
        case str():
            return f"“{given}”"
        case _:
            return reader.number(format(given, "f") if not isinstance(given, int) else str(given))


def _joined(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
