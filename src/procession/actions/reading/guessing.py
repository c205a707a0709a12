"""Finds types of undeclared columns from all rows, all or nothing. In doubt, a column stays text.

A sample only rules types out: a word among the first rows makes a column text at once. Any other type is
checked on every row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from procession.actions.database import literal, quote
from procession.actions.reading import patterns, values
from procession.actions.reading.cells import RELATION, Kind
from procession.actions.reading.values import Style

if TYPE_CHECKING:
    import duckdb

# More rule out little more: most columns of words show one in the first row.
_SAMPLE_ROWS = 1_000
# DuckDB's memory for a statement grows with its aggregates.
_COLUMNS_ASKED_MAX = 24
_DECIMALS_MAX = 10
# Digits of BIGINT, of DECIMAL(38,10) and of DECIMAL(19,4).
_WHOLE_MAX, _BIG_WHOLE_MAX, _MONEY_WHOLE_MAX = 18, 28, 15
_LONG = "DECIMAL(38,10)"
_GROUP_DIGITS = 3


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A column to find a type for: `text` is SQL. `kind` as in CellColumn; `kinds` is the SQL of each cell's kind.

    `tried` names what a guess tries to make of the text.
    """

    text: str
    kind: Kind | None
    kinds: str = ""
    tried: str = ""
    is_binary: bool = False
    style: Style

    def may_group(self, decimals: int) -> bool:
        """Whether the point before so many digits of each text may be a mark between thousands."""
        return decimals == _GROUP_DIGITS and self.kind is Kind.TEXT

    @property
    def number(self) -> str:
        """SQL of its text with the file's decimal mark, which number cells lack."""
        if self.kind is not None or self.style.decimal == ".":
            return self.text
        return self.of_texts(self.text, f"replace({self.text}, '.', {literal(self.style.decimal)})")

    def of_texts(self, texts: str, others: str) -> str:
        """SQL that takes the first for text cells and the other for typed cells."""
        if self.kind is not None:
            return texts if self.kind is Kind.TEXT else others
        return f"(CASE {self.kinds} WHEN {Kind.TEXT:d} THEN {texts} ELSE {others} END)"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessedType:
    """A type and its SQL value. `residue`: a note on rounded binary numbers; `stays`: why numbers stay text.

    `tried` is SQL that `value` knows by a name. `has_thirds`: every text has three decimals, as 3.000 in a file where
    the point groups thousands.
    """

    type: str
    value: str
    tried: str = ""
    residue: str = ""
    stays: str = ""
    has_thirds: bool = False


def find(connection: duckdb.DuckDBPyConnection, columns: Sequence[Open]) -> tuple[GuessedType, ...]:
    """The type of each column."""
    masks = _masks(connection, columns)
    return tuple(_find(connection, column, mask) for column, mask in zip(columns, masks, strict=True))


_NUMBER, _DATE, _MOMENT, _ZONED = 1, 2, 4, 8


def _masks(connection: duckdb.DuckDBPyConnection, columns: Sequence[Open]) -> tuple[int, ...]:
    """For each column, the types that the sample does not rule out."""
    found: list[int] = []
    for group in in_groups(columns):
        asked = [_tests(column) for column in group]
        selected = [
            f"coalesce(bool_and({test}) FILTER ({column.text} IS NOT NULL), true)"
            for column, tests in zip(group, asked, strict=True)
            for test in tests.values()
        ]
        sample = f"(SELECT * FROM {quote(RELATION)} LIMIT {_SAMPLE_ROWS})"
        row = connection.execute(f"SELECT {', '.join(selected)} FROM {sample}").fetchone()
        assert row is not None
        answers: Iterator[bool] = iter(row)
        found += [sum(flag for flag in tests if next(answers)) for tests in asked]
    return tuple(found)


def in_groups(columns: Sequence[T]) -> Iterator[Sequence[T]]:
    """In groups, so a query about many columns needs no more memory than one about a few."""
    for start in range(0, len(columns), _COLUMNS_ASKED_MAX):
        yield columns[start : start + _COLUMNS_ASKED_MAX]


def _tests(column: Open) -> dict[int, str]:
    text = column.text
    tests = {
        _NUMBER: f"regexp_full_match({column.number}, {literal(values.number_pattern(column.style))})",
        _DATE: f"(length({text}) = 10 AND TRY_CAST({text} AS DATE)::VARCHAR = {text})",
        _MOMENT: f"(regexp_full_match({text}, '{values.MOMENT}') AND TRY_CAST({text} AS TIMESTAMP) IS NOT NULL)",
        _ZONED: f"(regexp_full_match({text}, '{values.ZONED}') AND TRY_CAST({text} AS TIMESTAMPTZ) IS NOT NULL)",
    }
    return tests | _by_pattern(column, tests)


