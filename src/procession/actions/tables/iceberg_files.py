"""What an Iceberg table is made of: files that get their names when they are whole, and columns as a schema."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from procession.model.columns import Column, ColumnType

if TYPE_CHECKING:
    from pyiceberg.schema import Schema


class AvroOutput:
    """A file that gets its name when it is whole."""

    def __init__(self, path: Path, location: str) -> None:
        from pyiceberg.io.fsspec import FsspecFileIO

        self.path, self._passing = path, path.with_name(f".{path.name}.{uuid.uuid4()}")
        self.address = f"{location}/metadata/{path.name}"
        self.file = FsspecFileIO({}).new_output(str(self._passing))

    def settle(self) -> None:
        settle(self._passing, self.path)


def counts(rows: int) -> dict[str, int]:
    """Of a manifest with one file, which is new in it."""
    of_files = {"added_files_count": 1, "existing_files_count": 0, "deleted_files_count": 0}
    return of_files | {"added_rows_count": rows, "existing_rows_count": 0, "deleted_rows_count": 0}


def schema(columns: Sequence[Column], number: int) -> Schema:
    from pyiceberg.schema import Schema
    from pyiceberg.types import BooleanType, DecimalType, IcebergType, LongType, NestedField, StringType, TimestampType

    types: Mapping[ColumnType, IcebergType] = {
        ColumnType.NUMBER: DecimalType(38, 10),
        ColumnType.MONEY: DecimalType(19, 4),
        ColumnType.TEXT: StringType(),
        ColumnType.TRUE_FALSE: BooleanType(),
        ColumnType.DATETIME: TimestampType(),
    }
    return Schema(
        *(
            NestedField(
                field_id=one.field,
                name=one.name,
                field_type=LongType() if one.is_record_id else types[one.type],
                # Files of before may lack a column that takes no empty value now.
                required=one.is_record_id,
            )
            for one in columns
        ),
        schema_id=number,
    )


def settle(passing: Path, path: Path) -> None:
    """Gives a file its name once its bytes are on disk."""
    sync(passing)
    passing.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
