"""Managed tables over HTTP: listed, made, renamed, deleted, and their versions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from procession.api.wire import items, reading, times
from procession.api.wire import tables as wire
from procession.door.contract import Call, EmptyReply
from procession.model.columns import Column, ColumnType
from procession.model.ids import TableId
from procession.model.tables import Table, TableVersion
from procession.operations import tables

DESCRIPTION_CHARACTERS_MAX = 4_000


def listed(call: Call) -> list[items.Named]:
    rows = tables.listed(call.tx, call.caller, name=call.request.query.get("name") or None)
    return [items.named(row.id, row.name) for row in rows]


def get(call: Call) -> wire.TableShape:
    return shown(tables.find(call.tx, call.id(TableId)))


def create(call: Call) -> wire.TableShape:
    name = reading.name(call.body.get("name"), field="name")
    description = reading.string(call.body, "description", most=DESCRIPTION_CHARACTERS_MAX)
    return shown(tables.create(call.act, name=name, description=description))


def update(call: Call) -> wire.TableShape:
    """What is absent stays; a description of null empties it."""
    name = reading.name(call.body["name"], field="name") if call.body.get("name") is not None else None
    description = None
    if "description" in call.body:
        description = reading.string(call.body, "description", most=DESCRIPTION_CHARACTERS_MAX)
    return shown(tables.update(call.act, call.id(TableId), name=name, description=description))


def delete(call: Call) -> EmptyReply:
    tables.delete(call.act, call.id(TableId))
    return EmptyReply()


def versions(call: Call) -> list[wire.TableVersionShape]:
    return [_version(row) for row in tables.versions(call.tx, call.id(TableId))]


def columns(call: Call) -> list[wire.ColumnShape]:
    """?version=N gives those of that version."""
    number = version_asked(call.request.query.get("version"))
    snapshot = tables.snapshot(call.tx, call.id(TableId), number)
    return [column_shown(column) for column in snapshot.version.columns]


def version_asked(text: str | None) -> int | None:
    """Raises Invalid."""
    return reading.whole(text, field="version", least=1, most=10**12) if text else None


def shown(table: Table) -> wire.TableShape:
    return wire.TableShape(
        id=str(table.id),
        name=table.name,
        description=table.description,
        dateCreated=_date(table.created_at),
        dateModified=_date(table.modified_at),
        # Documented with a point, and typed clients refuse an integer there.
        sizeInBytes=float(table.size_bytes),
        version=table.version,
    )


def column_shown(column: Column, *, spelling: str = "") -> wire.ColumnShape:
    """`spelling` is how the caller wrote the type: create echoes it, as documented."""
    return wire.ColumnShape(
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
            # As a number of JSON; a float would change its digits.
            return Decimal(text) if "." in text else int(text)
        case ColumnType.TRUE_FALSE:
            return text == "true"
        case ColumnType.DATETIME:
            return text.replace(" ", "T")
        case ColumnType.TEXT:
            return text


def _version(row: TableVersion) -> wire.TableVersionShape:
    return wire.TableVersionShape(
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
    text = times.milliseconds(at)
    assert text is not None
    return text
