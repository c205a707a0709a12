"""The shapes of managed tables as they cross the wire (docs/wire.md)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from procession.api.wire.scalars import ARun, AStep, ATable, Count, GivenName, Milliseconds
from procession.api.wire.scalars import Value as DefaultValue
from procession.model.columns import LENGTH_MAX, ColumnType

# ruff: noqa: RUF036  (the wire's names, and its order of types)


# Of a table, which decides what columns it has.
Row = dict[str, str | float | bool | None]


class TableShape(Struct, frozen=True, kw_only=True):
    id: ATable
    name: str
    description: str
    dateCreated: Milliseconds
    dateModified: Milliseconds
    sizeInBytes: float  # a number with a point, as documented: 16384.0
    version: Count


class TableChange(Struct, frozen=True, kw_only=True):
    name: GivenName | None | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=4_000)] | None | UnsetType = UNSET


class ColumnShape(Struct, frozen=True, kw_only=True):
    name: str
    dataType: str
    defaultValue: DefaultValue
    fieldLength: Count | None
    nullable: bool


class ColumnChangeShape(Struct, frozen=True, kw_only=True):
    """dataType can also be written in any case, and decimal for Number."""

    name: Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^/\\]*[^/\\\s][^/\\]*$")] | None | UnsetType = (
        UNSET
    )
    dataType: Annotated[str, Meta(extra_json_schema={"enum": [*ColumnType]})] | None | UnsetType = UNSET
    defaultValue: DefaultValue | UnsetType = UNSET
    fieldLength: Annotated[int, Meta(ge=1, le=LENGTH_MAX)] | None | UnsetType = UNSET
    nullable: bool | None | UnsetType = UNSET


class TableVersionShape(Struct, frozen=True, kw_only=True):
    version: Count
    author: str
    dateCreated: Milliseconds
    operation: str
    rows: Count
    sizeInBytes: float
    columns: list[ColumnShape]
    run: ARun | None
    step: AStep | None


class NewRows(Struct, frozen=True, kw_only=True):
    """key names the columns that tell rows apart, for an upsert, or whose rows are replaced, for replace_where."""

    rows: list[dict[str, Any]]
    mode: Literal["append", "replace", "upsert", "replace_where"] | UnsetType = UNSET
    key: list[str] | UnsetType = UNSET


class RowsWrittenShape(Struct, frozen=True, kw_only=True):
    mode: str
    version: Count
    rowsGiven: Count
    rowsAdded: Count
    rowsUpdated: Count  # with the key of a record
    rowsUnchanged: Count  # of them, those that say what the record holds already
    rowsRemoved: Count
    rows: Count  # in the table now
    remarks: tuple[str, ...] = ()  # what was rounded, or may be otherwise than it was meant
