"""Conditions and constants inside an action's settings: checked against the process, each at its own place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from procession.model import condition_trees, values
from procession.model.errors import Invalid
from procession.model.plans import StepAmong
from procession.model.process_file import conditions
from procession.model.process_file.documents import Path
from procession.model.process_file.names import Names
from procession.model.process_file.settings import ActionKind, GivenSettings
from procession.model.process_file.sheets import Sheet
from procession.model.processes import Process


def check(given: GivenSettings, names: Names, earlier: Set[str]) -> None:
    """The conditions and constants of the settings; conditions may name the steps in `earlier`."""
    for place in given.action.conditions(given.found):
        _check_condition(given, place, names, earlier)
    for assigned in given.action.assigns(given.found):
        item = names.properties.get(assigned.reference)
        # An unknown one is told with the other references.
        if item is not None:
            try:
                values.normalise(item, assigned.value)
            except Invalid as error:
                given.document.wrong((*given.path, *assigned.place), error.message)


def _check_condition(given: GivenSettings, at: Path, names: Names, earlier: Set[str]) -> None:
    document, place, data = given.document, (*given.path, *at), given.at(at)
    before = len(document.mistakes)
    read = conditions.read(document, place, data, names=names, earlier=earlier)
    if read is None or len(document.mistakes) > before:
        return
    # Settings are kept as JSON: 1.10 without quotes, compared with a text, would become 1.1 there without a word.
    try:
        is_kept = condition_trees.of_plain(_as_kept(data), names.properties) == read
    except Invalid as error:
        document.wrong(place, error.message)
        return
    if not is_kept:
        document.wrong(place, "a value here is compared as a text; put it in quotes, so that it stays as it is written")


def _as_kept(data: Any) -> Any:
    match data:
        case dict():
            return {key: _as_kept(value) for key, value in data.items()}
        case list():
            return [_as_kept(value) for value in data]
        case None | bool() | str() | int():
            return data
        case _:
            return float(data)


def told(given: GivenSettings) -> frozenset[str]:
    """The properties that conditions compare: they are told at their own places when they are unknown."""
    trees = [given.at(place) for place in given.action.conditions(given.found)]
    return frozenset(name for tree in trees for _, name in condition_trees.subjects(tree))


def check_among(
    process: Process, sheets: Sequence[Sheet], settings: Sequence[Any], actions: Mapping[str, ActionKind]
) -> None:
    """What the settings of a step mean in the process around it; None stands for settings that cannot be read."""
    readable = [one for one in zip(process.steps, sheets, settings, strict=True) if one[2] is not None]
    writers: dict[str, set[str]] = {}
    # Gathered first: a step further down may write what one above it shows.
    for step, _, found in readable:
        for reference in actions[step.action].writes(found):
            writers.setdefault(reference, set()).add(step.key)
    for step, sheet, found in readable:
        for place, message in actions[step.action].check_among(found, StepAmong(step, process, writers)):
            sheet.document.wrong((*sheet.at("with"), *place), f"{place[0]}: {message}")
