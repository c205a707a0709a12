"""Settings of call_http: what is asked, of which rows, and where what is answered goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec

from procession.actions import naming, references
from procession.actions.reaching.acts import InDoubt
from procession.actions.reading.options import FileOptions
from procession.actions.references import Given, Name, ReferenceText
from procession.actions.rows import sources
from procession.actions.rows.sources import Sources
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.processes import Effect
from procession.model.table_uses import TableUse

PAGES_MAX = 1_000
SECONDS_MAX = 600.0
VALUES_MAX = 20
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
SAFE = frozenset({"GET", "HEAD"})
ONCE = frozenset({"POST", "PATCH"})

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# The connection proves who asks; the others say how the request travels.
_HEADERS_REFUSED = frozenset(
    {
        *(
            "authorization",
            "proxy-authorization",
            "cookie",
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
        ),
        *("keep-alive", "te", "trailer", "upgrade", "expect", "accept-encoding", "proxy-connection"),
    }
)
_POINTER = re.compile(r"(/([^~/]|~[01])*)*")

ConnectionName = Annotated[str, msgspec.Meta(min_length=1, max_length=100, description="the connection, by its name")]
Pattern = Annotated[str, msgspec.Meta(max_length=2_000)]
Status = Annotated[int, msgspec.Meta(ge=100, le=599)]
Pointer = Annotated[str, msgspec.Meta(max_length=500)]


class EachRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request for each row, whose cells are {column}."""

    source: Annotated[Sources, msgspec.Meta(description="the rows")]
    stop: Annotated[
        Literal["at_first_failure", "never"],
        msgspec.Meta(description="whether a row that fails ends the step, or the others are tried too"),
    ] = "at_first_failure"


class RetryOn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers after which the same request is sent once more, after a while; it waits as long as Retry-After says."""

    on: Annotated[list[Status], msgspec.Meta(min_length=1, max_length=20, description="statuses, such as 429 and 503")]
    times: Annotated[int, msgspec.Meta(ge=1, le=10, description="how often at most")] = 3
    wait_seconds: Annotated[
        float, msgspec.Meta(ge=0, le=300, description="before the first; twice as long before each further one")
    ] = 2.0


class Pages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer that comes in pages: their items become one list."""

    items: Annotated[
        Pointer, msgspec.Meta(description="where the list is in each page, such as /items; empty: all of it")
    ] = ""
    next: Annotated[
        Pointer, msgspec.Meta(description="where the next page is named, such as /next; `link` for the header Link")
    ]
    query: Annotated[
        str, msgspec.Meta(max_length=100, description="the word of the query that takes it; empty: it is an address")
    ] = ""
    max: Annotated[int, msgspec.Meta(ge=1, le=PAGES_MAX, description="at most so many pages; more fail the step")] = (
        PAGES_MAX
    )


class PickedValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value of an answer in JSON."""

    pointer: Annotated[Pointer, msgspec.Meta(description="where it is, such as /id or /lines/0/amount (RFC 6901)")]
    to: Annotated[ReferenceText, msgspec.Meta(description="the property that takes it")]


class CallOutputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where what is answered goes."""

    body: Annotated[
        ReferenceText | None, msgspec.Meta(description="a File: the answer as it came, or all pages' items")
    ] = None
    name: Annotated[
        str, msgspec.Meta(max_length=200, description="the name of that file; may hold {key} of inputs")
    ] = ""
    status: Annotated[ReferenceText | None, msgspec.Meta(description="the number of the answer, such as 201")] = None
    values: Annotated[
        list[PickedValue], msgspec.Meta(max_length=VALUES_MAX, description="values of an answer in JSON")
    ] = []
    rows: Annotated[
        Target | None,
        msgspec.Meta(
            description="with each: row, status, values and words of every row; kept also where the step fails"
        ),
    ] = None
    picked: Annotated[
        dict[Name, Pointer],
        msgspec.Meta(max_length=VALUES_MAX, description="with each: columns of rows, by the place in the answer"),
    ] = {}


class CallSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    connection: ConnectionName
    method: Annotated[Method, msgspec.Meta(description="what is done with the address")] = "GET"
    path: Annotated[Pattern, msgspec.Meta(description="below the connection's address; {key} is filled in")] = ""
    query: Annotated[
        dict[str, Given], msgspec.Meta(max_length=50, description="words of the address behind ?; {key} is filled in")
    ] = {}
    headers: Annotated[dict[str, Pattern], msgspec.Meta(max_length=50, description="headers; {key} is filled in")] = {}
    inputs: Annotated[dict[Name, Given], msgspec.Meta(description="values that are filled in as {key}")] = {}
    json: Annotated[
        Any,
        msgspec.Meta(
            description="what is sent, as JSON; {key} is filled in, and a text that is only {key} keeps its type"
        ),
    ] = None
    file: Annotated[ReferenceText | None, msgspec.Meta(description="a File that is sent as it is")] = None
    each: Annotated[EachRow | None, msgspec.Meta(description="one request for each row")] = None
    expect_status: Annotated[
        list[Status],
        msgspec.Meta(
            max_length=20,
            description="answers that are right; if left out, 200 to 299, and 206 where headers ask for a Range",
        ),
    ] = []
    retry: Annotated[RetryOn | None, msgspec.Meta(description="answers after which it is tried again")] = None
    timeout_seconds: Annotated[
        float, msgspec.Meta(gt=0, le=SECONDS_MAX, description="for the whole of one request and its answer")
    ] = 60.0
    idempotent: Annotated[
        bool,
        msgspec.Meta(
            description="POST and PATCH: the server honours the header Idempotency-Key, so it may be sent again"
        ),
    ] = False
    in_doubt: Annotated[
        InDoubt,
        msgspec.Meta(
            description="after a release: whether a request that may have arrived is sent again, with the same key"
        ),
    ] = "repeat"
    pages: Annotated[Pages | None, msgspec.Meta(description="GET: an answer in pages")] = None
    outputs: Annotated[CallOutputs, msgspec.Meta(description="where what is answered goes")] = CallOutputs()


def effect_of(settings: CallSettings) -> Effect:
    """RFC 9110, 9.2: safe methods change nothing, PUT and DELETE come to the same however often."""
    if settings.method in SAFE:
        return Effect.PURE
    return Effect.ONCE if settings.method in ONCE and not settings.idempotent else Effect.IDEMPOTENT


def connection(settings: CallSettings) -> str:
    return settings.connection


def _givens(settings: CallSettings) -> Iterator[tuple[str, Given]]:
    for name, given in settings.inputs.items():
        yield f"inputs.{name}", given
    for name, given in settings.query.items():
        yield f"query.{name}", given


def _files(settings: CallSettings) -> tuple[Sources, ...]:
    return () if settings.each is None else (settings.each.source,)


def files_read(settings: CallSettings) -> tuple[FileOptions, ...]:
    return sources.files_of(*_files(settings))


def reads(settings: CallSettings) -> tuple[str, ...]:
    values = references.only([*(given for _, given in _givens(settings)), settings.file])
    return tuple(dict.fromkeys((*sources.reads(*_files(settings)), *values)))


def tables(settings: CallSettings) -> tuple[TableUse, ...]:
    rows = settings.outputs.rows
    return (*sources.tables_of(*_files(settings)), *exports.tables_of([] if rows is None else [rows]))


def writes(settings: CallSettings) -> tuple[str, ...]:
    outputs = settings.outputs
    plain = references.only([outputs.body, outputs.status, *(one.to for one in outputs.values)])
    return (*plain, *([] if outputs.rows is None else [exports.reference_of(outputs.rows)]))


