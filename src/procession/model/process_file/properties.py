"""Properties of a data step in a process file."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from procession.model.process_file import conditions
from procession.model.process_file.documents import Document, Path
from procession.model.process_file.sheets import Sheet, shown
from procession.model.processes import Flow, Property, PropertyType, SystemVariable

DECIMAL_POINTS_MAX = 12
# A person chooses from them.
OPTIONS_MAX = 1_000
KEYS: tuple[str, ...] = ("name", "key", "type", "flow", "required", "visible", "mouseover", "value", "options")
KEYS += ("decimal_points", "foreground_color", "variable")

_COLOR = re.compile(r"#?[A-Za-z0-9]{1,32}\Z", re.ASCII)
# A key that has no effect would be believed to have one.
_ONLY_OF = {
    "options": PropertyType.DROPDOWN,
    "decimal_points": PropertyType.DECIMAL,
    "foreground_color": PropertyType.TEXT,
    "variable": PropertyType.SYSTEM_VARIABLE,
}


def read(document: Document, path: Path, data: Any) -> Property | None:
    """The property at `path`, or None, with the mistake noted, if its kind cannot be told."""
    sheet = Sheet(document, path, data, what="a property", keys=KEYS)
    if not sheet.is_mapping:
        return None
    has_name = sheet.required("name", what="a property")
    has_type = sheet.required("type", what="a property")
    name = sheet.text("name", is_name=has_name)
    kind = sheet.kind("type", PropertyType, None) if has_type else None
    _check_fields(sheet, kind)
    item = Property(
        key=sheet.key(name, of="property"),
        name=name,
        type=kind or PropertyType.TEXT,
        flow=sheet.kind("flow", Flow, Flow.NONE) or Flow.NONE,
        required=sheet.flag("required", default=False),
        visible=sheet.flag("visible", default=True),
        mouseover=sheet.text("mouseover"),
        options=_read_options(sheet),
        decimal_points=sheet.number("decimal_points", None, least=0, most=DECIMAL_POINTS_MAX, whole=True),
        foreground_color=_read_color(sheet),
        variable=sheet.kind("variable", SystemVariable, None),
    )
    if kind is None or sheet.data.get("value") is None:
        return item
    return replace(item, value=conditions.read_value(sheet, item)[1])


def _check_fields(sheet: Sheet, kind: PropertyType | None) -> None:
    if kind is None:
        return
    for key, owner in _ONLY_OF.items():
        if key in sheet and kind is not owner:
            sheet.document.wrong_key(sheet.at(key), f'only a {owner} has "{key}", not a {kind}')
    if kind is PropertyType.DROPDOWN:
        sheet.required("options", what="a Dropdown")
    if kind is PropertyType.SYSTEM_VARIABLE:
        sheet.required("variable", what="a SystemVariable")
        if "value" in sheet:
            sheet.document.wrong_key(sheet.at("value"), "a SystemVariable gets its value from the system")


def _read_options(sheet: Sheet) -> tuple[str, ...]:
    options: dict[str, None] = {}  # used as an ordered set
    for index, item in enumerate(sheet.items("options", what="texts", most=OPTIONS_MAX)):
        path = (*sheet.at("options"), index)
        # Yes, No and 010 are options as they are written.
        plain = sheet.document.spots[path].plain
        text = plain if plain is not None and item is not None else item
        if not isinstance(text, str):
            sheet.document.wrong(path, f"an option must be text, not {shown(item)}")
        elif text in options:
            sheet.document.wrong(path, f"the option {shown(text)} is there twice")
        else:
            options[text] = None
    return tuple(options)


def _read_color(sheet: Sheet) -> str | None:
    color = sheet.text("foreground_color") if "foreground_color" in sheet else None
    if color is not None and not _COLOR.match(color):
        sheet.wrong("foreground_color", f"foreground_color must be a colour such as #c00000 or red, not {shown(color)}")
    return color
