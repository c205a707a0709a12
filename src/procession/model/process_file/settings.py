"""The `with` block of an action step: converted to the action's settings, every mistake at its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

import msgspec
from msgspec import inspect

from procession.model import table_uses
from procession.model.process_file import nested
from procession.model.process_file.documents import Document, Path
from procession.model.process_file.names import REFERENCE, Names
from procession.model.process_file.sheets import did_you_mean, shown
from procession.model.processes import Effect, Flow, Property, PropertyType
from procession.model.table_uses import TableUse

_BEFORE_PLACE = " - at `$"  # in msgspec's messages
_REFERENCE_PATTERN = r"\{"  # in what msgspec says of that of a reference
_NO_REFERENCE = "write ${step.property} with the keys of a step and a property, or ${table:Name}"
_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


class ActionKind(Protocol):
    """The part of an action that the process file needs (actions/contract.py has the rest)."""

    @property
    def settings(self) -> type[msgspec.Struct]: ...

    @property
    def reads(self) -> Callable[[Any], tuple[str, ...]]: ...

    @property
    def writes(self) -> Callable[[Any], tuple[str, ...]]: ...

    @property
    def tables(self) -> Callable[[Any], tuple[TableUse, ...]]: ...

    @property
    def effect(self) -> Effect: ...  # of a step that names none

    @property
    def effect_of(self) -> Callable[[Any], Effect] | None: ...  # where it depends on the settings

    @property
    def gathers(self) -> Callable[[Any], bool]: ...

    @property
    def check(self) -> Callable[[Any], tuple[str, ...]]: ...

    @property
    def needs_no_process(self) -> bool: ...  # the engine performs it, or waits for people

    @property
    def check_among(self) -> Callable[[Any, Any], Sequence[tuple[Path, str]]]: ...

    @property
    def conditions(self) -> Callable[[Any], tuple[Path, ...]]: ...

    @property
    def assigns(self) -> Callable[[Any], tuple[Any, ...]]: ...

    @property
    def check_together(self) -> Callable[[Sequence[Any]], Sequence[Sequence[tuple[str, str]]]]: ...


def plain(document: Document, path: Path, data: Any) -> Any:
    """The data as JSON values. Notes a number that a float cannot hold exactly."""
    match data:
        case dict():
            return {key: plain(document, (*path, key), value) for key, value in data.items()}
        case list():
            return [plain(document, (*path, index), value) for index, value in enumerate(data)]
        case Decimal():
            # Settings are JSON, whose numbers are doubles for most readers.
            if Decimal(repr(float(data))) != data:
                document.wrong(path, f"{shown(data)} has too many digits; put it in quotes to keep them")
            return float(data)
        case _:
            return data


def convert(document: Document, path: Path, data: dict[str, Any], action: ActionKind) -> Any | None:
    """Converts the settings and notes every mistake; None if they cannot be read at all."""
    # The actions' own checks see only settings that could be read.
    before = len(document.mistakes)
    fields = {field.encode_name: field for field in msgspec.structs.fields(action.settings)}
    types = _types(action.settings)
    for key in data:
        if key not in fields:
            hint = did_you_mean(key, fields) or f"; expected {', '.join(fields)}"
            document.wrong_key((*path, key), f'the settings have no "{key[:60]}"{hint}')
    for key, field in fields.items():
        # Field by field, because msgspec stops at the first mistake.
        if key in data:
            place, known = (*path, key), len(document.mistakes)
            nested.check(document, place, data[key], types[key])
            # What has no nearest name, msgspec says well enough.
            if len(document.mistakes) == known:
                _convert(document, path, {key: data[key]}, _alone(action.settings, key))
        elif field.required:
            document.wrong((*path, key), f'the settings need "{key}"')
    if len(document.mistakes) > before:
        return None
    settings = _convert(document, path, data, action.settings)
    if settings is None:
        return None
    for message in action.check(settings):
        document.wrong(nested.place_of(document, path, message), message)
    return settings


# Of each kind once: a file may have a thousand steps of it.
@cache
def _types(settings: type[msgspec.Struct]) -> Mapping[str, inspect.Type]:
    found = inspect.type_info(settings)
    assert isinstance(found, inspect.StructType)
    return {field.encode_name: field.type for field in found.fields}


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenSettings:
    """The settings `found` at `path`, of a step of this kind of action."""

    document: Document
    path: Path
    action: ActionKind
    found: Any

    def at(self, place: Path) -> Any:
        """What the file says at this place of the settings."""
        data = self.document.data
        for part in (*self.path, *place):
            data = data[part]
        return data


def check_references(given: GivenSettings, names: Names, told: Set[str] = frozenset()) -> None:
    """The references of the settings, but those that are `told` elsewhere."""
    document, path, action, found = given.document, given.path, given.action, given.found
    reads, writes = action.reads(found), action.writes(found)
    if not (reads or writes):
        return
    written = dict.fromkeys(writes)
    # Which tables there are is known only where the process is published (operations/step_tables).
    tables = {use.reference for use in action.tables(found)}
    places = _places(document, path)
    for assigned in action.assigns(found):
        found_at, place = places.setdefault(assigned.reference, []), (*path, *assigned.place)
        if place not in found_at:
            found_at.append(place)
    for reference in dict.fromkeys((*reads, *writes)):
        if reference in tables or (reference in told and reference not in written):
            continue
        if message := _wrong_reference(names, reference, is_written=reference in written):
            document.wrong(places.get(reference, [path])[0], message)
    outputs = (*path, "outputs")
    for reference in () if action.gathers(found) else written:
        # The first place is right; each other one is marked.
        for place in [place for place in places.get(reference, ()) if place[: len(outputs)] == outputs][1:]:
            document.wrong(place, f"another output goes to ${{{reference}}} too, and only one of them would stay")


@cache
def _alone(settings: type[msgspec.Struct], key: str) -> type[msgspec.Struct]:
    """The settings with this field alone.

    msgspec 0.22 ends the process (a type is freed twice) where a union of a text with a pattern, a Struct and a list is
    converted by itself; the type of a Struct is never freed."""
    field = next(field for field in msgspec.structs.fields(settings) if field.encode_name == key)
    return msgspec.defstruct("Alone", [(field.name, field.type)], rename={field.name: key}, kw_only=True)


def _convert(document: Document, path: Path, data: Any, wanted: Any) -> Any | None:
    try:
        return msgspec.convert(data, wanted)
    except msgspec.ValidationError as error:
        # The words before it may be the file's own, and look like a place.
        said, _, inside = f"{error}".removesuffix("`").rpartition(_BEFORE_PLACE)
        parts = _PART.findall(inside) if said else []
        place = (*path, *(name or int(index) for name, index in parts))
        # Its words are good enough, but for a pattern; its path is ours already.
        words = _NO_REFERENCE if _REFERENCE_PATTERN in said else said or f"{error}"
        document.wrong(place, f"{place[-1]}: {words}".replace("`", ""))
        return None


def _places(document: Document, path: Path) -> dict[str, list[Path]]:
    """Where each reference is written below `path`."""
    places: dict[str, list[Path]] = {}
    for place, text in texts(document, path):
        for reference in dict.fromkeys(REFERENCE.findall(text)):
            places.setdefault(reference, []).append(place)
    return places


def texts(document: Document, path: Path) -> Iterator[tuple[Path, str]]:
    """In the order of the file."""
    data = document.data
    for part in path:
        data = data[part]
    # A stack and not recursion: the depth is the file's.
    stack = [(path, data)]
    while stack:
        place, value = stack.pop()
        if isinstance(value, str):
            yield place, value
        elif isinstance(value, dict):
            stack.extend(((*place, key), item) for key, item in reversed(value.items()))
        elif isinstance(value, list):
            stack.extend(((*place, index), item) for index, item in reversed(list(enumerate(value))))


def _wrong_reference(names: Names, reference: str, *, is_written: bool) -> str:
    if table_uses.is_table(reference):
        return f'"${{{reference}}}": this action takes no managed table here; use a property'
    item = names.properties.get(reference)
    if item is None:
        return f'there is no property "{reference}"{did_you_mean(reference, names.properties)}'
    return _wrong_target(item, reference) if is_written else ""


def _wrong_target(item: Property, reference: str) -> str:
    if item.type is PropertyType.SYSTEM_VARIABLE:
        return f'"{reference}" is a system variable; a step cannot write it'
    if item.flow is Flow.INPUT:
        return f'"{reference}" is an INPUT; a step can only write properties whose flow is OUTPUT or NONE'
    return ""
