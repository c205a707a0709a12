"""Finds types of undeclared columns from all rows, all or nothing. In doubt, a column stays text.

A sample only rules types out: a word among the first rows makes a column text at once. Any other type is
checked on every row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote
from procession.actions.reading import aggregates, digits, patterns, residues, values
from procession.actions.reading.cells import RELATION, Kind
from procession.actions.reading.values import Style

if TYPE_CHECKING:
    import duckdb

# More rule out little more: most columns of words show one in the first row.
_SAMPLE_ROWS = 1_000
_DECIMALS_MAX = residues.DECIMALS_MAX
# Digits of BIGINT, of DECIMAL(38,10) and of DECIMAL(19,4).
_WHOLE_MAX, _BIG_WHOLE_MAX, _MONEY_WHOLE_MAX = 18, 28, 15
_GROUP_DIGITS = 3


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
    value: str = ""  # SQL of the value, where the cells have one beside their texts; `exact` as in CellColumn
    exact: str = ""
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

    `loses` is a number that loses decimals which somebody wrote, in words.
    `tried` is SQL that `value` knows by a name. `has_thirds`: every text has three decimals, as 3.000 in a file where
    the point groups thousands.
    """

    type: str
    value: str
    tried: str = ""
    residue: str = ""
    loses: str = ""
    stays: str = ""
    has_thirds: bool = False


def find(connection: duckdb.DuckDBPyConnection, columns: Sequence[Open]) -> tuple[GuessedType, ...]:
    """The type of each column."""
    numbers = [place for place, column in enumerate(columns) if column.kind is Kind.NUMBER]
    others = [place for place, column in enumerate(columns) if column.kind is not Kind.NUMBER]
    masks = dict(zip(others, _masks(connection, [columns[place] for place in others]), strict=True))
    texts = [place for place, mask in masks.items() if mask & _NUMBER and _may_be_even(columns[place])]
    # For all columns together: a statement costs as much as the table is wide.
    found: dict[int, GuessedType | None] = {
        **dict(zip(numbers, _of_numbers(connection, [columns[place] for place in numbers]), strict=True)),
        **dict(zip(texts, _evenly(connection, [columns[place] for place in texts]), strict=True)),
    }
    left = [place for place in range(len(columns)) if found.get(place) is None]
    found |= dict(zip(left, _find_all(connection, [(columns[place], masks[place]) for place in left]), strict=True))
    return tuple(answer for place in range(len(columns)) if (answer := found[place]) is not None)


def _may_be_even(column: Open) -> bool:
    return column.kind is Kind.TEXT and column.style.is_plain


_NUMBER, _DATE, _MOMENT, _ZONED = 1, 2, 4, 8


def _masks(connection: duckdb.DuckDBPyConnection, columns: Sequence[Open]) -> list[int]:
    """For each column, the types that the sample does not rule out."""
    asked = [_tests(column) for column in columns]
    terms = [
        f"coalesce(bool_and({test}) FILTER ({column.text} IS NOT NULL), true)"
        for column, tests in zip(columns, asked, strict=True)
        for test in tests.values()
    ]
    # By the number of the row: a star in each statement costs as much as the table is wide.
    sample = f"{quote(RELATION)} WHERE rowid < {_SAMPLE_ROWS}"
    answers = iter(aggregates.over(connection, terms, sample))
    return [sum(flag for flag in tests if next(answers)) for tests in asked]


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


def _find_all(connection: duckdb.DuckDBPyConnection, asked: Sequence[tuple[Open, int]]) -> list[GuessedType]:
    """The type of each column with its mask, by all cells."""
    kinds = _kinds(connection, [column for column, _ in asked])
    tests = [{flag: test for flag, test in _tests(column).items() if flag & mask} for column, mask in asked]
    terms = [
        _holds(column, test) for (column, _), by_flag in zip(asked, tests, strict=True) for test in by_flag.values()
    ]
    answers = iter(aggregates.over_cells(connection, terms))
    held = [sum(flag for flag in by_flag if next(answers)) for by_flag in tests]
    columns = [column for column, _ in asked]
    found = [_find(connection, *one) for one in zip(columns, kinds, held, strict=True)]
    numbers = iter(_of_texts(connection, [c for c, answer in zip(columns, found, strict=True) if answer is None]))
    return [answer or next(numbers) for answer in found]


