"""JSON to the client's frozen shapes and back: aware dates, exact decimals, names in Python's spelling.

Unknown fields are ignored, so that a newer server may say more; a missing one takes the shape's default.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from procession.client.errors import Invalid, ServerFault

Shape = TypeVar("Shape")


def decode(raw: bytes) -> Any:
    """Numbers with a point become Decimals. Raises ValueError."""
    # Money must not pass through a float on its way to the script.
    return json.loads(raw, parse_float=Decimal)


def encode(value: Any) -> bytes:
    """Decimals leave as numbers, digit by digit (the json module knows only floats); dates as ISO text.

    Raises Invalid for NaN, infinity and a date and time without a zone, TypeError for what JSON cannot hold.
    """
    return _text(value).encode()


def _text(value: Any) -> str:
    match value:
        # Before float and the rest, in the order of how often they come.
        case Decimal() if value.is_finite():
            return str(value)
        case float() if isfinite(value):
            return json.dumps(value)
        case Decimal() | float():
            raise Invalid(f"{value} is no amount")
        case datetime():
            return json.dumps(moment_text(value))
        case date():
            return json.dumps(value.isoformat())
        case Mapping():
            return "{" + ",".join(f"{json.dumps(str(key))}:{_text(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_text, value)) + "]"
        case _:
            return json.dumps(value)


def moment_text(at: datetime) -> str:
    """In UTC with Z. Raises Invalid for a naive one: the server would have to guess what it means."""
    if at.utcoffset() is None:
        # A script on a laptop in Sydney and a server in UTC mean different moments.
        raise Invalid(f"{at} has no time zone")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Dates without an offset are UTC on this wire (docs/wire.md, Values); digits beyond microseconds are dropped."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def shape(kind: type[Shape], content: Any) -> Shape:
    """A shape out of a JSON object. Raises ServerFault for an answer that is not one."""
    if not isinstance(content, dict):
        raise ServerFault(f"the server's answer is not a {kind.__name__}")
    given: dict[str, Any] = {}
    for name, wire_names, hint, is_required in _fields_of(cast("Hashable", kind)):
        found = next((key for key in wire_names if key in content), None)
        if found is not None:
            given[name] = _value(hint, content[found])
        elif is_required:
            raise ServerFault(f"the server's answer has no {wire_names[0]}")
    return kind(**given)


def shapes(kind: type[Shape], content: Any) -> list[Shape]:
    """A list of shapes."""
    if not isinstance(content, list):
        raise ServerFault(f"the server's answer is not a list of {kind.__name__}")
    return [shape(kind, item) for item in content]


def field(content: Any, name: str) -> Any:
    """One field of a JSON object. Raises ServerFault for an answer that has none."""
    if not isinstance(content, dict) or name not in content:
        raise ServerFault(f"the server's answer has no {name}")
    return content[name]


def objects(content: Any) -> list[dict[str, Any]]:
    """A list of JSON objects as they are. Raises ServerFault for an answer that is not one."""
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise ServerFault("the server's answer is not a list of objects")
    return content


@cache
def _fields_of(kind: Any) -> tuple[tuple[str, tuple[str, ...], Any, bool], ...]:
    # Resolved once: annotations are texts in this file.
    hints = get_type_hints(kind)
    return tuple(
        (
            one.name,
            one.metadata.get("wire", (_camel(one.name),)),
            hints[one.name],
            one.default is MISSING and one.default_factory is MISSING,
        )
        for one in fields(kind)
    )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _value(hint: Any, value: Any) -> Any:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        if value is None:
            return None
        return _value(next(part for part in parts if part is not NoneType), value)
    if origin is tuple:
        items = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
        return tuple(_value(parts[0], item) for item in items)
    if is_dataclass(hint):
        return shape(hint, value)  # type: ignore[arg-type]
    return _plain(hint, value)


def _plain(hint: Any, value: Any) -> Any:
    try:
        if hint is datetime:
            return moment(value)
        if hint is Decimal:
            return Decimal(value)
        if hint is int:
            return int(value)
        if hint is float:
            return float(value)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ServerFault(f"the server's answer holds {value!r} where it should hold a {hint.__name__}") from error
    return value
