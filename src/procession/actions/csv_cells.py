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
    text = f"CAST({name} AS VARCHAR)"
    if found := _DECIMAL.fullmatch(kind):
        return _marked(_digits(text, int(found[1]), style.decimals), style)
    if kind in _BINARY:
        return _marked(number_texts.signed_binary(name), style)
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


def _harmless(text: str) -> str:
    starts = ", ".join(literal(letter) for letter in _FORMULA_STARTS)
    return (
        f"CASE WHEN left({text}, 1) IN ({starts}) AND NOT regexp_full_match({text}, '{_PLAIN_NUMBER}') "
        f"THEN '''' || {text} ELSE {text} END"
    )


def check_decimals(
    connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str], decimals: int | None
) -> None:
    """Raises Problem for the first amount that would lose digits."""
    if decimals is None:
        return
    for column, kind in types.items():
        found = _DECIMAL.fullmatch(kind)
        if found is None or int(found[1]) <= decimals:
            continue
        name = quote(column)
        lost = connection.execute(
            f"SELECT n, value FROM (SELECT row_number() OVER () AS n, {name} <> trunc({name}, {decimals}) AS is_lost, "
            f"CAST({name} AS VARCHAR) AS value FROM {quote(relation)}) WHERE is_lost LIMIT 1"
        ).fetchone()
        if lost is not None:
            raise Problem(
                f'row {lost[0]:,} of the column "{column}" is {lost[1].rstrip("0")}, '
                f"which {decimals} decimals cannot hold; round it, or ask for more decimals"
            )
