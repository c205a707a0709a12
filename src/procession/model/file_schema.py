"""The JSON Schema of the process file, for editors: it completes and checks; process_file.parse has the last word."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from procession.model.conditions import STEP_ATOMS
from procession.model.file_properties import DECIMAL_POINTS_MAX
from procession.model.file_settings import ActionKind
from procession.model.process_file import RUNS_AT_ONCE_MAX, TRIES_MAX
from procession.model.processes import AlertWhen, AtomKind, Effect, Flow, Join, PropertyType, SystemVariable
from procession.model.sheets import NAME_CHARACTERS_MAX

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NAME = {"type": "string", "minLength": 1, "maxLength": NAME_CHARACTERS_MAX}
_KEY = {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$"}
_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_VALUE = {"type": ["string", "number", "boolean", "null"]}
_REFERENCE = {"type": "string", "pattern": r"^[^.\s]+\.[^.\s]+$", "description": "step.property"}
_DURATION = {
    "anyOf": [
        {"type": "string", "pattern": r"^\s*([0-9.]+d)?\s*([0-9.]+h)?\s*([0-9.]+m)?\s*([0-9.]+s)?\s*$"},
        {"type": "number", "exclusiveMinimum": 0},
    ],
    "description": "90s, 10m, 2h, 1d; a number is seconds",
}
_CONDITION = {"$ref": "#/$defs/condition"}


def schema(actions: Mapping[str, ActionKind] | None = None) -> dict[str, Any]:
    """The schema; with `actions`, the settings of each kind are part of it."""
    actions = actions or {}
    kinds = sorted(actions)
    settings, components = msgspec.json.schema_components(
        [actions[kind].settings for kind in kinds], ref_template="#/$defs/{name}"
    )
    steps = [_action_step(kind, part) for kind, part in zip(kinds, settings, strict=True)] or [_action_step(None, {})]
    return {
        "$schema": DIALECT,
        "title": "Procession process file",
        **_process(),
        "$defs": {
            **components,
            "condition": _condition(),
            "property": _property(),
            "step": {"anyOf": [_data_step(), *steps]},
        },
    }


def _process() -> dict[str, Any]:
    alert = _object({"email": _TEXT, "sms": _TEXT, "when": _words(AlertWhen)})
    group = _object({"group": _NAME, "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}}}, "group")
    return _object(
        {
            "process": _NAME,
            "description": _TEXT,
            "alert": alert,
            "time_limit": _DURATION,
            "concurrency": {"type": "integer", "minimum": 1, "maximum": RUNS_AT_ONCE_MAX},
            "groups": {"type": "array", "items": group},
        },
        "process",
        "groups",
    )


def _flow() -> dict[str, Any]:
    return {
        "key": _KEY,
        "needs": {"anyOf": [_KEY, {"type": "array", "items": _KEY}]},
        "when": _CONDITION,
        "skip_when": _CONDITION,
        "enabled": _FLAG,
    }


def _data_step() -> dict[str, Any]:
    properties = {"type": "array", "items": {"$ref": "#/$defs/property"}}
    return _object({"data": _NAME, **_flow(), "properties": properties}, "data")


def _action_step(kind: str | None, settings: dict[str, Any]) -> dict[str, Any]:
    retry = _object(
        {
            "times": {"type": "integer", "minimum": 1, "maximum": TRIES_MAX},
            "wait": _DURATION,
            "backoff": {"type": "number", "minimum": 1, "maximum": TRIES_MAX},
        },
        "times",
    )
    fields = {
        "action": _TEXT if kind is None else {"const": kind},
        "name": _NAME,
        **_flow(),
        "with": settings,
        "time_limit": _DURATION,
        "retry": retry,
        "effect": _words(Effect),
    }
    return _object(fields, "action")


def _property() -> dict[str, Any]:
    fields = {
        "name": _NAME,
        "key": _KEY,
        "type": _words(PropertyType),
        "flow": _words(Flow),
        "required": _FLAG,
        "visible": _FLAG,
        "mouseover": _TEXT,
        "value": _VALUE,
        "options": {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
        "decimal_points": {"type": "integer", "minimum": 0, "maximum": DECIMAL_POINTS_MAX},
        "foreground_color": _TEXT,
        "variable": _words(SystemVariable),
    }
    return _object(fields, "name", "type")


def _condition() -> dict[str, Any]:
    several = {"type": "array", "items": _CONDITION, "minItems": 1}
    compared = _object({"property": _REFERENCE, "value": _VALUE}, "property", "value")
    subjects: dict[str, Any] = {Join.ALL: several, Join.ANY: several, Join.NOT: _CONDITION}
    subjects |= {kind: _KEY if kind in STEP_ATOMS else compared for kind in AtomKind}
    subjects[AtomKind.UPDATED] = _REFERENCE
    return {"anyOf": [_object({str(word): subject}, str(word)) for word, subject in subjects.items()]}


def _object(fields: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "additionalProperties": False,
        **({"required": list(required)} if required else {}),
    }


def _words(kinds: type[StrEnum]) -> dict[str, Any]:
    return {"enum": [str(kind) for kind in kinds]}
