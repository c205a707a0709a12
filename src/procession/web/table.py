"""One table: its rows as of any version, filtered; its columns and versions; changed, and taken away as a file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

from procession.actions.tables.contract import Condition, Format, Page
from procession.door import downloads
from procession.door.contract import Call, HtmlReply, StreamCall, StreamReply
from procession.model.columns import Column, ColumnType
from procession.model.errors import Invalid
from procession.model.ids import TableId
from procession.model.people import Role
from procession.model.rights import covers
from procession.model.tables import Snapshot, TableOperation
from procession.operations import people, rights, table_rows, tables
from procession.operations.table_rows import Wanted
from procession.web import acting, cells
from procession.web.page import page, reader
from procession.web.table_query import CONDITIONS, TableQuery, conditions_of, order_of, query_of
from procession.web.tables import DESCRIPTION_CHARACTERS_MAX, HERE

SHOWN = 100  # rows of a page
VERSIONS_SHOWN = 10
CHUNK_BYTES = 2**20
# A page of rows: whether more follow, and its values as texts.
RowsFound = tuple[Page, list[list[str | None]]]
MEDIA: Mapping[str, tuple[Format, str]] = {
    "csv": ("csv", "text/csv; charset=utf-8"),
    "parquet": ("parquet", "application/vnd.apache.parquet"),
}
OPERATION_WORDS = {
    TableOperation.CREATE: "made",
    TableOperation.ADD_COLUMN: "column added",
    TableOperation.CHANGE_COLUMN: "column changed",
    TableOperation.DROP_COLUMN: "column deleted",
    TableOperation.APPEND: "rows added",
    TableOperation.REPLACE: "rows replaced",
    TableOperation.UPSERT: "rows added or changed",
    TableOperation.REPLACE_WHERE: "rows of the same key replaced",
    TableOperation.TAKE_BACK: "taken back",
    TableOperation.COMPACT: "files merged",
}
SAID = {
    "made": "The table is made. Give it columns, then import rows.",
    "changed": "The table is changed.",
    "column": "The column is added.",
    "imported": "The rows are imported.",
}


async def show(call: StreamCall) -> HtmlReply:
    """A filter that does not fit its column is told beside it, with the unfiltered rows."""
    query, problem = query_of(call.request.query), ""
    with call.database.read() as tx:
        present = tables.snapshot(tx, call.id(TableId), query.version)
    look = reader(call.caller.user, call.clock())
    try:
        found, values = await _page_of(call, present, query, conditions_of(present, query, look))
    except Invalid as error:
        if not query.is_filtered:
            raise
        problem = error.message
        found, values = await _page_of(call, present, query, ())
    return await acting.looked(call, _page, query=query, present=present, found=(found, values), problem=problem)


async def _page_of(
    call: StreamCall, present: Snapshot, query: TableQuery, conditions: tuple[Condition, ...]
) -> RowsFound:
    order = order_of(present, call.request.query)
    place = (
        {"order": order.key, "is_down": order.is_down, "skip": query.before} if order.asked else {"after": query.after}
    )
    wanted = Wanted(format="json", conditions=conditions, limit=SHOWN, **place)
    found, file = await _read(call, present, wanted)
    with file:
        raw = await asyncio.to_thread(file.read)
    # Numbers as they are written: a binary fraction would be another one.
    rows = await asyncio.to_thread(json.loads, raw, parse_float=Decimal)
    names = [column.name for column in present.version.columns]
    return found, [[_as_text(row[name]) for name in names] for row in rows]


async def _read(call: StreamCall, present: Snapshot, wanted: Wanted) -> tuple[Page, BinaryIO]:
    """The file stays readable while it is open, and is gone from the disk already."""
    workers = call.context.resources.table_workers

    def read() -> tuple[Page, BinaryIO]:
        with workers.temporary_folder() as place:
            found, path = table_rows.read(call.context.resources, present, wanted, place)
            return found, path.open("rb")

    return await asyncio.wrap_future(workers.call(read))


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else format(value, "f") if isinstance(value, Decimal) else str(value)


def _page(call: Call, *, query: TableQuery, present: Snapshot, found: RowsFound, problem: str) -> HtmlReply:
    table, known, (following, values) = present.table, present.version.columns, found
    look = reader(call.caller.user, call.now)
    role = rights.role_of(call.tx, call.caller.user, table.id)
    last = query.before + len(values)
    return page(
        call, call.caller, call.now, "table",
        title=f"{'Error: ' if problem else ''}{table.name}",
        entry=HERE,
        # A filter that finds nothing to compare is no broken page.
        status_code=400 if problem and not query.is_filtered else 200,
        problem=problem,
        query=query,
        order=order_of(present, call.request.query),
        shown=present.version,
        is_old=present.version.number != table.version,
        rows=cells.rows(known, values, look),
        names_row=_naming_column(known),
        following=query.address(table.id, version=present.version.number, cursor=f"{following.last}.{last}")
        if following.last else "",
        conditions=[(key, words) for key, (words, _, _) in CONDITIONS.items()],
        first=query.before + 1,
        last=last,
        **_about(call, present, role),
    )  # fmt: skip


def _naming_column(known: Sequence[Column]) -> int:
    """Which column names a row: the first text, else the record's id."""
    return next((place for place, column in enumerate(known) if column.type is ColumnType.TEXT), 0)


