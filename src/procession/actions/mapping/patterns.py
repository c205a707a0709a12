"""Patterns in a table of rules: what a cell says of the values that it fits, as columns that joins can use.

Each matched column of the rules becomes `shape` (0 any, 1 range, 2 beginning, 3 itself), `low` and `high`, and `says`,
how much it narrows down. `low` is the value itself, the beginning, or the first of a range.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.rows import kinds
from procession.actions.rows.kinds import ValueKind
from procession.actions.rows.numbering import numbered

if TYPE_CHECKING:
    import duckdb

ANY, RANGE, BEGINNING, ITSELF = range(4)
_RANGE = "([0-9]{1,18}) *(?:-|\u2013) *([0-9]{1,18})"  # with a hyphen, or the dash that spreadsheets make of it
# 4000..4999, 4000 to 4999, lists, >=4000, 4???, 4%, 40xx: what other programs have patterns for.
OTHER_SPELLINGS = (
    r"[0-9]+ *(?:\.\.+|:|,|;|~|to|bis|a|\x{00e0}|al) *[0-9].*|[<>=!]+ *[0-9].*|"
    r"[0-9A-Za-z]*[?%][0-9A-Za-z?%]*|[0-9]+[xX#]+"
)
_PARTS = 1_000_000  # of a digit, to tell 4000-4050 from 4000-4099
_TEXTS = frozenset({ValueKind.TEXT, ValueKind.DATE, ValueKind.TRUTH})


def text_of(connection: duckdb.DuckDBPyConnection, relation: str, name: str, where: str) -> str:
    """SQL of a column's cells as codes: 4000 of the number and of the text. Raises Problem for what is no code."""
    columns = database.columns(connection, relation)
    column = kinds.column(columns, name, where)
    kind = kinds.of(columns[column])
    # 4000 read as a number in one file and as text in the other is one account.
    if kind in _TEXTS:
        return f"CAST({quote(column)} AS VARCHAR)"
    if kind is not ValueKind.NUMBER:
        raise Problem(f'{where}: the column "{column}" is {kind.value}, and a code is wanted; say Text under columns')
    row = connection.execute(
        f"SELECT CAST({quote(column)} AS VARCHAR) FROM {quote(relation)} "
        f"WHERE {quote(column)} <> trunc({quote(column)}) LIMIT 1"
    ).fetchone()
    if row is not None:
        raise Problem(f'{where}: "{column}" holds {row[0]}, which is no code; say Text under columns')
    return f"CAST(CAST({quote(column)} AS DECIMAL(38,0)) AS VARCHAR)"


def make(
    connection: duckdb.DuckDBPyConnection, rules: str, match: Sequence[str], exact: frozenset[str], more: Sequence[str]
) -> None:
    """Makes the table `patterns`: for each rule its number, columns shape_i, low_i, high_i, says_i, and `more` SQL.

    Raises Problem for a range whose ends are not of one length, or in the wrong order.
    """
    parts = []
    # Blanks around a pattern are never meant: people align their tables with them.
    for number, name in enumerate(match):
        cell = f"trim({text_of(connection, rules, name, 'rules')})"
        is_plain = name.lower() in exact
        if not is_plain:
            _refuse_stars(connection, rules, cell, name)
        parts.append(_cell(cell, number, is_plain=is_plain))
    listed = ", ".join([*parts, *more])
    connection.execute(f"CREATE TABLE patterns AS SELECT {listed} FROM {numbered(connection, rules)}")
    for number, name in enumerate(match):
        _check_ranges(connection, number, name)


def _refuse_stars(connection: duckdb.DuckDBPyConnection, rules: str, cell: str, name: str) -> None:
    """A star that is not at the end would be a value that nothing has, and its rule would never fit."""
    row = connection.execute(
        f"SELECT {cell} FROM {quote(rules)} WHERE contains(left({cell}, length({cell}) - 1), '*') LIMIT 1"
    ).fetchone()
    if row is not None:
        raise Problem(
            f'rules: "{row[0]}" in "{name}": * stands at the end only, for all that begins so; where it is a plain '
            "character, name the column under exact"
        )


