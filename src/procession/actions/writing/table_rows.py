"""Which relations can be rows of a managed table; the values are checked where they become a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.contract import OutputTarget
from procession.actions.problems import Problem
from procession.actions.writing.exports import OutputOptions
from procession.model import columns
from procession.model.columns import Column, ColumnType
from procession.model.errors import Invalid, NotFound
from procession.model.nearest import nearest

if TYPE_CHECKING:
    import duckdb

REPLACES = frozenset({"replace", "replace_where"})
NAMED_MAX = 10  # columns
_BINARY = frozenset({"DOUBLE", "FLOAT"})
_CASTS = {ColumnType.MONEY: "DECIMAL(19,4)", ColumnType.NUMBER: "DECIMAL(38,10)"}


def warnings(
    connection: duckdb.DuckDBPyConnection, relation: str, table: OutputTarget, options: OutputOptions
) -> Iterator[str]:
    """What rows that take the place of others leave out: nobody would see it in a table that looks whole."""
    if options.mode not in REPLACES:
        return
    if not database.count(connection, relation):
        then = "it is empty now" if options.mode == "replace" else "none of its rows was replaced"
        yield f'0 rows for the table "{table.file_name}": {then}'
        return
    given = {columns.find(table.columns, name).field for name in database.columns(connection, relation)}
    missing = [f'"{one.name}"' for one in table.columns if one.field not in given and not one.is_record_id]
    if missing:
        names = ", ".join(missing[:NAMED_MAX])
        yield f'the table "{table.file_name}": the new rows do not name {names}, which get no value'


def named(connection: duckdb.DuckDBPyConnection, relation: str, table: OutputTarget) -> Iterator[tuple[str, Column]]:
    """The relation's columns by name, as columns of the table. Raises Problem for one that the table lacks."""
    for name in database.columns(connection, relation):
        try:
            yield name, columns.find(table.columns, name)
        except (NotFound, Invalid):
            known = [column.name for column in table.columns if not column.is_record_id]
            near = nearest(name, known)
            hint = f'; did you mean "{near}"?' if near else f" (it has {', '.join(known[:20])})"
            raise Problem(f'the table "{table.file_name}" has no column "{name}"{hint}') from None


def check(connection: duckdb.DuckDBPyConnection, relation: str, table: OutputTarget) -> None:
    """Raises Problem for a column that the table lacks, and for one whose type could only be written inexactly."""
    kinds = database.columns(connection, relation)
    for name, column in named(connection, relation, table):
        kind = kinds[name]
        # 0.1 + 0.2 is no amount: whoever writes it says how it is rounded.
        if kind in _BINARY and column.type in _CASTS:
            wanted = _CASTS[column.type]
            raise Problem(
                f'the table "{table.file_name}": the column "{column.name}" is {column.type}, and its values are binary'
                f" fractions ({kind}), which are no exact amounts; write CAST(round({name}, 2) AS {wanted})"
            )
