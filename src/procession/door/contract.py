"""Routes, calls and replies: the vocabulary of the doors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from procession.door.ids import NAMES
from procession.door.limits import UserLimit
from procession.model.errors import ProcessionError
from procession.model.ids import Id
from procession.model.rights import Rule

if TYPE_CHECKING:
    from concurrent.futures import Future

    from procession.door.context import HandlerContext
    from procession.model.people import Caller
    from procession.operations.act import Act
    from procession.operations.idempotency import KeyedRequest
    from procession.store.database import Transaction

T = TypeVar("T", bound=Id)

# The three words of ASGI.
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Space(StrEnum):
    """The parts of the server by path; an id of one is never looked up in another."""

    API = "api"
    OAUTH = "oauth"
    ROOT = "root"


class Mode(StrEnum):
    """Where a handler runs."""

    READ = "read"  # one keyed read: inline on the event loop, microseconds
    LISTING = "listing"  # may read many rows: in a thread
    WRITE = "write"  # in the store's writer thread; the answer waits for the durable commit
    STREAM = "stream"  # an async handler of its own: upload, long poll, events


class BodyKind(StrEnum):
    """Kinds of request bodies, whatever the Content-Type says (T5, T6)."""

    NONE = "none"
    JSON = "json"  # an object, or nothing
    FORM = "form"  # a JSON object or form fields (OAuth)
    TEXT = "text"  # handed over as bytes (process definitions)
    STREAM = "stream"  # read by the handler
    ROWS = "rows"  # rows of a table as JSON, CSV or Parquet, read by the handler


# A Struct, as every other value made once a request: a frozen dataclass fills each field by object.__setattr__, in
# Python. The collector skips it, because its mappings hold only texts and can be part of no cycle.
class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The envelope of a request. Names of headers and query are in lower case.

    A repeated header is a list with commas between; of a repeated name in the query the last counts.
    """

    method: str
    path: str  # decoded, without the query; for the log
    origin: str  # scheme and host as the client sees them: "https://localhost:8443"
    headers: Mapping[str, str]
    query: Mapping[str, str]
    raw_query: str = ""  # as the client wrote it
    client: str = ""  # the address that asks; behind a proxy that is trusted, of whom it asks for


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a request that every handler gets. `body` has its keys in lower case, at every depth; `raw` is of
    BodyKind.TEXT.
    """

    request: Request
    # Any, because each name has a type of its own; id() gives it back with that type.
    ids: Mapping[str, Any]  # of the path, by name
    context: HandlerContext
    body: Mapping[str, Any] = {}
    raw: bytes = b""

    def id(self, kind: type[T]) -> T:
        """The id of this type in the path."""
        found: T = self.ids[NAMES[kind]]
        return found

    def find_id(self, kind: type[T]) -> T | None:
        """The same, where not every pattern of the handler has one."""
        return self.ids.get(NAMES[kind])


class Call(Given, frozen=True, kw_only=True):
    """The argument of a plain handler. The act's caller is None only on PUBLIC routes."""

    act: Act

    @property
    def tx(self) -> Transaction:
        return self.act.tx

    @property
    def caller(self) -> Caller:
        return self.act.caller

    @property
    def now(self) -> datetime:
        return self.act.now


class StreamCall(Given, frozen=True, kw_only=True):
    """What an async handler gets: it opens its own short transactions, because it may live for minutes.

    In the transaction that changes something it asks `admit` again: the act of the caller as they are then, if what
    proved them and their role still hold. Raises Unauthorized, Forbidden, NotFound.
    """

    database: RequestDatabase
    caller: Caller
    admit: Callable[[Transaction], Act]
    clock: Callable[[], datetime]
    receive: Receive
    keyed: KeyedRequest | None = None  # to be marked, and answered, in the transaction that does what was asked


