"""Rows of tables over HTTP: JSON, CSV and Parquet, in and out, a page or everything, as of any version.

The CSV is for programs: it says exactly what the table holds. Posted back as an upsert by _Record_ID it changes the
rows that it names; without that column it adds rows or takes their place. For a spreadsheet, ?escape=true puts an
apostrophe before texts that it would run as formulas.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import codecs
import hashlib
import re
import shutil
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from procession.actions.tables.contract import OPERATORS, Condition, Format, GivenFormat, Page
from procession.api.nouns.columns import table_work
from procession.api.nouns.tables import version_asked
from procession.api.wire import reading
from procession.api.wire import tables as tables_wire
from procession.door import bodies, digests, downloads, idempotency_key, paging
from procession.door.contract import Reply, Request, StreamCall, StreamReply
from procession.model import columns as rules
from procession.model import table_uses
from procession.model.columns import Column
from procession.model.errors import Invalid, NotFound, TooLarge, Unavailable
from procession.model.ids import TableId
from procession.model.tables import Snapshot
from procession.operations import idempotency, table_rows, tables, uploads
from procession.operations.table_rows import RowsRequest, RowsWritten, Wanted

# Of JSON, which is made and read in memory.
LIMIT, LIMIT_MAX = 100, 10_000
JSON_BYTES_MAX = 32 * 2**20  # read as objects, which take many times as much; CSV and Parquet have no such limit
# One read in a thread for each: smaller ones are mostly hand-over.
CHUNK_BYTES = 2**20
_CHARSET = re.compile(r'charset="?([^";\s]+)')
WRITE_PARAMETERS = ("mode", "key", "trim")
# A column of one of these names cannot be filtered by.
NOT_FILTERS = frozenset({"limit", "cursor", "version", "escape"})
MEDIA: Mapping[Format, str] = {
    "json": "application/json", "csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet",
}  # fmt: skip


async def read(call: StreamCall) -> Reply | StreamReply:
    """The next page's address is in the Link header; it names the version, so that pages fit together."""
    query, resources = _query(call.request), call.context.resources
    # The version travels in the cursor: rows added meanwhile must not shift the pages.
    version, after = _read_cursor(query["cursor"]) if query.get("cursor") else (version_asked(query.get("version")), 0)
    with call.database.read() as tx:
        present = tables.snapshot(tx, call.id(TableId), version)
    format_ = _format_wanted(call.request.headers.get("accept", ""))
    wanted = Wanted(
        format=format_,
        conditions=_conditions(present.version.columns, query),
        after=after,
        limit=_limit(query.get("limit"), format_),
        escapes=reading.boolean(query.get("escape") or "false", field="escape"),
    )
    page, file = await asyncio.wrap_future(resources.table_workers.call(lambda: _read(call, present, wanted)))
    headers = {"x-table-version": str(present.version.number)}
    # Absent on the last page, which is how a client knows that it has everything.
    if page.last:
        headers["link"] = _next_page(call.request, present, page.last)
    if format_ == "json":
        with file:
            return Reply(value=msgspec.Raw(await asyncio.to_thread(file.read)), headers=headers)
    headers["content-disposition"] = downloads.disposition(f"{present.table.name}.{format_}")
    return StreamReply(media_type=MEDIA[format_], write=_sender(file), headers=headers)


def _query(request: Request) -> Mapping[str, str]:
    """Raises Invalid for a name that is there twice: elsewhere the last counts, but here it would hide a filter."""
    name = bodies.repeated(request.raw_query)
    if name is not None:
        raise Invalid(f'the address names "{name[:80]}" twice')
    return request.query


def _read(call: StreamCall, present: Snapshot, wanted: Wanted) -> tuple[Page, BinaryIO]:
    """The file stays readable while it is open, and is gone from the disk already."""
    with call.context.resources.table_workers.temporary_folder() as place:
        page, path = table_rows.read(call.context.resources, present, wanted, place)
        # Opened before the folder goes: the name may go while the bytes are sent.
        return page, path.open("rb")


def _sender(file: BinaryIO) -> Callable[[Callable[[bytes], Awaitable[None]]], Awaitable[None]]:
    async def send(write: Callable[[bytes], Awaitable[None]]) -> None:
        with file:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                await write(chunk)

    return send


def _format_wanted(accept: str) -> Format:
    accept = accept.lower()
    if "parquet" in accept:
        return "parquet"
    return "csv" if "csv" in accept else "json"


def _limit(text: str | None, format_: Format) -> int | None:
    if text:
        return reading.whole(text, field="limit", least=1, most=LIMIT_MAX)
    # A file is asked for to have everything.
    return LIMIT if format_ == "json" else None


def _conditions(known: tuple[Column, ...], query: Mapping[str, str]) -> tuple[Condition, ...]:
    """?country=NZ, ?amount.gte=10: every name that is none of ours is a column's, perhaps with an operator."""
    return tuple(_condition(known, name, value) for name, value in query.items() if name not in NOT_FILTERS)


def _condition(known: tuple[Column, ...], name: str, value: str) -> Condition:
    try:
        return Condition(column=rules.find(known, name).name, operator="eq", value=value)
    except NotFound:
        stem, _, operator = name.rpartition(".")
        if operator not in OPERATORS or not stem:
            raise Invalid(
                f'there is no column or parameter "{name[:80]}"; a filter is column=value or '
                f"column.operator=value with one of {', '.join(OPERATORS)}"
            ) from None
    try:
        return Condition(column=rules.find(known, stem).name, operator=operator, value=value)
    except NotFound as error:
        raise Invalid(error.message) from None


