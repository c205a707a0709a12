"""The form of one step in the designer: from what the file says of it, and back to what the file shall say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from procession.actions.contract import Action
from procession.model.process_file import documents
from procession.model.process_file.documents import Mistake, Path
from procession.model.processes import AtomKind, Effect, Flow, Join, PropertyType
from procession.web import setting_fields, setting_reading, setting_shapes, setting_texts
from procession.web.forms import Form
from procession.web.setting_nodes import SettingNode
from procession.web.setting_reading import RowPress
from procession.web.setting_shapes import Shape, ShapeKind
from procession.web.setting_texts import shown

ROWS_SPARE = 1  # empty rows for another condition or property
# The atoms that a person chooses from, as the end of "step 2.1 ...".
ATOM_WORDS = {
    str(AtomKind.SUCCEEDED): "succeeded",
    str(AtomKind.WARNED): "succeeded with remarks",
    str(AtomKind.FAILED): "failed",
    str(AtomKind.COMPLETED): "is over, however it ended",
    str(AtomKind.SKIPPED): "was skipped",
}
PROPERTY_FIELDS = ("name", "key", "type", "flow", "mouseover", "value", "decimal_points", "options")


class ConditionRow(msgspec.Struct, frozen=True, kw_only=True):
    step: str = ""
    atom: str = ""


class WhenField(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is for a condition that rows cannot say."""

    join: str
    rows: tuple[ConditionRow, ...]
    text: str


def shape_of(action: Action | None) -> Shape | None:
    return None if action is None else setting_shapes.of_settings(action.settings)


def settings_of(
    action: Action | None,
    step: Mapping[str, Any],
    mistakes: Mapping[Path, tuple[Mistake, ...]],
    types: Mapping[str, str] = setting_fields.NO_TYPES,
) -> SettingNode:
    """What the action takes, filled in; settings that it does not know come last, to be taken away."""
    return setting_fields.of_step(shape_of(action), _dict(step.get("with")), mistakes, types)


def when_of(condition: Any) -> WhenField:
    """The condition as rows, where it is all or any of plain questions about steps."""
    if condition is None:
        return WhenField(join=str(Join.ALL), rows=(), text="")
    if isinstance(condition, dict) and len(condition) == 1:
        (name, parts), *_ = condition.items()
        listed = parts if name in {Join.ALL, Join.ANY} and isinstance(parts, list) else [condition]
        rows = [_row(part) for part in listed]
        if all(row is not None for row in rows):
            join = name if name in {Join.ALL, Join.ANY} else str(Join.ALL)
            return WhenField(join=join, rows=tuple(row for row in rows if row), text="")
    return WhenField(join=str(Join.ALL), rows=(), text=shown(condition))


def _row(part: Any) -> ConditionRow | None:
    if not isinstance(part, dict) or len(part) != 1:
        return None
    ((atom, step), *_) = part.items()
    return ConditionRow(step=step, atom=atom) if atom in ATOM_WORDS and isinstance(step, str) else None


def read_step(
    form: Form, before: Mapping[str, Any], action: Action | None, pressed: RowPress = setting_reading.NONE_PRESSED
) -> dict[str, Any]:
    """What the file shall say of the step; what the form does not show stays as it was. Raises Invalid."""
    step = read_frame(form, before)
    if "data" not in before:
        _set(step, "with", setting_reading.read(form, shape_of(action), pressed))
    return _in_order(step)


