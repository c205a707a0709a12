"""Conditions inside an action's settings: plain JSON as the definition keeps it, made into trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from procession.model import values
from procession.model.conditions import STEP_ATOMS
from procession.model.errors import Invalid
from procession.model.processes import Atom, AtomKind, Condition, Join, Junction, Process, Property, Step

DECIDE = "decide"  # the kind of action whose settings hold conditions


def of_plain(data: Any, properties: Mapping[str, Property]) -> Condition:
    """The condition that `data` says; values as the properties hold them. Raises Invalid.

    The process file's own reader has better words for every mistake (process_file/conditions): it comes first.
    """
    if not isinstance(data, dict) or len(data) != 1:
        raise Invalid("a condition is one word and what it is about")
    ((word, subject),) = data.items()
    if word in (Join.ALL, Join.ANY) and isinstance(subject, list) and subject:
        return Junction(join=Join(word), parts=tuple(of_plain(part, properties) for part in subject))
    if word == Join.NOT:
        return Junction(join=Join.NOT, parts=(of_plain(subject, properties),))
    if word not in tuple(AtomKind):
        raise Invalid(f'a condition cannot say "{word[:60]}"')
    return _atom(AtomKind(word), subject, properties)


def _atom(kind: AtomKind, subject: Any, properties: Mapping[str, Property]) -> Atom:
    if kind in STEP_ATOMS and isinstance(subject, str):
        return Atom(kind=kind, subject=subject)
    if kind is AtomKind.UPDATED and isinstance(subject, str) and subject in properties:
        return Atom(kind=kind, subject=subject)
    if (
        not isinstance(subject, dict)
        or subject.keys() != {"property", "value"}
        or subject["property"] not in properties
    ):
        raise Invalid(f'"{kind}" needs a property of this process and a value')
    item = properties[subject["property"]]
    return Atom(kind=kind, subject=subject["property"], value=values.normalise(item, subject["value"]))


def subjects(data: Any) -> Iterator[tuple[str, str]]:
    """Each atom of a condition that may be wrong still: its word, and the step or the property it asks about."""
    # A stack and not recursion: what was not checked yet may be deep.
    left = [data]
    while left:
        one = left.pop()
        for word, subject in one.items() if isinstance(one, dict) else ():
            if word in (Join.ALL, Join.ANY):
                left += subject if isinstance(subject, list) else []
            elif word == Join.NOT:
                left.append(subject)
            elif isinstance(subject, str):
                yield word, subject
            elif isinstance(subject, dict) and isinstance(subject.get("property"), str):
                yield word, subject["property"]


def steps_asked(step: Step) -> frozenset[str]:
    """Keys of the steps whose end the step's settings ask about: it waits for them, as for those of its `when`."""
    if step.action != DECIDE:
        return frozenset()
    rules = step.settings.get("rules")
    whens = [rule.get("when") for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []
    return frozenset(name for when in whens for word, name in subjects(when) if word in STEP_ATOMS)


def properties_of(process: Process) -> Mapping[str, Property]:
    """By "step.property"."""
    return {f"{step.key}.{item.key}": item for step, item in process.properties()}
