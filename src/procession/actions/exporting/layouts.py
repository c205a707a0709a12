"""How an exported file is laid out: the format, and what only some formats have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Annotated, Literal

import msgspec

from procession.actions import naming
from procession.actions.column_names import ColumnName, NewColumn, ResultColumn
from procession.actions.writing import exports

Character = Annotated[str, msgspec.Meta(min_length=1, max_length=1)]
Text = Annotated[str, msgspec.Meta(max_length=2_000)]
Format = Literal["csv", "fixed", "xlsx", "json", "jsonl", "parquet"]
DECIMALS_MAX, SIZE_MAX, FIELDS_MAX = 10, 2_000, 500
ENDINGS: dict[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".json": "json",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet",
}  # fmt: skip
# What of a date can be written; names of months would be English, whoever reads them.
_DATE = re.compile(r"(%[YymdHMSj%]|[^%])+\Z")
_IN_NUMBERS = frozenset("0123456789.-+\r\n")


class FixedColumn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many characters of every line: a column, or a text that is the same in each."""

    column: Annotated[ResultColumn | None, msgspec.Meta(description="whose values; in a trailer: count or total")] = (
        None
    )
    value: Annotated[Text | None, msgspec.Meta(description="a text in place of a column, with {key} of inputs")] = None
    size: Annotated[int, msgspec.Meta(ge=1, le=SIZE_MAX, description="characters; a longer value is refused")]
    align: Annotated[
        Literal["left", "right"] | None, msgspec.Meta(description="numbers stand at the right if left out")
    ] = None
    pad: Annotated[Character, msgspec.Meta(description="what fills the field; zeros go behind the sign")] = " "
    decimals: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=DECIMALS_MAX)] | None,
        msgspec.Meta(description="of a number; one that would be rounded is refused"),
    ] = None
    point: Annotated[Literal[".", ",", "none"], msgspec.Meta(description="the decimal mark; none: 12.50 is 1250")] = "."
    sign: Annotated[
        Literal["leading", "trailing", "refuse"],
        msgspec.Meta(
            description="where the minus of a number stands; trailing: others have a blank in its place; refuse: there "
            "must be none"
        ),
    ] = "leading"
    date: Annotated[
        Annotated[str, msgspec.Meta(max_length=60)] | None,
        msgspec.Meta(description="how a date is written, such as %d%m%y; with %H a moment too"),
    ] = None


class Trailer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A last line that says what the file holds."""

    label: Annotated[Text | None, msgspec.Meta(description="CSV: its first cell")] = None
    count: Annotated[bool, msgspec.Meta(description="the number of rows")] = False
    total: Annotated[ColumnName | None, msgspec.Meta(description="column of which the sum stands there")] = None
    fixed: Annotated[
        list[FixedColumn],
        msgspec.Meta(max_length=FIELDS_MAX, description="fixed width: its fields, with the columns count and total"),
    ] = []


class Layout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the receiver asks for."""

    format: Annotated[Format | None, msgspec.Meta(description="by the ending of the name if left out")] = None
    columns: Annotated[
        dict[ColumnName, NewColumn],
        msgspec.Meta(max_length=FIELDS_MAX, description="columns in their order and their headings; all if left out"),
    ] = {}
    header: Annotated[bool, msgspec.Meta(description="CSV: does the first row hold the headings?")] = True
    delimiter: Annotated[
        Character | None,
        msgspec.Meta(description="CSV: a comma if left out, a tab in .tsv, a semicolon where decimal is a comma"),
    ] = None
    quote: Annotated[Character, msgspec.Meta(description="CSV: the mark around values")] = '"'
    quotes: Annotated[
        Literal["needed", "all", "none"],
        msgspec.Meta(description="CSV: which values have it; none: a value that would need it is refused"),
    ] = "needed"
    decimal: Annotated[Literal[".", ","], msgspec.Meta(description="CSV: the decimal mark")] = "."
    decimals: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=DECIMALS_MAX)] | None,
        msgspec.Meta(description="CSV: of every amount; one that would be rounded is refused"),
    ] = None
    date: Annotated[
        Annotated[str, msgspec.Meta(max_length=60)] | None,
        msgspec.Meta(description="CSV: how dates are written, such as %d.%m.%Y; with %H moments too"),
    ] = None
    zone: Annotated[
        str, msgspec.Meta(max_length=64, description="CSV, XLSX: IANA zone in whose time moments are written")
    ] = "UTC"
    escape_formulas: Annotated[
        bool,
        msgspec.Meta(
            description="CSV: texts that a spreadsheet would run get one more apostrophe; false where machines read it"
        ),
    ] = True
    encoding: Annotated[
        str,
        msgspec.Meta(
            min_length=1, max_length=40, description="CSV, fixed width: such as cp1252, or utf-8-sig for Excel"
        ),
    ] = "utf-8"
    line_end: Annotated[Literal["lf", "crlf"], msgspec.Meta(description="CSV, fixed width: what ends a line")] = "lf"
    fixed: Annotated[
        list[FixedColumn], msgspec.Meta(max_length=FIELDS_MAX, description="fixed width: the fields of every line")
    ] = []
    first_line: Annotated[
        Text | None, msgspec.Meta(description="CSV, fixed width: stands before everything, with {key} of inputs")
    ] = None
    trailer: Annotated[
        Trailer | None, msgspec.Meta(description="CSV, fixed width: a last line with count and total")
    ] = None


