"""Mistakes deep in settings, each at its own place and with the nearest right name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from procession.model.nearest import nearest
from procession.model.process_file.documents import Document, Path
from procession.model.process_file.sheets import did_you_mean, shown

# How an action's own check begins a message: "rules[0].tolerance: must be zero or more".
_PLACE = re.compile(r"([A-Za-z_]\w*(?:\.[^.:\[\]]+|\[\d+\])*): ")
_PART = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


def check(document: Document, path: Path, data: Any, wanted: inspect.Type) -> None:
    """Notes names that a Struct has not and those that it lacks, and words that are none of a list."""
    match _chosen(wanted, data):
        case inspect.StructType() as struct if isinstance(data, dict):
            _check_struct(document, path, data, struct)
        case inspect.ListType() | inspect.VarTupleType() as listed if isinstance(data, list):
            for index, item in enumerate(data):
                check(document, (*path, index), item, listed.item_type)
        case inspect.DictType() as rows if isinstance(data, dict):
            for key, item in data.items():
                check(document, (*path, key), item, rows.value_type)
        case inspect.LiteralType() as words if isinstance(data, str) and data not in words.values:
            known = [one for one in words.values if isinstance(one, str)]
            hint = did_you_mean(data, known) or f"; it is one of {', '.join(map(shown, words.values))}"
            document.wrong(path, f"{_called(path)}: {shown(data)} is none of the words that it can be{hint}")


def _check_struct(document: Document, path: Path, data: dict[str, Any], struct: inspect.StructType) -> None:
    fields = {field.encode_name: field for field in struct.fields}
    meant: set[str | None] = set()
    for key, value in data.items():
        if key in fields:
            check(document, (*path, key), value, fields[key].type)
        elif struct.forbid_unknown_fields and key != struct.tag_field:
            meant.add(nearest(key, fields))
            hint = did_you_mean(key, fields) or f"; expected {', '.join(fields)}"
            document.wrong_key((*path, key), f'{_called(path)}: there is no setting "{key[:60]}" here{hint}')
    for key, field in fields.items():
        # A misspelt name is one mistake, not two.
        if field.required and key not in data and key not in meant:
            document.wrong((*path, key), f'{_called(path)}: it needs "{key}"')


def _called(path: Path) -> str:
    """ "rules 2" of the second of the rules."""
    *_, above, last = path
    return f"{above} {last + 1}" if isinstance(last, int) else str(last)


def _chosen(wanted: inspect.Type, data: Any) -> inspect.Type | None:
    """Which of several types the data means to be; None where that cannot be said."""
    while isinstance(wanted, inspect.Metadata):
        wanted = wanted.type
    if not isinstance(wanted, inspect.UnionType):
        return wanted
    members = [one for one in map(_bare, wanted.types) if not isinstance(one, inspect.NoneType)]
    if isinstance(data, str):
        # Where any text will do, no list of words is meant.
        return members[0] if len(members) == 1 else None
    fitting = [one for one in members if _may_be(one, data)]
    return fitting[0] if len(fitting) == 1 else None


def _bare(kind: inspect.Type) -> inspect.Type:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def _may_be(kind: inspect.Type, data: Any) -> bool:
    if isinstance(data, dict):
        is_tagged = isinstance(kind, inspect.StructType) and kind.tag_field is not None and kind.tag is not None
        if is_tagged:
            assert isinstance(kind, inspect.StructType) and kind.tag_field is not None
            return bool(data.get(kind.tag_field) == kind.tag)
        return isinstance(kind, inspect.StructType | inspect.DictType)
    return isinstance(data, list) and isinstance(kind, inspect.ListType | inspect.VarTupleType)


def place_of(document: Document, path: Path, message: str) -> Path:
    """Where the setting stands that the message begins with; `path` where it begins with none."""
    found = _PLACE.match(message)
    if found is None:
        return path
    place, data = path, _at(document.data, path)
    for part in _parts(found[1]):
        is_there = part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
        if not is_there:
            # What is not in the file is told at the field that lacks it.
            return (*place, part) if isinstance(data, dict) and place != path else place
        place, data = (*place, part), data[part]
    return place


def _parts(text: str) -> Iterator[str | int]:
    for name, index in _PART.findall(text):
        yield name or int(index)


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data
