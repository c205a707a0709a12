"""The records of a JSON file: of a list, of lines, of objects one after the other, of a list inside of one object.

No more of a file is held than a chunk, or a record that is larger. Records are taken many at once wherever that is
safe (json_rows), else one by one; each byte is looked at a bounded number of times, also on the way to an error.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, field

from procession.actions.reading.json_rows import RowWriter
from procession.actions.reading.json_source import NOT_UTF_8, Source
from procession.actions.reading.json_values import BadJson, scan, shown, skip

_HELD_BYTES = 1 << 20  # of an object that may hold a list of records: a longer one is not parsed whole
# From the end of a record to the next one's first key: rarely found elsewhere.
_BETWEEN_RECORDS = re.compile(r'\}[ \t\r\n]{0,80},[ \t\r\n]{0,80}\{[ \t\r\n]{0,80}"[^"\\]{0,80}"')
_KEY = re.compile(r'[ \t\r\n]*("(?:[^"\\]|\\.)*")[ \t\r\n]*:[ \t\r\n]*')
_LIST_OF_OBJECTS = re.compile(r"\[[ \t\r\n]*(?=\{)")
_ONE_OBJECT = "it is one object, read as one row"
_NO_ROW = "it is one object with no value of its own, only lists and objects; a list of objects is expected"
_NAMED_MAX = 10


@dataclass(slots=True, kw_only=True)
class FoundRecords:
    """Findings beside the records."""

    remarks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def of_lines(source: Source, rows: RowWriter) -> FoundRecords:
    """A record in each line that is not blank. Raises Unreadable."""
    source.has_records = True
    while True:
        source.more()
        # Whole lines only; the last one may lack its line feed at the end of the file.
        cut = len(source.rest) if source.has_ended else source.rest.rfind(b"\n") + 1
        if cut:
            _lines(source, source.rest[:cut], rows)
        elif source.has_ended:
            return FoundRecords()
        else:
            source.check_length()


def of_document(source: Source, rows: RowWriter) -> FoundRecords:
    """The records of a list, of an object that holds one, or of objects one after the other. Raises Unreadable."""
    if source.is_blank():
        raise BadJson("it holds nothing but blanks", 0)
    if source.rest.startswith(b"{"):
        return _objects(source, rows)
    # Told at once: a lone number or text is valid JSON and no table.
    if not source.rest.startswith(b"["):
        raise BadJson("a list of objects is expected: it begins with another value", 0)
    source.take(1)
    take_list(source, rows)
    check_end(source, "the list")
    return FoundRecords()


def _lines(source: Source, lines: bytes, rows: RowWriter) -> None:
    rest, end = source.rest[len(lines) :], source.offset + len(lines)
    if not rows.take_lines(lines, lines.count(b"\n") + (not lines.endswith(b"\n"))):
        _line_by_line(source, lines, rows)
    source.rest, source.offset = rest, end


def _line_by_line(source: Source, lines: bytes, rows: RowWriter) -> None:
    every = lines.split(b"\n")
    for number, line in enumerate(every, 1):
        text = line.decode("utf-8", NOT_UTF_8)
        start = skip(text, 0)
        if start < len(text):
            try:
                value, end = scan(text, start)
            except BadJson as error:
                is_cut = error.is_cut and source.has_ended and number == len(every)
                raise BadJson(str(error), 0, is_cut=is_cut) from None
            if skip(text, end) < len(text):
                raise BadJson("more stands behind its object; each line must be one object", 0)
            rows.take(value, 0)
        source.offset += len(line) + 1


def take_list(source: Source, rows: RowWriter) -> None:
    """The records up to the closing bracket, which is taken."""
    source.has_records, before, between = True, rows.count, b""
    while True:
        cut = source.rest.rfind(between) + 1 if between else 0
        # The same bytes as a list by themselves: the parser written in C takes thousands at once.
        if cut and rows.take_list(b"[%b]" % source.rest[:cut]):
            source.take(source.rest.index(b",", cut) + 1)
        else:
            text = source.text()
            end, between = _one_by_one(source, text, rows, is_first=rows.count == before)
            source.take_text(text[:end])
            if text.endswith("]", 0, end):
                break
            source.check_length()
        source.more()
    source.has_records = False


def _one_by_one(source: Source, text: str, rows: RowWriter, *, is_first: bool) -> tuple[int, bytes]:
    """Takes the records that end in `text`, each with its comma or with the closing bracket.

    Where that was, and what stands between records.
    """
    taken, between = 0, b""
    while True:
        start = skip(text, taken)
        if text.startswith("]", start):
            if is_first:
                return start + 1, between
            raise BadJson("a comma stands behind the last value", start)
        try:
            value, end = scan(text, start)
        except BadJson as error:
            if error.is_cut and not source.has_ended:
                return taken, between
            raise
        close = skip(text, end)
        if close == len(text) and not source.has_ended:
            return taken, between
        if not text.startswith((",", "]"), close):
            raise BadJson('a comma or "]" is expected behind it', close, is_cut=close == len(text))
        rows.take(value, start)
        taken, is_first = close + 1, False
        if text[close] == "]":
            return taken, between
        # Learnt from the file: its writer puts the same between all records.
        if not between and (found := _BETWEEN_RECORDS.match(text, end - 1)):
            between = found[0].encode("utf-8", NOT_UTF_8)


def check_end(source: Source, what: str) -> None:
    if not source.is_blank():
        raise BadJson(f"more stands behind {what}", 0)


def _objects(source: Source, rows: RowWriter) -> FoundRecords:
    while True:
        text = source.text()
        try:
            value, end = scan(text, 0)
            break
        except BadJson as error:
            if not error.is_cut or source.has_ended:
                raise
        if len(source.rest) > _HELD_BYTES and (found := _list_inside(source, rows)):
            return found
        source.check_length()
        source.more()
    first, offset = source.take_text(text[:end]), source.offset
    if source.is_blank():
        assert isinstance(value, dict)
        return _alone(value, rows)
    source.rest, source.offset = first + source.rest, offset - len(first)
    _one_after_other(source, rows)
    return FoundRecords()


def _one_after_other(source: Source, rows: RowWriter) -> None:
    source.has_records = True
    while True:
        text, taken = source.text(), 0
        while (start := skip(text, taken)) < len(text):
            if text[start] == ",":
                raise BadJson("objects with commas between them must stand in a list: [ and ] are missing", start)
            try:
                value, taken = scan(text, start)
            except BadJson as error:
                if error.is_cut and not source.has_ended:
                    break
                raise
            rows.take(value, start)
        source.take_text(text[:taken])
        if source.has_ended:
            return
        source.check_length()
        source.more()


def _alone(value: dict[str, object], rows: RowWriter) -> FoundRecords:
    """A file of a single object: its list of objects, else one row."""
    lists = {key: inner for key, inner in value.items() if isinstance(inner, list) and _are_objects(inner)}
    full = {key: inner for key, inner in lists.items() if inner}
    if len(full or lists) > 1:
        raise _several(list(full or lists))
    if not lists:
        if all(isinstance(inner, list | dict) for inner in value.values()):
            raise BadJson(_NO_ROW, 0)
        rows.take(value, 0)
        return FoundRecords(remarks=[_ONE_OBJECT])
    key, records = next(iter((full or lists).items()))
    for record in records:
        rows.take(record, 0)
    return _taken_from(key, [other for other, inner in value.items() if other != key and not _is_nothing(inner)])


def _are_objects(values: list[object]) -> bool:
    return all(isinstance(value, dict) for value in values)


def _is_nothing(value: object) -> bool:
    return value is None or value in ("", [], {})


def _several(keys: list[str]) -> BadJson:
    names = ", ".join(shown(key) for key in keys[:_NAMED_MAX])
    return BadJson(f"it is one object that holds several lists ({names}); a file with one list is expected", 0)


def _taken_from(key: str, others: list[str]) -> FoundRecords:
    words = f"its rows are those of the list {shown(key)}"
    if not others:
        return FoundRecords(remarks=[words])
    names = ", ".join(shown(other) for other in others[:_NAMED_MAX])
    return FoundRecords(warnings=[f"{words}; what stands beside the list is left out: {names}"])


def _list_inside(source: Source, rows: RowWriter) -> FoundRecords | None:
    """Takes the list of objects in an object too long to hold; None if none has begun."""
    # All keys in a set: a list of some is searched for each key, and a file may have a million.
    text, seen, others, at = source.text(), set[str](), list[str](), 1
    while True:
        found = _KEY.match(text, at)
        if found is None:
            return None
        key = str(scan(found[1], 0)[0])
        if key in seen:
            raise BadJson(f"the key {shown(key)} stands twice in one object", found.start())
        seen.add(key)
        if begin := _LIST_OF_OBJECTS.match(text, found.end()):
            break
        try:
            value, end = scan(text, found.end())
        except BadJson:
            return None
        if not _is_nothing(value):
            others.append(key)
        at = skip(text, end) + 1
    source.take_text(text[: begin.end()])
    take_list(source, rows)
    return _taken_from(key, others + _behind(source, key, seen))


def _behind(source: Source, key: str, before: Set[str]) -> list[str]:
    """Checks the keys after the list, up to the end of the file. `before`: those up to the list, and its own."""
    while not source.has_ended:
        source.more()
        source.check_length()
    text = source.text()
    at = skip(text, 0)
    if text.startswith(",", at) and text.startswith("}", skip(text, at + 1)):
        raise BadJson("a comma stands behind the last value", at)
    # The rest is an object without its opening: a comma and more keys, or just the closing brace.
    value, end = scan("{" + text[at + text.startswith(",", at) :], 0)
    assert isinstance(value, dict)
    twin = next((other for other in value if other in before), None)
    if twin is not None:
        raise BadJson(f"the key {shown(twin)} stands twice in one object", 0)
    several = [other for other, inner in value.items() if inner and isinstance(inner, list) and _are_objects(inner)]
    if several:
        raise _several([key, *several])
    source.take_text(text[: at + text.startswith(",", at) + end - 1])
    check_end(source, "the object")
    return [other for other, inner in value.items() if not _is_nothing(inner)]
