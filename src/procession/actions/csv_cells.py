"""The cells of a CSV output as SQL: exact numbers, moments in a zone, and no text that a spreadsheet runs."""

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

# A spreadsheet runs a text that begins so. The wide forms count: some versions of Excel take them for the narrow ones.
_FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_PLAIN_NUMBER = r"[-+]?[0-9][0-9 .,]*"  # is no formula although it begins with a sign
_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")
_BINARY = frozenset({"DOUBLE", "FLOAT"})
_PLAIN = frozenset({"BOOLEAN", "DATE", "TIME", "UUID"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How people want their numbers and moments; `decimals` of every amount, None for as many as it needs."""

    decimal: str
    decimals: int | None
    zone: str
    escapes: bool


def shown(column: str, kind: str, style: Style, *, is_only: bool) -> str:
    """The column as text under its heading. `is_only`: an empty cell alone in its row would be an empty line."""
    value = _value(quote(column), kind, style)
    heading = "'" + column if style.escapes and column[:1] in tuple(_FORMULA_STARTS) else column
    return f"coalesce({value}, '') AS {quote(heading)}" if is_only else f"{value} AS {quote(heading)}"


def _value(name: str, kind: str, style: Style) -> str:
    text = number_texts.of_decimal(name, kind)
    if found := _DECIMAL.fullmatch(kind):
        return _marked(_digits(text, int(found[1]), style.decimals), style)
    if kind in _BINARY:
        text = number_texts.signed_binary(name)
        return _marked(text if style.decimals is None else _padded(text, style.decimals), style)
    if kind == "TIMESTAMP WITH TIME ZONE" and style.zone != "UTC":
        return f"CAST(timezone({literal(style.zone)}, {name}) AS VARCHAR)"
    if kind in _PLAIN or kind.startswith("TIMESTAMP") or kind.endswith(("INT", "INTEGER")):
        return text
    return _harmless(text) if style.escapes else text


def _marked(number: str, style: Style) -> str:
    return number if style.decimal == "." else f"replace({number}, '.', ',')"


def _digits(text: str, scale: int, decimals: int | None) -> str:
    if decimals is None:
        return text if scale == 0 else f"rtrim(rtrim({text}, '0'), '.')"
    if decimals >= scale:
        return f"{text} || '{'.' if scale == 0 and decimals else ''}{'0' * (decimals - scale)}'"
    cut = scale - decimals + (decimals == 0)  # with the point; check_decimals has seen that these are zeros
    return f"left({text}, -{cut})"


def _padded(text: str, decimals: int) -> str:
    """The SQL text of a number, which has no more decimals than these, with all of them."""
    point = f"CASE WHEN contains({text}, '.') OR {decimals} = 0 THEN '' ELSE '.' END"
    return f"({text}) || {point} || repeat('0', {decimals} - length(split_part({text}, '.', 2)))"


def _harmless(text: str) -> str:
    starts = ", ".join(literal(letter) for letter in _FORMULA_STARTS)
    return (
        f"CASE WHEN left({text}, 1) IN ({starts}) AND NOT regexp_full_match({text}, '{_PLAIN_NUMBER}') "
        f"THEN '''' || {text} ELSE {text} END"
    )


def check_finite(connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str]) -> None:
    """Raises Problem for the first number that is infinite or none: in a file it would pass for a text."""
    for column, kind in types.items():
        if kind not in _BINARY:
            continue
        found = _first(connection, relation, column, f"NOT isfinite({quote(column)})")
        if found is not None:
            raise Problem(
                f'row {found[0]:,} of the column "{column}" is {found[1]}, which is no number; where that comes of a '
                "division by zero, divide by nullif(..., 0)"
            )


def check_decimals(
    connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str], decimals: int | None
) -> tuple[str, ...]:
    """Raises Problem for the first amount that would lose digits; gives a warning where there are no amounts."""
    if decimals is None:
        return ()
    if not any(kind in _BINARY or _DECIMAL.fullmatch(kind) for kind in types.values()):
        return ("decimals changes nothing: no column holds amounts, only whole numbers, texts or dates",)
    for column, kind in types.items():
        lost = _first(connection, relation, column, _is_longer(column, kind, decimals))
        if lost is not None:
            raise Problem(
                f'row {lost[0]:,} of the column "{column}" is {lost[1]}, '
                f"which {decimals} decimals cannot hold; round it, or ask for more decimals"
            )
    return ()


def _is_longer(column: str, kind: str, decimals: int) -> str:
    """An SQL condition: the amount has more decimals than these."""
    name = quote(column)
    if kind in _BINARY:
        return f"length(split_part({number_texts.signed_binary(name)}, '.', 2)) > {decimals}"
    found = _DECIMAL.fullmatch(kind)
    return "false" if found is None or int(found[1]) <= decimals else f"{name} <> trunc({name}, {decimals})"


def _first(connection: duckdb.DuckDBPyConnection, relation: str, column: str, condition: str) -> tuple[int, str] | None:
    """The first row where the condition holds, and the number that the column has there."""
    if condition == "false":
        return None
    found = connection.execute(
        f"SELECT n, value FROM (SELECT row_number() OVER () AS n, {condition} AS is_it, "
        f"CAST({quote(column)} AS VARCHAR) AS value FROM {quote(relation)}) WHERE is_it LIMIT 1"
    ).fetchone()
    if found is None:
        return None
    row, text = found
    return row, text.rstrip("0") if "." in text and "e" not in text else text
