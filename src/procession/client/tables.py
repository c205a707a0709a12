"""Managed tables: their columns, their versions, rows in and out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from procession.client import asking, reading
from procession.client.asking import segment
from procession.client.connection import Connection
from procession.client.paging import pages

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


class Tables:
    """All tables that this user may see."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[TableDetails]:
        return reading.shapes(TableDetails, self._connection.get("tables"))

    def create(self, name: str, *, description: str = "") -> Table:
        content = {"name": name, "description": description}
        return Table(self._connection, str(self._connection.post("tables", content)["id"]))


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
        given = {"name": name, "description": description}
        content = {key: value for key, value in given.items() if value is not None}
        return reading.shape(TableDetails, self._connection.post(self._path, content))

    def delete(self) -> None:
        self._connection.delete(self._path)

    def columns(self) -> list[Column]:
        """The first is _Record_ID."""
        return reading.shapes(Column, self._connection.get(f"{self._path}/columns"))

    def add_column(self, column: Column) -> Column:
        content: dict[str, object] = {"name": column.name, "dataType": column.data_type, "nullable": column.nullable}
        if column.default_value is not None:
            content["defaultValue"] = column.default_value
        if column.field_length is not None:
            content["fieldLength"] = column.field_length
        return reading.shape(Column, self._connection.post(f"{self._path}/columns", content))

    def change_column(self, name: str, **fields: object) -> Column:
        """Rename, retype, ...: fields by their names on the wire. Raises Invalid, naming the first row that refuses."""
        return reading.shape(Column, self._connection.post(f"{self._path}/columns/{segment(name)}", fields))

    def drop_column(self, name: str) -> None:
        self._connection.delete(f"{self._path}/columns/{segment(name)}")

    def versions(self) -> list[Mapping[str, Any]]:
        """As the server tells them, newest or oldest first as it does."""
        return list(self._connection.get(f"{self._path}/versions"))

    def rows(self, *, version: int | None = None, page: int = 500, **filters: object) -> Iterator[dict[str, Any]]:
        """Rows by column name, a page at a time as they are needed; amounts are Decimals, dates and times aware.

        `version` goes back in time; `filters` are columns and the value they must have.
        """
        query: dict[str, object] = {**filters, "limit": page, "version": version}
        dates = {column.name for column in self.columns() if column.data_type.lower() == "datetime"}
        for row in pages(self._connection, f"{self._path}/rows", query):
            yield {name: _cell(value, is_date=name in dates) for name, value in row.items()}

    @contextmanager
    def open_rows(self, media_type: str = CSV, *, version: int | None = None) -> Iterator[Iterator[bytes]]:
        """All rows in another form (CSV, PARQUET) as blocks, while they arrive."""
        ask = asking.get(f"{self._path}/rows", {"version": version}, headers={"accept": media_type})
        with self._connection.stream(ask) as response:
            yield response.iter_bytes()

    def append(self, rows: Iterable[Mapping[str, Any]]) -> Any:
        """All of them or none. Gives what the server says about the new version."""
        return self._write("append", rows)

    def replace(self, rows: Iterable[Mapping[str, Any]]) -> Any:
        """These rows instead of all there are."""
        return self._write("replace", rows)

    def upsert(self, rows: Iterable[Mapping[str, Any]], *, key: Sequence[str]) -> Any:
        """Rows with the same key are changed, the others are added."""
        return self._write("upsert", rows, key=list(key))

    def _write(self, mode: str, rows: Iterable[Mapping[str, Any]], **more: object) -> Any:
        content = {"mode": mode, **more, "rows": list(rows)}
        return self._connection.post(f"{self._path}/rows", content)


def _cell(value: Any, *, is_date: bool) -> Any:
    return reading.moment(value) if is_date and isinstance(value, str) else value