def _next_page(request: Request, present: Snapshot, last: int) -> str:
    text = f"{present.version.number}:{last}"
    cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    # It is in the cursor already; two of them could disagree.
    return paging.next_page(request, cursor, without={"version"})


def _read_cursor(text: str) -> tuple[int, int]:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        version, _, last = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(":")
        most = 10**18
        return (
            reading.whole(version, field="cursor", least=1, most=most),
            reading.whole(last, field="cursor", least=0, most=most),
        )
    except (binascii.Error, ValueError, Invalid):
        raise Invalid(
            "the cursor is not one that this server gave; follow the Link header of the page before"
        ) from None


async def write(call: StreamCall) -> tables_wire.RowsWrittenShape:
    """The body goes to disk as it comes, and is opened in the limited child only."""
    workers, work = call.context.resources.table_workers, table_work(call, _written)
    with ExitStack() as stack:
        place = workers.make_folder()
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        request = await _receive(call, place)
        if call.keyed is not None:
            # A gigabyte takes a second, and the event loop belongs to everybody.
            body_hash = await asyncio.to_thread(_hash, request.path)
            work = replace(work, keyed=replace(call.keyed, asked=idempotency_key.asked(call.request, body_hash)))
            with call.database.read() as tx:
                idempotency.check(tx, work.keyed, work.resources.home_clock.least())
        return _written(
            await asyncio.wrap_future(workers.call(lambda: table_rows.write(work, call.id(TableId), request)))
        )


def _written(done: RowsWritten) -> tables_wire.RowsWrittenShape:
    return tables_wire.RowsWrittenShape(
        mode=done.mode,
        version=done.present.version.number,
        rowsGiven=done.rows_given,
        rowsAdded=done.rows_given - done.rows_updated,
        rowsUpdated=done.rows_updated,
        rowsUnchanged=done.rows_unchanged,
        rowsRemoved=done.rows_removed,
        rows=done.present.version.rows,
        remarks=done.remarks,
    )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _receive(call: StreamCall, place: Path) -> RowsRequest:
    path, query = place / "request", _query(call.request)
    unknown = next((name for name in query if name not in WRITE_PARAMETERS), None)
    if unknown is not None:
        raise Invalid(f'there is no parameter "{unknown[:80]}"; there are {", ".join(WRITE_PARAMETERS)}')
    try:
        head = await _save(call, path)
    except OSError as error:
        raise Unavailable(f"the rows could not be saved: {error.strerror}; nothing was changed") from error
    content_type = call.request.headers.get("content-type", "").lower()
    format_ = _format_given(content_type, head)
    # Before the child opens it: it would run into its memory limit, and that message says less.
    if format_ in {"json", "jsonl"} and path.stat().st_size > JSON_BYTES_MAX:
        raise TooLarge(f"rows as JSON may have at most {JSON_BYTES_MAX} bytes; send more as CSV or Parquet")
    mode = (query.get("mode") or "append").lower()
    if mode not in table_uses.MODES:
        raise Invalid(f"mode is {rules.shown(mode)}, but it can only be {', '.join(table_uses.MODES)}")
    key = tuple(name.strip() for name in query.get("key", "").split(",") if name.strip())
    return RowsRequest(
        path=path,
        format=format_,
        mode=mode,  # type: ignore[arg-type]  # just checked
        key=key,
        encoding=_encoding(content_type) if format_ == "csv" else None,
        trim=reading.boolean(query.get("trim") or "false", field="trim"),
    )


async def _save(call: StreamCall, path: Path) -> bytes:
    """The body's first bytes. Raises TooLarge before more than may be is written."""
    most, size, head, more = call.context.upload_bytes_max, 0, b"", True
    bodies.check_whole(call.request.headers)
    hashed = digests.Hashed(call.request.headers)
    with call.database.read() as tx:
        kept_bytes = uploads.kept_bytes(tx, call.caller)
    arriving = call.context.arriving.upload(call.caller.user.id, kept_bytes=kept_bytes)
    with path.open("wb") as file, arriving as arrival:
        while more:
            piece, more = await bodies.next_piece(call.receive)
            size += len(piece)
            if size > most:
                raise TooLarge(f"the request's body is larger than {most} bytes")
            call.context.resources.require_room()
            arrival.add(len(piece))
            # The first bytes tell Parquet apart, whatever the Content-Type says.
            head = head or piece[:16]
            hashed.add(piece)
            await asyncio.to_thread(file.write, piece)
    digests.check(hashed)
    return head


def _format_given(content_type: str, head: bytes) -> GivenFormat:
    """By its type; what is none of the others is JSON, whatever its Content-Type (T6)."""
    # Both: a file with the wrong type is still Parquet, and one that claims to be it is told why it is not.
    if head.startswith(b"PAR1") or "parquet" in content_type:
        return "parquet"
    if "ndjson" in content_type or "jsonl" in content_type:
        return "jsonl"
    return "csv" if "csv" in content_type else "json"


def _encoding(content_type: str) -> str | None:
    """What the Content-Type says (RFC 7111 section 5.1); None where it says nothing."""
    found = _CHARSET.search(content_type)
    if found is None:
        return None
    try:
        # Some codecs have none: those cannot read a stream.
        codecs.getincrementaldecoder(found[1])
    except LookupError:
        raise Invalid(f'the charset "{found[1][:40]}" is not known; try utf-8, iso-8859-1 or windows-1252') from None
    return found[1]