def patterns(settings: CallSettings) -> Iterator[tuple[str, str]]:
    """Every text in which keys are filled in, with its setting."""
    yield "path", settings.path
    yield "outputs.name", settings.outputs.name
    for name, given in settings.query.items():
        if isinstance(given, str) and references.parse(given) is None:
            yield f"query.{name}", given
    for name, text in settings.headers.items():
        yield f"headers.{name}", text
    yield from _texts("json", settings.json)


def _texts(place: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield place, value
        case dict():
            for key, item in value.items():
                yield from _texts(f"{place}.{key}", item)
        case list():
            for number, item in enumerate(value, start=1):
                yield from _texts(f"{place}.{number}", item)


def check(settings: CallSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    found = [said for path, given in _givens(settings) for said in references.mistakes(path, given)]
    for name, text in settings.headers.items():
        if not _HEADER.fullmatch(name):
            found.append(f'headers: "{name}" is no name of a header')
        elif name.lower() in _HEADERS_REFUSED:
            found.append(f"headers.{name}: is set by the connection and by what is sent, not by a step")
        elif name.lower() == "idempotency-key" and settings.each is not None and "{" not in text:
            # The other side would answer the second row with what it did of the first.
            found.append(f"headers.{name}: is the same for every row; write {{a column}} in it, or leave it out")
    if settings.each is None:
        # The columns of rows are known only when they are read.
        for path, text in patterns(settings):
            found += naming.mistakes(path, text, settings.inputs)
    else:
        found += sources.mistakes("each.source", settings.each.source)
    return (*found, *_of_body(settings), *_of_pages(settings), *_of_outputs(settings))


def _of_body(settings: CallSettings) -> Iterator[str]:
    if settings.json is not None and settings.file is not None:
        yield "json and file: send one of them"
    if settings.method in SAFE and (settings.json is not None or settings.file is not None):
        yield f"method: {settings.method} sends nothing; use POST or PUT"
    if settings.idempotent and settings.method not in ONCE:
        yield f"idempotent: {settings.method} is by itself; it is for POST and PATCH"
    for path, text in _texts("json", settings.json):
        yield from references.mistakes(path, text)
        if references.named(text) is not None:
            yield f'{path}: give "{text}" a name in inputs, and write {{name}} here'


def _of_pages(settings: CallSettings) -> Iterator[str]:
    if settings.pages is None:
        return
    if settings.method != "GET":
        yield "pages: are for GET"
    if settings.each is not None:
        yield "pages: means nothing with each"
    for name in ("items", "next"):
        text = getattr(settings.pages, name)
        if not _POINTER.fullmatch(text) and (name, text) != ("next", "link"):
            yield f'pages.{name}: "{text}" is no JSON pointer; write it like /items'
    if settings.outputs.values:
        yield "outputs.values: means nothing with pages, whose items are a list"


def _of_outputs(settings: CallSettings) -> Iterator[str]:
    outputs, each = settings.outputs, settings.each
    if each is None and (outputs.rows is not None or outputs.picked):
        yield "outputs.rows: is for each"
    if each is not None and (outputs.body or outputs.status or outputs.values):
        yield "outputs: with each there are many answers; rows takes them"
    if outputs.picked and outputs.rows is None:
        yield "outputs.picked: are columns of rows, which nothing takes"
    if settings.method == "HEAD" and (outputs.body or outputs.values):
        yield "outputs: HEAD answers without a body"
    if outputs.rows is not None:
        yield from exports.check("outputs.rows", outputs.rows)
        if exports.tables_of([outputs.rows]):
            yield "outputs.rows: goes to a file, because a step that fails changes no table"
    for number, one in enumerate(outputs.values, start=1):
        if not _POINTER.fullmatch(one.pointer):
            yield f'outputs.values.{number}.pointer: "{one.pointer}" is no JSON pointer; write it like /id'
    for name, pointer in outputs.picked.items():
        if not _POINTER.fullmatch(pointer):
            yield f'outputs.picked.{name}: "{pointer}" is no JSON pointer; write it like /id'
