"""Canonical JSON of a Process, for storing and hashing: equal processes give equal bytes.

The names in settings keep their order: it is that of the columns that a bank asks for, and of what is calculated from
what.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from procession.model.processes import (
    AlertWhen,
    Atom,
    AtomKind,
    Condition,
    Effect,
    Flow,
    Join,
    Junction,
    Process,
    Property,
    PropertyType,
    Retry,
    Step,
    StepKind,
    SystemVariable,
    Value,
)

# Larger ones are rare, and 64 of them would be most of the server's memory.
KEPT_CHARACTERS_MAX = 200_000  # of a definition that is kept; some hundred steps
_JSON_INTEGER_MAX = 2**63 - 1  # msgspec and SQLite hold no larger one exactly


def definition_json(process: Process) -> bytes:
    """Canonical JSON: fields by name, settings as they stand, defaults included, no spaces."""
    return msgspec.json.encode(_plain(process))


def definition_from_json(data: bytes) -> Process:
    """The inverse of definition_json."""
    plain = msgspec.json.decode(data)
    # By hand: msgspec cannot tell the union of Atom and Junction apart without a tag, which stored definitions do not
    # have.
    plain["steps"] = tuple(_step(step) for step in plain["steps"])
    plain["alert_when"] = AlertWhen(plain["alert_when"])
    return Process(**plain)


def definition_from_text(text: str) -> Process:
    """The same from text, cached: neither a version nor a Process ever changes."""
    return _kept(text) if len(text) <= KEPT_CHARACTERS_MAX else definition_from_json(text.encode())


@lru_cache(maxsize=64)
def _kept(text: str) -> Process:
    return definition_from_json(text.encode())


def sha256(data: bytes) -> str:
    """The hash of a definition, as hex."""
    return hashlib.sha256(data).hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return {"decimal": format(value, "f")}
        case bool() | None | float() | str():
            return value
        # After bool, which is an int in Python.
        case int():
            return value if abs(value) <= _JSON_INTEGER_MAX else {"integer": str(value)}
        case tuple() | list():
            return [_plain(item) for item in value]
        case Mapping():
            return dict(value)
        case _:
            # Sorted, because the hash says whether two files are the same process.
            return {name: _plain(getattr(value, name)) for name in sorted(value.__struct_fields__)}


def _step(plain: dict[str, Any]) -> Step:
    needs, retry = plain["needs"], plain["retry"]
    plain |= {
        "kind": StepKind(plain["kind"]),
        "effect": Effect(plain["effect"]),
        "properties": tuple(_property(item) for item in plain["properties"]),
        "needs": None if needs is None else tuple(needs),
        "when": _condition(plain["when"]),
        "skip_when": _condition(plain["skip_when"]),
        "retry": None if retry is None else Retry(**retry),
    }
    return Step(**plain)


def _property(plain: dict[str, Any]) -> Property:
    variable = plain["variable"]
    plain |= {
        "type": PropertyType(plain["type"]),
        "flow": Flow(plain["flow"]),
        "value": _value(plain["value"]),
        "options": tuple(plain["options"]),
        "variable": None if variable is None else SystemVariable(variable),
    }
    return Property(**plain)


def _condition(plain: dict[str, Any] | None) -> Condition | None:
    if plain is None:
        return None
    if "join" in plain:
        parts = tuple(part for part in map(_condition, plain["parts"]) if part is not None)
        return Junction(join=Join(plain["join"]), parts=parts)
    return Atom(kind=AtomKind(plain["kind"]), subject=plain["subject"], value=_value(plain["value"]))


def _value(plain: Any) -> Value:
    match plain:
        # As text in an object: a JSON number would come back as a float.
        case {"decimal": text}:
            return Decimal(text)
        case {"integer": text}:
            return int(text)
        case None | bool() | int() | str():
            return plain
        case _:
            raise AssertionError(f"a definition holds the value {plain!r}")