_LINES = ("encoding", "line_end", "first_line", "trailer")
_CSV = ("header", "delimiter", "quote", "quotes", "decimal", "decimals", "date", "escape_formulas", *_LINES)
# What each format knows beside `format`; anything else would be believed to have an effect.
_KNOWN: dict[Format, tuple[str, ...]] = {
    "csv": (*_CSV, "columns", "zone"),
    "fixed": (*_LINES, "fixed", "zone"),
    "xlsx": ("columns", "zone"),
    "json": ("columns",),
    "jsonl": ("columns",),
    "parquet": ("columns",),
}


def format_of(layout: Layout, name: str) -> Format | None:
    """What is said, else what the name's ending says; CSV for no name, None for an ending that says nothing."""
    # Fields of fixed width say it themselves, whatever the name ends in.
    if layout.format is not None or layout.fixed:
        return layout.format or "fixed"
    return ENDINGS.get(PurePath(name).suffix.lower()) if name else "csv"


def delimiter_of(layout: Layout, name: str) -> str:
    if layout.delimiter is not None:
        return layout.delimiter
    return "\t" if name.lower().endswith(".tsv") else ";" if layout.decimal == "," else ","


def mistakes(layout: Layout, name: str, known: Iterable[str]) -> Iterator[str]:
    """In the user's words; `known` are the keys that have a value."""
    found, keys = format_of(layout, name), list(known)
    if found is None:
        yield f"layout.format: needed, because the ending of {name} says nothing ({', '.join(_KNOWN)})"
        return
    plain = Layout()
    for setting in Layout.__struct_fields__:
        if setting not in {"format", *_KNOWN[found]} and getattr(layout, setting) != getattr(plain, setting):
            # An option without effect would be believed to have one.
            yield f"layout.{setting}: means nothing for {found}"
    if len({heading.lower() for heading in layout.columns.values()}) < len(layout.columns):
        yield "layout.columns: two columns would have one heading"
    yield from naming.mistakes("layout.first_line", layout.first_line, keys)
    yield from _text_mistakes(layout, name)
    yield from _field_mistakes("layout.fixed", layout.fixed, keys)
    if found == "fixed" and not layout.fixed:
        yield "layout.fixed: needed, the fields of a line"
    if layout.trailer is not None:
        yield from _trailer_mistakes(layout.trailer, keys, is_fixed=found == "fixed")


def _text_mistakes(layout: Layout, name: str) -> Iterator[str]:
    try:
        "".encode(layout.encoding)
    except (LookupError, UnicodeError):
        yield f'layout.encoding: "{layout.encoding}" is not a known encoding; try utf-8, latin-1 or cp1252'
    if layout.zone not in exports.zones():
        yield f'layout.zone: "{layout.zone}" is not a known time zone; write it like Europe/Berlin'
    yield from _date_mistakes("layout.date", layout.date, "%d.%m.%Y")
    # As it will be: what is left out depends on the name and the decimal mark.
    delimiter = delimiter_of(layout, name)
    if delimiter in _IN_NUMBERS or delimiter == layout.quote:
        yield f'layout.delimiter: "{delimiter}" stands in numbers or around values'
    if layout.quote in _IN_NUMBERS:
        yield f'layout.quote: "{layout.quote}" stands in numbers'
    # 12,50 would be two cells.
    if layout.quotes == "none" and delimiter == layout.decimal:
        yield "layout.decimal: is the delimiter too, and quotes are none"


def _date_mistakes(path: str, pattern: str | None, example: str) -> Iterator[str]:
    if pattern is not None and not _DATE.match(pattern):
        yield f'{path}: "{pattern}" is no pattern; write it like {example}'
    # A minute without its hour was meant as a month, and would be 00 on every day.
    if pattern is not None and "%M" in pattern and "%H" not in pattern:
        yield f'{path}: %M in "{pattern}" is the minute; the month is %m'


def _field_mistakes(path: str, fields: Iterable[FixedColumn], keys: list[str]) -> Iterator[str]:
    for number, field in enumerate(fields, start=1):
        place = f"{path}.{number}"
        if (field.column is None) == (field.value is None):
            yield f"{place}: needs either `column` or `value`"
        if field.point == "none" and field.decimals is None:
            yield f"{place}.decimals: needed where no point is written: the reader cannot know where it stood"
        yield from _date_mistakes(f"{place}.date", field.date, "%d%m%y")
        # Zeros behind a number make another one of it.
        if field.pad.isdigit() and field.align == "left":
            yield f'{place}.pad: "{field.pad}" behind a value would change it'
        yield from naming.mistakes(f"{place}.value", field.value, keys)


def _trailer_mistakes(trailer: Trailer, keys: list[str], *, is_fixed: bool) -> Iterator[str]:
    if not is_fixed and trailer.fixed:
        yield "layout.trailer.fixed: means nothing for csv"
    if not is_fixed and not trailer.count and trailer.total is None:
        yield "layout.trailer: says nothing without count or total"
    if not is_fixed:
        yield from naming.mistakes("layout.trailer.label", trailer.label, keys)
        return
    if trailer.label is not None:
        yield "layout.trailer.label: means nothing for fixed; write a field with a value"
    if not trailer.fixed:
        yield "layout.trailer.fixed: needed, the fields of the last line"
    yield from _field_mistakes("layout.trailer.fixed", trailer.fixed, keys)
    there = [name for name, is_there in (("count", trailer.count), ("total", trailer.total is not None)) if is_there]
    for number, field in enumerate(trailer.fixed, start=1):
        if field.column is not None and field.column not in there:
            yield f"layout.trailer.fixed.{number}.column: {field.column} is no count and no total that is asked for"
