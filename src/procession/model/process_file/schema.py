"""The JSON Schema of the process file, for editors: it completes and checks; process_file.parse has the last word.

Its descriptions are what an editor shows and what docs/process-file.md is made of. What the schema refuses, the parser
refuses too; the parser finds more.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from procession.model.conditions import STEP_ATOMS
from procession.model.process_file import PROPERTIES_MAX, RUNS_AT_ONCE_MAX, STEPS_MAX, TRIES_MAX
from procession.model.process_file.properties import DECIMAL_POINTS_MAX
from procession.model.process_file.settings import ActionKind
from procession.model.process_file.sheets import NAME_CHARACTERS_MAX
from procession.model.processes import (
    KEY_PATTERN,
    AlertWhen,
    AtomKind,
    Effect,
    Flow,
    Join,
    PropertyType,
    SystemVariable,
)

# The one that OpenAPI 3.1 uses too.
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_PLAIN = ["string", "number", "boolean"]  # a number or a word without quotes is taken as it is written
_NAME = {"type": _PLAIN, "minLength": 1, "maxLength": NAME_CHARACTERS_MAX}
_KEY = {"type": _PLAIN, "pattern": f"^{KEY_PATTERN}$"}
_TEXT = {"type": _PLAIN}
_FLAG = {"type": "boolean"}
_VALUE = {"type": [*_PLAIN, "null"]}
_REFERENCE = {"type": "string", "pattern": r"^[^.\s]+\.[^.\s]+$"}
_DURATION = {
    "anyOf": [
        {"type": "string", "pattern": r"^\s*([0-9.]+\s*d)?\s*([0-9.]+\s*h)?\s*([0-9.]+\s*m)?\s*([0-9.]+\s*s)?\s*$"},
        {"type": "number", "exclusiveMinimum": 0},
    ],
}
_CONDITION = {"$ref": "#/$defs/condition"}


def schema(actions: Mapping[str, ActionKind] | None = None) -> dict[str, Any]:
    """The schema; with `actions`, the settings of each kind are part of it, chosen by `action`."""
    actions = actions or {}
    kinds = sorted(actions)
    settings, components = msgspec.json.schema_components(
        [actions[kind].settings for kind in kinds], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": DIALECT,
        "title": "Procession process file",
        **_process(),
        "$defs": {
            **components,
            **{f"{kind}_settings": part for kind, part in zip(kinds, settings, strict=True)},
            "condition": _condition(),
            "property": _property(),
            "group": _group(),
            "step": _step(),
            "data_step": _data_step(),
            "action_step": _action_step(actions),
        },
    }


def _process() -> dict[str, Any]:
    when = _words(AlertWhen, "always, only after a run with problems, or never; problems when it is left out")
    alert = {
        "email": _said(_TEXT, "the addresses that mail goes to, separated by commas"),
        "sms": _said(_TEXT, "a telephone number; kept, and nothing is sent to it yet"),
        "when": when,
    }
    return _object(
        {
            "process": _said(
                _NAME, "the name of the process, unique on a server; the next file with it is its next version"
            ),
            "description": _said(_TEXT, "what the process is for"),
            "alert": _said(_object(alert), "who is told how a run ended"),
            "time_limit": _said(
                _DURATION, "of a whole run: 90s, 10m, 2h, 1d or 1h30m, at most 366d; 24h when left out"
            ),
            "concurrency": _whole(
                1, RUNS_AT_ONCE_MAX, "how many runs may be under way at once; no limit when left out"
            ),
            "groups": _list(
                {"$ref": "#/$defs/group"}, "the groups of steps, in order; group 2 has the steps 2.1, 2.2, ..."
            ),
        },
        "process",
        "groups",
    )


def _group() -> dict[str, Any]:
    fields = {
        "group": _said(_NAME, "the name of the group"),
        "steps": _list({"$ref": "#/$defs/step"}, f"its steps, in order; at most {STEPS_MAX:,} in a process"),
    }
    return _object(fields, "group")


def _flow(of: str) -> dict[str, Any]:
    needs = {"anyOf": [_KEY, {"type": "array", "items": _KEY}]}
    return {
        "key": _said(_KEY, f"how others refer to the {of}; the name in small letters with _ when left out"),
        "needs": _said(needs, "keys of earlier steps that must have succeeded, instead of the step before this one"),
        "when": {
            **_CONDITION,
            "description": "the step runs only if this holds",
        },
        "skip_when": {**_CONDITION, "description": "the step is skipped if this holds; looked at before `when`"},
        "enabled": _said(
            _FLAG, "false: the step is skipped, and the next one does not wait for it; true when left out"
        ),
    }


def _step() -> dict[str, Any]:
    """Chosen by the key that tells the two kinds apart, so a mistake is reported for the right one."""
    action, data = {"$ref": "#/$defs/action_step"}, {"$ref": "#/$defs/data_step"}
    otherwise = {"if": {"required": ["data"]}, "then": data, "else": {"anyOf": [data, action]}}
    return {"if": {"required": ["action"]}, "then": action, "else": otherwise}


def _data_step() -> dict[str, Any]:
    fields = {
        "data": _said(_NAME, "the name of the step: it holds values and files, and does no work"),
        **_flow("step"),
        "properties": _list({"$ref": "#/$defs/property"}, f"its values and files; at most {PROPERTIES_MAX}"),
    }
    return _object(fields, "data")


def _action_step(actions: Mapping[str, ActionKind]) -> dict[str, Any]:
    kinds = sorted(actions)
    retry = {
        "times": _whole(1, TRIES_MAX, "how many tries after the first"),
        "wait": _said(_DURATION, "before the second try; 10s when left out"),
        "backoff": {
            "type": "number",
            "minimum": 1,
            "maximum": TRIES_MAX,
            "description": "each further wait is the one before times this; 2 when left out",
        },
    }
    fields = {
        "action": {**({"enum": kinds} if kinds else _TEXT), "description": "the kind of the step: what it does"},
        "name": _said(_NAME, "the name of the step; its kind when left out"),
        **_flow("step"),
        "with": {"type": ["object", "null"], "description": "the settings of this kind of action"},
        "time_limit": _said(_DURATION, "of one try; no limit but the run's when left out"),
        "retry": _said(_object(retry, "times"), "tries again after a failure; not a step with `effect: once`"),
        "effect": _words(
            Effect, "may a crash or a restart repeat it? once: never, unless somebody releases it by name"
        ),
    }
    return {
        **_object(fields, "action"),
        **({"allOf": [_settings_of(actions[kind], kind) for kind in kinds]} if kinds else {}),
    }


def _settings_of(action: ActionKind, kind: str) -> dict[str, Any]:
    """One branch for each kind, so a mistake is reported for the chosen kind."""
    needs = [field.encode_name for field in msgspec.structs.fields(action.settings) if field.required]
    return {
        "if": {"properties": {"action": {"const": kind}}, "required": ["action"]},
        "then": {
            "properties": {"with": {"$ref": f"#/$defs/{kind}_settings"}},
            **({"required": ["with"]} if needs else {}),
        },
    }


def _property() -> dict[str, Any]:
    fields = {
        "name": _said(_NAME, "what people see"),
        "key": _said(
            _KEY, "how steps refer to it, as in ${step.property}; the name in small letters with _ when left out"
        ),
        "type": _words(PropertyType, "what it holds"),
        "flow": _words(
            Flow, "INPUT: given before a run starts; OUTPUT: a result; NONE, when left out: for the steps alone"
        ),
        "required": _said(_FLAG, "whether an INPUT must be filled in; false when left out"),
        "visible": _said(_FLAG, "whether people are shown it; true when left out"),
        "mouseover": _said(_TEXT, "a remark that helps to fill it in"),
        "value": _said(_VALUE, "the value that a new run has"),
        "options": _list({"type": _PLAIN}, "what a Dropdown offers"),
        "decimal_points": _whole(0, DECIMAL_POINTS_MAX, "how many decimals a Decimal shows"),
        "foreground_color": _said(_TEXT, "the colour of a Text, such as #c00000 or red"),
        "variable": _words(
            SystemVariable,
            "what a SystemVariable holds; the system fills it in when the step runs, CURRENT_DATE_TIME in UTC",
        ),
    }
    return _object(fields, "name", "type")


def _condition() -> dict[str, Any]:
    several = _list(_CONDITION, "")
    several = {**several, "minItems": 1}
    compared = _object(
        {
            "property": _said(_REFERENCE, "the property that is compared, as step.property"),
            "value": _said(_VALUE, "what it is compared with"),
        },
        "property",
        "value",
    )
    subjects: dict[Join | AtomKind, Any] = {Join.ALL: several, Join.ANY: several, Join.NOT: _CONDITION}
    subjects |= {kind: _KEY if kind in STEP_ATOMS else compared for kind in AtomKind}
    subjects[AtomKind.UPDATED] = _REFERENCE
    return {
        "anyOf": [
            _object({str(word): {**subject, "description": _ASKS[word]}}, str(word))
            for word, subject in subjects.items()
        ]
    }


_ASKS: dict[Join | AtomKind, str] = {
    Join.ALL: "every one of these holds",
    Join.ANY: "one of these holds",
    Join.NOT: "this does not hold",
    AtomKind.SUCCEEDED: "this step ended with Success or Warning",
    AtomKind.WARNED: "this step ended with Warning",
    AtomKind.FAILED: "this step failed",
    AtomKind.COMPLETED: "this step ended with Success, Warning or Failed",
    AtomKind.SKIPPED: "this step was skipped",
    AtomKind.UPDATED: "this file was written by a step, or uploaded for this run",
    AtomKind.EQUALS: "the property has this value; an empty text is no value",
    AtomKind.NOT_EQUALS: "the property has another value",
    AtomKind.GREATER: "the property is greater; unknown when it has no value",
    AtomKind.AT_LEAST: "the property is greater or equal",
    AtomKind.LESS: "the property is less",
    AtomKind.AT_MOST: "the property is less or equal",
}


def _object(fields: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        # A misspelt key is marked while it is typed.
        "additionalProperties": False,
        **({"required": list(required)} if required else {}),
    }


def _said(what: dict[str, Any], description: str) -> dict[str, Any]:
    return {**what, "description": description}


def _list(items: dict[str, Any], description: str) -> dict[str, Any]:
    # null too: a key without a value is how an editor completes it.
    return {"type": ["array", "null"], "items": items, **({"description": description} if description else {})}


def _whole(least: int, most: int, description: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most, "description": description}


def _words(kinds: type[StrEnum], description: str) -> dict[str, Any]:
    return {"enum": [str(kind) for kind in kinds], "description": description}
