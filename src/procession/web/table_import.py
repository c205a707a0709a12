"""Rows from a file: uploaded, looked at with all that they would change, and only then written.

Between the two the file is a content that no row names, which the server removes after a day. The address of the
preview names it, sealed for the browser that sent it: nobody can name another content.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from procession.actions.tables.contract import GivenFormat, Mode
from procession.door import browser, uploads
from procession.door.contract import Call, HtmlReply, RedirectReply, Request, StreamCall
from procession.model import columns as rules
from procession.model.columns import RECORD_ID, Column
from procession.model.errors import Conflict, Invalid, NotFound, ProcessionError, TooLarge, Unavailable
from procession.model.files import clean_name
from procession.model.ids import TableId
from procession.model.tables import Snapshot
from procession.operations import table_rows, tables
from procession.operations import uploads as upload_operations
from procession.operations.table_rows import RowsPreview, RowsRequest
from procession.web import acting, cells
from procession.web.forms import Form
from procession.web.page import page, reader
from procession.web.table import refused
from procession.web.table_changes import work
from procession.web.tables import HERE

SHOWN = 10  # rows of a preview
# Read as objects, which take many times as much; as the API has it.
JSON_BYTES_MAX = 32 * 2**20
MODES: Mapping[Mode, str] = {
    "append": "Add all rows to those that are there",
    "upsert": "Change rows with the same key, add the others",
    "replace": "Take the place of all rows that are there",
}
# How texts of a CSV are written: the decimal mark and the separator of thousands.
NUMBERS: Mapping[str, tuple[str, str, str | None]] = {
    "plain": ("1234.50", ".", None),
    "point": ("1,234.50", ".", ","),
    "comma": ("1.234,50", ",", "."),
    "space": ("1 234,50", ",", " "),
}
DATES: Mapping[str, tuple[str, str | None]] = {
    "iso": ("2026-11-30", None),
    "dots": ("30.11.2026", "%d.%m.%Y"),
    "day": ("30/11/2026", "%d/%m/%Y"),
    "month": ("11/30/2026", "%m/%d/%Y"),
}
# What a person can mend in the file or in the choices beside it.
SHOWN_ERRORS = (Invalid, TooLarge, Unavailable, Conflict)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportQuery:
    """What is to be imported, and how. `content` is the file's SHA-256, `seal` proves that it came from here."""

    content: str
    name: str
    seal: str
    mode: Mode
    key: tuple[str, ...]
    numbers: str
    dates: str

    @property
    def fields(self) -> list[tuple[str, str]]:
        """As a form sends them."""
        single = {name: getattr(self, name) for name in ("content", "name", "seal", "mode", "numbers", "dates")}
        return [*single.items(), *(("key", name) for name in self.key)]


