"""Likely types of undeclared columns by their first rows: guesses that verify themselves.

A guess is an SQL value that fails at the first cell which is not exactly so. One pass over all rows then both asks and
makes the table; where it fails, the columns are found by `guessing`, which answers for every guess the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from procession.actions.reading import binary_values, values
from procession.actions.reading.cells import FAILS, Kind
from procession.actions.reading.guessing import GuessedType, Open, type_of

if TYPE_CHECKING:
    import duckdb

SAMPLE_ROWS = 500
# The statement that proves all guesses grows with them, and so does its memory.
COLUMNS_MAX = 200
_CHARACTERS_MAX = 100  # of a text of the sample
_WHOLE_MAX, _EVEN_DECIMALS_MAX, _DECIMALS_MAX = 15, 10, 4
_TYPES = {Kind.DATE: "DATE", Kind.MOMENT: "TIMESTAMP"}
_DAY = re.compile(values.DAY)
_SECOND = re.compile(values.DAY + r" [0-9]{2}:[0-9]{2}:[0-9]{2}")
_TIMES = re.compile(f"{values.DAY}|{values.MOMENT}|{values.ZONED}")
_PERHAPS = re.compile(r"[^A-SU-Ya-z]*")  # what a text of digits, marks and the letters of moments may go on with


def find(connection: duckdb.DuckDBPyConnection, source: str, columns: Sequence[Open]) -> list[GuessedType | None]:
    """A guess for each column; None where there is none."""
    if not columns or len(columns) > COLUMNS_MAX:
        return [None] * len(columns)
    texts = ", ".join(f"left({column.text}, {_CHARACTERS_MAX})" for column in columns)
    rows = connection.execute(f"SELECT {texts} FROM {source} LIMIT {SAMPLE_ROWS}").fetchall()
    return [_guess(column, [row[place] for row in rows if row[place]]) for place, column in enumerate(columns)]


def _guess(column: Open, sample: list[str]) -> GuessedType | None:
    as_text = GuessedType(type="VARCHAR", value=column.text)
    if not sample:
        # Nothing seen: the guess is that nothing comes.
        return GuessedType(type="VARCHAR", value=f"CASE WHEN {column.text} IS NOT NULL THEN {FAILS} END::VARCHAR")
    match column.kind:
        case Kind.DATE | Kind.MOMENT as kind if column.value and not column.style.pattern:
            return GuessedType(type=_TYPES[kind], value=f"CAST({column.value} AS {_TYPES[kind]})")
        case Kind.TRUTH:
            return GuessedType(type="BOOLEAN", value=f"CAST({column.text} AS BOOLEAN)")
        case Kind.NUMBER:
            return _number(column, sample)
        case Kind.TEXT if all(map(re.compile(values.number_pattern(column.style)).fullmatch, sample)):
            return _number(column, sample) if column.style.is_plain else None
        # Cells of several kinds: the other way asks each of them.
        case None:
            return None
    if column.style.pattern or any(len(text) == _CHARACTERS_MAX and _PERHAPS.fullmatch(text) for text in sample):
        return None
    if all(map(_DAY.fullmatch, sample)):
        return _proven(column, "DATE", "DATE", "strlen({text}) = 10 AND {tried}::VARCHAR = {text}")
    if all(map(_SECOND.fullmatch, sample)):
        return _proven(column, "TIMESTAMP", "TIMESTAMP", "strlen({text}) = 19 AND {tried}::VARCHAR = {text}")
    return None if all(map(_TIMES.fullmatch, sample)) else as_text


def _number(column: Open, sample: list[str]) -> GuessedType | None:
    counts = {len(text.partition(".")[2]) for text in sample}
    most = max(counts)
    if column.exact:
        kind = type_of(1, 0 if column.exact == binary_values.WHOLE else most)
        return GuessedType(type=kind, value=binary_values.number(column.value, column.exact, kind, FAILS))
    if most == 0:
        # What a binary number may not keep whole is told, which is for the other way.
        is_whole = f"{{tried}}::VARCHAR = {{text}} AND abs({{tried}}) < 1{'0' * (15 if column.is_binary else 18)}"
        return _proven(column, "BIGINT", type_of(1, 0), is_whole)
    if len(counts) == 1 and most <= _EVEN_DECIMALS_MAX and not column.is_binary:
        trial = f"DECIMAL({min(18, most + _WHOLE_MAX)},{most})"  # 18 digits are what DuckDB handles in 64 bits
        found = _proven(column, trial, type_of(1, most), "{tried}::VARCHAR = {text}")
        return replace(found, has_thirds=column.may_group(most))
    if most > _DECIMALS_MAX:
        return None
    shortest = "starts_with({tried}::VARCHAR, {text})"
    if column.kind is Kind.TEXT:
        shortest += " AND NOT ends_with({text}, '.') AND NOT (contains({text}, '.') AND ends_with({text}, '0'))"
    return _proven(column, f"DECIMAL(18,{_DECIMALS_MAX})", type_of(1, _DECIMALS_MAX), shortest)


def _proven(column: Open, trial: str, kind: str, test: str) -> GuessedType:
    proof = test.format(tried=column.tried, text=column.text)
    value = f"CASE WHEN {proof} THEN {column.tried}::{kind} WHEN {column.text} IS NOT NULL THEN {FAILS} END"
    return GuessedType(type=kind, value=value, tried=f"TRY_CAST({column.text} AS {trial})")
