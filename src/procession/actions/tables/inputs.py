"""Managed tables as relations of a step: views over their files, so that no row is copied.

DuckDB's definition of a view can be read by the step's SQL, so the files get plain names in the step's own folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import relations
from procession.actions.contract import Context, TableInput
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading.columns import Relation
from procession.actions.reading.options import FileOptions
from procession.actions.tables import sources
from procession.actions.tables.contract import PartFile
from procession.model.columns import RECORD_ID

if TYPE_CHECKING:
    import duckdb

FOLDER = "tables"


def load(context: Context, connection: duckdb.DuckDBPyConnection, name: str, options: FileOptions) -> Relation:
    """Make the view `name` of the table, without its record ids. The step's folder must be the current one."""
    (use,) = relations.tables_of([options])
    table = context.value(use.place)
    if not isinstance(table, TableInput):
        raise Problem(f'the input "{name}" is not a table ({options.table})')
    rows = sources.rows_of(table.columns, _linked(table))
    # In the order of its files, which is always the same: sorting ten million rows would cost more than reading them.
    connection.execute(f"CREATE VIEW {quote(name)} AS SELECT * EXCLUDE ({quote(RECORD_ID)}) FROM {rows}")
    made = Relation(
        file=table.called,
        rows=sum(file.rows for file in table.files),
        declared={},
        currencies={},
        typed=frozenset(column.name for column in table.columns),
        place=lambda row, column: f'row {row + 1:,}, column "{column}" of {table.called}',
    )
    context.log(f"{name}: {made.rows:,} rows of {table.called}, version {table.version}\n")
    return made


def _linked(table: TableInput) -> list[PartFile]:
    """The files under names that tell nothing of this machine."""
    folder = Path(FOLDER)
    folder.mkdir(exist_ok=True)
    first, parts = len(list(folder.iterdir())), []
    for number, file in enumerate(table.files, start=first):
        path = folder / str(number)
        path.symlink_to(file.path)
        parts.append(PartFile(number=number, path=str(path), rows=file.rows))
    return parts


def paths() -> list[str]:
    """The files of tables that the step reads, for database.lock()."""
    place = Path(FOLDER)
    return sorted(map(str, place.iterdir())) if place.is_dir() else []
