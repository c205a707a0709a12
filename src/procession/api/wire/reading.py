"""From a client's words to model values: every quirk of what is accepted, with its reason (docs/wire.md: Values, T6).

Everything here raises Invalid in the client's words; nothing of it knows a transaction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from procession.door.encoding import encode
from procession.model.errors import Invalid

NAME_CHARACTERS_MAX = 255
SHOWN_CHARACTERS_MAX = 80  # of a refused value, in the message
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
    is_what = "missing" if text is None else shown(text)
    raise Invalid(f"{field} is {is_what}, but it can only be {', '.join(member.value for member in kind)}")


def moment(text: str, *, field: str) -> datetime:
    """ISO 8601; without a zone it means UTC. Raises Invalid."""
    try:
        at = datetime.fromisoformat(_LOST_PLUS.sub("+", text.strip()) if "T" in text.upper() else text.strip())
        # Never the server's zone: the same script must mean the same moment on every machine.
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{field} is {shown(text)}, not a date such as 2025-02-05 or 2025-02-05T22:40:19Z") from None


def maybe_moment(query: Mapping[str, str], name: str) -> datetime | None:
    """The query's moment `name`, None when it is absent or empty. Raises Invalid."""
    text = query.get(name.lower())
    return moment(text, field=name) if text else None


def whole(text: str, *, field: str, least: int, most: int) -> int:
    """A whole number of a query. Raises Invalid."""
    # No int() first: it takes blanks, signs and underscores.
    if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
        raise Invalid(f"{field} is {shown(text)}, not a whole number from {least} to {most}")
    return int(text)


def string(body: Mapping[str, Any], key: str, *, most: int = NAME_CHARACTERS_MAX) -> str:
    """The text under `key`, "" when it is absent or null. Raises Invalid."""
    value = body.get(key.lower())
    if value is None:
        return ""
    return text(value, field=key, most=most)


def boolean(given: object, *, field: str) -> bool:
    """true or false, also as text. Raises Invalid."""
    if isinstance(given, str) and given.lower() in {"true", "false"}:
        return given.lower() == "true"
    # 0 and 1 are refused: a client that sends them may mean a count.
    if not isinstance(given, bool):
        raise Invalid(f"{field} is {shown(given)}, neither true nor false")
    return given


def line(given: object, *, field: str) -> str:
    """A text of one line, or "". Raises Invalid."""
    found = text(given, field=field, most=NAME_CHARACTERS_MAX).strip()
    if not found.isprintable():
        raise Invalid(f"{field} must be a text of one line")
    return found


def name(given: object, *, field: str) -> str:
    """A name: not blank, one line, at most NAME_CHARACTERS_MAX. Raises Invalid."""
    if given is None:
        raise Invalid(f"{field} is missing")
    text = line(given, field=field)
    if not text:
        raise Invalid(f"{field} must be a text of one line that is not empty")
    return text


def text(given: object, *, field: str, most: int) -> str:
    if not isinstance(given, str):
        raise Invalid(f"{field} is {shown(given)}, not a text")
    if len(given) > most:
        raise Invalid(f"{field} is longer than {most} characters")
    if "\0" in given:
        raise Invalid(f"{field} holds a NUL character")
    return given


def shown(given: object) -> str:
    """As the client wrote it: null, not None."""
    text = f'"{given}"' if isinstance(given, str) else encode(given).decode()
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[: SHOWN_CHARACTERS_MAX - 3] + "..."


def includes_all(query: Mapping[str, str]) -> bool:
    """?include=all. Raises Invalid for any other word."""
    included = query.get("include", "").lower()
    if included not in {"", "all"}:
        raise Invalid(f'include is "{included[:80]}", but it can only be "all"')
    return included == "all"
