"""Columns of known type: from the process file for a file, from the table for rows sent to it.

A value that does not fit, or would be rounded, fails the whole file, with its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import aggregates, binary_values, number_texts, residues, values
from procession.actions.reading.cells import RELATION, CellColumn, Cells, Kind
from procession.actions.reading.options import Type
from procession.actions.reading.values import Style
from procession.actions.references import DATE_CHARACTERS

if TYPE_CHECKING:
    import duckdb

SHOWN_CHARACTERS_MAX = 60  # of a value, in a message
EMPTY = "is empty, and a value is required"
_REFUSALS_SHOWN_MAX = 10
_TIME_OF_DAY = "^[0-9-]{10}[ T][0:.]*[1-9]"
_WHOLE_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A column of cells and its type; `text`: SQL of its cells' texts, `length`: most characters."""

    number: int  # among the cells, from 0
    heading: str
    cells: CellColumn
    text: str
    type: Type
    style: Style
    required: bool = False
    length: int | None = None

    @property
    def value(self) -> str:
        """SQL of the value by the kind of each cell; NULL for one that does not fit."""
        kinds = self.kinds
        if self.is_by_value:
            return self._by_value
        if len(kinds) == 1:
            return self._taken(kinds[0])
        cases = " ".join(f"WHEN {int(kind)} THEN {self._taken(kind)}" for kind in kinds)
        return f"CASE k{self.number} {cases} END"

    @property
    def is_by_value(self) -> bool:
        """Whether `value` makes no text of the cell."""
        if not self.cells.has_value:
            return False
        if self.cells.kind is Kind.NUMBER:
            return self.type in values.DIGITS
        return self.style.sql_type(self.type) in {"DATE", "TIMESTAMP"}

    @property
    def given(self) -> str:
        """SQL that is NULL where the cell is empty."""
        return f"b{self.number}" if self.cells.has_value else self.text

    @property
    def _by_value(self) -> str:
        kind = self.style.sql_type(self.type)
        if self.cells.kind is not Kind.NUMBER:
            return f"CAST({self.given} AS {kind})"
        other = values.take(Kind.NUMBER, self.type, f"r{self.number}", self.style, is_binary=True)
        return binary_values.number(self.given, self.cells.exact, kind, other)

    @property
    def has_time(self) -> str:
        """SQL of whether it may say more than a day, where it is a moment."""
        if self.is_by_value:
            return f"{self.given} <> CAST({self.given} AS DATE)"
        return f"length({self.text}) > {DATE_CHARACTERS}"

    @property
    def kinds(self) -> list[Kind]:
        """Those that its cells may have."""
        if self.cells.native:
            return [_native_kind(self.cells.native)]
        # A column of one kind needs no CASE, which DuckDB would evaluate for each row.
        return list(Kind) if self.cells.kind is None else [self.cells.kind]

    def _taken(self, kind: Kind) -> str:
        value = values.take(kind, self.type, self.text, self.style, is_binary=self.cells.is_binary)
        if self.type == "Text" and self.length is not None:
            return f"CASE WHEN length({value}) <= {self.length} AND NOT contains({value}, chr(0)) THEN {value} END"
        return f"CAST({value} AS {self.style.sql_type(self.type)})"

    @property
    def expected(self) -> str:
        if self.type == "Text" and self.length is not None:
            return f"a text of at most {self.length:,} characters without NUL"
        return values.expected(self.type, self.style)


def _native_kind(native: str) -> Kind:
    if native.startswith("DECIMAL") or native.removeprefix("U") in _WHOLE_TYPES:
        return Kind.NUMBER
    # Anything else is compared and checked as its text.
    return {"DATE": Kind.DATE, "TIMESTAMP": Kind.MOMENT, "BOOLEAN": Kind.TRUTH}.get(native, Kind.TEXT)


def text_of(number: int, cells: CellColumn, *, trims: bool) -> str:
    """SQL of the texts of a column, as written but for what `trims` removes."""
    text = f"t{number}"
    if cells.native and cells.native != "VARCHAR":
        text = _native_text(text, cells.native)
    return values.trimmed(text) if trims and cells.native in {"", "VARCHAR"} else text


def _native_text(text: str, native: str) -> str:
    shown = number_texts.of_decimal(text, native)
    if native.startswith("DECIMAL"):
        return f"CASE WHEN contains({shown}, '.') THEN rtrim(rtrim({shown}, '0'), '.') ELSE {shown} END"
    return shown