def read_frame(form: Form, before: Mapping[str, Any]) -> dict[str, Any]:
    """All but the settings of its action. Raises Invalid."""
    step = dict(before)
    name_field = "data" if "data" in before else "name"
    # A step without a name goes by its action.
    _set(step, name_field, form.one("name").strip(), keeps_empty=name_field == "data")
    _set(step, "key", form.one("key").strip())
    _set(step, "needs", form.all("needs") if form.one("needs_mode") == "steps" else None, keeps_empty=True)
    _set(step, "when", _read_when(form, "when"))
    _set(step, "skip_when", _read_when(form, "skip_when"))
    _set(step, "enabled", None if form.has("enabled") else False)
    for field in ("time_limit", "effect"):
        _set(step, field, form.one(field).strip())
    tries = form.one("tries").strip()
    _set(step, "retry", {**_dict(before.get("retry")), "times": documents.resolve(tries)} if tries else None)
    if name_field == "data":
        step["properties"] = list(_read_properties(form, before))
    return step


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _set(step: dict[str, Any], field: str, value: Any, *, keeps_empty: bool = False) -> None:
    if value is None or (not keeps_empty and value in ("", {}, [])):
        step.pop(field, None)
    else:
        step[field] = value


def _in_order(step: dict[str, Any]) -> dict[str, Any]:
    """As files are written by hand: the name first, what a step does last."""
    first = ("data", "action", "name", "key", "needs", "when", "skip_when", "enabled", "time_limit", "retry", "effect")
    return {
        **{name: step[name] for name in first if name in step},
        **{name: value for name, value in step.items() if name not in first},
    }


def _read_when(form: Form, field: str) -> Any:
    text = form.one(f"{field}_text").strip()
    if text:
        return setting_reading.read_values(text, field.replace("_", " "))
    pairs = zip(form.all(f"{field}_step"), form.all(f"{field}_atom"), strict=False)
    rows = [{atom: step} for step, atom in pairs if step and atom in ATOM_WORDS]
    if len(rows) > 1 or (rows and form.one(f"{field}_join") == Join.ANY):
        return {form.one(f"{field}_join") or str(Join.ALL): rows}
    return rows[0] if rows else None


def _read_properties(form: Form, before: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    known = [item for item in before.get("properties") or [] if isinstance(item, dict)]
    for number in range(len(known) + ROWS_SPARE):
        at = f"p{number}."
        name = form.one(f"{at}name").strip()
        if not name or form.has(f"{at}delete"):
            continue
        item = dict(known[number]) if number < len(known) else {}
        for field in PROPERTY_FIELDS:
            if form.has(at + field):
                _set(
                    item,
                    field,
                    _read_property(field, form.one(at + field).strip(), item.get(field), form.one(f"{at}type")),
                )
        for field, default in (("required", False), ("visible", True)):
            _set(item, field, form.has(at + field) if form.has(at + field) != default else None, keeps_empty=True)
        item["name"] = name
        yield item


def _read_property(field: str, text: str, before: Any, kind: str) -> Any:
    if before is not None and text == shown(before):
        return before
    if field == "options":
        return [line.strip() for line in text.split("\n") if line.strip()]
    if field == "flow" and text == Flow.NONE:
        return None
    # By its type: "1e3" and "0012" are numbers of a Number, and texts of a String.
    shape = _DEFAULTS.get(kind) if field == "value" else _NUMBER if field == "decimal_points" else None
    if shape is None or not text:
        return text
    found = setting_texts.read(shape, text, "Default" if field == "value" else "Decimals")
    return None if found is setting_texts.ABSENT else found


_NUMBER = Shape(kind=ShapeKind.NUMBER)
_DEFAULTS = {
    str(PropertyType.NUMBER): _NUMBER,
    str(PropertyType.DECIMAL): _NUMBER,
    str(PropertyType.CHECK_BOX): Shape(kind=ShapeKind.CHOICE, options=(True, False)),
}
TYPES = [str(item) for item in PropertyType]
FLOWS = {str(Flow.INPUT): "input", str(Flow.OUTPUT): "result", str(Flow.NONE): "neither"}
EFFECTS = {
    "": "as the action says",
    str(Effect.PURE): "changes nothing but its outputs",
    str(Effect.IDEMPOTENT): "may be repeated",
    str(Effect.ONCE): "must happen once",
}
