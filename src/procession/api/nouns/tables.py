"""Managed tables over HTTP: listed, made, renamed, deleted, and their versions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from procession.api.wire import reading, table_shapes
from procession.api.wire import shapes as common
from procession.api.wire import shaping as wire
from procession.door.contract import Call, EmptyReply
from procession.model.columns import Column, ColumnType
from procession.model.ids import TableId
from procession.model.tables import Table, TableVersion
from procession.operations import tables

DESCRIPTION_CHARACTERS_MAX = 4_000


def listed(call: Call) -> list[common.Named]:
    rows = tables.listed(call.tx, call.caller, name=call.request.query.get("name") or None)
    return [wire.named(row.id, row.name) for row in rows]


def get(call: Call) -> table_shapes.TableShape:
    return shown(tables.find(call.tx, call.id(TableId)))


def create(call: Call) -> table_shapes.TableShape:
    name = reading.name(call.body.get("name"), field="name")
    description = reading.string(call.body, "description", most=DESCRIPTION_CHARACTERS_MAX)
    return shown(tables.create(call.act, name=name, description=description))


def update(call: Call) -> table_shapes.TableShape:
    """What is absent stays; a description of null empties it."""
    name = reading.name(call.body["name"], field="name") if call.body.get("name") is not None else None
    description = None
    if "description" in call.body:
        description = reading.string(call.body, "description", most=DESCRIPTION_CHARACTERS_MAX)
    return shown(tables.update(call.act, call.id(TableId), name=name, description=description))


def delete(call: Call) -> EmptyReply:
    tables.delete(call.act, call.id(TableId))
    return EmptyReply()


def versions(call: Call) -> list[table_shapes.TableVersionShape]:
    return [_version(row) for row in tables.versions(call.tx, call.id(TableId))]


def columns(call: Call) -> list[table_shapes.ColumnShape]:
    """?version=N gives those of that version."""
    number = version_asked(call.request.query.get("version"))
    snapshot = tables.snapshot(call.tx, call.id(TableId), number)
    return [column_shown(column) for column in snapshot.version.columns]


def version_asked(text: str | None) -> int | None:
    """Raises Invalid."""
    return reading.whole(text, field="version", least=1, most=10**12) if text else None


def shown(table: Table) -> table_shapes.TableShape:
    return table_shapes.TableShape(
        id=str(table.id),
        name=table.name,
        description=table.description,
        dateCreated=_date(table.created_at),
        dateModified=_date(table.modified_at),
        sizeInBytes=float(table.size_bytes),
        version=table.version,
    )


def column_shown(column: Column, *, spelling: str = "") -> table_shapes.ColumnShape:
    """`spelling` is how the caller wrote the type: create echoes it, as documented."""
    return table_shapes.ColumnShape(
        name=column.name,
        dataType=spelling or column.type,
        defaultValue=_default(column),
        fieldLength=column.length,
        nullable=column.nullable,
    )


def _default(column: Column) -> str | int | Decimal | bool | None:
    text = column.default
    if text is None:
        return None
    match column.type:
        case ColumnType.NUMBER | ColumnType.MONEY:
            return Decimal(text) if "." in text else int(text)
        case ColumnType.TRUE_FALSE:
            return text == "true"
        case ColumnType.DATETIME:
            return text.replace(" ", "T")
        case ColumnType.TEXT:
            return text


def _version(row: TableVersion) -> table_shapes.TableVersionShape:
    return table_shapes.TableVersionShape(
        version=row.number,
        author=row.author,
        dateCreated=_date(row.created_at),
        operation=row.operation,
        rows=row.rows,
        sizeInBytes=float(row.size_bytes),
        columns=[column_shown(column) for column in row.columns],
        run=str(row.run) if row.run else None,
        step=str(row.step) if row.step else None,
    )


def _date(at: datetime) -> str:
    text = wire.milliseconds(at)
    assert text is not None
    return text
