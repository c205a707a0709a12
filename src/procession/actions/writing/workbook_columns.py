"""Columns of a sheet: what their cells can hold, and facts about all their values.

One pass over the rows decides how to write a column, so no cell pays for what its column lacks: empty
cells, texts to escape, numbers that are too long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import number_texts

if TYPE_CHECKING:
    import duckdb

TEXT_CHARACTERS_MAX = 32_767  # Excel's own limit of one cell, counted in UTF-16
DIGITS_MAX = 15  # what a number in a spreadsheet holds; longer ones are written as text, whole
# Excel takes 1900 for a leap year: days before its 1 March are shown a day apart, or not at all.
DAY_FIRST, DAY_LAST = "1900-03-01", "9999-12-31"
_ZONED = frozenset({"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"})
MOMENTS = _ZONED | {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
WHOLE = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
BINARY = frozenset({"DOUBLE", "FLOAT"})
# What XML cannot hold is written _xHHHH_, and so is the underscore of a text that looks like it.
STRANGE = r"[\x00-\x08\x0B-\x1F\x{FFFE}\x{FFFF}]|_x[0-9A-Fa-f]{4}_"
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_SMALL = frozenset({"TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"})
_SHORT = frozenset({"DATE", "TIME", "TIME_NS", "TIME WITH TIME ZONE", "INTERVAL", "BOOLEAN", "UUID"})
_COLUMNS_A_LOOK = 250  # a statement over many more takes too much memory


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetColumn:
    """`odd`: number of values that no cell can hold as their type; they are written as text."""

    name: str
    kind: str
    has_empty: bool
    odd: int
    has_markup: bool  # texts with what XML or Excel take for something else
    has_edges: bool  # texts with blanks at an end
    has_fractions: bool  # moments with parts of a second

    @property
    def scale(self) -> int | None:
        """Decimals of amounts, None for all other kinds."""
        found = _DECIMAL.fullmatch(self.kind)
        return int(found[2]) if found else None

    @property
    def remark(self) -> str:
        what = "dates" if self.kind == "DATE" else "moments" if self.kind in MOMENTS else "numbers"
        why = {
            "dates": f"outside of {DAY_FIRST} to {DAY_LAST}",
            "moments": f"outside of {DAY_FIRST} to {DAY_LAST}, or finer than a millisecond",
            "numbers": f"of more than {DIGITS_MAX} digits" if self.kind not in BINARY else "that are infinite or NaN",
        }
        return f'column "{self.name}": {self.odd:,} {what} {why[what]}, written as text'


def is_text(kind: str) -> bool:
    """Whether values of this kind can be any text."""
    return not (kind in _SHORT or kind in MOMENTS or kind in WHOLE or kind in BINARY or _DECIMAL.fullmatch(kind))


def in_zone(name: str, kind: str, zone: str) -> str:
    """A moment as an SQL TIMESTAMP: the local time of the zone."""
    return f"CAST({f'timezone({literal(zone)}, {name})' if kind in _ZONED else name} AS TIMESTAMP)"


def odd(name: str, kind: str) -> str | None:
    """An SQL condition: no cell can hold the value as its type. None where this cannot be."""
    if kind == "DATE":
        return f"{name} NOT BETWEEN DATE '{DAY_FIRST}' AND DATE '{DAY_LAST}'"
    if kind in MOMENTS:
        plain = in_zone(name, kind, "UTC")
        outside = f"{plain} < TIMESTAMP '{DAY_FIRST}' OR {plain} >= TIMESTAMP '{DAY_LAST}' + INTERVAL 1 DAY"
        finer = f"epoch_ns({name}) % 1000000" if kind.endswith("_NS") else f"epoch_us({name}) % 1000"
        return f"({outside} OR {finer} <> 0)"
    if kind in BINARY:
        return f"NOT isfinite({name})"
    if kind in WHOLE:
        limit = f"CAST({10**DIGITS_MAX} AS {kind})"
        above = f"{name} >= {limit}"
        return None if kind in _SMALL else above if kind.startswith("U") else f"({above} OR {name} <= -{limit})"
    found = _DECIMAL.fullmatch(kind)
    return _has_many_digits(name, int(found[1]), int(found[2])) if found else None


def _has_many_digits(name: str, width: int, scale: int) -> str | None:
    if width <= DIGITS_MAX:
        return None
    shown = number_texts.of_decimal(name, f"DECIMAL({width},{scale})")
    kept = f"rtrim({shown}, '0')" if scale else shown
    digits = f"ltrim(replace(replace({kept}, '.', ''), '-', ''), '0')"
    limit = f"CAST({'1' + '0' * max(DIGITS_MAX - scale, 0)} AS DECIMAL({width},{scale}))"
    # A comparison of numbers rules almost all values out before any text is made.
    quick = f"abs({name}) >= {limit} AND " if 0 <= DIGITS_MAX - scale < width - scale else ""
    return f"({quick}length({digits}) > {DIGITS_MAX})"


def look(connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str]) -> list[SheetColumn]:
    """Examines the columns. Raises Problem for a text too long for a cell, before anything is written."""
    given = iter(types.items())
    found = list[SheetColumn]()
    while some := list(islice(given, _COLUMNS_A_LOOK)):
        facts = ", ".join(fact for name, kind in some for fact in _facts(quote(name), kind))
        row = connection.execute(f"SELECT count(*), {facts} FROM {quote(relation)}").fetchone()
        assert row is not None
        size = (len(row) - 1) // len(some)
        for number, (name, kind) in enumerate(some):
            filled, odd_ones, *flags, longest = row[1 + number * size :][:size]
            # Bytes are never fewer than UTF-16 units, so most books are done with this look.
            if longest > TEXT_CHARACTERS_MAX:  # in bytes, which are known without looking at the text
                _refuse_long(connection, relation, name)
            found.append(_column(name, kind, has_empty=filled < row[0], odd_ones=odd_ones, flags=flags))
    return found


def _column(name: str, kind: str, *, has_empty: bool, odd_ones: int, flags: Sequence[bool]) -> SheetColumn:
    markup, edges, fractions = map(bool, flags)
    return SheetColumn(
        name=name,
        kind=kind,
        has_empty=has_empty,
        odd=odd_ones,
        has_markup=markup,
        has_edges=edges,
        has_fractions=fractions,
    )


def _facts(name: str, kind: str) -> Iterator[str]:
    """Aggregates, in the order in which look() takes them."""
    text = f"CAST({name} AS VARCHAR)"
    test = odd(name, kind)
    yield f"count({name})"
    yield f"count(*) FILTER (WHERE {test})" if test else "0"
    yield f"bool_or(regexp_matches({text}, '[&<>]|{STRANGE}'))" if is_text(kind) else "false"
    yield rf"bool_or(regexp_matches({text}, '^\s|\s$'))" if is_text(kind) else "false"
    yield f"bool_or(epoch_us({in_zone(name, kind, 'UTC')}) % 1000000 <> 0)" if kind in MOMENTS else "false"
    yield f"coalesce(max(strlen({text})), 0)" if is_text(kind) else "0"


def _refuse_long(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> None:
    text = f"CAST({quote(column)} AS VARCHAR)"
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
