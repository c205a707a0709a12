"""A side of a reconciliation as read, and the columns of both that are compared with each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.reading import columns
from procession.actions.reconciling.sources import SideRows

if TYPE_CHECKING:
    import duckdb

SIDES = ("left", "right")
ZONED = "TIMESTAMP WITH TIME ZONE"
_MOMENTS = ("TIMESTAMP", ZONED)
_NUMBER = "the number of the row"  # a name that no file has, and no condition means


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A column of the left side and its counterpart on the right.

    `clean`: steps of cleaning, by name or as (pattern,); `name`: what messages call it.
    """

    left: str
    right: str
    clean: tuple[str | tuple[str], ...] = ()
    name: str = field(default="", compare=False)

    def of(self, side: str) -> str:
        return self.left if side == "left" else self.right


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A side as read. `types`: DuckDB's, by column; `texts`: columns whose texts are kept beside them."""

    name: str
    made: SideRows
    types: Mapping[str, str]
    texts: frozenset[str]
    has_rowid: bool

    @property
    def other(self) -> str:
        return "right" if self.name == "left" else "left"

    @property
    def zone(self) -> str | None:
        """Where a moment has its day, None for UTC."""
        return self.made.zone

    def has_day(self, column: str) -> bool:
        return self.types[column] in {"DATE", *_MOMENTS}

    def is_zoned(self, column: str) -> bool:
        return self.types[column] == ZONED

    def local(self, moment: str) -> str:
        """SQL of what clocks of the side's zone show at a moment with a zone."""
        return f"({moment} AT TIME ZONE {literal(self.zone or 'UTC')})"

    def written(self, column: str) -> str:
        """SQL of the column's texts as they were written, over `rows`."""
        return f"{'w' if column in self.texts else 't'}.{quote(column)}"

    @property
    def rows(self) -> str:
        """SQL of the side's rows: columns as t, texts beside them as w. `row` is the number of each, from 0."""
        beside = f" POSITIONAL JOIN {quote(columns.texts_of(self.name))} w" if self.texts else ""
        return f"{self.bare}{beside}"

    @property
    def bare(self) -> str:
        """The same without the texts, for SQL that names columns by themselves."""
        # A user's column named rowid hides DuckDB's.
        beside = f" POSITIONAL JOIN {quote(_numbers(self.name))} n" if self.has_rowid else ""
        return f"{quote(self.name)} t{beside}"

    @property
    def row(self) -> str:
        return f"n.{quote(_NUMBER)}" if self.has_rowid else "t.rowid"

    @property
    def own(self) -> tuple[str, ...]:
        """Columns of the user, not those that an earlier reconciliation added."""
        added = set(self.made.added.values())
        return tuple(name for name in self.types if name not in added)


def _numbers(side: str) -> str:
    return f"numbers of {side}"


def side(connection: duckdb.DuckDBPyConnection, name: str, made: SideRows) -> Side:
    types = database.columns(connection, name)
    known = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    texts = database.columns(connection, columns.texts_of(name)) if columns.texts_of(name) in known else ()
    has_rowid = "rowid" in {column.lower() for column in types}
    if has_rowid:
        connection.execute(
            f"CREATE TABLE {quote(_numbers(name))} AS SELECT range AS {quote(_NUMBER)} FROM range({made.rows})"
        )
    return Side(name=name, made=made, types=types, texts=frozenset(texts), has_rowid=has_rowid)


def compares_texts(sides: tuple[Side, Side], pair: Pair) -> bool:
    """Whether the columns are compared as written: all but days and those declared as values."""
    both = [(one, pair.of(one.name)) for one in sides]
    # One side alone never decides: 0012 is not 12 because the other file holds numbers.
    by_value = all(is_valued(one, name) for one, name in both) or all(one.has_day(name) for one, name in both)
    return bool(pair.clean) or not by_value


def is_valued(one: Side, column: str) -> bool:
    """Whether its declared type is compared by value."""
    said = one.made.declared.get(column)
    return said is not None and said.type in {"Number", "Money", "Date"} and one.types[column] != "VARCHAR"
