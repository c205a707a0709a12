"""Properties of steps on the wire: shown, and read from what a client posts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from procession.api.wire import reading
from procession.api.wire.scalars import (
    AFile,
    AProperty,
    DataType,
    Flow,
    GivenName,
    Name,
    Text,
    Value,
    Variable,
)
from procession.model import processes as model
from procession.model import values
from procession.model.errors import Invalid
from procession.model.processes import PropertyType, SystemVariable
from procession.model.steps import PropertyRow

# ruff: noqa: RUF036  (the wire's names, and its order of types)


TEXT_CHARACTERS_MAX = 100_000
OPTIONS_MAX = 10_000
# Digits of a double: spreadsheets that read the value keep no more.
DECIMAL_POINTS_MAX = 15


class PropertyShape(Struct, frozen=True, kw_only=True):
    """A field that a type of property does not have is left out, never null; `key` is additive, as in AnyStep."""

    id: AProperty
    name: str
    key: str
    dataType: DataType
    required: bool
    visible: bool
    informationFlowType: Flow
    mouseoverText: str
    # The documents spell it so in the answer to an update, and only there.
    mouseOverText: str | UnsetType = UNSET
    value: Value | UnsetType = UNSET
    options: list[str] | UnsetType = UNSET
    foregroundColor: str | None | UnsetType = UNSET
    decimalPoints: int | None | UnsetType = UNSET
    variableType: Variable | None | UnsetType = UNSET
    file: AFile | None | UnsetType = UNSET


class PropertyChange(Struct, frozen=True, kw_only=True):
    """A full or a partial Property; what is left out stays as it is, and so does what its type does not have."""

    name: GivenName | None | UnsetType = UNSET
    dataType: DataType | UnsetType = UNSET
    required: bool | None | UnsetType = UNSET
    visible: bool | None | UnsetType = UNSET
    informationFlowType: Flow | None | UnsetType = UNSET
    mouseoverText: Text | None | UnsetType = UNSET
    value: Value | UnsetType = UNSET
    options: Annotated[list[Name], Meta(max_length=10_000)] | None | UnsetType = UNSET
    foregroundColor: Name | None | UnsetType = UNSET
    decimalPoints: Annotated[int, Meta(ge=0, le=15)] | None | UnsetType = UNSET
    variableType: Variable | None | UnsetType = UNSET


def property(row: PropertyRow, *, is_update: bool = False) -> PropertyShape:
    """A property with the fields of its type; the answer to an update also spells mouseOverText as the documents do."""
    item = row.item
    return PropertyShape(
        id=str(row.id),
        name=item.name,
        key=item.key,
        dataType=item.type,
        required=item.required,
        visible=item.visible,
        informationFlowType=item.flow,
        mouseoverText=item.mouseover,
        mouseOverText=item.mouseover if is_update else msgspec.UNSET,
        **_of_type(item, row),
    )


def _of_type(item: model.Property, row: PropertyRow) -> dict[str, Any]:
    match item.type:
        case PropertyType.FILE:
            return {"file": None if row.file is None else str(row.file.id)}
        case PropertyType.DROPDOWN:
            return {"value": item.value, "options": list(item.options)}
        case PropertyType.TEXT:
            return {"value": item.value, "foregroundColor": item.foreground_color}
        case PropertyType.DECIMAL:
            return {"value": item.value, "decimalPoints": item.decimal_points}
        case PropertyType.SYSTEM_VARIABLE:
            return {"value": item.value, "variableType": item.variable}
        case _:
            return {"value": item.value}


def changed(item: model.Property, body: Mapping[str, Any]) -> model.Property:
    """The property after a full or partial Property was posted; `body` has lower-case keys. Raises Invalid.

    Lower-case keys make mouseOverText and mouseoverText one thing. decimalPoint is an old spelling of decimalPoints.
    What cannot change (id, a File's file, a system variable's value) is ignored, so that a whole Property can be
    read, edited and posted back.
    """
    # Sent back unchanged it is no change; anything else would orphan the value.
    if "datatype" in body and reading.choice(PropertyType, body["datatype"], field="dataType") is not item.type:
        raise Invalid(f'the type of property "{item.name}" is {item.type} and cannot be changed')
    fields: dict[str, Any] = {}
    if body.get("name") is not None:
        fields["name"] = reading.name(body["name"], field="name")
    if body.get("mouseovertext") is not None:
        fields["mouseover"] = reading.text(body["mouseovertext"], field="mouseoverText", most=TEXT_CHARACTERS_MAX)
    if body.get("informationflowtype") is not None:
        fields["flow"] = reading.choice(model.Flow, body["informationflowtype"], field="informationFlowType")
    for key in ("required", "visible"):
        if body.get(key) is not None:
            fields[key] = reading.boolean(body[key], field=key)
    # The value last: it must fit the options and decimal points of the same request.
    item = replace(item, **fields, **_given_of_type(item.type, body))
    return replace(item, value=value(item, body["value"])) if "value" in body else item


def _given_of_type(kind: PropertyType, body: Mapping[str, Any]) -> dict[str, Any]:
    if kind is PropertyType.DROPDOWN and body.get("options") is not None:
        return {"options": _options(body["options"])}
    if kind is PropertyType.TEXT and "foregroundcolor" in body:
        return {"foreground_color": reading.string(body, "foregroundColor") or None}
    if kind is PropertyType.SYSTEM_VARIABLE and body.get("variabletype") is not None:
        return {"variable": reading.choice(SystemVariable, body["variabletype"], field="variableType")}
    # Older clients send the other spelling.
    points = body.get("decimalpoints", body.get("decimalpoint"))
    if kind is PropertyType.DECIMAL and points is not None:
        if isinstance(points, bool) or not isinstance(points, int) or not 0 <= points <= DECIMAL_POINTS_MAX:
            shown = reading.shown(points)
            raise Invalid(f"decimalPoints is {shown}, not a whole number from 0 to {DECIMAL_POINTS_MAX}")
        return {"decimal_points": points}
    return {}


def _options(given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or len(given) > OPTIONS_MAX:
        raise Invalid(f"options must be a list of at most {OPTIONS_MAX} texts")
    return tuple(reading.text(option, field="options", most=reading.NAME_CHARACTERS_MAX) for option in given)


def value(item: model.Property, given: object) -> model.Value:
    """The value that a client gave a property, in the model's type; what cannot be set stays. Raises Invalid."""
    if item.type in {PropertyType.FILE, PropertyType.SYSTEM_VARIABLE}:
        return item.value
    return values.normalise(item, given)
