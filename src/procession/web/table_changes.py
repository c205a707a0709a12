"""A table's name, description and columns, as its editors change them."""

from __future__ import annotations

import asyncio

from procession.door.contract import HtmlReply, RedirectReply, StreamCall
from procession.model.columns import LENGTH_MAX, Column, ColumnType
from procession.model.errors import Invalid
from procession.model.ids import TableId
from procession.operations import columns, people, tables
from procession.operations.columns import ColumnChange
from procession.operations.tables import TableWork
from procession.pages.formats import Reader
from procession.web import acting, cells
from procession.web.acting import REFUSALS
from procession.web.forms import Form
from procession.web.page import reader
from procession.web.table import refused
from procession.web.tables import HERE, naming

COLUMN_NAME_CHARACTERS_MAX = 128


async def change(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """Its name and description; no version comes of it."""
    table = call.id(TableId)
    try:
        name, description = naming(form)
        await acting.done(call, lambda act: tables.update(act, table, name=name, description=description))
    except REFUSALS as error:
        return await refused(call, error.message)
    return RedirectReply(location=f"{HERE}/{table}?said=changed")


async def add_column(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """A version of its own. Rows that are there have no value, or the default."""
    table, workers = call.id(TableId), call.context.resources.table_workers
    try:
        given = _column_given(form, reader(call.caller.user, call.clock()))
        await asyncio.wrap_future(workers.call(lambda: columns.add(work(call), table, given)))
    except REFUSALS as error:
        # The API's word for it.
        return await refused(call, error.message.replace("defaultValue", "value for rows that name none"))
    return RedirectReply(location=f"{HERE}/{table}?said=column")


def work(call: StreamCall) -> TableWork:
    return TableWork(database=call.database, resources=call.context.resources, admit=call.admit)


def _column_given(form: Form, look: Reader) -> ColumnChange:
    """Raises Invalid."""
    name = people.named(form.one("name"), "the name of a column")
    if form.one("type") not in list(ColumnType):
        raise Invalid("choose what is in the column")
    kind = ColumnType(form.one("type"))
    # As the API: such a name could not stand in an address.
    if len(name) > COLUMN_NAME_CHARACTERS_MAX or "/" in name or "\\" in name or name in {".", ".."}:
        raise Invalid(f'the name of a column has at most {COLUMN_NAME_CHARACTERS_MAX} characters, and no "/" or "\\"')
    length = form.one("length").strip()
    if length and not (length.isdecimal() and len(length) <= 6 and 1 <= int(length) <= LENGTH_MAX):
        raise Invalid(f'the length is "{length[:40]}", not a whole number from 1 to {LENGTH_MAX}')
    default = form.one("default")
    probe = Column(field=0, name=name, type=kind, length=LENGTH_MAX)
    return ColumnChange(
        name=name,
        type=kind,
        length=int(length) if length and kind is ColumnType.TEXT else None,
        nullable=not form.has("required"),
        sets_default=bool(default),
        default=cells.typed(probe, default, look) if default else None,
    )
