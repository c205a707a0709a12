"""The schemas of an Iceberg table. Each keeps its number for good: files that were published before name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from procession.model.columns import Column, ColumnType

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField


class IcebergSchemas:
    """`before`: those of the newest document, whose versions may have gone since."""

    def __init__(self, before: Sequence[Mapping[str, Any]]) -> None:
        from pyiceberg.schema import Schema

        self.all = [Schema.model_validate(one) for one in before]
        self._found: dict[tuple[Column, ...], Schema] = {}

    def of(self, columns: tuple[Column, ...]) -> Schema:
        """That of these columns: a version that changes rows alone has the one of the version before."""
        if columns not in self._found:
            self._found[columns] = self._of(tuple(map(_field, columns)))
        return self._found[columns]

    def _of(self, fields: tuple[NestedField, ...]) -> Schema:
        from pyiceberg.schema import Schema

        same = next((one for one in self.all if one.fields == fields), None)
        if same is not None:
            return same
        made = Schema(*fields, schema_id=max((one.schema_id for one in self.all), default=-1) + 1)
        self.all.append(made)
        return made


def _field(column: Column) -> NestedField:
    from pyiceberg.types import BooleanType, DecimalType, IcebergType, LongType, NestedField, StringType, TimestampType

    types: Mapping[ColumnType, IcebergType] = {
        ColumnType.NUMBER: DecimalType(38, 10),
        ColumnType.MONEY: DecimalType(19, 4),
        ColumnType.TEXT: StringType(),
        ColumnType.TRUE_FALSE: BooleanType(),
        ColumnType.DATETIME: TimestampType(),
    }
    return NestedField(
        field_id=column.field,
        name=column.name,
        field_type=LongType() if column.is_record_id else types[column.type],
        # Files of before may lack a column that takes no empty value now.
        required=column.is_record_id,
    )
