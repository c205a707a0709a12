"""Temporary."""

from procession.actions.database import quote
from procession.actions.reading.cells import RELATION, CellColumn, Cells


def read(connection, source, options, folder):
    d = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [source.path]).fetchall()
    ex = ", ".join(f"{quote(r[0])} AS t{i}" for i, r in enumerate(d))
    connection.execute(f"CREATE TABLE {quote(RELATION)} AS SELECT {ex} FROM read_parquet(?)", [source.path])
    return Cells(
        columns=tuple(CellColumn(heading=r[0], kind=None, native=r[1]) for r in d), place=lambda r, c: f"row {r + 1}"
    )