def _by_pattern(column: Open, tests: Mapping[int, str]) -> dict[int, str]:
    """By the declared pattern; typed date cells need none."""
    pattern = column.style.pattern
    if pattern is None:
        return {}
    fits = f"{values.by_pattern(column.text, pattern)} IS NOT NULL"
    wanted = _flag(pattern)
    others = [_DATE, _MOMENT, _ZONED] if pattern.startswith("%Y-%d") else [_DATE]  # else ISO 8601 cannot be mistaken
    return {flag: column.of_texts(fits if flag == wanted else "false", tests[flag]) for flag in {wanted, *others}}


def _flag(pattern: str) -> int:
    if patterns.has_zone(pattern):
        return _ZONED
    return _MOMENT if patterns.has_time(pattern) else _DATE


def _find(connection: duckdb.DuckDBPyConnection, column: Open, mask: int) -> GuessedType:
    kinds = {column.kind} if column.kind is not None else _kinds(connection, column)
    as_text = GuessedType(type="VARCHAR", value=column.text)
    match kinds:
        case _ if kinds == {Kind.TRUTH}:
            return GuessedType(type="BOOLEAN", value=f"CAST({column.text} AS BOOLEAN)")
        case _ if kinds == {Kind.NUMBER}:
            return _of_numbers(connection, column)
        case _ if kinds <= {Kind.NUMBER, Kind.TEXT}:
            if mask & _NUMBER and (found := _of_texts(connection, column)):
                return found
        case _ if not kinds <= {Kind.DATE, Kind.MOMENT, Kind.TEXT}:
            return as_text
    # In this order: every date is a moment for DuckDB, and not the other way round.
    tests = _tests(column)
    for flag, kind in (
        (_DATE, "DATE"),
        (_MOMENT, "TIMESTAMP"),
        (_ZONED, "TIMESTAMPTZ"),
    ):
        if mask & flag and _holds(connection, column, tests[flag]):
            return GuessedType(type=kind, value=_moment(column, flag, kind))
    return as_text


def _moment(column: Open, flag: int, kind: str) -> str:
    pattern, value = column.style.pattern, f"CAST({column.text} AS {kind})"
    if pattern is None or flag != _flag(pattern):
        return value
    return column.of_texts(f"CAST({values.by_pattern(column.text, pattern)} AS {kind})", value)


def _kinds(connection: duckdb.DuckDBPyConnection, column: Open) -> set[Kind]:
    rows = connection.execute(
        f"SELECT DISTINCT {column.kinds} FROM {quote(RELATION)} WHERE {column.text} IS NOT NULL"
    ).fetchall()
    return {Kind(row[0]) for row in rows if row[0] is not None}


def _holds(connection: duckdb.DuckDBPyConnection, column: Open, test: str) -> bool:
    """Whether the condition holds for all cells, and there is one."""
    row = connection.execute(
        f"SELECT count({column.text}), count(*) FILTER ({column.text} IS NOT NULL AND {test}) FROM {quote(RELATION)}"
    ).fetchone()
    assert row is not None
    return bool(row[0]) and row[0] == row[1]


def _of_numbers(connection: duckdb.DuckDBPyConnection, column: Open) -> GuessedType:
    """Number cells: with all their decimals. Binary ones are rounded to ten decimals, with a note."""
    text = column.text
    decimals = f"CASE WHEN contains({text}, '.') THEN length({text}) - instr({text}, '.') ELSE 0 END"
    whole = f"length(ltrim(split_part({text}, '.', 1), '-'))"
    most_whole, most = _one(connection, f"SELECT max({whole}), max({decimals})")
    if most_whole > _BIG_WHOLE_MAX or (most > _DECIMALS_MAX and not column.is_binary):
        return GuessedType(type="VARCHAR", value=text, stays="its numbers have more digits than a number holds")
    kind = type_of(most_whole, min(most, _DECIMALS_MAX))
    rounded = residue(connection, text) if most > _DECIMALS_MAX else ""
    return GuessedType(type=kind, value=f"CAST({text} AS {kind})", residue=rounded)