def _about(call: Call, present: Snapshot, role: Role | None) -> dict[str, Any]:
    """What the page has besides its rows, also when a form of it was refused."""
    names = {user.login: f"{user.first_name} {user.last_name}" for user in people.listed(call.tx, call.caller)}
    is_whole = call.request.query.get("versions") == "all"
    return {
        "said": SAID.get(call.request.query.get("said", ""), ""),
        "table": present.table,
        "columns": present.version.columns,
        "described": cells.described,
        "column_types": [(kind, "text" if kind is ColumnType.TEXT else cells.TYPE_WORDS[kind]) for kind in ColumnType],
        # Each row of one holds all its columns: of 10,000 versions a page reads those that it shows.
        "versions": tables.versions(call.tx, present.table.id, most=None if is_whole else VERSIONS_SHOWN),
        "versions_count": tables.count_versions(call.tx, present.table.id),
        "operation_words": OPERATION_WORDS,
        "names": names,
        "can_edit": role is not None and covers(role, Role.EDITOR),
        "can_delete": role is Role.OWNER,
        "description_most": DESCRIPTION_CHARACTERS_MAX,
    }


async def download(call: StreamCall) -> StreamReply:
    """All rows of the version and the filter. For a spreadsheet, texts that it would run as formulas are escaped."""
    query, asked = query_of(call.request.query), call.request.query.get("format", "csv")
    if asked not in MEDIA:
        raise Invalid(f"a table is no {asked[:40]}; choose csv or parquet")
    format_, media_type = MEDIA[asked]
    with call.database.read() as tx:
        present = tables.snapshot(tx, call.id(TableId), query.version)
    conditions = conditions_of(present, query, reader(call.caller.user, call.clock()))
    is_safe = call.request.query.get("formulas") != "kept"
    wanted = Wanted(format=format_, conditions=conditions, escapes=is_safe)
    _, file = await _read(call, present, wanted)
    headers = {"content-disposition": downloads.disposition(f"{present.table.name}.{format_}")}
    return StreamReply(media_type=media_type, write=_sender(file), headers=headers)


def _sender(file: BinaryIO) -> Callable[[Callable[[bytes], Awaitable[None]]], Awaitable[None]]:
    async def send(write: Callable[[bytes], Awaitable[None]]) -> None:
        with file:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                await write(chunk)

    return send


async def refused(call: StreamCall, problem: str) -> HtmlReply:
    """The page of the table as it is now, with the reason on top."""
    with call.database.read() as tx:
        present = tables.snapshot(tx, call.id(TableId))
    query = query_of({})
    found, values = await _page_of(call, present, query, ())
    return await acting.looked(call, _page, query=query, present=present, found=(found, values), problem=problem)
