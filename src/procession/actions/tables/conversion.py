"""Values of a managed table in DuckDB: the type of a column as files are read by, and how values are shown."""

from __future__ import annotations

from collections.abc import Mapping

from procession.actions.database import literal, quote
from procession.actions.reading.options import Type
from procession.actions.reading.values import SQL_TYPES
from procession.model.columns import Column, ColumnType

TYPES: Mapping[ColumnType, Type] = {
    ColumnType.NUMBER: "Number",
    ColumnType.TEXT: "Text",
    ColumnType.TRUE_FALSE: "TrueFalse",
    ColumnType.DATETIME: "Datetime",
    ColumnType.MONEY: "Money",
}


def sql_type(column: Column) -> str:
    """Its type in DuckDB and in the Parquet files."""
    return "BIGINT" if column.is_record_id else SQL_TYPES[TYPES[column.type]]


def to_text(column: Column, value: str) -> str:
    """The SQL text of an SQL value: the shortest that says it exactly."""
    match column.type:
        case ColumnType.TEXT:
            return value
        case ColumnType.DATETIME:
            iso = f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%f')"
            return f"CASE WHEN {iso} LIKE '%000' THEN left({iso}, 23) ELSE {iso} END"
        case ColumnType.TRUE_FALSE:
            return f"CAST({value} AS VARCHAR)"
        case _ if column.is_record_id:
            return f"CAST({value} AS VARCHAR)"
        case _:
            return f"rtrim(rtrim(CAST({value} AS VARCHAR), '0'), '.')"


def constant(column: Column, text: str | None) -> str:
    """A canonical text (model/columns) as an SQL value of the column's type."""
    return f"CAST({'NULL' if text is None else literal(text)} AS {sql_type(column)})"


def named(column: Column) -> str:
    return quote(column.name)
