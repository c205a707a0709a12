"""What a setting can name: the properties of the draft's steps, in the words of their designer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from procession.actions import references
from procession.model.process_file.outlines import OutlinedStep
from procession.model.process_file.sheets import slug
from procession.model.processes import Flow, PropertyType
from procession.operations.step_columns import SourceRows
from procession.web.edit_finds import StepFinds

# As a list in each field; with more a page is slow, and one list of suggestions is shared.
LISTED_MAX = 120


class NameGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The properties of a step: what a file calls each, and what a person does."""

    step: str
    names: tuple[tuple[str, str], ...]


class NameChoices(msgspec.Struct, frozen=True, kw_only=True):
    """`writable` are those that a step may give a value to."""

    all: tuple[NameGroup, ...]
    writable: tuple[NameGroup, ...]
    columns: Mapping[str, tuple[str, ...]] = {}  # of the step's sources, as edit_columns offers them
    rows: Mapping[str, SourceRows] = {}  # the first of each source that is known
    finds: StepFinds = StepFinds()

    @property
    def are_many(self) -> bool:
        return sum(len(group.names) for group in self.all) > LISTED_MAX

    def seen(self, at: str | None, column: str) -> str:
        """The first values of a column in the rows of a source, "" where none are known."""
        found = self.rows.get(at or "")
        places = [] if found is None else [n for n, name in enumerate(found.columns) if _is(name, column)]
        if found is None or not places:
            return ""
        return ", ".join(dict.fromkeys(row[places[0]] or "empty" for row in found.first))

    def has(self, text: str, is_output: bool) -> bool:
        """Whether it is one to choose from."""
        groups = self.writable if is_output else self.all
        return any(text == name for group in groups for name, _ in group.names)


def _is(name: str, wanted: str) -> bool:
    # In any case, as SQL takes names.
    return name.casefold() == wanted.strip().casefold()


def choices(steps: Sequence[OutlinedStep]) -> NameChoices:
    """Of a draft, also of one with mistakes."""
    return NameChoices(all=tuple(_groups(steps, writable=False)), writable=tuple(_groups(steps, writable=True)))


def _groups(steps: Sequence[OutlinedStep], *, writable: bool) -> Iterable[NameGroup]:
    for step in steps:
        listed = step.data.get("properties")
        names = []
        for item in listed if isinstance(listed, list) else []:
            # A draft may hold anything so far; one odd entry must not take the list from its author.
            if not isinstance(item, dict) or (writable and not _is_writable(item)):
                continue
            name = str(item.get("name") or "")
            names.append((f"${{{step.key}.{item.get('key') or slug(name)}}}", f"{name}, {item.get('type', 'String')}"))
        if names:
            yield NameGroup(step=f"{step.order} {step.name}", names=tuple(names))


def _is_writable(item: dict[str, object]) -> bool:
    return item.get("flow") != Flow.INPUT and item.get("type") != PropertyType.SYSTEM_VARIABLE


def types(steps: Sequence[OutlinedStep]) -> dict[str, str]:
    """The types of the draft's properties, by "step.property"."""
    return {
        name.removeprefix("${").removesuffix("}"): word.rpartition(", ")[2]
        for group in _groups(steps, writable=False)
        for name, word in group.names
    }


def fitting(settings: Mapping[str, Any], names: NameChoices) -> dict[str, Any]:
    """An example's settings without what names properties of another process: its author chooses from his own."""
    known = {name for group in names.all for name, _ in group.names}
    found: dict[str, Any] = _without(settings, known)
    if isinstance(outputs := settings.get("outputs"), Mapping):
        # Half an output is none.
        found["outputs"] = {
            key: value for key, value in outputs.items() if _without({key: value}, known) == {key: value}
        }
    return found


def _without(value: Any, known: Collection[str]) -> Any:
    match value:
        case Mapping():
            return {key: _without(one, known) for key, one in value.items() if not _is_strange(one, known)}
        case list():
            return [_without(one, known) for one in value if not _is_strange(one, known)]
        case _:
            return value


def _is_strange(value: Any, known: Collection[str]) -> bool:
    return references.parse(value) is not None and value not in known
