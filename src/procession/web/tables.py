"""The list of tables, and a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from procession.door.contract import Call, HtmlReply, RedirectReply, StreamCall
from procession.model.errors import Invalid
from procession.model.ids import TableId
from procession.model.people import UserRole
from procession.model.rights import USER_ROLE_RANK
from procession.model.tables import Table
from procession.operations import people, tables
from procession.web import acting, sorting
from procession.web.acting import REFUSALS
from procession.web.forms import Form
from procession.web.listing import page_of
from procession.web.page import page

HERE = "/tables"
DESCRIPTION_CHARACTERS_MAX = 4_000
_BY: Mapping[str, Callable[[Table], Any]] = {
    "name": lambda table: table.name.casefold(),
    "rows": lambda table: table.rows,
    "changed": lambda table: table.modified_at,
    "size": lambda table: table.size_bytes,
}


def listed(call: Call) -> HtmlReply:
    """What the reader may see."""
    words = call.request.query.get("q", "").strip()
    order = sorting.read(call.request.query, tuple(_BY), "name", greatest_first=("rows", "changed", "size"))
    found = order.sorted(tables.listed(call.tx, call.caller, name=words or None), _BY)
    return page(
        call, call.caller, call.now, "tables",
        title="Tables",
        entry=HERE,
        said="The table is deleted. Its name is free again." if call.request.query.get("said") == "deleted" else "",
        words=words,
        order=order,
        tables=page_of(found, call.request.query),
        can_make=USER_ROLE_RANK[call.caller.user.role] >= USER_ROLE_RANK[UserRole.DESIGNER],
    )  # fmt: skip


def new(call: Call, *, form: Form | None = None, problem: str = "") -> HtmlReply:
    return page(
        call, call.caller, call.now, "table-new",
        title=f"{'Error: ' if problem else ''}New table",
        entry=HERE,
        status_code=400 if problem else 200,
        problem=problem,
        called=form.one("name") if form else "",
        description=form.one("description") if form else "",
        most=DESCRIPTION_CHARACTERS_MAX,
    )  # fmt: skip


async def create(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """Whoever makes it owns it."""
    try:
        name, description = naming(form)
        table = await acting.done(call, lambda act: tables.create(act, name=name, description=description))
    except REFUSALS as error:
        return await acting.looked(call, new, form=form, problem=error.message)
    return RedirectReply(location=f"{HERE}/{table.id}?said=made")


def naming(form: Form) -> tuple[str, str]:
    """A table's name and description. Raises Invalid."""
    description = form.one("description").strip()
    if len(description) > DESCRIPTION_CHARACTERS_MAX:
        raise Invalid(f"a description has at most {DESCRIPTION_CHARACTERS_MAX} characters; this has {len(description)}")
    return people.named(form.one("name"), "the name of a table"), description


def delete(call: Call, form: Form) -> RedirectReply:
    """Its name is asked for: nothing brings a table back. Raises Invalid."""
    table = tables.find(call.tx, call.id(TableId))
    if form.one("name").strip() != table.name:
        raise Invalid(f'type the name of the table, "{table.name}", to delete it; nothing was deleted')
    tables.delete(call.act, table.id)
    return RedirectReply(location=f"{HERE}?said=deleted")