def _cell(cell: str, number: int, *, is_plain: bool) -> str:
    low, high = f"regexp_extract({cell}, '^{_RANGE}$', 1)", f"regexp_extract({cell}, '^{_RANGE}$', 2)"
    shape = f"CASE WHEN coalesce({cell}, '') = '' THEN {ANY} "
    if not is_plain:
        shape += f"WHEN {cell} = '*' THEN {ANY} WHEN regexp_full_match({cell}, '{_RANGE}') THEN {RANGE} "
        shape += f"WHEN ends_with({cell}, '*') THEN {BEGINNING} "
    shape += f"ELSE {ITSELF} END"
    value = f"CASE {shape} WHEN {RANGE} THEN {low} WHEN {BEGINNING} THEN left({cell}, -1) WHEN {ITSELF} THEN {cell} END"
    # A whole value is the exception from a range or a beginning, and exceptions must win. 4* says as much as 4000-4999.
    size = f"round(log10(greatest({_whole(high)} - {_whole(low)} + 1, 1)) * {_PARTS})"
    says = (
        f"CAST(CASE {shape} WHEN {ITSELF} THEN 1000000 WHEN {BEGINNING} THEN 999 + length({cell}) "
        f"WHEN {RANGE} THEN 1000 + length({low}) ELSE 0 END AS BIGINT) * {_PARTS} "
        f"- CASE {shape} WHEN {RANGE} THEN CAST({size} AS BIGINT) ELSE 0 END"
    )
    return (
        f"{shape} AS shape_{number}, {value} AS low_{number}, "
        f"CASE {shape} WHEN {RANGE} THEN {high} END AS high_{number}, {says} AS says_{number}"
    )


def _whole(text: str) -> str:
    return f"TRY_CAST({text} AS BIGINT)"


def _check_ranges(connection: duckdb.DuckDBPyConnection, number: int, name: str) -> None:
    # With ends of two lengths, nobody can tell whether codes or numbers were meant.
    row = connection.execute(
        f"SELECT low_{number}, high_{number} FROM patterns WHERE shape_{number} = {RANGE} "
        f"AND (length(low_{number}) <> length(high_{number}) OR low_{number} > high_{number}) LIMIT 1"
    ).fetchone()
    if row is not None:
        raise Problem(
            f'rules: "{row[0]}-{row[1]}" in "{name}" is no range: write both ends with equally many digits, the lower '
            "one first, or name the column under exact"
        )


def kind(number: int) -> str:
    """SQL of how a rule `r` is compared: its shape, and for a beginning how long that is, as -1, -2..."""
    return f"CASE WHEN r.shape_{number} = {BEGINNING} THEN -length(r.low_{number}) ELSE r.shape_{number} END"


def fits(found: int, number: int) -> str:
    """SQL of whether the value v_i of a key `k` fits the pattern of a rule `r` of this kind()."""
    value, low = f"k.v_{number}", f"r.low_{number}"
    if found == ANY:
        return "true"
    if found == RANGE:
        # Codes of one length sort as their numbers do.
        same = f"length({value}) = length({low}) AND regexp_full_match({value}, '[0-9]+')"
        return f"({value} BETWEEN {low} AND r.high_{number} AND {same})"
    # A beginning of one length is as quick as a whole value.
    return f"{value} = {low}" if found == ITSELF else f"left({value}, {-found}) = {low}"


def crosses(number: int) -> str:
    """SQL of whether `p` and `q`, patterns that fit the key `k`, are no parts of each other; one of them is a range."""
    ends = {}
    for one in "pq":
        shape, low = f"{one}.shape_{number}", f"{one}.low_{number}"
        # A beginning is a range of the codes that are as long as this one.
        whole = [f"rpad({low}, length(k.v_{number})::INTEGER, '{digit}')" for digit in "09"]
        ends[one] = [
            f"CASE {shape} WHEN {RANGE} THEN {end} WHEN {BEGINNING} THEN {padded} END"
            for end, padded in zip((low, f"{one}.high_{number}"), whole, strict=True)
        ]
    (p_low, p_high), (q_low, q_high) = ends["p"], ends["q"]
    is_crossed = (
        f"(({p_low}) < ({q_low}) AND ({p_high}) < ({q_high})) OR (({q_low}) < ({p_low}) AND ({q_high}) < ({p_high}))"
    )
    return f"({RANGE} IN (p.shape_{number}, q.shape_{number}) AND ({is_crossed}))"
