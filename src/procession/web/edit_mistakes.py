"""Where each mistake of a draft stands: its step, its field in the form, its line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from procession.actions.contract import Action
from procession.model.process_file import outlines
from procession.model.process_file.documents import Mistake, Path
from procession.model.process_file.outlines import OutlinedStep
from procession.web import edit_fields, edit_process, setting_fields

_DEPTH = 4  # of ("groups", 1, "steps", 0)
_FIELDS = {"data": "name", "retry": "tries"}  # by what the file calls it, where the form's field has another name


class PlacedMistake(msgspec.Struct, frozen=True, kw_only=True):
    """`order` is "" outside of steps, `field` the id of what it stands at, `label` what that is called."""

    mistake: Mistake
    order: str
    field: str = "form"
    label: str = ""


def placed(
    mistakes: Sequence[Mistake], steps: Sequence[OutlinedStep], text: str, actions: Mapping[str, Action]
) -> list[PlacedMistake]:
    """In the order of the file."""
    if not steps:
        return [PlacedMistake(mistake=mistake, order="") for mistake in mistakes]
    orders = {mistake: _order_of(mistake, text) for mistake in mistakes}
    by_order = {step.order: step for step in steps}
    found: dict[Mistake, PlacedMistake] = {}
    for order in dict.fromkeys(orders.values()):
        if order in by_order:
            own = [mistake for mistake in mistakes if orders[mistake] == order]
            found.update((one.mistake, one) for one in _in_step(own, by_order[order], actions))
    return [found.get(mistake) or _of_process(mistake, orders[mistake]) for mistake in mistakes]


def _of_process(mistake: Mistake, order: str) -> PlacedMistake:
    """What is about no step, at its field where it has one."""
    match mistake.path:
        case (str(name), *_) if not order and name in edit_process.FRAME_KEYS:
            label = str(mistake.path[-1]).replace("_", " ")
            return PlacedMistake(mistake=mistake, order=edit_process.ABOUT, field=f"with.{name}", label=label)
        case ("groups", int(number), "group") if not order:
            return PlacedMistake(mistake=mistake, order=edit_process.ABOUT, field=f"g{number}", label="group")
    return PlacedMistake(mistake=mistake, order=order)


def _order_of(mistake: Mistake, text: str) -> str:
    match mistake.path[:_DEPTH]:
        case ("groups", int(group), "steps", int(place)):
            return f"{group + 1}.{place + 1}"
    # What is wrong with the text itself has only a line.
    spans = outlines.spans(text) if not mistake.path else []
    return next((order for order, first, end in spans if first <= mistake.line < end), "")


def _in_step(mistakes: Iterable[Mistake], step: OutlinedStep, actions: Mapping[str, Action]) -> Iterable[PlacedMistake]:
    in_settings: dict[Path, tuple[Mistake, ...]] = {}
    for mistake in mistakes:
        below = mistake.path[_DEPTH:]
        if below[:1] == ("with",):
            in_settings[below[1:]] = (*in_settings.get(below[1:], ()), mistake)
        elif below:
            yield _in_frame(mistake, below, step.order)
    node = edit_fields.settings_of(actions.get(step.action), step.data, in_settings)
    for mistake, field, label in setting_fields.mistakes_of(node):
        name = "form" if field.name == "with" else field.name
        yield PlacedMistake(mistake=mistake, order=step.order, field=name, label=label)


def _in_frame(mistake: Mistake, below: Path, order: str) -> PlacedMistake:
    name = str(below[0])
    if name == "properties" and len(below) > 1:
        field, label = f"p{below[1]}", f"property {int(below[1]) + 1}"
        if below[-1] in edit_fields.PROPERTY_FIELDS:
            field, label = f"{field}.{below[-1]}", f"{label}, {below[-1]}"
        return PlacedMistake(mistake=mistake, order=order, field=field, label=label)
    field = _FIELDS.get(name, name)
    return PlacedMistake(mistake=mistake, order=order, field=field, label=field.replace("_", " "))


def of_settings(mistakes: Iterable[PlacedMistake], order: str) -> dict[Path, tuple[Mistake, ...]]:
    """Of one step, by their place below its settings."""
    found: dict[Path, tuple[Mistake, ...]] = {}
    for one in mistakes:
        path = one.mistake.path
        if one.order == order and path[_DEPTH : _DEPTH + 1] == ("with",):
            found[path[_DEPTH + 1 :]] = (*found.get(path[_DEPTH + 1 :], ()), one.mistake)
    return found


def of_process(mistakes: Iterable[PlacedMistake]) -> dict[Path, tuple[Mistake, ...]]:
    """Of what is about no step, by its place in the file."""
    found: dict[Path, tuple[Mistake, ...]] = {}
    for one in mistakes:
        if one.order == edit_process.ABOUT:
            found[one.mistake.path] = (*found.get(one.mistake.path, ()), one.mistake)
    return found


def of_frame(mistakes: Iterable[PlacedMistake], order: str) -> Mapping[str, list[Mistake]]:
    """Of one step, by the field that they stand at, [] for any other; those of its settings are with their fields."""
    found: defaultdict[str, list[Mistake]] = defaultdict(list)
    for one in mistakes:
        path = one.mistake.path
        if one.order == order and path[_DEPTH : _DEPTH + 1] != ("with",):
            found[one.field].append(one.mistake)
    return found
