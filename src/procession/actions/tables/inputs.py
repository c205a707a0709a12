"""Managed tables as relations of a step: views over their files, so that no row is copied.

DuckDB's definition of a view can be read by the step's SQL, so the files get plain names in the step's own folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import relations
from procession.actions.contract import Context, TableInput
from procession.actions.database import TABLES_FOLDER, quote
from procession.actions.problems import Problem
from procession.actions.reading.cells import CellColumn
from procession.actions.reading.columns import Relation, texts_of
from procession.actions.reading.fitting import Declared
from procession.actions.reading.options import FileOptions
from procession.actions.reading.values import Style
from procession.actions.tables import conversion, sources
from procession.actions.tables.contract import PartFile
from procession.model.columns import RECORD_ID, Column

if TYPE_CHECKING:
    import duckdb


def load(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    name: str,
    options: FileOptions,
    *,
    texts: frozenset[str] = frozenset(),
) -> Relation:
    """Make the relation `name` of the table, without its record ids. The step's folder must be the current one.

    It is a view, and with `texts` (as in reading/columns.make) a table.
    """
    (use,) = relations.tables_of([options])
    table = context.value(use.place)
    if not isinstance(table, TableInput):
        raise Problem(f'the input "{name}" is not a table ({options.table})')
    rows = sources.rows_of(connection, table.columns, _linked(table))
    # In the order of its files, which is always the same: sorting ten million rows would cost more than reading them.
    kind = "TABLE" if texts else "VIEW"
    connection.execute(f"CREATE {kind} {quote(name)} AS SELECT * EXCLUDE ({quote(RECORD_ID)}) FROM {rows}")
    columns = [column for column in table.columns if not column.is_record_id]
    if wanted := [column for column in columns if column.name in texts]:
        shown = ", ".join(f"{conversion.to_text(one, quote(one.name))} AS {quote(one.name)}" for one in wanted)
        connection.execute(f"CREATE TABLE {quote(texts_of(name))} AS SELECT {shown} FROM {quote(name)}")
    made = Relation(
        file=table.called,
        rows=sum(file.rows for file in table.files),
        declared={column.name: _declared(number, column) for number, column in enumerate(columns)},
        currencies={},
        typed=frozenset(column.name for column in columns),
        place=lambda row, column: f'row {row + 1:,}, column "{column}" of {table.called}',
    )
    context.log(f"{name}: {made.rows:,} rows of {table.called}, version {table.version}\n")
    return made


def _declared(number: int, column: Column) -> Declared:
    """A column of a table is what it was declared to be."""
    return Declared(
        number=number,
        heading=column.name,
        cells=CellColumn(heading=column.name),
        text=quote(column.name),
        type=conversion.TYPES[column.type],
        style=Style(),
        length=column.length,
    )


def _linked(table: TableInput) -> list[PartFile]:
    """The files under names that tell nothing of this machine."""
    folder = Path(TABLES_FOLDER)
    folder.mkdir(exist_ok=True)
    first, parts = len(list(folder.iterdir())), []
    for number, file in enumerate(table.files, start=first):
        path = folder / str(number)
        path.symlink_to(file.path)
        parts.append(PartFile(number=number, path=str(path), rows=file.rows))
    return parts
