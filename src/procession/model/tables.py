"""Managed tables: each version is a set of immutable files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from procession.model.columns import Column
from procession.model.files import Content
from procession.model.ids import RunId, StepId, TableId

# A new table is at version 2: its creation is 1 and its column _Record_ID 2, as the documents' "Create a table" shows.
VERSION_FIRST = 2


class TableOperation(StrEnum):
    """What made a version."""

    CREATE = "create"
    ADD_COLUMN = "addColumn"
    CHANGE_COLUMN = "changeColumn"
    DROP_COLUMN = "dropColumn"
    APPEND = "append"
    REPLACE = "replace"
    UPSERT = "upsert"
    REPLACE_WHERE = "replaceWhere"
    TAKE_BACK = "takeBack"
    COMPACT = "compact"  # the same rows in fewer files


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`version` is the present one; rows and size are its."""

    id: TableId
    name: str
    description: str
    version: int
    created_at: datetime
    modified_at: datetime
    rows: int
    size_bytes: int
    next_record: int  # record and field ids are never given twice, whatever was taken back
    next_field: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVersion:
    number: int
    operation: TableOperation
    author: str
    created_at: datetime
    rows: int
    size_bytes: int
    columns: tuple[Column, ...]
    run: RunId | None = None
    step: StepId | None = None
    same_as: int | None = None  # the version whose rows it holds too, where it is none of its own
    # The ids that it has given to new records: from the first to before the second. (0, 0): not known, or none.
    records: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A Parquet file of a table. `number` tells apart two stays of the same content."""

    number: int
    content: Content
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPart:
    """A file that is already in the blob store but not in the database."""

    content: Content
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A table at one version, as a job gets it."""

    table: Table
    version: TableVersion
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The next version, prepared against version `expected` and not yet published."""

    # Compared when it is published: a draft made against an older version would undo what came between.
    expected: int
    operation: TableOperation
    columns: tuple[Column, ...]
    added: tuple[NewPart, ...] = ()
    removed: frozenset[int] = frozenset()  # numbers of parts
    next_record: int
    next_field: int
    run: RunId | None = None
    step: StepId | None = None
    same_as: int | None = None
