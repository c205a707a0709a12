"""Reads rows of a table at one version: a page or all, as JSON, CSV or Parquet."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from procession.actions.contract import Context, FileOutput
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.tables import conversion, sources
from procession.actions.tables.contract import COMPARISONS, Condition, Page, ReadSettings
from procession.actions.tables.sources import RECORD, first
from procession.actions.writing import csv_cells
from procession.model import columns
from procession.model.columns import Column, ColumnType
from procession.model.errors import Invalid

if TYPE_CHECKING:
    import duckdb

ROWS = "job.rows"
_PAGE = "page"
# Ids are dense in most tables, and Parquet can leave out row groups by them.
_WINDOW = 4  # pages of ids to look at first
# Not an error: a search for a long text is a search all the same.
_ANY_LENGTH = 10**9  # a filter longer than the column's text finds nothing


def perform(context: Context, connection: duckdb.DuckDBPyConnection) -> tuple[Page, dict[str, FileOutput]]:
    """Raises Problem for a filter that the column's type cannot have."""
    settings: ReadSettings = context.settings
    known = settings.contents.columns
    tests, parameters = [f"{RECORD} > {settings.after}"], list[str]()
    for condition in settings.conditions:
        tests.append(_test(known, condition, parameters))
    source = sources.rows_of(connection, known, settings.contents.parts)
    query = f"SELECT * FROM {source} WHERE {' AND '.join(tests)}"
    last = 0
    if settings.limit is None:
        query = f"{query} ORDER BY {RECORD}"
    else:
        _fill_page(connection, settings, query, parameters)
        last = _last(connection, settings)
        # The row more than asked for has served: it says that more follow.
        query, parameters = f"SELECT * FROM {_PAGE} {_order(settings)} LIMIT {settings.limit}", []
    path = context.folder / f"rows.{settings.format}"
    count = _write(connection, settings, query, parameters, path)
    return Page(rows=count, last=last), {ROWS: FileOutput(path=str(path), name=path.name)}


def _fill_page(
    connection: duckdb.DuckDBPyConnection, settings: ReadSettings, query: str, parameters: list[str]
) -> None:
    """Reads the page and one more row. Ids are dense if little was deleted: look there first."""
    assert settings.limit is not None
    order = f"{_order(settings)} LIMIT {settings.limit + 1} OFFSET {settings.skip}"
    near = f"{query} AND {RECORD} <= {settings.after + _WINDOW * settings.limit} {order}"
    # With a filter or another order, the next page may lie anywhere.
    if not settings.conditions and not settings.order:
        connection.execute(f"CREATE TEMP TABLE {_PAGE} AS {near}")
        if _count(connection) > settings.limit:
            return
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {_PAGE} AS {query} {order}", parameters or None)


def _order(settings: ReadSettings) -> str:
    """Empty cells last either way, as in a spreadsheet; what is alike by its id, so that pages fit together."""
    if not settings.order:
        return f"ORDER BY {RECORD}"
    column = next(column for column in settings.contents.columns if column.name == settings.order)
    name = quote(column.name)
    # As people sort: capitals must not all come before small letters.
    value = f"lower({name})" if column.type is ColumnType.TEXT else name
    return f"ORDER BY {value} {'DESC' if settings.is_down else 'ASC'} NULLS LAST, {RECORD}"


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    found = first(connection, f"SELECT count(*) FROM {_PAGE}")
    assert found is not None and isinstance(found[0], int)
    return found[0]


def _test(known: Sequence[Column], condition: Condition, parameters: list[str]) -> str:
    column = next(column for column in known if column.name == condition.column)
    name = quote(column.name)
    if condition.operator == "null":
        if condition.value.lower() not in {"true", "false"}:
            raise Problem(f"{column.name}.null is {columns.shown(condition.value)}, neither true nor false")
        return f"{name} IS {'NOT ' if condition.value.lower() == 'false' else ''}NULL"
    if condition.operator == "contains":
        parameters.append(condition.value)
        return f"contains({conversion.to_text(column, name)}, ?)"
    try:
        text = columns.canonical(dataclasses.replace(column, length=_ANY_LENGTH), condition.value)
    except Invalid as error:
        raise Problem(f'the filter on "{column.name}": {error.message}') from None
    assert text is not None
    parameters.append(text)
    # An id may be compared with 7.5 without being an error.
    kind = "DECIMAL(38,10)" if column.is_record_id else conversion.sql_type(column)
    return f"{name} {COMPARISONS[condition.operator]} CAST(? AS {kind})"


def _last(connection: duckdb.DuckDBPyConnection, settings: ReadSettings) -> int:
    """The id of the page's last row, if more rows follow."""
    assert settings.limit is not None
    found = first(connection, f"SELECT {RECORD} FROM {_PAGE} {_order(settings)} LIMIT 1 OFFSET {settings.limit - 1}")
    return int(str(found[0])) if found and _count(connection) > settings.limit else 0


def _write(
    connection: duckdb.DuckDBPyConnection, settings: ReadSettings, query: str, parameters: list[str], path: Path
) -> int:
    known = settings.contents.columns
    if settings.format == "json":
        rows = connection.execute(query, parameters or None).fetchall()
        path.write_bytes(_as_json([column.name for column in known], rows))
        return len(rows)
    if settings.format == "parquet":
        shown, options = "*", "FORMAT parquet, COMPRESSION zstd"
    else:
        shown = ", ".join(_shown(column, escapes=settings.escapes) for column in known)
        options = "FORMAT csv, HEADER, NULLSTR ''"
    # COPY takes no parameters, so make the query a relation first.
    relation = f"({query})"
    if parameters:
        connection.execute(f"CREATE TEMP TABLE filtered AS {query}", parameters)
        relation = f"(SELECT * FROM filtered ORDER BY {RECORD})"
    row = connection.execute(f"COPY (SELECT {shown} FROM {relation}) TO {literal(str(path))} ({options})").fetchone()
    assert row is not None
    return int(row[0])


def _shown(column: Column, *, escapes: bool) -> str:
    text = conversion.to_text(column, quote(column.name))
    name = quote(column.name)
    # Only texts can be formulas: the minus before a number is its sign.
    if escapes and column.type is ColumnType.TEXT:
        text = csv_cells.harmless(text)
    if escapes:
        name = quote(csv_cells.harmless_heading(column.name))
    return f"{text} AS {name}"


def _as_json(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> bytes:
    encoder = msgspec.json.Encoder(decimal_format="number")
    return encoder.encode([dict(zip(names, map(_plain, row), strict=True)) for row in rows])


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        # Not normalize(): it rounds to the 28 digits of Python's decimal context.
        whole, _, decimals = format(value, "f").partition(".")
        decimals = decimals.rstrip("0")
        return Decimal(f"{whole}.{decimals}") if decimals else int(whole)
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds")
    return value
