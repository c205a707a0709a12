"""JSON Schema in words, for tables that people read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from procession.actions.references import PATTERN, PATTERN_OF_TABLES, PATTERN_WITH_TABLES

TYPES = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "object": "mapping",
    "array": "list",
}
REFERENCES = {
    PATTERN: "`${step.property}`",
    PATTERN_OF_TABLES: "`${table:Name}`",
    PATTERN_WITH_TABLES: "`${step.property}` or `${table:Name}`",
}
PLAIN = ("string", "number", "boolean")


def table(head: str, rows: Iterable[Sequence[str]]) -> str:
    names = head.split(" | ")
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def of(schema: Mapping[str, Any]) -> str:
    """What may stand here: "text", "list of mappings", a link to the section of a Struct."""
    if "$ref" in schema:
        return link(schema["$ref"])
    if "anyOf" in schema:
        return _choices([one for one in schema["anyOf"] if one.get("type") != "null"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    if "const" in schema:
        return f"`{schema['const']}`"
    return _simple(schema)


def _choices(schemas: Sequence[Mapping[str, Any]]) -> str:
    """Lists come last: what follows "list of" would be taken for what is in it."""
    choices = dict.fromkeys(of(one) for one in schemas if one.get("type") != "array")
    if "number" in choices:
        choices.pop("whole number", None)
    for items in [of(one.get("items", {})) for one in schemas if one.get("type") == "array"]:
        is_same = set(items.split(" or ")) == set(" or ".join(choices).split(" or "))
        choices["a list of these" if is_same and len(choices) > 1 else f"list of {items}"] = None
    return " or ".join(choices)


def _simple(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type", "anything")
    names = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
    if set(names) == set(PLAIN):
        names = ["string"]  # what is not quoted is taken as it is written
    if names == ["string"] and schema.get("pattern") in REFERENCES:
        return REFERENCES[schema["pattern"]]
    if names == ["array"]:
        return f"list of {of(schema.get('items', {}))}"
    if names == ["object"] and isinstance(schema.get("additionalProperties"), dict):
        return f"mapping of names to {of(schema['additionalProperties'])}"
    return " or ".join(TYPES.get(name, name) for name in names) + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f", {least:,} to {most:,}"
    if least is not None:
        return f", {least:,} or more"
    longest = schema.get("maxLength")
    return f", at most {longest:,} characters" if longest and longest > 1 else ""


def link(reference: str) -> str:
    name = reference.removeprefix("#/$defs/")
    return f"[{name}](#{name.lower()})"


def default(schema: Mapping[str, Any], *, is_required: bool) -> str:
    if is_required:
        return "**required**"
    value = schema.get("default")
    if isinstance(value, dict):
        return ""  # its own section says what each key is when left out
    return "" if value in (None, [], "") and not isinstance(value, bool) else f"`{json.dumps(value)}`"


def fields(schema: Mapping[str, Any]) -> str:
    """The table of an object's keys."""
    needed = schema.get("required", [])
    rows = [
        (f"`{name}`", of(one), default(one, is_required=name in needed), one.get("description", ""))
        for name, one in schema["properties"].items()
    ]
    return table("key | what stands there | default | meaning", rows)
