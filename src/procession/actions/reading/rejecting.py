"""Rows with a value that does not fit its declared column: taken out of a relation, each value kept with its reason."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.reading import fitting
from procession.actions.reading.cells import RELATION, Cells
from procession.actions.reading.fitting import Declared
from procession.actions.rows.numbering import ROW, numbered

if TYPE_CHECKING:
    import duckdb

# Whoever mends a file by hand mends no more, and each of them is a number in memory.
REJECTS_MAX = 100_000
COLUMNS = ("file", "line", "column", "value", "reason")
_MISFITS, _KEPT = quote("values that do not fit"), quote("rows that fit")
_PLACE = re.compile(r"(?:line|cell|record|row) (\S+?)(?:,|\Z| of )")


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRows:
    """`relation` holds their values with COLUMNS, in the order of the file, REJECTS_MAX rows at most.

    `gone` are numbers, from 0, of the first REJECTS_MAX rows that were taken out.
    """

    rows: int
    relation: str
    gone: Sequence[int]
    first: str  # the first value, in words

    def place_of(self, place: Callable[[int, int], str]) -> Callable[[int, int], str]:
        """Cells.place for the rows that are left."""
        return lambda row, column: place(self.before(row), column)

    def before(self, row: int) -> int:
        """The number that a row had before others were taken out."""
        # The k-th row that went had k rows that went before it.
        return row + bisect_right(range(len(self.gone)), row, key=lambda k: self.gone[k] - k)


def take_out(
    connection: duckdb.DuckDBPyConnection,
    cells: Cells,
    made: Mapping[str, Declared],
    relations: Sequence[str],
    file: str,
) -> RejectedRows | None:
    """Takes rows with misfits out of the relations, row by row the same as the cells; None if all rows fit.

    `made`: the declared columns of the first relation, by name.
    """
    wrong = [column for column, count in fitting.misfits(connection, made, relations[0]).items() if count]
    if not wrong:
        return None
    connection.execute(f"CREATE TABLE {_MISFITS} (row BIGINT, number INTEGER, value VARCHAR, reason VARCHAR)")
    for column in wrong:
        connection.execute(
            f"INSERT INTO {_MISFITS} SELECT rowid, {column.number}, {column.text}, "
            f"CASE WHEN {column.text} IS NULL THEN $empty ELSE $unfit END FROM {quote(RELATION)} "
            f"WHERE {fitting.is_misfit(column)}",
            {"empty": fitting.EMPTY, "unfit": f"is not {column.expected}"},
        )
    found = connection.execute(f"SELECT DISTINCT row FROM {_MISFITS} ORDER BY row LIMIT {REJECTS_MAX}").fetchall()
    gone = [row[0] for row in found]
    count = connection.execute(f"SELECT count(DISTINCT row) FROM {_MISFITS}").fetchone()
    assert count is not None
    relation = f"rejects of {relations[0]}"
    first = _keep(connection, cells, relation, file, gone[-1])
    # The texts beside the values too: the two are joined row by row.
    for name in relations:
        connection.execute(
            f"CREATE TABLE {_KEPT} AS SELECT * EXCLUDE ({ROW}) FROM {numbered(connection, name)} "
            f"WHERE {ROW} NOT IN (SELECT row FROM {_MISFITS}) ORDER BY {ROW}"
        )
        connection.execute(f"DROP TABLE {quote(name)}")
        connection.execute(f"ALTER TABLE {_KEPT} RENAME TO {quote(name)}")
    connection.execute(f"DROP TABLE {_MISFITS}")
    return RejectedRows(rows=count[0], relation=relation, gone=gone, first=first)


def _keep(connection: duckdb.DuckDBPyConnection, cells: Cells, relation: str, file: str, last: int) -> str:
    """Makes the relation of values up to the row `last`; gives the first of them in words."""
    which = f"FROM {_MISFITS} WHERE row <= {last} ORDER BY row, number"
    found = connection.execute(f"SELECT row, number {which}").fetchall()
    # In the order of the file, so that a reader of lines reads it once.
    places = [cells.place(row, number) for row, number in found]
    headings = [cells.columns[number].heading or f"column {number + 1}" for _, number in found]
    connection.execute(
        f'CREATE TABLE {quote(relation)} AS SELECT $file AS file, line, "column", value, reason '
        f"FROM (SELECT value, reason {which}) POSITIONAL JOIN "
        '(SELECT unnest($lines::VARCHAR[]) AS line, unnest($headings::VARCHAR[]) AS "column")',
        {"file": file, "lines": [line_of(place) for place in places], "headings": headings},
    )
    row = connection.execute(f"SELECT value, reason FROM {quote(relation)} LIMIT 1").fetchone()
    assert row is not None
    said = row[1] if row[0] is None else f'"{fitting.shortened(row[0])}" {row[1]}'
    heading = f'"{headings[0]}"'
    # The place of a record names its column already.
    column = "" if places[0].endswith(heading) else f", column {heading}"
    return f"{file}, {places[0]}{column}: {said}"


def line_of(place: str) -> str:
    """The line, the cell or the number of the record alone: "7" of "line 7", "C7" of "cell C7 of the sheet"."""
    found = _PLACE.match(place)
    return found[1].replace(",", "") if found else place
