"""The records of the list that a path such as /data/items names in a JSON document."""

from __future__ import annotations

import re

from procession.actions.reading import json_records
from procession.actions.reading.json_records import FoundRecords
from procession.actions.reading.json_rows import RowWriter
from procession.actions.reading.json_source import Source
from procession.actions.reading.json_values import BadJson, scan, shown, skip

_KEY = re.compile(r'[ \t\r\n]*("(?:[^"\\]|\\.)*")[ \t\r\n]*:[ \t\r\n]*')
_NAMED_MAX = 10


def of_path(source: Source, rows: RowWriter, path: str) -> FoundRecords:
    """Raises BadJson where there is no such list, and for a mistake anywhere in the document."""
    if source.is_blank():
        raise BadJson("it holds nothing but blanks", 0)
    before: list[dict[str, None]] = []
    at = "/"
    for name in path.strip("/").split("/"):
        before.append(_enter(source, name, at))
        at = f"{at}{name}/"
    if not source.rest.startswith(b"["):
        raise BadJson(f"records: at {path} there is {_what(source.rest[:1])}, and a list is wanted", 0)
    source.take(1)
    json_records.take_list(source, rows)
    for seen in reversed(before):
        _leave(source, seen)
    json_records.check_end(source, "the document")
    # What stands beside the list is left out in silence: whoever names it knows that there is more.
    return FoundRecords()


def _what(first: bytes) -> str:
    return {b"{": "an object", b'"': "a text"}.get(first, "a single value")


def _enter(source: Source, name: str, at: str) -> dict[str, None]:
    """Goes to the value of the key; gives the keys up to it, and its own."""
    if not source.rest.startswith(b"{"):
        raise BadJson(f"records: at {at} there is no object with the key {shown(name)}", 0)
    while True:
        text = source.text()
        try:
            seen, end = _search(text, name, at)
        except BadJson as error:
            # A key or a value that has not come whole yet.
            if not error.is_cut or source.has_ended:
                raise
            source.check_length()
            source.more()
        else:
            source.take_text(text[:end])
            return seen


def _search(text: str, name: str, at: str) -> tuple[dict[str, None], int]:
    seen, position = dict[str, None](), 1
    while True:
        found = _KEY.match(text, position)
        if found is None:
            start = skip(text, position)
            if text.startswith("}", start):
                named = ", ".join(shown(key) for key in list(seen)[:_NAMED_MAX])
                raise BadJson(f"records: at {at} there is no key {shown(name)} (there are: {named})", start)
            # As an object of its own, whose mistakes the parser tells.
            scan("{" + text[start:], 0)
            raise BadJson("a key in double quotes is expected", start, is_cut=True)
        key = str(scan(found[1], 0)[0])
        if key in seen:
            raise BadJson(f"the key {shown(key)} stands twice in one object", found.start())
        seen[key] = None
        end = found.end()
        if end == len(text):
            raise BadJson("its value is missing", end, is_cut=True)
        if key == name:
            return seen, end
        _, end = scan(text, end)
        close = skip(text, end)
        if close == len(text):
            raise BadJson("a comma is expected", close, is_cut=True)
        if text[close] == ",":
            position = close + 1
        elif text[close] == "}":
            position = close
        else:
            raise BadJson('a comma or "}" is expected behind it', close)


def _leave(source: Source, seen: dict[str, None]) -> None:
    """Checks the keys behind the value, up to the end of its object, which is taken."""
    while True:
        text = source.text()
        at = skip(text, 0)
        comma = text.startswith(",", at)
        try:
            if comma and text.startswith("}", skip(text, at + 1)):
                raise BadJson("a comma stands behind the last value", at)
            # The rest is an object without its opening: a comma and more keys, or just the closing brace.
            value, end = scan("{" + text[at + comma :], 0)
            break
        except BadJson as error:
            if not error.is_cut or source.has_ended:
                raise
        source.check_length()
        source.more()
    assert isinstance(value, dict)
    twin = next((key for key in value if key in seen), None)
    if twin is not None:
        raise BadJson(f"the key {shown(twin)} stands twice in one object", 0)
    source.take_text(text[: at + comma + end - 1])
