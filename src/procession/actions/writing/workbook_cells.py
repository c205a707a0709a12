"""The XML of a sheet's rows as SQL: one expression, made of the pieces of every column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from procession.actions.reading import number_texts
from procession.actions.writing import workbook_columns
from procession.actions.writing.workbook_columns import BINARY, MOMENTS, STRANGE, WHOLE, SheetColumn

if TYPE_CHECKING:
    import duckdb

# Not the 31st: Excel counts a 29 February 1900 that there never was.
DAY_ZERO = "1899-12-30"
# What XML 1.0 cannot hold at all; carriage returns too, which parsers change into line feeds.
_ESCAPED = [*range(9), 11, 12, *range(13, 32), 0xFFFE, 0xFFFF]


@dataclass(frozen=True, slots=True, kw_only=True)
class Styles:
    """The numbers of the cell formats in the book; `amounts` by their decimals."""

    heading: int
    text: int
    whole: int
    amounts: Mapping[int, int]
    day: int
    moment: int
    fraction: int  # a moment with milliseconds
    own: Mapping[str, int] = field(default_factory=dict)  # formats of single columns, by their names


def with_own(styles: Styles, own: Mapping[str, int]) -> Styles:
    """The same, with formats of single columns."""
    return replace(styles, own=own)


def column_letters(number: int) -> str:
    """A for 0, AA for 26."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def heading_row(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], styles: Sequence[int], *, row: int = 1, first: int = 0
) -> str:
    """The headings: the same cells of text as below them, by the same rules. `first` is the column, from 0."""
    shown = connection.execute(f"SELECT {escaped_text('name')} FROM unnest(?) AS given(name)", [list(names)]).fetchall()
    cells = (
        f'<c r="{column_letters(first + number)}{row}" s="{style}" t="inlineStr">'
        f'<is><t xml:space="preserve">{name}</t></is></c>'
        for number, (style, (name,)) in enumerate(zip(styles, shown, strict=True))
    )
    return f'<row r="{row}">{"".join(cells)}</row>\n'


def row(columns: Sequence[SheetColumn], styles: Styles, zone: str, *, first: int = 0, attributes: str = "") -> str:
    """The row as an expression over n, its number in the sheet as text, and the cells c0, c1, ...

    The cells begin at the column `first`, from 0; `attributes` are those of the row.

    It is one concat(): a chain of || copies the row once for each of its pieces.
    """
    pieces = ["'<row r=\"'", "n", f"'\"{attributes}>'"]
    for number, column in enumerate(columns):
        start = f"'<c r=\"{column_letters(first + number)}'"
        pieces += _cell(f"c{number}", column, start, styles, zone)
    return _concat([*pieces, "'</row>'"])


def _concat(pieces: Iterable[str]) -> str:
    """Constants that follow each other become one."""
    joined: list[str] = []
    for piece in pieces:
        # Fewer pieces: a row of 500 columns is one expression.
        if joined and joined[-1].startswith("'") and piece.startswith("'"):
            joined[-1] = joined[-1][:-1] + piece[1:]
        else:
            joined.append(piece)
    return f"concat({', '.join(joined)})"


def _cell(name: str, column: SheetColumn, start: str, styles: Styles, zone: str) -> list[str]:
    """Its pieces; one that is NULL where the cell is empty, if that happens in the column."""
    typed = _typed(name, column, start, styles, zone)
    if column.odd:
        is_local = column.kind == "TIMESTAMP WITH TIME ZONE"  # with an offset where it is finer than in_zone()
        local = f"CAST({workbook_columns.in_zone(name, column.kind, zone)} AS VARCHAR)"
        text = _text(local if is_local else number_texts.of_decimal(name, column.kind), column, start, styles.text)
        test = workbook_columns.odd(name, column.kind)
        return [f"CASE WHEN {test} THEN {_concat(text)} WHEN {name} IS NOT NULL THEN {_concat(typed)} END"]
    if column.has_empty:
        return [f"CASE WHEN {name} IS NOT NULL THEN {_concat(typed)} END"]
    return typed


def _typed(name: str, column: SheetColumn, start: str, styles: Styles, zone: str) -> list[str]:
    kind, own = column.kind, styles.own.get(column.name)

    def style(default: int) -> int:
        return default if own is None else own

    if kind == "BOOLEAN":
        shown = "" if own is None else f' s="{own}"'
        return [start, "n", f'\'"{shown} t="b"><v>\'', f"CAST({name} AS INTEGER)", "'</v></c>'"]
    if kind in WHOLE:
        return _value(f"CAST({name} AS VARCHAR)", start, style(styles.whole))
    if column.scale is not None:
        return _value(number_texts.of_decimal(name, kind), start, style(styles.amounts[column.scale]))
    # Without a format of ours: how many digits matter only its owner knows.
    if kind in BINARY:
        return _value(f"CAST({name} AS VARCHAR)", start, own)
    if kind == "DATE":
        return _value(f"({name} - DATE '{DAY_ZERO}')", start, style(styles.day))
    if kind in MOMENTS:
        moment = workbook_columns.in_zone(name, kind, zone)
        days = f"((epoch_us({moment}) - epoch_us(TIMESTAMP '{DAY_ZERO}')) / 86400000000.0::DOUBLE)"
        return _value(days, start, style(styles.fraction if column.has_fractions else styles.moment))
    return _text(f"CAST({name} AS VARCHAR)", column, start, style(styles.text))


def _value(value: str, start: str, style: int | None) -> list[str]:
    shown = "" if style is None else f' s="{style}"'
    return [start, "n", f"'\"{shown}><v>'", value, "'</v></c>'"]


def _text(value: str, column: SheetColumn, start: str, style: int) -> list[str]:
    keeps = ' xml:space="preserve"' if column.has_edges else ""
    shown = escaped_text(value) if column.has_markup else value
    return [start, "n", f'\'" s="{style}" t="inlineStr"><is><t{keeps}>\'', shown, "'</t></is></c>'"]


def escaped_text(value: str) -> str:
    """The SQL text as it stands in a cell."""
    plain = f"replace(replace(replace({value}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')"
    strange = f"replace({plain}, '_x', '_x005F_x')"
    for code in _ESCAPED:
        strange = f"replace({strange}, chr({code}), '_x{code:04X}_')"
    return f"CASE WHEN regexp_matches({value}, '{STRANGE}') THEN {strange} ELSE {plain} END"
