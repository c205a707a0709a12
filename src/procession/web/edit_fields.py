"""The form of one step in the designer: from what the file says of it, and back to what the file shall say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
import yaml

from procession.actions.contract import Action
from procession.model.errors import Invalid
from procession.model.process_file import documents, rendering
from procession.model.processes import AtomKind, Effect, Flow, Join, PropertyType
from procession.web.forms import Form

ROWS_SPARE = 1  # empty rows for another condition or property
_LONG = {"sql", "code"}  # settings that are programs
# The atoms that a person chooses from, as the end of "step 2.1 ...".
ATOM_WORDS = {
    str(AtomKind.SUCCEEDED): "succeeded",
    str(AtomKind.WARNED): "succeeded with remarks",
    str(AtomKind.FAILED): "failed",
    str(AtomKind.COMPLETED): "is over, however it ended",
    str(AtomKind.SKIPPED): "was skipped",
}
PROPERTY_FIELDS = ("name", "key", "type", "flow", "mouseover", "value", "decimal_points", "options")


class SettingField(msgspec.Struct, frozen=True, kw_only=True):
    """One setting of an action; `kind` is text, long, flag or values (YAML)."""

    name: str
    label: str
    help: str
    kind: str
    text: str
    is_set: bool
    is_required: bool


class ConditionRow(msgspec.Struct, frozen=True, kw_only=True):
    step: str = ""
    atom: str = ""


class WhenField(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is for a condition that rows cannot say."""

    join: str
    rows: tuple[ConditionRow, ...]
    text: str


def settings_of(action: Action | None, step: Mapping[str, Any]) -> list[SettingField]:
    """What the action takes, filled in; settings that it does not know come last, to be taken away."""
    given = step.get("with") if isinstance(step.get("with"), dict) else {}
    assert isinstance(given, dict)
    found = [] if action is None else [_setting(field, given) for field in msgspec.structs.fields(action.settings)]
    known = {item.name for item in found}
    return [*found, *(_unknown(name, value) for name, value in given.items() if name not in known)]


def _setting(field: msgspec.structs.FieldInfo, given: Mapping[str, Any]) -> SettingField:
    kind, help_text = _kind(field.encode_name, field.type)
    value = given.get(field.encode_name)
    if isinstance(value, dict | list) or (kind == "text" and isinstance(value, str) and "\n" in value):
        kind = "values" if isinstance(value, dict | list) else "long"
    return SettingField(
        name=field.encode_name,
        label=field.encode_name.replace("_", " ").capitalize(),
        help=help_text,
        kind=kind,
        text=shown(value),
        is_set=value is True,
        is_required=field.required,
    )


def _unknown(name: str, value: Any) -> SettingField:
    help_text = "this action does not know it"
    return SettingField(
        name=name, label=name, help=help_text, kind="values", text=shown(value), is_set=False, is_required=False
    )


def _kind(name: str, kind: Any) -> tuple[str, str]:
    """The kind of field, and what the action says of the setting."""
    kind, help_text = _plain(kind)
    # Written for a page in Markdown.
    help_text = help_text.replace("`", "")
    if kind is bool:
        return "flag", help_text
    if name in _LONG:
        return "long", help_text
    kinds = get_args(kind) if isinstance(kind, UnionType) or get_origin(kind) is Union else (kind,)
    return ("text" if {_plain(item)[0] for item in kinds} & {str, int, float, Decimal} else "values"), help_text


def _plain(kind: Any) -> tuple[Any, str]:
    """A type without what is noted beside it, and the description in those notes."""
    if not hasattr(kind, "__metadata__"):
        return kind, ""
    return kind.__origin__, next(
        (item.description for item in kind.__metadata__ if getattr(item, "description", None)), ""
    )


def shown(value: Any) -> str:
    """A value as it stands in its field."""
    if value is None or (isinstance(value, dict | list) and not value):
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return str(
            yaml.dump(value, Dumper=rendering.FileDumper, sort_keys=False, allow_unicode=True, width=100)
        ).strip()
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


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


def read_step(form: Form, before: Mapping[str, Any], action: Action | None) -> dict[str, Any]:
    """What the file shall say of the step; what the form does not show stays as it was. Raises Invalid."""
    step = dict(before)
    name_field = "data" if "data" in before else "name"
    step[name_field] = form.one("name").strip()
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
    else:
        _set(step, "with", _read_settings(form, _dict(before.get("with")), action))
    return _in_order(step)


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
        return read_values(text, field.replace("_", " "))
    pairs = zip(form.all(f"{field}_step"), form.all(f"{field}_atom"), strict=False)
    rows = [{atom: step} for step, atom in pairs if step and atom in ATOM_WORDS]
    if len(rows) > 1 or (rows and form.one(f"{field}_join") == Join.ANY):
        return {form.one(f"{field}_join") or str(Join.ALL): rows}
    return rows[0] if rows else None


def _read_settings(form: Form, before: Mapping[str, Any], action: Action | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in settings_of(action, {"with": dict(before)}):
        text = form.one(f"with.{item.name}")
        if item.kind == "flag":
            if form.has(f"with.{item.name}") or item.is_set != form.has(f"with.{item.name}"):
                found[item.name] = form.has(f"with.{item.name}")
        elif text.strip():
            found[item.name] = _read_setting(item, text, before.get(item.name))
    return found


def _read_setting(item: SettingField, text: str, before: Any) -> Any:
    if item.kind == "values":
        return read_values(text, item.label)
    if item.kind == "long":
        return text if text.endswith("\n") or not str(before or "").endswith("\n") else text + "\n"
    text = text.strip()
    # Some settings are a name, or more than that.
    if text[:1] in {"{", "["}:
        return read_values(text, item.label)
    # A text that looks like a number stays one where it was one.
    return text if isinstance(before, str) else documents.resolve(text)


def read_values(text: str, what: str) -> Any:
    """Lists and mappings as YAML. Raises Invalid with the place."""
    try:
        document = documents.read(text)
        document.raise_mistakes()
    except documents.FileMistakes as error:
        first = error.mistakes[0]
        raise Invalid(f"{what}, line {first.line}: {first.message}") from None
    return document.data


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
                _set(item, field, _read_property(field, form.one(at + field).strip(), item.get(field)))
        for field, default in (("required", False), ("visible", True)):
            _set(item, field, form.has(at + field) if form.has(at + field) != default else None, keeps_empty=True)
        item["name"] = name
        yield item


def _read_property(field: str, text: str, before: Any) -> Any:
    if field == "options":
        return [line.strip() for line in text.split("\n") if line.strip()]
    if field == "flow" and text == Flow.NONE:
        return None
    if field in {"value", "decimal_points"} and text:
        return text if isinstance(before, str) else documents.resolve(text)
    return text


TYPES = [str(item) for item in PropertyType]
FLOWS = {str(Flow.INPUT): "input", str(Flow.OUTPUT): "result", str(Flow.NONE): "neither"}
EFFECTS = {
    "": "as the action says",
    str(Effect.PURE): "changes nothing but its outputs",
    str(Effect.IDEMPOTENT): "may be repeated",
    str(Effect.ONCE): "must happen once",
}
