"""Managed tables: their columns, their versions, rows in and out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from procession.client import asking, reading, sources
from procession.client.asking import Body, segment
from procession.client.connection import Connection
from procession.client.paging import pages
from procession.client.shapes import Named
from procession.client.sources import Source

RECORD_ID = "_Record_ID"
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDetails:
    """`version` rises with every change."""

    id: str
    name: str
    description: str
    date_created: datetime
    date_modified: datetime
    size_in_bytes: Decimal
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`data_type`: Number, FixedLengthText, TrueFalse, Datetime or Money; `field_length` belongs to FixedLengthText."""

    name: str
    data_type: str
    default_value: Any = None
    field_length: int | None = None
    nullable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVersion:
    """`run` and `step` name the step that made it, if one did."""

    version: int
    author: str
    date_created: datetime
    operation: str
    rows: int
    size_in_bytes: Decimal = Decimal(0)
    columns: tuple[Column, ...] = ()
    run: str | None = None
    step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsWritten:
    """`rows`: now in the table; `rows_unchanged`: of those updated; `remarks`: what was rounded."""

    mode: str
    version: int
    rows_given: int
    rows_added: int
    rows_updated: int
    rows: int
    rows_unchanged: int = 0
    rows_removed: int = 0
    remarks: tuple[str, ...] = ()


class Tables:
    """All tables that this user may see."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[Named]:
        return reading.shapes(Named, self._connection.get("tables"))

    def create(self, name: str, *, description: str = "") -> Table:
        content = {"name": name, "description": description}
        return Table(self._connection, str(reading.field(self._connection.post("tables", content), "id")))


class Table:
    """A table by its id."""

    def __init__(self, connection: Connection, id: str) -> None:
        self._connection = connection
        self.id = id
        self._path = f"tables/{id}"

    def __repr__(self) -> str:
        return f"Table({self.id!r})"

    def details(self) -> TableDetails:
        return reading.shape(TableDetails, self._connection.get(self._path))

    def change(self, *, name: str | None = None, description: str | None = None) -> TableDetails:
        # An absent field stays as it is, and a null empties it: they must not be mixed up.
        given = {"name": name, "description": description}
        content = {key: value for key, value in given.items() if value is not None}
        return reading.shape(TableDetails, self._connection.post(self._path, content))

    def delete(self) -> None:
        self._connection.delete(self._path)

    def columns(self, *, version: int | None = None) -> list[Column]:
        """The first is _Record_ID. `version` goes back in time."""
        return reading.shapes(Column, self._connection.get(f"{self._path}/columns", {"version": version}))

    def add_column(self, column: Column) -> Column:
        content: dict[str, object] = {"name": column.name, "dataType": column.data_type, "nullable": column.nullable}
        if column.default_value is not None:
            content["defaultValue"] = column.default_value
        if column.field_length is not None:
            content["fieldLength"] = column.field_length
        return reading.shape(Column, self._connection.post(f"{self._path}/columns", content))

    def change_column(self, name: str, /, **fields: object) -> Column:
        """Fields by their names on the wire, such as a new type. Raises Invalid, naming a row that does not fit."""
        return reading.shape(Column, self._connection.post(f"{self._path}/columns/{segment(name)}", fields))

    def drop_column(self, name: str) -> None:
        self._connection.delete(f"{self._path}/columns/{segment(name)}")

    def versions(self) -> list[TableVersion]:
        return reading.shapes(TableVersion, self._connection.get(f"{self._path}/versions"))

    def rows(self, *, version: int | None = None, page: int = 500, **filters: object) -> Iterator[dict[str, Any]]:
        """Rows by column name, fetched a page at a time on demand.

        Number and Money are Decimals, Datetime is aware, _Record_ID an int. `version` goes back in time; `filters` are
        columns and the value they must have.
        """
        # Name the version, so rows and columns match even if the table changes meanwhile.
        version = self.details().version if version is None else version
        query: dict[str, object] = {**filters, "limit": page, "version": version}
        columns = [column for column in self.columns(version=version) if column.name != RECORD_ID]
        types = {column.name: column.data_type.lower() for column in columns}
        for row in pages(self._connection, f"{self._path}/rows", query):
            yield {name: _cell(value, types.get(name, "")) for name, value in row.items()}

    @contextmanager
    def open_rows(self, media_type: str = CSV, *, version: int | None = None) -> Iterator[Iterator[bytes]]:
        """Yields all rows as CSV or PARQUET, in blocks as they arrive."""
        ask = asking.get(f"{self._path}/rows", {"version": version}, headers={"accept": media_type})
        with self._connection.stream(ask) as response:
            yield response.iter_bytes()

    def append(self, rows: Iterable[Mapping[str, Any]]) -> RowsWritten:
        """Appends all or none, and never twice: the server knows a repeated request by its key."""
        return self._write({"mode": "append", "rows": list(rows)})

    def replace(self, rows: Iterable[Mapping[str, Any]]) -> RowsWritten:
        """Replaces all rows."""
        return self._write({"mode": "replace", "rows": list(rows)})

    def upsert(self, rows: Iterable[Mapping[str, Any]], *, key: Sequence[str]) -> RowsWritten:
        """Changes rows with the same key and adds the others."""
        return self._write({"mode": "upsert", "key": list(key), "rows": list(rows)})

    def _write(self, content: Mapping[str, object]) -> RowsWritten:
        return reading.shape(RowsWritten, self._connection.post(f"{self._path}/rows", content))

    def load(
        self, source: Source, *, media_type: str = CSV, mode: str = "append", key: Sequence[str] = ()
    ) -> RowsWritten:
        """Loads a CSV or PARQUET file in constant memory; `mode`: append, replace or upsert (with its key)."""
        content = sources.content(source)
        query = {"mode": mode} | ({"key": ",".join(key)} if key else {})
        body = Body(media_type=media_type, open=content.blocks, size_bytes=content.size_bytes)
        # The answer comes when all rows are checked and written, which takes minutes for a large file.
        ask = replace(asking.keyed(f"{self._path}/rows", body, query), read_seconds=asking.WORK_SECONDS_MAX)
        return reading.shape(RowsWritten, self._connection.json(ask))


def _cell(value: Any, data_type: str) -> Any:
    if data_type == "datetime" and isinstance(value, str):
        return reading.moment(value)
    # The wire writes a whole amount without decimals.
    if data_type in {"number", "money"} and value is not None:
        return Decimal(value)
    return value
