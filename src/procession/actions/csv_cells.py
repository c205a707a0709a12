"""The cells of a CSV output as SQL: exact numbers, moments in a zone, and no text that a spreadsheet runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import number_texts

if TYPE_CHECKING:
    import duckdb

# A spreadsheet runs a text that begins so. The wide forms count: some versions of Excel take them for the narrow ones.
_FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
# A text that has an apostrophe there of its own gets one more: whoever takes one away has every text as it was.
_FORMULA = f"^'*[{re.escape(_FORMULA_STARTS)}]"
# No formula although it begins with a sign: a dash for "nothing", and a number as people write it.
_HARMLESS = "-+|[-+]?[.,]?[0-9][0-9 .,'\u00a0\u202f]*([eE][-+]?[0-9]+)?[ \u00a0\u202f]?%?"
_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")
_BINARY = frozenset({"DOUBLE", "FLOAT"})
_PLAIN = frozenset({"BOOLEAN", "DATE", "TIME", "TIME_NS", "TIME WITH TIME ZONE", "INTERVAL", "UUID"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How people want their numbers and moments; `decimals` of every amount, None for as many as it needs."""

    decimal: str
    decimals: int | None
    zone: str
    escapes: bool


def heading_line(names: Sequence[str], style: Style, delimiter: str) -> str:
    """The first line of the file. Its headings are quoted like texts; "ID" is, or Excel takes the file for SYLK."""
    shown = []
    for number, name in enumerate(names):
        heading = harmless_heading(name) if style.escapes else name
        special = heading.startswith("#") or any(mark in heading for mark in (delimiter, '"', "\r", "\n"))
        if special or (number == 0 and heading.startswith("ID")):
            heading = '"' + heading.replace('"', '""') + '"'
        shown.append(heading)
    return delimiter.join(shown) + "\n"


def harmless_heading(name: str) -> str:
    return "'" + name if re.match(_FORMULA, name) and not re.fullmatch(_HARMLESS, name) else name


def shown(column: str, kind: str, style: Style, *, is_only: bool) -> str:
    """The column as text. `is_only`: an empty cell alone in its row would be an empty line."""
    value = _value(quote(column), kind, style)
    return f"coalesce({value}, '')" if is_only else value


def remarks(connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str]) -> tuple[str, ...]:
    """What the file says otherwise than the relation."""
    texts = [column for column, kind in types.items() if _is_text(kind)]
    if not texts:
        return ()
    counts = ", ".join(f"count(*) FILTER (WHERE {_is_run(f'CAST({quote(column)} AS VARCHAR)')})" for column in texts)
    row = connection.execute(f"SELECT {counts} FROM {quote(relation)}").fetchone()
    assert row is not None
    return tuple(
        f'column "{column}": {count:,} texts begin like a formula and have an apostrophe before them (escape_formulas)'
        for column, count in zip(texts, row, strict=True)
        if count
    )


def _value(name: str, kind: str, style: Style) -> str:
    text = f"CAST({name} AS VARCHAR)"
    if found := _DECIMAL.fullmatch(kind):
        return _marked(_digits(text, int(found[1]), style.decimals), style)
    if kind in _BINARY:
        return _marked(number_texts.signed_binary(name), style)
    if kind == "TIMESTAMP WITH TIME ZONE" and style.zone != "UTC":
        return f"CAST(timezone({literal(style.zone)}, {name}) AS VARCHAR)"
    return harmless(text) if style.escapes and _is_text(kind) else text


def _is_text(kind: str) -> bool:
    """May it hold any text?"""
    is_number = kind in _BINARY or _DECIMAL.fullmatch(kind) or kind.endswith(("INT", "INTEGER"))
    return not (is_number or kind in _PLAIN or kind.startswith("TIMESTAMP"))


def _marked(number: str, style: Style) -> str:
    return number if style.decimal == "." else f"replace({number}, '.', ',')"


def _digits(text: str, scale: int, decimals: int | None) -> str:
    if decimals is None:
        return text if scale == 0 else f"rtrim(rtrim({text}, '0'), '.')"
    if decimals >= scale:
        return f"{text} || '{'.' if scale == 0 and decimals else ''}{'0' * (decimals - scale)}'"
    cut = scale - decimals + (decimals == 0)  # with the point; check_decimals has seen that these are zeros
    return f"left({text}, -{cut})"


def harmless(text: str) -> str:
    """The SQL text so that no spreadsheet runs it."""
    return f"CASE WHEN {_is_run(text)} THEN '''' || {text} ELSE {text} END"


def _is_run(text: str) -> str:
    # No IN over the letters: DuckDB makes a join of it, and a join mixes the rows of a long table.
    formula, plain = literal(_FORMULA), literal(_HARMLESS)
    return f"(regexp_matches({text}, {formula}) AND NOT regexp_full_match({text}, {plain}))"


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