# Not the whole port: a handler that could write outside submit() would skip permit and the Idempotency-Key.
class RequestDatabase(Protocol):
    """The part of store/database.py that the dispatcher uses."""

    def read(self) -> AbstractContextManager[Transaction]: ...
    def snapshot(self) -> AbstractContextManager[Transaction]: ...
    def submit(self, operation: Callable[[Transaction], Any], /) -> Future[Any]: ...
    def version(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer that is more than a value: another status, further headers. `value` is anything msgspec can encode.

    A body of a status other than 200 is given a `supportId` and, if it has none, a `message` (T12).
    """

    value: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


# A class of its own and not Reply(value=None), which would be the four bytes "null".
@dataclass(frozen=True, slots=True)
class EmptyReply:
    """200 without a body: what a DELETE answers (T10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReply:
    """Text of moderate size, with Range; larger text is a FileReply."""

    text: str | bytes
    media_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReply:
    """The bytes of a file, with Range. `sha256` (hex) is its strong ETag; "" for a file that still grows.

    `read` gives so many bytes from a start on, in pieces; it may block. `name` is what the browser is told to call it;
    "" shows it instead of saving it.
    """

    read: Callable[[int, int], Iterator[bytes]]
    size_bytes: int
    name: str = ""
    sha256: str = ""
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReply:
    """A body that is made while it is sent: Server-Sent Events, a log that is followed. The function calls `write`."""

    media_type: str
    write: Callable[[Callable[[bytes], Awaitable[None]]], Awaitable[None]]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlReply:
    """A web page, or a part of one; `form_targets` are the origins besides ours that its forms may lead to."""

    html: str
    status: int = 200
    form_targets: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetReply:
    """A file of our own that pages load; what its address names never changes."""

    body: bytes
    compressed: bytes  # with gzip
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectReply:
    """Redirects to an address, by GET."""

    location: str
    cookies: tuple[str, ...] = ()


# An error raised in the transaction would roll back what the refusal has to keep, such as the end of a consent.
@dataclass(frozen=True, slots=True)
class Refusal:
    """What a WRITE handler answers when it refuses and what it changed must be kept: raised after the commit."""

    error: ProcessionError


# How an error is shown to a person, with its supportId; without a request where that cannot be read.
ErrorHtml = Callable[[Request | None, ProcessionError, str], HtmlReply | RedirectReply]


# A long poll that already has news should not cost a task: it is asked as a plain read first.
@dataclass(frozen=True, slots=True)
class Later:
    """What a READ handler answers when this request has to wait: the handler to ask instead, as for Mode.STREAM."""

    handler: StreamHandler


# Who sends this request, by what proves it in one space: a bearer token, a session. Raises Unauthorized.
Proof = Callable[["Transaction", Request, datetime], "Caller"]
Handler = Callable[[Call], Any]
StreamHandler = Callable[[StreamCall], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of routes.py. `ids` says which type each id of the pattern has.

    For openapi.json: `reply` and `takes` are shapes (also `list[A]`, and `A | B` for either of them), `media` the
    content types of a reply that is not (only) JSON, `query` the parameters. What every route of a kind has in common
    (statuses, headers) needs no word here: openapi derives it.
    """

    method: str
    pattern: str
    handler: Handler | StreamHandler
    # Without a default: a route that forgets its rule is an error when it is imported, not an open door.
    rule: Rule
    summary: str
    # The cheapest is the default, and the wrong one for a handler that writes: its transaction refuses to.
    mode: Mode = Mode.READ
    space: Space = Space.API
    body: BodyKind = BodyKind.NONE
    reply: Any = None
    takes: type | None = None
    media: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    is_ranged: bool = False  # answers Range, and If-None-Match where the content has a hash
    is_conditional: bool = False  # changes a file, and obeys If-Match and If-None-Match
    limit: UserLimit | None = None  # what of it is counted for each user; more than that is refused with 429
    statuses: tuple[int, ...] = ()  # further ones than its kind of route has
    error_html: ErrorHtml | None = None  # a page for people: it is not in openapi.json
