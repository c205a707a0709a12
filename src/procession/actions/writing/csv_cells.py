"""The cells of a CSV output as SQL: exact numbers, moments in a zone, and no text that a spreadsheet runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import aggregates, number_texts

if TYPE_CHECKING:
    import duckdb

# Spreadsheets run texts that begin so. Some versions of Excel also run the full-width forms.
_FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
# Some spreadsheets, and people who clean up columns, take away what nobody sees before them.
_UNSEEN = " \x0b\x0c\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff"
# A text with its own apostrophe gets one more, so removing one restores every text.
_FORMULA = f"^['{_UNSEEN}]*[{re.escape(_FORMULA_STARTS)}]"
# Not formulas despite the sign: a dash for "nothing", and numbers as people write them.
_HARMLESS = "[ \u00a0\u202f]*(-+|[-+]?[.,]?[0-9][0-9 .,'\u00a0\u202f]*([eE][-+]?[0-9]+)?[ \u00a0\u202f]?%?)"
# DuckDB gives types as texts; their precision is nowhere else.
_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")
_BINARY = frozenset({"DOUBLE", "FLOAT"})
_NO_NUMBER = "no number; where that comes of a division by zero, divide by nullif(..., 0)"
_ENDLESS = "no date; write NULL, or a last day such as DATE '9999-12-31'"
_PLAIN = frozenset({"BOOLEAN", "DATE", "TIME", "TIME_NS", "TIME WITH TIME ZONE", "INTERVAL", "UUID"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvStyle:
    """Format of numbers and moments; `decimals` of every amount, None: as many as needed."""

    decimal: str
    decimals: int | None
    zone: str
    escapes: bool


def heading_line(names: Sequence[str], style: CsvStyle, delimiter: str) -> str:
    """The first line of the file. Its headings are quoted like texts; "ID" is, or Excel takes the file for SYLK."""
    shown = []
    for number, name in enumerate(names):
        heading = harmless_heading(name) if style.escapes else name
        # Many readers take a line that begins with # for a comment.
        special = heading.startswith("#") or any(mark in heading for mark in (delimiter, '"', "\r", "\n"))
        if special or (number == 0 and heading.startswith("ID")):
            heading = '"' + heading.replace('"', '""') + '"'
        shown.append(heading)
    return delimiter.join(shown) + "\n"


def harmless_heading(name: str) -> str:
    return "'" + name if re.match(_FORMULA, name) and not re.fullmatch(_HARMLESS, name) else name


def shown(column: str, kind: str, style: CsvStyle, *, is_only: bool) -> str:
    """The column as text. `is_only`: an empty cell alone in its row would be an empty line."""
    value = text_of(quote(column), kind, style)
    return f"coalesce({value}, '')" if is_only else value


def remarks(connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str]) -> tuple[str, ...]:
    """Where the file differs from the relation."""
    texts = [column for column, kind in types.items() if is_text(kind)]
    runs = [f"count(*) FILTER (WHERE {_is_run(f'CAST({quote(column)} AS VARCHAR)')})" for column in texts]
    found = aggregates.over(connection, runs, quote(relation))
    return tuple(
        f'column "{column}": {count:,} texts begin like a formula and have an apostrophe before them (escape_formulas)'
        for column, count in zip(texts, found, strict=True)
        if count
    )


def text_of(name: str, kind: str, style: CsvStyle) -> str:
    """The text of an SQL value of the kind; NULL for none."""
    text = number_texts.of_decimal(name, kind)
    if found := _DECIMAL.fullmatch(kind):
        return _marked(_digits(text, int(found[1]), style.decimals), style)
    if kind in _BINARY:
        text = number_texts.signed_binary(name)
        return _marked(text if style.decimals is None else _padded(text, style.decimals), style)
    # In UTC the offset is shown; in a zone the local time alone, as people expect it.
    if kind == "TIMESTAMP WITH TIME ZONE" and style.zone != "UTC":
        return f"CAST(timezone({literal(style.zone)}, {name}) AS VARCHAR)"
    return harmless(text) if style.escapes and is_text(kind) else text


def is_text(kind: str) -> bool:
    """Whether values of the type can be any text."""
    is_number = kind in _BINARY or _DECIMAL.fullmatch(kind) or kind.endswith(("INT", "INTEGER"))
    return not (is_number or kind in _PLAIN or kind.startswith("TIMESTAMP"))


def _marked(number: str, style: CsvStyle) -> str:
    # After all digits are settled, because there is only one point in a number.
    return number if style.decimal == "." else f"replace({number}, '.', ',')"


def _digits(text: str, scale: int, decimals: int | None) -> str:
    if decimals is None:
        return text if scale == 0 else f"rtrim(rtrim({text}, '0'), '.')"
    if decimals >= scale:
        return f"{text} || '{'.' if scale == 0 and decimals else ''}{'0' * (decimals - scale)}'"
    cut = scale - decimals + (decimals == 0)  # with the point; check_decimals has checked that they are zeros
    return f"left({text}, -{cut})"


def harmless(text: str) -> str:
    """The SQL text, made harmless for spreadsheets."""
    return f"CASE WHEN {_is_run(text)} THEN '''' || {text} ELSE {text} END"


def restored(text: str) -> str:
    """The SQL text that harmless() was given, of what it gave."""
    rest = f"substr({text}, 2)"
    return f"CASE WHEN starts_with({text}, '''') AND {_is_run(rest)} THEN {rest} ELSE {text} END"


def _is_run(text: str) -> str:
    # Not IN over the letters: DuckDB turns it into a join, which reorders a long table.
    formula, plain = literal(_FORMULA), literal(_HARMLESS)
    return f"(regexp_matches({text}, {formula}) AND NOT regexp_full_match({text}, {plain}))"


def _padded(text: str, decimals: int) -> str:
    """The SQL text of a number, padded to so many decimals; it has no more."""
    point = f"CASE WHEN contains({text}, '.') OR {decimals} = 0 THEN '' ELSE '.' END"
    return f"({text}) || {point} || repeat('0', {decimals} - length(split_part({text}, '.', 2)))"


def count_finite(connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str]) -> int:
    """How many rows there are. Raises Problem for the first infinity or NaN: in a file it would pass for text."""
    tests = _endless(types)
    # One pass for all: a relation that is a join of two others is made for each.
    # No FILTER: DuckDB cuts all columns of the statement to size for each, which is their square.
    asked = ", ".join(["count(*)", *(f"count(CASE WHEN {test} THEN 1 END)" for test in tests.values())])
    counted = connection.execute(f"SELECT {asked} FROM {quote(relation)}").fetchone()
    assert counted is not None
    rows, *counts = counted
    for (column, test), count in zip(tests.items(), counts, strict=True):
        # Before writing: a spreadsheet would show "inf" as a word in a column of amounts.
        words = _ENDLESS if _is_time(types[column]) else _NO_NUMBER
        found = _first(connection, relation, column, test) if count else None
        if found is not None:
            raise Problem(f'row {found[0]:,} of the column "{column}" is {found[1]}, which is {words}')
    return int(rows)


def finite(types: Mapping[str, str]) -> dict[str, str]:
    """For the columns that may hold infinity or NaN: SQL of their values, which raises InvalidInputException for it."""
    return {
        column: f"CASE WHEN {test} THEN error('not finite') ELSE {quote(column)} END"
        for column, test in _endless(types).items()
    }


def _endless(types: Mapping[str, str]) -> dict[str, str]:
    """Conditions of infinity and of NaN, for the columns that may hold them."""
    return {column: _is_endless(column, kind) for column, kind in types.items() if _is_time(kind) or kind in _BINARY}


def _is_time(kind: str) -> bool:
    return kind == "DATE" or kind.startswith("TIMESTAMP")


def _is_endless(column: str, kind: str) -> str:
    """An SQL condition: infinity, or no number."""
    if kind == "TIMESTAMPTZ_NS":  # isfinite() does not take it
        return f"ends_with(CAST({quote(column)} AS VARCHAR), 'infinity')"
    return f"NOT isfinite({quote(column)})"


def check_decimals(
    connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str], decimals: int | None
) -> tuple[str, ...]:
    """Raises Problem for the first amount that would lose digits; returns a warning if there are no amounts."""
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
