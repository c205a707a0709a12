"""The XML of a sheet's cells as SQL expressions: one for each type of column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import number_texts

if TYPE_CHECKING:
    import duckdb

TEXT_CHARACTERS_MAX = 32_767  # Excel's own limit of one cell, counted in UTF-16
DIGITS_MAX = 15  # what a number in a spreadsheet holds; longer ones are written as text, whole
_WHOLE = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_ZONED = "TIMESTAMP WITH TIME ZONE"
_MOMENTS = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", _ZONED})
_SHORT = frozenset({"DATE", "TIME", "BOOLEAN", "UUID", "DOUBLE", "FLOAT", "TIME WITH TIME ZONE", "INTERVAL"})
# Excel takes 1900 for a leap year: days before its 1 March are shown a day apart, or not at all.
_DAY_FIRST, _DAY_LAST = "1900-03-01", "9999-12-31"
_DAY_ZERO = "1899-12-30"
# What XML cannot hold is written _xHHHH_, and so is the underscore of a text that looks like it.
_ESCAPED = [*range(9), 11, 12, *range(13, 32), 0xFFFE, 0xFFFF]
_STRANGE = r"[\x00-\x08\x0B-\x1F\x{FFFE}\x{FFFF}]|_x[0-9A-Fa-f]{4}_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Styles:
    """The numbers of the cell formats in the book."""

    text: int
    whole: int
    amount: int
    day: int
    moment: int


def characters(text: str) -> int:
    """As Excel counts them."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def column_letters(number: int) -> str:
    """A for 0, AA for 26."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def row(kinds: list[str], styles: Styles, zone: str) -> str:
    """The row as an expression over n, its number in the sheet, and the cells c0, c1, ..."""
    cells = " || ".join(
        "coalesce(" + _cell(f"c{number}", kind, f'<c r="{column_letters(number)}', styles, zone) + ", '')"
        for number, kind in enumerate(kinds)
    )
    return f"'<row r=\"' || n || '\">' || {cells} || '</row>'"


def _cell(name: str, kind: str, start: str, styles: Styles, zone: str) -> str:
    """NULL where the cell is empty."""
    plain = number_texts.of_decimal(name, kind)
    text = _text(plain, start, styles.text, is_safe=kind in _SHORT or is_number(kind))
    if kind == "BOOLEAN":
        return f"'{start}' || n || '\" t=\"b\"><v>' || CAST({name} AS INTEGER) || '</v></c>'"
    if is_number(kind):
        style = styles.whole if kind in _WHOLE else styles.amount
        number = _value(plain, start, style)
        long = _is_long(name, kind)
        return number if long is None else f"CASE WHEN {long} THEN {text} ELSE {number} END"
    if kind in {"DOUBLE", "FLOAT"}:
        return f"CASE WHEN isfinite({name}) THEN {_value(f'CAST({name} AS VARCHAR)', start, None)} ELSE {text} END"
    if kind == "DATE":
        days = _value(f"({name} - DATE '{_DAY_ZERO}')", start, styles.day)
        return f"CASE WHEN {name} BETWEEN DATE '{_DAY_FIRST}' AND DATE '{_DAY_LAST}' THEN {days} ELSE {text} END"
    if kind in _MOMENTS:
        return _moment(f"timezone({literal(zone)}, {name})" if kind == _ZONED else name, start, styles)
    return text


def _moment(moment: str, start: str, styles: Styles) -> str:
    plain = f"CAST({moment} AS TIMESTAMP)"
    days = f"(epoch_us({plain}) - epoch_us(TIMESTAMP '{_DAY_ZERO}')) / 86400000000.0::DOUBLE"
    text = _text(f"CAST({moment} AS VARCHAR)", start, styles.text, is_safe=True)
    return (
        f"CASE WHEN {plain} >= TIMESTAMP '{_DAY_FIRST}' AND {plain} < TIMESTAMP '{_DAY_LAST}' + INTERVAL 1 DAY "
        f"THEN {_value(f'CAST({days} AS VARCHAR)', start, styles.moment)} ELSE {text} END"
    )


def _value(value: str, start: str, style: int | None) -> str:
    shown = "" if style is None else f' s="{style}"'
    return f"'{start}' || n || '\"{shown}><v>' || {value} || '</v></c>'"


def _text(value: str, start: str, style: int, *, is_safe: bool) -> str:
    shown = value if is_safe else _escaped(value)
    return (
        f'\'{start}\' || n || \'" s="{style}" t="inlineStr"><is><t xml:space="preserve">\' || {shown} '
        f"|| '</t></is></c>'"
    )


def _escaped(value: str) -> str:
    plain = f"replace(replace(replace({value}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')"
    strange = f"replace({plain}, '_x', '_x005F_x')"
    for code in _ESCAPED:
        strange = f"replace({strange}, chr({code}), '_x{code:04X}_')"
    return f"CASE WHEN regexp_matches({value}, '{_STRANGE}') THEN {strange} ELSE {plain} END"


def is_number(kind: str) -> bool:
    """Whole numbers and decimals, not binary fractions."""
    return kind in _WHOLE or _DECIMAL.fullmatch(kind) is not None


def _is_long(name: str, kind: str) -> str | None:
    """Does the number have more digits than a spreadsheet keeps? None where none of its type has."""
    found = _DECIMAL.fullmatch(kind)
    if found is None:
        is_small = kind in {"TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"}
        return None if is_small else f"({name} >= {10**DIGITS_MAX} OR {name} <= -{10**DIGITS_MAX})"
    width, scale = int(found[1]), int(found[2])
    if width <= DIGITS_MAX:
        return None
    shown = f"CAST({name} AS VARCHAR)"
    kept = f"rtrim({shown}, '0')" if scale else shown
    digits = f"ltrim(replace(replace({kept}, '.', ''), '-', ''), '0')"
    limit = f"CAST({'1' + '0' * max(DIGITS_MAX - scale, 0)} AS DECIMAL({width},{scale}))"
    quick = f"abs({name}) >= {limit} AND " if 0 <= DIGITS_MAX - scale < width - scale else ""
    return f"({quick}length({digits}) > {DIGITS_MAX})"


def check_texts(connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str]) -> None:
    """Raises Problem for a text that no cell holds, before anything is written."""
    for column, kind in types.items():
        if kind in _SHORT or kind in _MOMENTS or is_number(kind):
            continue
        text = f"CAST({quote(column)} AS VARCHAR)"
        # Bytes first: they are known without looking at the text.
        units = f"length({text}) + length(regexp_replace({text}, '[^\\x{{10000}}-\\x{{10FFFF}}]', '', 'g'))"
        found = connection.execute(
            f"SELECT n, units FROM (SELECT row_number() OVER () AS n, CASE WHEN strlen({text}) > {TEXT_CHARACTERS_MAX} "
            f"THEN {units} ELSE 0 END AS units FROM {quote(relation)}) WHERE units > {TEXT_CHARACTERS_MAX} LIMIT 1"
        ).fetchone()
        if found is not None:
            raise Problem(
                f'row {found[0]:,} of the column "{column}" has a text of {found[1]:,} characters; '
                f"a cell holds {TEXT_CHARACTERS_MAX:,}; write it as .csv or .parquet"
            )


def remarks(connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str], sheet: str) -> list[str]:
    """What is written otherwise than as its type."""
    tests = {column: test for column, kind in types.items() if (test := _other_than_its_type(column, kind))}
    if not tests:
        return []
    counts = ", ".join(f"count(*) FILTER (WHERE {test[0]})" for test in tests.values())
    found = connection.execute(f"SELECT {counts} FROM {quote(relation)}").fetchone()
    assert found is not None
    return [
        f'sheet "{sheet}", column "{column}": {count:,} {test[1]}, written as text'
        for (column, test), count in zip(tests.items(), found, strict=True)
        if count
    ]


def _other_than_its_type(column: str, kind: str) -> tuple[str, str] | None:
    name = quote(column)
    if is_number(kind):
        long = _is_long(name, kind)
        return None if long is None else (long, f"numbers of more than {DIGITS_MAX} digits")
    if kind == "DATE" or kind in _MOMENTS:
        outside = f"{name} < '{_DAY_FIRST}' OR {name} >= '9999-12-31'::DATE + 1"
        return outside, f"dates outside of {_DAY_FIRST} to {_DAY_LAST}"
    return None