def _find(connection: duckdb.DuckDBPyConnection, column: Open, kinds: set[Kind], held: int) -> GuessedType | None:
    """`held`: the types that all cells fit, of those that the sample does not rule out. None for _of_texts."""
    as_text = GuessedType(type="VARCHAR", value=column.text)
    match kinds:
        case _ if kinds == {Kind.TRUTH}:
            return GuessedType(type="BOOLEAN", value=f"CAST({column.text} AS BOOLEAN)")
        case _ if kinds == {Kind.NUMBER}:
            return _of_numbers(connection, [column])[0]
        case _ if kinds <= {Kind.NUMBER, Kind.TEXT}:
            if held & _NUMBER:
                return None
        case _ if not kinds <= {Kind.DATE, Kind.MOMENT, Kind.TEXT}:
            return as_text
    # In this order: every date is a moment for DuckDB, and not the other way round.
    for flag, kind in ((_DATE, "DATE"), (_MOMENT, "TIMESTAMP"), (_ZONED, "TIMESTAMPTZ")):
        if held & flag:
            return GuessedType(type=kind, value=_moment(column, flag, kind))
    return as_text


def _moment(column: Open, flag: int, kind: str) -> str:
    pattern, value = column.style.pattern, f"CAST({column.text} AS {kind})"
    if pattern is None or flag != _flag(pattern):
        return value
    return column.of_texts(f"CAST({values.by_pattern(column.text, pattern)} AS {kind})", value)


def _kinds(connection: duckdb.DuckDBPyConnection, columns: Sequence[Open]) -> list[set[Kind]]:
    """Of the cells of each column."""
    mixed = [column for column in columns if column.kind is None]
    terms = [f"list(DISTINCT {c.kinds}) FILTER ({c.text} IS NOT NULL AND {c.kinds} IS NOT NULL)" for c in mixed]
    found = iter(aggregates.over_cells(connection, terms))
    return [{c.kind} if c.kind is not None else {Kind(kind) for kind in next(found) or ()} for c in columns]


def _holds(column: Open, test: str) -> str:
    """SQL of whether the condition holds for all cells, and there is one."""
    return f"coalesce(bool_and(coalesce({test}, false)) FILTER ({column.text} IS NOT NULL), false)"


def _of_numbers(connection: duckdb.DuckDBPyConnection, columns: Sequence[Open]) -> list[GuessedType]:
    """Number cells: with all their decimals. Binary ones are rounded to ten decimals, with a note."""
    sizes = aggregates.over_cells(
        connection, [aggregate for column in columns for aggregate in digits.of_number(column.text)]
    )
    return [
        _of_size(connection, column, whole, decimals)
        for column, whole, decimals in zip(columns, sizes[::2], sizes[1::2], strict=True)
    ]


def _of_size(connection: duckdb.DuckDBPyConnection, column: Open, whole: int, decimals: int) -> GuessedType:
    text = column.text
    if whole > _BIG_WHOLE_MAX or (decimals > _DECIMALS_MAX and not column.is_binary):
        return GuessedType(type="VARCHAR", value=text, stays="its numbers have more digits than a number holds")
    kind = type_of(whole, min(decimals, _DECIMALS_MAX))
    is_doubtful = column.is_binary and (decimals > _DECIMALS_MAX or whole > values.BINARY_DIGITS)
    rounded = residues.note(connection, text, quote(RELATION)) if is_doubtful else ""
    lost = residues.lost(connection, text, quote(RELATION)) if is_doubtful else ""
    return GuessedType(type=kind, value=f"CAST({text} AS {kind})", residue=rounded, loses=lost)


