"""Scans JSON value by value: numbers as written, no key twice in an object, mistakes in plain words."""

from __future__ import annotations

import json
import re
from typing import NoReturn

import msgspec

MISSING = b"\x1e"  # stands for a missing key: no token holds this character
_BLANKS = re.compile(r"[ \t\r\n]*")
_BEYOND_JSON = {
    "N": "NaN is no number in JSON",
    "I": "Infinity is no number in JSON",
    "-": "a minus without a number",
    "/": "JSON has no comments",
    "#": "JSON has no comments",
    "'": "JSON has texts in double quotes only",
    "": "it ends here",
}
# At the end of what was read so far, a mistake may only be a value that is not whole yet.
_PART_OF_VALUE = re.compile(r"[A-Za-z0-9.+\\-]{0,10}[ \t\r\n]*\Z")  # of true, of a number, of an escape
_SHOWN_CHARACTERS_MAX = 80


class BadJson(Exception):
    """The text says what is wrong; `position` where, in characters of the text that was read.

    `is_cut`: the text only ends too early.
    """

    def __init__(self, text: str, position: int, *, is_cut: bool = False) -> None:
        super().__init__(text)
        self.position = position
        self.is_cut = is_cut


class _Twins(Exception):
    """Carries the key that an object has twice."""


class _NotANumber(Exception):
    """NaN, Infinity or -Infinity, which Python's parser would take."""


def scan(text: str, position: int) -> tuple[object, int]:
    """The value at `position`, and where it ends. Numbers are msgspec.Raw. Raises Unreadable."""
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        raise BadJson(_words(error, text), error.pos, is_cut=_is_cut(error, text)) from None
    # Python's own parser takes the last of two; which one was meant nobody knows.
    except _Twins as twins:
        raise BadJson(f"the key {shown(str(twins))} stands twice in one object", position) from None
    except _NotANumber as error:
        raise BadJson(f"{error} is no number in JSON", position) from None
    except RecursionError:
        raise BadJson("its values are nested too deeply", position) from None


def skip(text: str, position: int) -> int:
    """The position after blanks."""
    found = _BLANKS.match(text, position)
    assert found is not None
    return found.end()


def token(value: object) -> bytes:
    """The value as a JSON text on one line; of a list or an object, the JSON text of its own JSON text.

    Raises UnicodeEncodeError for half a surrogate pair, and for what was no UTF-8.
    """
    if isinstance(value, list | dict):
        value = msgspec.json.encode(value).decode()
    return msgspec.json.encode(value)


def shown(text: str) -> str:
    """In quotes, and cut where it is long."""
    cut = text if len(text) <= _SHOWN_CHARACTERS_MAX else f"{text[:_SHOWN_CHARACTERS_MAX]}..."
    return '"' + cut.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000") + '"'


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise _Twins(key)
        seen.add(key)
    raise AssertionError("fewer keys than pairs")


def _number(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def _no_number(text: str) -> NoReturn:
    raise _NotANumber(text)


def _is_cut(error: json.JSONDecodeError, text: str) -> bool:
    return error.msg.startswith("Unterminated") or _PART_OF_VALUE.match(text, error.pos) is not None


def _words(error: json.JSONDecodeError, text: str) -> str:
    """Python's message, or a better one for common mistakes."""
    at = text[error.pos : error.pos + 1]
    if error.msg.startswith(("Expecting value", "Expecting property name", "Illegal trailing comma")):
        before = text[: error.pos].rstrip(" \t\r\n")[-1:]
        if at in {"]", "}"} or error.msg.startswith("Illegal"):
            return "a comma stands behind the last value" if before == "," else "a value is missing"
        return _BEYOND_JSON.get(at, "a value or a key in double quotes is expected")
    if error.msg.startswith("Unterminated string"):
        return "a text is not closed"
    if error.msg.startswith("Invalid control character"):
        return "a text holds a line break or another control character that is not escaped"
    if error.msg.startswith("Invalid"):
        return "a backslash stands before a character that it cannot escape"
    return error.msg.replace("Expecting", "expected").replace(" delimiter", "")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=_number, parse_constant=_no_number
)
