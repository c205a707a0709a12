"""Cells of tables as people read them: exact, aligned, in their language of numbers; and what they type to find one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from procession.model.columns import Column, ColumnType
from procession.model.errors import Invalid
from procession.pages.formats import MONTHS, Reader

NUMBERS = frozenset({ColumnType.NUMBER, ColumnType.MONEY})
MONEY_DECIMALS = 2  # at least: 3 is shown as 3.00
TEXT_CHARACTERS_MAX = 200  # of a cell; what is cut says so
TYPE_WORDS = {
    ColumnType.NUMBER: "number",
    ColumnType.MONEY: "money",
    ColumnType.TRUE_FALSE: "yes or no",
    ColumnType.DATETIME: "date",
}
_TRUTH = {"true": "Yes", "false": "No"}
_TYPED_TRUTH = {"yes": "true", "true": "true", "no": "false", "false": "false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCell:
    """`is_empty`: no value at all. `kind` is a class of the style sheet, `cut` how many characters are left out."""

    text: str
    kind: str = ""
    is_empty: bool = False
    cut: int = 0


def rows(columns: Sequence[Column], values: Sequence[Sequence[str | None]], reader: Reader) -> list[list[TableCell]]:
    """Values as the store writes them (`columns.canonical`), or None. In a column all numbers have as many decimals."""
    decimals = [_decimals(column, (row[place] for row in values)) for place, column in enumerate(columns)]
    return [
        [
            cell(column, value, reader, decimals=count)
            for column, value, count in zip(columns, row, decimals, strict=True)
        ]
        for row in values
    ]


def _decimals(column: Column, values: Iterable[str | None]) -> int:
    """As many as the longest value of the page has: nothing is rounded, and the marks stand below each other."""
    if column.type not in NUMBERS or column.is_record_id:
        return 0
    least = MONEY_DECIMALS if column.type is ColumnType.MONEY else 0
    return max((len(value.partition(".")[2]) for value in values if value is not None), default=0) or least


def cell(column: Column, value: str | None, reader: Reader, *, decimals: int = 0) -> TableCell:
    if value is None:
        return TableCell(text="", kind="num nil" if column.type in NUMBERS else "", is_empty=True)
    # An id is a name: a separator in it would be one more thing to take out again.
    if column.is_record_id:
        return TableCell(text=value, kind="num muted")
    match column.type:
        case ColumnType.NUMBER | ColumnType.MONEY:
            kind = "num nil" if not value.strip("-0.") else "num"
            text = _padded(column, value, decimals)
            # Without decimals it may be a year or the number of a document: 2,026 would be a strange year.
            return TableCell(text=reader.number(text) if "." in text else text, kind=kind)
        case ColumnType.TRUE_FALSE:
            return TableCell(text=_TRUTH.get(value, value))
        case ColumnType.DATETIME:
            return TableCell(text=_moment(value), kind="no")
        case ColumnType.TEXT:
            return _text(value)


def _padded(column: Column, value: str, decimals: int) -> str:
    whole, _, given = value.partition(".")
    least = MONEY_DECIMALS if column.type is ColumnType.MONEY else 0
    given = given.ljust(max(decimals, least), "0")
    return f"{whole}.{given}" if given else whole


def _moment(value: str) -> str:
    """A day alone where it is midnight: most columns of this type hold days."""
    at = datetime.fromisoformat(value)
    day = f"{at.day} {MONTHS[at.month - 1]} {at.year}"
    time = at.time().isoformat(timespec="auto")
    return day if time == "00:00:00" else f"{day} {time}"


def _text(value: str) -> TableCell:
    # Blanks alone would look like nothing.
    if not value.strip():
        return TableCell(text=f'"{value}"')
    if len(value) > TEXT_CHARACTERS_MAX:
        return TableCell(text=value[:TEXT_CHARACTERS_MAX], cut=len(value) - TEXT_CHARACTERS_MAX)
    return TableCell(text=value)


def described(column: Column) -> str:
    """ "text of 80, required"."""
    words = f"text of {column.length}" if column.type is ColumnType.TEXT else TYPE_WORDS[column.type]
    return words if column.nullable else f"{words}, required"


def typed(column: Column, text: str, reader: Reader) -> str:
    """What somebody typed to find a value of this column, as the store writes it. Raises Invalid."""
    text = text.strip() if column.type is not ColumnType.TEXT else text
    if column.is_record_id:
        return text
    if column.type in NUMBERS:
        return number(text, reader)
    if column.type is ColumnType.TRUE_FALSE:
        found = _TYPED_TRUTH.get(text.lower())
        if found is None:
            raise Invalid(f'"{text[:80]}" is neither yes nor no')
        return found
    return text


def number(text: str, reader: Reader) -> str:
    """Of 1,234.50 or 1234.50, with the marks of the reader's language. Raises Invalid for what could be two numbers."""
    separator = r"[ \u00a0\u202f]" if reader.separator == "\u00a0" else re.escape(reader.separator)
    grouped = rf"-?(?:\d{{1,3}}(?:{separator}\d{{3}})+|\d+)(?:{re.escape(reader.mark)}\d+)?"
    if not re.fullmatch(grouped, text, re.ASCII):
        raise Invalid(f'"{text[:80]}" is not a number as you write them, such as {reader.number("1234.50")}')
    return re.sub(separator, "", text).replace(reader.mark, ".")
