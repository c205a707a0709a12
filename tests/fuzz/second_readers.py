"""The rows of a file as programs read it that share nothing with ours: Python's csv and json, openpyxl, ElementTree.

Each raises Unreadable where it does not find a table, and knows nothing of what ours warns of.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import PurePath
from typing import Any
from xml.etree import ElementTree

import openpyxl

from tests.fuzz.mutants import Mutant

Rows = list[tuple[str, ...]]
# What a table needs; a damaged theme or thumbnail does no harm.
NEEDED = re.compile(
    r"_rels/\.rels|xl/(workbook|styles|sharedStrings|worksheets/sheet1)\.xml|xl/_rels/workbook\.xml\.rels|content\.xml"
)
REPEATED_MAX = 10_000
# A number cell with more decimals holds the residue of arithmetic (docs/reading.md).
DECIMALS = Decimal(1).scaleb(-10)


class Verdict(StrEnum):
    REFUSED = "refused"
    SAME = "read, and equal to what a second reader finds"
    PARTIAL = "read in silence, and not equal"


class Unreadable(Exception):
    """This reader finds no table."""


def read(name: str, content: bytes) -> Rows:
    """The headings and the rows, as texts; no value is the empty text."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return _named(READERS[PurePath(name).suffix](content))
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def verdict(mutant: Mutant, ours: Rows | None, originals: Mapping[str, Rows]) -> Verdict:
    """What to think of it that ours read these rows of a file, without a warning; None: it refused.

    Where no second reader finds a table, ours has to be the one that was there before the damage. Parquet has no second
    reader here, and no sums: as many rows and columns have to be there.
    """
    if ours is None:
        return Verdict.REFUSED
    if PurePath(mutant.name).suffix not in READERS:
        is_whole = _shape(ours) == _shape(originals[mutant.name])
        return Verdict.SAME if is_whole else Verdict.PARTIAL
    try:
        theirs = read(mutant.name, mutant.content)
    except Unreadable:
        theirs = originals[mutant.name]
    return Verdict.SAME if are_same(ours, theirs) else Verdict.PARTIAL


def _shape(rows: Rows) -> tuple[int, set[int]]:
    return len(rows), set(map(len, rows))


def _named(rows: Rows) -> Rows:
    """Without columns at the end that hold nothing; what has no heading is called by its place (docs/reading.md)."""
    width = max((at + 1 for row in rows for at, cell in enumerate(row) if cell), default=0)
    first, *others = (row[:width] for row in rows)
    return [tuple(heading or f"column{at}" for at, heading in enumerate(first, 1)), *others]


def are_same(ours: Rows, theirs: Rows) -> bool:
    """Whether they tell the same: 1.50 is 1.5, and a moment at midnight is a date."""
    return len(ours) == len(theirs) and all(
        len(one) == len(other) and all(map(_is_same, one, other)) for one, other in zip(ours, theirs, strict=True)
    )


def _is_same(one: str, other: str) -> bool:
    return one == other or _meant(one) == _meant(other)


def _meant(text: str) -> object:
    try:
        number = Decimal(text)
        if number.is_finite() and number.adjusted() < 400:
            return number.quantize(DECIMALS) if number.adjusted() < 15 else number
    except InvalidOperation:
        pass
    return text.strip().removesuffix(" 00:00:00").removesuffix("T00:00:00").replace("T", " ").lower()


def _csv(content: bytes) -> Rows:
    text = content.decode("utf-8-sig")
    rows = max((_split(text, delimiter) for delimiter in ",;\t|"), key=_width)
    if not rows:
        raise Unreadable("nothing in it")
    if len({len(row) for row in rows}) != 1:
        raise Unreadable("rows of several lengths")
    return rows


def _split(text: str, delimiter: str) -> Rows:
    try:
        return [
            tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row
        ]
    except csv.Error:
        return []


def _width(rows: Rows) -> int:
    return len(rows[0]) if rows else 0


def _json(content: bytes) -> Rows:
    return _of_records(_strict(content.decode("utf-8-sig")))


def _json_lines(content: bytes) -> Rows:
    lines = content.decode("utf-8-sig").split("\n")
    return _of_records([_strict(line) for line in lines if line.strip()])


def _strict(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_object)


def _refuse(constant: str) -> None:
    raise Unreadable(f"{constant} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Unreadable("a key is given twice")
    return made


def _of_records(records: Any) -> Rows:
    if not isinstance(records, list) or not all(isinstance(record, Mapping) for record in records):
        raise Unreadable("no list of objects")
    names = list(dict.fromkeys(itertools.chain.from_iterable(records)))
    return [tuple(names), *(tuple(_shown(record.get(name)) for name in names) for record in records)]


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, default=str)
        case float():
            return format(Decimal(repr(value)), "f")
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _workbook(content: bytes) -> Rows:
    _check_whole(content)
    book = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
    sheet = book.worksheets[0]
    return _trimmed([tuple(map(_shown, row)) for row in sheet.iter_rows(values_only=True)])


def _open_document(content: bytes) -> Rows:
    _check_whole(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = ElementTree.fromstring(archive.read("content.xml"))  # noqa: S314 - a small file, made here
    for element in root.iter():
        # Names without their spaces: a damaged declaration takes none of the values away.
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    table = next(root.iter("table"))
    return _trimmed([row for line in table.iter("table-row") for row in _of_line(line)])


def _of_line(line: ElementTree.Element) -> Iterator[tuple[str, ...]]:
    cells = [text for cell in line for text in _of_cell(cell)]
    yield from itertools.repeat(tuple(cells), _times(line, "rows"))


def _of_cell(cell: ElementTree.Element) -> Iterator[str]:
    kinds = {"float": "value", "date": "date-value", "boolean": "boolean-value", "currency": "value"}
    kind = cell.get("value-type", "")
    # Blanks in a row are one, says OpenDocument (part 3, 6.1.2).
    text = "\n".join(re.sub(r"\s+", " ", "".join(part.itertext())) for part in cell.iter("p"))
    value = cell.get(kinds[kind], "") if kind in kinds else text
    yield from itertools.repeat(value, _times(cell, "columns"))


def _times(element: ElementTree.Element, what: str) -> int:
    times = int(element.get(f"number-{what}-repeated", "1"))
    if times > REPEATED_MAX:
        raise Unreadable("endless repetition")
    return times


def _check_whole(content: bytes) -> None:
    """Every part that a table needs is what its sum says, and well-formed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in filter(NEEDED.fullmatch, archive.namelist()):
            ElementTree.fromstring(archive.read(name))  # noqa: S314 - a small file, made here


def _trimmed(rows: Rows) -> Rows:
    """Without empty rows before and behind, and with rows of one length."""
    filled = [at for at, row in enumerate(rows) if any(row)]
    if not filled:
        raise Unreadable("nothing in it")
    kept = rows[filled[0] : filled[-1] + 1]
    width = max(at + 1 for row in kept for at, cell in enumerate(row) if cell)
    return [(*row[:width], *[""] * (width - len(row))) for row in kept]


READERS: Mapping[str, Callable[[bytes], Rows]] = {
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _json_lines,
    ".xlsx": _workbook,
    ".ods": _open_document,
}