def _of_texts(connection: duckdb.DuckDBPyConnection, columns: Sequence[Open]) -> list[GuessedType]:
    """Text cells that are all numbers, if no digit and no difference between two would be lost."""
    mixed = [place for place, column in enumerate(columns) if column.kind is None and column.style.is_plain]
    even = dict(zip(mixed, _evenly(connection, [columns[place] for place in mixed]), strict=True))
    numbers = [values.plain(column.number, column.style) for column in columns]
    sizes = aggregates.over_cells(connection, [term for number in numbers for term in digits.of_text(number)])
    return [
        even.get(place) or _of_widths(connection, column, *sizes[4 * place : 4 * place + 4])
        for place, column in enumerate(columns)
    ]


def _of_widths(connection: duckdb.DuckDBPyConnection, column: Open, whole: int, *behind: int | None) -> GuessedType:
    least, most, ends_in_zero = behind
    number = values.plain(column.number, column.style)
    if whole > _BIG_WHOLE_MAX or (most or 0) > _DECIMALS_MAX:
        return GuessedType(type="VARCHAR", value=column.text, stays="its numbers have more digits than a number holds")
    # 1.5 and 1.50 may be two codes; as numbers they would be one.
    may_group = bool(column.style.thousands)
    if (least != most and ends_in_zero) or digits.has_twins(connection, column.text, number, may_group=may_group):
        return GuessedType(type="VARCHAR", value=column.text, stays="one number is written in several ways in it")
    kind = type_of(whole, most or 0)
    return GuessedType(type=kind, value=f"CAST({number} AS {kind})")


def _evenly(connection: duckdb.DuckDBPyConnection, columns: Sequence[Open]) -> list[GuessedType | None]:
    """A cheap check for nearly all columns there are: whole numbers, or all with equally many decimals."""
    firsts = aggregates.over_cells(
        connection, [f"arg_min({c.text}, rowid) FILTER ({c.text} IS NOT NULL)" for c in columns]
    )
    decimals = [len(first.partition(".")[2]) if first is not None else 0 for first in firsts]
    trials = [_trial(most) for most in decimals]
    fits = aggregates.over_cells(connection, [_fits(c, trial) for c, trial in zip(columns, trials, strict=True)])
    longest = aggregates.over_cells(connection, [f"max(length(ltrim({c.text}, '-')))" for c in columns])
    return [
        _even(column, most, longest[place]) if fits[place] and (most == 0 or trials[place] != "BIGINT") else None
        for place, (column, most) in enumerate(zip(columns, decimals, strict=True))
    ]


def _fits(column: Open, trial: str) -> str:
    is_same = f"coalesce(TRY_CAST({column.text} AS {trial})::VARCHAR = {column.text}, false)"
    return f"bool_and({is_same}) FILTER ({column.text} IS NOT NULL)"


def _trial(decimals: int) -> str:
    # 18 digits are what DuckDB handles in 64 bits.
    width = min(18, decimals + _MONEY_WHOLE_MAX)
    return f"DECIMAL({width},{decimals})" if 0 < decimals <= _DECIMALS_MAX else "BIGINT"


def _even(column: Open, decimals: int, longest: int) -> GuessedType:
    if decimals:
        kind = type_of(min(18, decimals + _MONEY_WHOLE_MAX) - decimals, decimals)
    else:
        kind = type_of(_WHOLE_MAX if longest <= _WHOLE_MAX else _WHOLE_MAX + 1, 0)
    return GuessedType(type=kind, value=f"CAST({column.text} AS {kind})", has_thirds=column.may_group(decimals))


def type_of(whole: int, decimals: int) -> str:
    if decimals == 0:
        return "BIGINT" if whole <= _WHOLE_MAX else "DECIMAL(38,0)"
    return "DECIMAL(19,4)" if decimals <= 4 and whole <= _MONEY_WHOLE_MAX else digits.LONG
