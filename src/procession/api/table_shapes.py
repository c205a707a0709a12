"""The shapes of managed tables as they cross the wire (spec/wire.md sections 3 and 6)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

DefaultValue = Annotated[Any, Meta(extra_json_schema={"type": ["string", "number", "boolean", "null"]})]

# ruff: noqa: RUF036  (the wire's names, and its order of types)


class Table(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    description: str
    dateCreated: str
    dateModified: str
    sizeInBytes: float  # a number with a point, as documented: 16384.0
    version: int


class TableChange(Struct, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    description: str | None | UnsetType = UNSET


class Column(Struct, frozen=True, kw_only=True):
    name: str
    dataType: str
    defaultValue: DefaultValue
    fieldLength: int | None
    nullable: bool


class ColumnChange(Struct, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    dataType: str | UnsetType = UNSET
    defaultValue: DefaultValue = None
    fieldLength: int | None | UnsetType = UNSET
    nullable: bool | UnsetType = UNSET


class TableVersion(Struct, frozen=True, kw_only=True):
    version: int
    author: str
    dateCreated: str
    operation: str
    rows: int
    sizeInBytes: float
    columns: list[Column]
    run: str | None
    step: str | None


class NewRows(Struct, frozen=True, kw_only=True):
    """mode is append, replace or upsert; key names the columns that tell rows apart, for an upsert."""

    rows: list[dict[str, Any]]
    mode: str = "append"
    key: list[str] = []


class RowsWritten(Struct, frozen=True, kw_only=True):
    mode: str
    version: int
    rowsGiven: int
    rowsAdded: int
    rowsUpdated: int
    rows: int  # in the table now
