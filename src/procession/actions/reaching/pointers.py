"""Values of a JSON text by pointer (RFC 6901), each as it is written: no number goes through a float."""

from __future__ import annotations

import codecs
import json
from decimal import Decimal
from typing import Any

import msgspec

from procession.actions.problems import Problem

_MAPPING = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_EXACT = msgspec.json.Decoder(float_hook=Decimal)


def raw(content: bytes | msgspec.Raw, pointer: str, host: str) -> msgspec.Raw | None:
    """What stands there, as JSON; None if there is nothing. Raises Problem where the content is no JSON."""
    # RFC 8259, 8.1: a reader may pass over the mark that servers of Windows put before their JSON.
    found = msgspec.Raw(bytes(content).removeprefix(codecs.BOM_UTF8))
    if not bytes(found).strip():
        raise Problem(f"the answer of {host} is empty, and JSON is wanted")
    for word in pointer.split("/")[1:]:
        key = word.replace("~1", "/").replace("~0", "~")
        try:
            if bytes(found).lstrip()[:1] == b"[":
                items = _LIST.decode(found)
                number = int(key) if key.isdecimal() and len(key) <= 9 else -1
                if not 0 <= number < len(items):
                    return None
                found = items[number]
            elif bytes(found).lstrip()[:1] == b"{":
                members = _MAPPING.decode(found)
                if key not in members:
                    return None
                _require_one(found, members, key, host)
                found = members[key]
            else:
                msgspec.json.decode(found)
                return None
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            raise Problem(f"the answer of {host} is no JSON: {error}") from error
    return found


def _require_one(found: msgspec.Raw, members: dict[str, msgspec.Raw], key: str, host: str) -> None:
    """Raises Problem for a key that stands twice: which one was meant nobody knows, and msgspec keeps the last."""
    # Each member has a colon of its own; one that was not kept leaves a colon too many, unless keys hold some.
    left = bytes(found).count(b":") - sum(bytes(member).count(b":") for member in members.values())
    if left == len(members) and not any(":" in name for name in members):
        return
    pairs: list[tuple[str, Any]] = json.loads(bytes(found), object_pairs_hook=list, parse_int=str)
    if sum(name == key for name, _ in pairs) > 1:
        raise Problem(f'the answer of {host} has the key "{key}" twice in one object, and it may mean either')


def find(content: bytes, pointer: str, host: str) -> Any:
    """The value: texts and numbers as themselves, a list or a mapping as its JSON. Raises Problem, also for none."""
    found = raw(content, pointer, host)
    if found is None:
        raise Problem(f"the answer of {host} has nothing at {pointer}")
    return value(found, host)


def value(found: msgspec.Raw, host: str) -> Any:
    try:
        decoded = _EXACT.decode(found)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Problem(f"the answer of {host} is no JSON: {error}") from error
    return bytes(found).decode() if isinstance(decoded, list | dict) else decoded


def items(content: bytes, pointer: str, host: str) -> list[msgspec.Raw]:
    """The list that stands there, each item as it is written. Raises Problem."""
    found = raw(content, pointer, host)
    if found is None:
        raise Problem(f"the answer of {host} has nothing at {pointer or 'its top'}")
    try:
        return _LIST.decode(found)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Problem(f"the answer of {host} has no list at {pointer or 'its top'}") from error