def residue(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """A note on the numbers of this SQL text that are rounded to ten decimals; "" if none are."""
    long = f"contains({text}, '.') AND length({text}) - instr({text}, '.') > {_DECIMALS_MAX}"
    apart = f"abs(CAST({text} AS DOUBLE) - CAST(CAST({text} AS {_LONG}) AS DOUBLE))"
    count, largest = _one(connection, f"SELECT count(*) FILTER ({long}), CAST(max({apart}) FILTER ({long}) AS VARCHAR)")
    if not count:
        return ""
    have, are = ("number has", "is") if count == 1 else ("numbers have", "are")
    return f"{count:,} {have} more than {_DECIMALS_MAX} decimals and {are} rounded there, by at most {largest}"


def _of_texts(connection: duckdb.DuckDBPyConnection, column: Open) -> GuessedType | None:
    """Text cells that are all numbers, if no digit and no difference between two would be lost."""
    # Whole numbers and amounts with two decimals are nearly all columns there are.
    even = _evenly(connection, column)
    if even is not None:
        return even
    if not _holds(connection, column, _tests(column)[_NUMBER]):
        return None
    number = values.plain(column.number, column.style)
    scale = f"CASE WHEN contains({number}, '.') THEN length({number}) - instr({number}, '.') END"
    whole, least, most, ends_in_zero = _one(
        connection,
        f"SELECT max(length(regexp_extract({number}, '^-?([0-9]+)', 1))), min({scale}), max({scale}), "
        f"coalesce(bool_or(contains({number}, '.') AND suffix({number}, '0')), false)",
    )
    if whole > _BIG_WHOLE_MAX or (most or 0) > _DECIMALS_MAX:
        return GuessedType(type="VARCHAR", value=column.text, stays="its numbers have more digits than a number holds")
    # 1.5 and 1.50 may be two codes; as numbers they would be one.
    if (least != most and ends_in_zero) or _has_twins(connection, column, number):
        return GuessedType(type="VARCHAR", value=column.text, stays="one number is written in several ways in it")
    kind = type_of(whole, most or 0)
    return GuessedType(type=kind, value=f"CAST({number} AS {kind})")


def _evenly(connection: duckdb.DuckDBPyConnection, column: Open) -> GuessedType | None:
    """A cheap check for the common case: whole numbers, or all with equally many decimals."""
    if not column.style.is_plain:
        return None
    text = column.text
    row = _one(connection, f"SELECT arg_min({text}, rowid) FILTER ({text} IS NOT NULL)")
    first = row[0]
    if first is None:
        return None
    decimals = len(first.partition(".")[2])
    width = min(18, decimals + _MONEY_WHOLE_MAX)  # 18 digits are what DuckDB handles in 64 bits
    trial = f"DECIMAL({width},{decimals})" if 0 < decimals <= _DECIMALS_MAX else "BIGINT"
    holds = _holds(connection, column, f"TRY_CAST({text} AS {trial})::VARCHAR = {text}")
    if not holds or (trial == "BIGINT" and decimals):
        return None
    kind = type_of(_WHOLE_MAX if trial == "BIGINT" else width - decimals, decimals)
    if trial == "BIGINT" and _one(connection, f"SELECT max(length(ltrim({text}, '-')))")[0] > _WHOLE_MAX:
        kind = type_of(_WHOLE_MAX + 1, 0)
    return GuessedType(type=kind, value=f"CAST({text} AS {kind})", has_thirds=column.may_group(decimals))


def _has_twins(connection: duckdb.DuckDBPyConnection, column: Open, number: str) -> bool:
    """Whether two texts are the same number. With equal decimals, only whole ones can be."""
    among = "" if column.style.thousands else f"WHERE regexp_full_match({number}, '-?[0-9]+(\\.0*)?')"
    row = connection.execute(
        f"SELECT 1 FROM (SELECT DISTINCT {column.text} AS text, CAST({number} AS {_LONG}) AS number "
        f"FROM {quote(RELATION)} {among}) WHERE text IS NOT NULL GROUP BY number HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    return row is not None


def type_of(whole: int, decimals: int) -> str:
    if decimals == 0:
        return "BIGINT" if whole <= _WHOLE_MAX else "DECIMAL(38,0)"
    return "DECIMAL(19,4)" if decimals <= 4 and whole <= _MONEY_WHOLE_MAX else _LONG


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple:  # type: ignore[type-arg]
    row = connection.execute(f"{query} FROM {quote(RELATION)}").fetchone()
    assert row is not None
    return row
