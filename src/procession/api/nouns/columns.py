"""Columns of tables over HTTP; a column is named in the path by its name, a space as %20 or "_"."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from procession.api.nouns.tables import column_shown
from procession.api.wire import reading
from procession.api.wire import tables as tables_wire
from procession.door import idempotency_key
from procession.door.contract import EmptyReply, StreamCall
from procession.model import columns as rules
from procession.model.columns import LENGTH_MAX, Column
from procession.model.errors import Invalid
from procession.model.ids import TableId
from procession.operations import columns
from procession.operations.columns import ColumnChange
from procession.operations.tables import TableWork

NAME_CHARACTERS_MAX = 128


async def create(call: StreamCall) -> tables_wire.ColumnShape:
    given = _read(call.body)

    def show(column: Column) -> tables_wire.ColumnShape:
        # The documents echo the type as it was written, and scripts compare it.
        return column_shown(column, spelling=str(call.body["datatype"]).strip())

    work = table_work(call, show)
    return show(await _work(call, lambda: columns.add(work, call.id(TableId), given)))


async def change(call: StreamCall) -> tables_wire.ColumnShape:
    given, work = _read(call.body), table_work(call, column_shown)
    return column_shown(await _work(call, lambda: columns.change(work, call.id(TableId), call.ids["column"], given)))


async def drop(call: StreamCall) -> EmptyReply:
    work = table_work(call, lambda _: EmptyReply())
    await _work(call, lambda: columns.drop(work, call.id(TableId), call.ids["column"]))
    return EmptyReply()


async def _work(call: StreamCall, function: Any) -> Any:
    # In a thread that may wait: rows may have to be read, which takes seconds.
    return await asyncio.wrap_future(call.context.resources.table_workers.call(function))


def table_work(call: StreamCall, show: Callable[[Any], Any]) -> TableWork:
    """What a change of a table works with; `show` makes the answer of its result."""
    return TableWork(
        database=call.database,
        resources=call.context.resources,
        admit=call.admit,
        keyed=call.keyed,
        kept=lambda result: idempotency_key.kept(show(result)),
    )


def _read(body: Mapping[str, Any]) -> ColumnChange:
    """Keys are in lower case. Raises Invalid."""
    name = body.get("name")
    if name is not None:
        name = reading.name(name, field="name")
        if len(name) > NAME_CHARACTERS_MAX or "/" in name or "\\" in name:
            raise Invalid(f'name must have at most {NAME_CHARACTERS_MAX} characters, and no "/" or "\\"')
        if name in {".", ".."}:  # clients send columns/.. as the address of the table, and would delete that
            raise Invalid('name cannot be "." or "..", which mean something else in an address')
    nullable = body.get("nullable")
    return ColumnChange(
        name=name,
        type=None if body.get("datatype") is None else rules.type_of(body["datatype"]),
        length=_length(body.get("fieldlength")),
        nullable=None if nullable is None else reading.boolean(nullable, field="nullable"),
        # Absent and null mean two things here: no change, and no default.
        sets_default="defaultvalue" in body,
        default=body.get("defaultvalue"),
    )


def _length(given: object) -> int | None:
    """Of a text; for other types it is ignored, so that a whole Column can be read, edited and posted back."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= LENGTH_MAX:
        raise Invalid(f"fieldLength is {rules.shown(given)}, not a whole number from 1 to {LENGTH_MAX}")
    return given
