"""Explains why a column of mostly numbers, or days, is text, for when sum(amount) fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote
from procession.actions.reading import aggregates, values
from procession.actions.reading.values import Style

if TYPE_CHECKING:
    import duckdb

    from procession.actions.reading.guessing import GuessedType

SAMPLE_ROWS = 5_000
VALUE_CHARACTERS_MAX = 60
_IS_DAY = (
    f"(regexp_full_match(text, '{values.DAY}|{values.MOMENT}|{values.ZONED}') "
    "AND TRY_CAST(text AS TIMESTAMPTZ) IS NOT NULL)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextColumn:
    """A column of texts. `number`: its place among the cells; `stays`: the reason, if known."""

    name: str
    number: int
    style: Style
    stays: str


def find(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[TextColumn], place: Callable[[int, int], str]
) -> dict[str, str]:
    """By the columns' names. The rows of the table are those of the cells, whose `place` is as in Cells."""
    notes = {}
    for group in aggregates.in_groups(columns):
        # First rows only: they decide whether to look closer, never a type.
        counts = connection.execute(
            f"SELECT {', '.join(_counts(quote(column.name)) for column in group)} "
            f"FROM (SELECT {', '.join(quote(column.name) for column in group)} FROM {quote(table)} LIMIT {SAMPLE_ROWS})"
        ).fetchone()
        assert counts is not None
        for column, count, numbers, days in zip(group, counts[::3], counts[1::3], counts[2::3], strict=True):
            # Of a column of words nobody expects a sum.
            if count and 2 * numbers > count:
                notes[column.name] = _why(connection, table, column, place, "numbers")
            elif count and 2 * days > count:
                notes[column.name] = _why(connection, table, column, place, "days")
    return notes


def _counts(text: str) -> str:
    alike = ("[-+]?[0-9][0-9.,]*", f"{values.DAY}([ T].*)?")
    tests = [f"count(*) FILTER (coalesce(regexp_full_match({text}, '{pattern}'), false))" for pattern in alike]
    return f"count({text}), {', '.join(tests)}"


def _why(
    connection: duckdb.DuckDBPyConnection, table: str, column: TextColumn, place: Callable[[int, int], str], of: str
) -> str:
    if column.stays:
        return f"stays text: {column.stays}"
    # A user's column may be named rowid, so find the first row by position.
    texts = f"(SELECT row_number() OVER () - 1 AS place, {quote(column.name)} AS text FROM {quote(table)})"
    is_one = f"regexp_full_match(text, {literal(values.number_pattern(column.style))})" if of == "numbers" else _IS_DAY
    row = connection.execute(
        f"SELECT min(place), arg_min(text, place), count(*) FROM {texts} WHERE text IS NOT NULL AND NOT {is_one}"
    ).fetchone()
    assert row is not None
    first, text, count = row
    if not count:
        return "stays text: its cells are of several kinds"
    shown = text[:VALUE_CHARACTERS_MAX]
    return f'stays text, because of "{shown}" ({place(first, column.number)}); cells that are no {of}: {count:,}'


def doubts(
    connection: duckdb.DuckDBPyConnection,
    guessed: Mapping[str, GuessedType],
    table: str,
    file: str,
    decimal: str | None,
) -> Iterator[str]:
    """Numbers that may be others than they were read as, by column. `decimal`: the mark, where it is said."""
    thirds = [name for name, one in guessed.items() if one.has_thirds and decimal is None]
    yield from _grouped(connection, thirds, table, file)
    yield from _rounded({name: one.loses for name, one in guessed.items()}, file)


def _grouped(connection: duckdb.DuckDBPyConnection, names: Sequence[str], table: str, file: str) -> Iterator[str]:
    """Numbers that may be a thousand times as much: 3.000 where a point groups thousands."""
    for name in names:
        value = quote(name)
        row = connection.execute(
            f"SELECT bool_and(abs({value}) >= 1 AND abs({value}) < 1000), arg_max({value}, abs({value}))::VARCHAR "
            f"FROM {quote(table)}"
        ).fetchone()
        if row is not None and row[0]:
            yield (
                f'the column "{name}" of {file} is read with three decimals, such as {row[1][:-1]}; where the '
                'point groups thousands, declare it with thousands: ".", and else with decimal: "."'
            )


def _rounded(lost: Mapping[str, str], file: str) -> Iterator[str]:
    """Numbers of more decimals than there are, by column; empty for none. A rate may be such a one."""
    for name, number in lost.items():
        if number:
            yield (
                f'the column "{name}" of {file} has numbers with more than ten decimals, such as {number}, which are '
                "rounded there; declare it as Text to keep them"
            )
