"""From a client's words to model values: every quirk of what is accepted, with its reason (docs/wire.md: Values, T6).

Everything here raises Invalid in the client's words; nothing of it knows a transaction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from msgspec.structs import replace

from procession.door.encoding import encode
from procession.model import values
from procession.model.errors import Invalid
from procession.model.processes import Flow, Property, PropertyType, SystemVariable, Value

NAME_CHARACTERS_MAX = 255
TEXT_CHARACTERS_MAX = 100_000
SHOWN_CHARACTERS_MAX = 80  # of a refused value, in the message
OPTIONS_MAX = 10_000
DECIMAL_POINTS_MAX = 15
# A time zone whose "+" a client did not encode arrives as a blank.
_LOST_PLUS = re.compile(r"(?<=\d) (?=\d\d:?\d\d\Z)")

E = TypeVar("E", bound=StrEnum)


def choice(kind: type[E], text: object, *, field: str) -> E:
    """The member whose value is `text`, any case. Raises Invalid with the list of what is possible."""
    if isinstance(text, str):
        wanted = text.strip().lower()
        for member in kind:
            if member.value.lower() == wanted:
                return member
    is_what = "missing" if text is None else _shown(text)
    raise Invalid(f"{field} is {is_what}, but it can only be {', '.join(member.value for member in kind)}")


def moment(text: str, *, field: str) -> datetime:
    """ISO 8601; without a zone it means UTC. Raises Invalid."""
    try:
        at = datetime.fromisoformat(_LOST_PLUS.sub("+", text.strip()) if "T" in text.upper() else text.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{field} is {_shown(text)}, not a date such as 2025-02-05 or 2025-02-05T22:40:19Z") from None


def maybe_moment(query: Mapping[str, str], name: str) -> datetime | None:
    """The query's moment `name`, None when it is absent or empty. Raises Invalid."""
    text = query.get(name.lower())
    return moment(text, field=name) if text else None


def whole(text: str, *, field: str, least: int, most: int) -> int:
    """A whole number of a query. Raises Invalid."""
    if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
        raise Invalid(f"{field} is {_shown(text)}, not a whole number from {least} to {most}")
    return int(text)


def string(body: Mapping[str, Any], key: str, *, most: int = NAME_CHARACTERS_MAX) -> str:
    """The text under `key`, "" when it is absent or null. Raises Invalid."""
    value = body.get(key.lower())
    if value is None:
        return ""
    return _text(value, field=key, most=most)


def changed(item: Property, body: Mapping[str, Any]) -> Property:
    """The property after a full or partial Property was posted; `body` has lower-case keys. Raises Invalid.

    Lower-case keys make mouseOverText and mouseoverText one thing. decimalPoint is an old spelling of decimalPoints.
    What cannot change (id, a File's file, a system variable's value) is ignored, so that a whole Property can be
    read, edited and posted back.
    """
    if "datatype" in body and choice(PropertyType, body["datatype"], field="dataType") is not item.type:
        raise Invalid(f'the type of property "{item.name}" is {item.type} and cannot be changed')
    fields: dict[str, Any] = {}
    if body.get("name") is not None:
        fields["name"] = name(body["name"], field="name")
    if body.get("mouseovertext") is not None:
        fields["mouseover"] = _text(body["mouseovertext"], field="mouseoverText", most=TEXT_CHARACTERS_MAX)
    if body.get("informationflowtype") is not None:
        fields["flow"] = choice(Flow, body["informationflowtype"], field="informationFlowType")
    for key in ("required", "visible"):
        if body.get(key) is not None:
            fields[key] = boolean(body[key], field=key)
    item = replace(item, **fields, **_of_type(item.type, body))
    return replace(item, value=value(item, body["value"])) if "value" in body else item


def _of_type(kind: PropertyType, body: Mapping[str, Any]) -> dict[str, Any]:
    if kind is PropertyType.DROPDOWN and body.get("options") is not None:
        return {"options": _options(body["options"])}
    if kind is PropertyType.TEXT and "foregroundcolor" in body:
        return {"foreground_color": string(body, "foregroundColor") or None}
    if kind is PropertyType.SYSTEM_VARIABLE and body.get("variabletype") is not None:
        return {"variable": choice(SystemVariable, body["variabletype"], field="variableType")}
    points = body.get("decimalpoints", body.get("decimalpoint"))
    if kind is PropertyType.DECIMAL and points is not None:
        if isinstance(points, bool) or not isinstance(points, int) or not 0 <= points <= DECIMAL_POINTS_MAX:
            raise Invalid(f"decimalPoints is {_shown(points)}, not a whole number from 0 to {DECIMAL_POINTS_MAX}")
        return {"decimal_points": points}
    return {}


def _options(given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or len(given) > OPTIONS_MAX:
        raise Invalid(f"options must be a list of at most {OPTIONS_MAX} texts")
    return tuple(_text(option, field="options", most=NAME_CHARACTERS_MAX) for option in given)


def value(item: Property, given: object) -> Value:
    """The value that a client gave a property, in the model's type; what cannot be set stays. Raises Invalid."""
    if item.type in {PropertyType.FILE, PropertyType.SYSTEM_VARIABLE}:
        return item.value
    return values.normalise(item, given)


def boolean(given: object, *, field: str) -> bool:
    """true or false, also as text. Raises Invalid."""
    if isinstance(given, str) and given.lower() in {"true", "false"}:
        return given.lower() == "true"
    if not isinstance(given, bool):
        raise Invalid(f"{field} is {_shown(given)}, neither true nor false")
    return given


def line(given: object, *, field: str) -> str:
    """A text of one line, or "". Raises Invalid."""
    text = _text(given, field=field, most=NAME_CHARACTERS_MAX).strip()
    if not text.isprintable():
        raise Invalid(f"{field} must be a text of one line")
    return text


def name(given: object, *, field: str) -> str:
    """A name: not blank, one line, at most NAME_CHARACTERS_MAX. Raises Invalid."""
    if given is None:
        raise Invalid(f"{field} is missing")
    text = line(given, field=field)
    if not text:
        raise Invalid(f"{field} must be a text of one line that is not empty")
    return text


def _text(given: object, *, field: str, most: int) -> str:
    if not isinstance(given, str):
        raise Invalid(f"{field} is {_shown(given)}, not a text")
    if len(given) > most:
        raise Invalid(f"{field} is longer than {most} characters")
    if "\0" in given:
        raise Invalid(f"{field} holds a NUL character")
    return given


def _shown(given: object) -> str:
    """As the client wrote it: null, not None."""
    text = f'"{given}"' if isinstance(given, str) else encode(given).decode()
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[: SHOWN_CHARACTERS_MAX - 3] + "..."


def includes_all(query: Mapping[str, str]) -> bool:
    """?include=all. Raises Invalid for any other word."""
    included = query.get("include", "").lower()
    if included not in {"", "all"}:
        raise Invalid(f'include is "{included[:80]}", but it can only be "all"')
    return included == "all"