def residue(connection: duckdb.DuckDBPyConnection, column: Declared, source: str) -> str:
    """A note on binary numbers of the source that were rounded to ten decimals; "" if none were."""
    if not column.cells.is_binary or column.cells.exact or column.type not in values.DIGITS:
        return ""
    # What is not taken by its value has its text there.
    return residues.note(connection, f"r{column.number}" if column.is_by_value else column.text, source)


def check(
    connection: duckdb.DuckDBPyConnection, cells: Cells, made: Mapping[str, Declared], relation: str, intro: str = ""
) -> None:
    """Compare `relation`, which has the values of the columns `made` by name, with the cells it was made of.

    Raises Problem naming the first ten values that did not fit, behind `intro`.
    """
    wrong = misfits(connection, made, relation)
    total = sum(wrong.values())
    if total:
        shown = _refusals(connection, cells, [column for column, count in wrong.items() if count])
        more = f"; {total:,} values in all" if total > len(shown) else ""
        raise Problem(f"{intro}{'; '.join(shown)}{more}")


def misfits(connection: duckdb.DuckDBPyConnection, made: Mapping[str, Declared], relation: str) -> dict[Declared, int]:
    """How many cells of each column do not fit, or are empty where a value is required."""
    if not made:
        return {}
    # By counting: a value that did not fit has become NULL, and looking for it row by row is only done when one is
    # missing.
    texts = _counts(connection, RELATION, [column.text for column in made.values()])
    found = _counts(connection, relation, [quote(name) for name in made])
    rows = texts[0]
    return {
        column: (rows if column.required else given) - taken
        for column, given, taken in zip(made.values(), texts[1:], found[1:], strict=True)
    }


def is_misfit(column: Declared) -> str:
    """SQL of whether a cell of the column does not fit, or is empty where a value is required."""
    unfit = f"({column.text} IS NOT NULL AND {column.value} IS NULL)"
    return f"({column.text} IS NULL OR {unfit})" if column.required else unfit


def may_hold_times(column: Declared) -> bool:
    """Whether its cells may say more than the day that is kept of them. A pattern says what is read."""
    return column.type == "Date" and column.style.pattern is None


def times(connection: duckdb.DuckDBPyConnection, made: Mapping[str, Declared]) -> Iterator[str]:
    """What columns of days leave out: the times of their cells."""
    for name, column in made.items():
        if may_hold_times(column):
            row = connection.execute(
                f"SELECT count(*) FROM {quote(RELATION)} "
                f"WHERE regexp_matches({column.text}, '{_TIME_OF_DAY}') AND {column.value} IS NOT NULL"
            ).fetchone()
            if row is not None and row[0]:
                times = "1 value has" if row[0] == 1 else f"{row[0]:,} values have"
                yield f'the column "{name}" is a Date, and {times} a time of day, which is left out'


def _counts(connection: duckdb.DuckDBPyConnection, relation: str, chosen: list[str]) -> list[int]:
    counts = [0]
    for group in aggregates.in_groups(chosen):
        asked = ", ".join(f"count({value})" for value in group)
        row = connection.execute(f"SELECT count(*), {asked} FROM {quote(relation)}").fetchone()
        assert row is not None
        counts = [row[0], *counts[1:], *row[1:]]
    return counts


def _refusals(connection: duckdb.DuckDBPyConnection, cells: Cells, columns: list[Declared]) -> list[str]:
    bad: list[tuple[int, int, str | None]] = []
    for place, column in enumerate(columns):
        query = f"SELECT rowid, {column.text} FROM {quote(RELATION)} WHERE {is_misfit(column)} ORDER BY rowid"
        rows = connection.execute(f"{query} LIMIT {_REFUSALS_SHOWN_MAX}").fetchall()
        # The first ten of each column, because the first ten of all are among them.
        bad += [(row, place, text) for row, text in rows]
    return [_refusal(columns[place], cells, row, text) for row, place, text in sorted(bad)[:_REFUSALS_SHOWN_MAX]]


def _refusal(column: Declared, cells: Cells, row: int, text: str | None) -> str:
    at, heading = cells.place(row, column.number), f'"{column.heading}"'
    if not at.endswith(heading):
        at = f"{at}, column {heading}"
    if text is None:
        return f"{at}: it {EMPTY}"
    return f'{at}: "{shortened(text)}" is not {column.expected}'


def shortened(text: str) -> str:
    """A value for a message."""
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[: SHOWN_CHARACTERS_MAX - 3] + "..."
