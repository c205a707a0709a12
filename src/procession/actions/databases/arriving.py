"""Rows of another database on their way into the step's DuckDB: texts as that database wrote them, made columns.

They come a batch at a time, each cell as text or None, and are checked before they are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote
from procession.actions.problems import Problem

if TYPE_CHECKING:
    import duckdb

# What is in memory twice, as Python's texts and as DuckDB's.
_BATCH_ROWS, _BATCH_CELLS = 10_000, 1_000_000
COLUMNS_MAX = 1_000  # of one statement; PostgreSQL allows 1,664
_DIGITS_MAX = 38  # of DuckDB's longest number
_DECIMALS = 10  # of a number whose column says nothing: as those of tables
_SHOWN_CHARACTERS_MAX = 60
_CELL = "{cell}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivingKind:
    """What a column's texts become. `made` and `wrong` are SQL of {cell}; a cell for which `wrong` is true is refused,
    with `words`. `settles`: a number whose decimals are known only when all rows are there.
    """

    type: str
    made: str = ""
    wrong: str = ""
    words: str = ""
    settles: bool = False


NUMBER = ArrivingKind(
    type="VARCHAR",
    wrong=r"NOT regexp_full_match({cell}, '-?[0-9]+(\.[0-9]+)?')",
    words="is no number that can be kept; leave it out, or make NULL of it",
    settles=True,
)
TEXT = ArrivingKind(type="VARCHAR")


def rows_at_once(columns: int) -> int:
    """How many rows a batch has: fewer where they are wide, or ten thousand would take a gigabyte. It may be none."""
    return max(1, min(_BATCH_ROWS, _BATCH_CELLS // max(columns, 1)))


class ArrivingRows:
    """The table `relation` of `connection`, filled a batch at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, relation: str, columns: dict[str, ArrivingKind]) -> None:
        self._connection, self._relation, self._columns = connection, relation, columns
        self.rows = 0
        shown = ", ".join(f"{quote(name)} {kind.type}" for name, kind in columns.items())
        connection.execute(f"CREATE TABLE {quote(relation)} ({shown})")
        # As lists and not as a file: what stands in a text is never read as anything else, a line break least of all.
        lists = ", ".join(f"unnest(${number}::VARCHAR[]) AS c{number}" for number in range(1, len(columns) + 1))
        self._arrive = f"CREATE OR REPLACE TEMP TABLE arriving AS SELECT {lists}"
        made = ", ".join(
            kind.made.replace(_CELL, f"c{number}") or f"CAST(c{number} AS {kind.type})"
            for number, kind in enumerate(columns.values(), start=1)
        )
        self._keep = f"INSERT INTO {quote(relation)} SELECT {made} FROM arriving"
        asked = [(n, kind) for n, kind in enumerate(columns.values(), start=1) if kind.wrong]
        self._asked = [number for number, _ in asked]
        # NULL is neither right nor wrong, and counts as right. No FILTER: DuckDB cuts all columns to size for each.
        firsts = ", ".join(f"min(CASE WHEN {kind.wrong.replace(_CELL, f'c{n}')} THEN rowid END)" for n, kind in asked)
        self._look = f"SELECT {firsts} FROM arriving" if asked else ""

    def add(self, rows: Sequence[Sequence[str | None]]) -> None:
        """Raises Problem for a cell that cannot be kept as it is, naming its row and column."""
        if not rows:
            return
        self._connection.execute(self._arrive, [list(column) for column in zip(*rows, strict=True)])
        if self._look:
            self._refuse(rows)
        self._connection.execute(self._keep)
        self.rows += len(rows)

    def _refuse(self, rows: Sequence[Sequence[str | None]]) -> None:
        found = self._connection.execute(self._look).fetchone()
        assert found is not None
        # The first in the order of rows, as somebody who reads from the top would find it.
        wrong = [(row, number) for row, number in zip(found, self._asked, strict=True) if row is not None]
        if not wrong:
            return
        row, number = min(wrong)
        name, kind = list(self._columns.items())[number - 1]
        cell = str(rows[row][number - 1])
        raise Problem(f"{place(self.rows + row, name)}: {shown(cell)} {kind.words}; nothing was published")

    def settle(self) -> None:
        """Gives its type to every number that waited for the last row. Raises Problem."""
        for name, kind in self._columns.items():
            if kind.settles:
                self._settle(name)

    def _settle(self, name: str) -> None:
        cell = quote(name)
        whole = f"length(ltrim(split_part(ltrim({cell}, '-'), '.', 1), '0'))"
        decimals = f"length(rtrim(split_part({cell}, '.', 2), '0'))"
        query = f"SELECT max({whole}), max({decimals}) FROM {quote(self._relation)}"
        digits, fine = (number or 0 for number in self._connection.execute(query).fetchone() or (0, 0))
        scale = max(fine, _DECIMALS) if digits + _DECIMALS <= _DIGITS_MAX else fine
        # Fewer decimals than usual, before a number that fits is refused.
        if digits + scale > _DIGITS_MAX:
            scale = fine
        if digits + scale > _DIGITS_MAX:
            self._too_long(name, f"{whole} + {decimals}" if max(digits, fine) <= _DIGITS_MAX else "")
        wanted = f"DECIMAL({_DIGITS_MAX},{scale})"
        self._connection.execute(f"ALTER TABLE {quote(self._relation)} ALTER {cell} TYPE {wanted}")

    def _too_long(self, name: str, size: str) -> None:
        longest = size or f"length({quote(name)})"
        order = f"ORDER BY {longest} DESC NULLS LAST, rowid"
        found = self._connection.execute(
            f"SELECT rowid, {quote(name)} FROM {quote(self._relation)} {order} LIMIT 1"
        ).fetchone()
        assert found is not None
        raise Problem(
            f"{place(found[0], name)}: {shown(found[1])} and the others of its column need more than {_DIGITS_MAX} "
            "digits, the most that a number holds; round it, or cast it to text, in the statement"
        )


def place(row: int, column: str) -> str:
    """Where a cell is, its row counted from 0."""
    return f'row {row + 1:,}, column "{column}"'


def shown(cell: str) -> str:
    """A value in a message."""
    return cell if len(cell) <= _SHOWN_CHARACTERS_MAX else cell[: _SHOWN_CHARACTERS_MAX - 3] + "..."


def refuse_names(names: Sequence[str]) -> None:
    """Raises Problem for two columns of one name, as a later step would see them, and for none or too many."""
    if not names:
        raise Problem("the statement gives no columns")
    if len(names) > COLUMNS_MAX:
        raise Problem(f"the statement gives {len(names):,} columns, and {COLUMNS_MAX:,} are the most")
    seen: dict[str, str] = {}
    for name in names:
        if not name:
            raise Problem("a column of the statement has no name; give it one with AS")
        if name.lower() in seen:
            two = f'"{seen[name.lower()]}" and "{name}"'
            raise Problem(f"two columns have one name, {two}; give one of them another with AS")
        seen[name.lower()] = name


def one_of(*texts: str) -> str:
    """The texts for an SQL list."""
    return ", ".join(map(literal, texts))