async def upload(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """The file goes to disk as it comes, and is opened in the limited child only. On to its preview."""
    table = call.id(TableId)
    try:
        sent = await _receive(call)
    except (Invalid, TooLarge, uploads.NotMultipart) as error:
        # A file field that was left empty is sent all the same, and the API's words are for programs.
        is_empty = isinstance(error, uploads.NotMultipart) or error.message.startswith("the body holds no file part")
        return await refused(call, "choose a file first, then press Preview" if is_empty else error.message)
    return RedirectReply(location=address(call.request, table, sent.content.sha256, sent.name))


def address(request: Request, table: TableId, content: str, name: str) -> str:
    """Of the preview of a file that this browser has sent."""
    name = clean_name(name)
    query = [
        ("content", content),
        ("name", name),
        ("seal", browser.sealed(request, _sealed_text(table, content, name))),
    ]
    return f"{HERE}/{table}/import?{urlencode(query)}"


async def _receive(call: StreamCall) -> uploads.Upload:
    resources = call.context.resources
    with call.database.read() as tx:
        kept_bytes = upload_operations.kept_bytes(tx, call.caller)
    with call.context.arriving.upload(call.caller.user.id, kept_bytes=kept_bytes) as arrival:
        uploads.require_room(call.request.headers, resources.require_room, arrival)
        sink = uploads.RoomySink(await asyncio.to_thread(resources.blobs.sink), resources.require_room, arrival)
        most = call.context.upload_bytes_max
        return await uploads.receive_file(call.receive, call.request.headers, sink, most=most)


def _sealed_text(table: TableId, content: str, name: str) -> str:
    return f"import {table} {content} {name}"


async def preview(call: StreamCall) -> HtmlReply:
    """What would be done, and the first rows as they would be; a mistake by row and column."""
    form = Form(call.request.raw_query.encode())
    query = _query(call, form)
    with call.database.read() as tx:
        present = tables.snapshot(tx, call.id(TableId))
    found, problem = await _look(call, present, query)
    return await acting.looked(call, _page, query=query, present=present, found=found, problem=problem)


async def _look(call: StreamCall, present: Snapshot, query: ImportQuery) -> tuple[RowsPreview | None, str]:
    """What would be done, or why nothing can be."""
    try:
        request = _request(call, present, query)
        preview = partial(table_rows.preview, call.context.resources, present, request, SHOWN)
        return await _in_thread(call, preview), ""
    except SHOWN_ERRORS as error:
        return None, _in_words(error.message, query.name)


def _in_words(message: str, name: str) -> str:
    """To the API it is a request with parameters; here it is a file and choices beside it."""
    message = message.replace("the request", f'"{name}"', 1)
    return message.replace(
        f"send the rows with mode=upsert&key={RECORD_ID} to change the records that it names",
        f"choose to change rows and tick {RECORD_ID} as their key",
    )


def _query(call: StreamCall, form: Form) -> ImportQuery:
    """Raises Invalid, also for a file that this browser has not sent here."""
    content, name, seal = form.one("content"), form.one("name"), form.one("seal")
    if not browser.is_sealed(call.request, _sealed_text(call.id(TableId), content, name), seal):
        raise Invalid("this file was not sent from this browser, or you have signed in anew since; send it again")
    mode: Mode = next((known for known in MODES if known == form.one("mode")), "append")
    return ImportQuery(
        content=content,
        name=name,
        seal=seal,
        mode=mode,
        key=tuple(dict.fromkeys(form.all("key"))) if mode == "upsert" else (),
        numbers=form.one("numbers") if form.one("numbers") in NUMBERS else "plain",
        dates=form.one("dates") if form.one("dates") in DATES else "iso",
    )


def _request(call: StreamCall, present: Snapshot, query: ImportQuery) -> RowsRequest:
    """Raises Invalid, TooLarge, NotFound."""
    path = _path(call, query)
    format_ = _format(query.name, path)
    if format_ in {"json", "jsonl"} and path.stat().st_size > JSON_BYTES_MAX:
        raise TooLarge(f"rows as JSON may have at most {JSON_BYTES_MAX} bytes; send more as CSV or Parquet")
    if query.mode == "upsert" and not query.key:
        raise Invalid("tick the columns that tell rows apart, such as an account number and a month")
    known = {column.name for column in present.version.columns}
    unknown = [name for name in query.key if name not in known]
    if unknown:
        raise Invalid(f'the table has no column "{unknown[0][:80]}"')
    _, decimal, thousands = NUMBERS[query.numbers]
    return RowsRequest(
        path=path,
        format=format_,
        mode=query.mode,
        key=query.key,
        # Programs for people pad; a blank that counts is rarer than one that was typed by mistake.
        trim=True,
        decimal=decimal,
        thousands=thousands,
        pattern=DATES[query.dates][1],
        name=query.name,
        expected=present.version.number,
    )


def _path(call: StreamCall, query: ImportQuery) -> Path:
    try:
        return call.context.resources.blobs.fetch(query.content)
    except NotFound:
        raise Invalid(f'"{query.name}" was sent too long ago and is gone; send it again') from None


def _format(name: str, path: Path) -> GivenFormat:
    """By its first bytes, and where these say nothing, by its name."""
    with path.open("rb") as file:
        head = file.read(4)
    if head == b"PAR1":
        return "parquet"
    if head == b"PK\x03\x04":
        return "workbook"
    ending = name.rpartition(".")[2].lower()
    return "json" if ending == "json" else "jsonl" if ending in {"jsonl", "ndjson"} else "csv"


async def _in_thread(call: StreamCall, function: Callable[[], T]) -> T:
    return await asyncio.wrap_future(call.context.resources.table_workers.call(function))


def _page(call: Call, *, query: ImportQuery, present: Snapshot, found: RowsPreview | None, problem: str) -> HtmlReply:
    known = present.version.columns
    return page(
        call, call.caller, call.now, "table-import",
        title=f"{'Error: ' if problem else ''}Import into {present.table.name}",
        entry=HERE,
        # Looked at in vain is looked at all the same; what is refused when it is sent is a mistake.
        status_code=400 if problem and call.request.method == "POST" else 200,
        problem=problem,
        query=query,
        table=present.table,
        version=present.version,
        keys=[column.name for column in known],
        modes=MODES.items(),
        number_styles=[(key, shown) for key, (shown, _, _) in NUMBERS.items()],
        date_styles=[(key, shown) for key, (shown, _) in DATES.items()],
        found=found,
        sample=_sample(call, known, found),
    )  # fmt: skip


def _sample(call: Call, known: tuple[Column, ...], found: RowsPreview | None) -> dict[str, Any]:
    """The columns of the file, and of each row: its number, the record that it changes, its cells now and before."""
    if found is None:
        return {"columns": (), "rows": ()}
    columns = [rules.find(known, name) for name in found.sample.columns]
    look, rows = reader(call.caller.user, call.now), found.sample.rows
    after = cells.rows(columns, [row.values for row in rows], look)
    before = cells.rows(columns, [row.before or row.values for row in rows], look)
    shown = [
        (row.number, row.record, list(zip(now, was if row.record is not None else now, strict=True)))
        for row, now, was in zip(rows, after, before, strict=True)
    ]
    return {"columns": columns, "rows": shown}


async def confirm(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """All rows or none, and only into the version that was looked at."""
    query, table = _query(call, form), call.id(TableId)
    with call.database.read() as tx:
        present = tables.snapshot(tx, table)
    try:
        _require_seen(form, present)
        request = _request(call, present, query)
        await _in_thread(call, lambda: table_rows.write(work(call), table, request))
    except SHOWN_ERRORS as error:
        return await _again(call, query, error)
    return RedirectReply(location=f"{HERE}/{table}?said=imported")


def _require_seen(form: Form, present: Snapshot) -> None:
    """What was looked at is what is changed. Raises Conflict."""
    if form.one("version") != str(present.version.number):
        raise Conflict(
            f"the table was changed meanwhile: it is at version {present.version.number}, by"
            f" {present.version.author}; nothing was imported, look at the preview again"
        )


async def _again(call: StreamCall, query: ImportQuery, error: ProcessionError) -> HtmlReply:
    with call.database.read() as tx:
        present = tables.snapshot(tx, call.id(TableId))
    # What was looked at is no longer what would be done: it is shown anew, to be confirmed again.
    found, _ = await _look(call, present, query) if isinstance(error, Conflict) else (None, "")
    problem = _in_words(error.message, query.name)
    return await acting.looked(call, _page, query=query, present=present, found=found, problem=problem)
