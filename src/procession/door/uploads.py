"""Uploads: the first file part of a multipart body, streamed to a sink in constant memory (T7, T8 of docs/wire.md).

Parsing, hashing and writing happen in a thread while the next pieces arrive. Whatever goes wrong, the sink is
abandoned.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from procession.door import bodies, digests, part_headers
from procession.door.contract import Receive
from procession.door.limits import Arrival
from procession.model.errors import Invalid, ProcessionError, TooLarge
from procession.model.files import Content, clean_name

# A bound for what fills the disk by one mistake; an operator may set another.
UPLOAD_BYTES_MAX = 8 * 2**30
# Pieces come in 64 KB: a visit of the thread for each cost more than the hashing.
BATCH_BYTES = 2**20  # what one visit of the thread takes; at most two batches are held
# A body of a million empty parts would be parsed for ever.
SEGMENTS_MAX = 100
SEGMENT_HEADERS_MAX = 16
HEADER_BYTES_MAX = 8_192
OVERHEAD_BYTES_MAX = 2**20  # of the other parts and the boundaries
_BOUNDARY_LINE = re.compile(rb"--([0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-])\r\n")  # RFC 2046, 5.1.1


class ByteSink(Protocol):
    """Where the bytes go: store/blobs.Sink, or what a test counts with."""

    def write(self, data: bytes, /) -> object: ...
    def finish(self) -> Content: ...
    def abandon(self) -> None: ...


@dataclass(frozen=True, slots=True)
class RoomySink:
    """A sink that takes bytes only while `require_room` raises nothing: many uploads fill a disk together.

    They count as the user's.
    """

    sink: ByteSink
    require_room: Callable[[], object]
    arrival: Arrival

    def write(self, data: bytes, /) -> object:
        self.require_room()
        self.arrival.add(len(data))
        return self.sink.write(data)

    def finish(self) -> Content:
        return self.sink.finish()

    def abandon(self) -> None:
        self.sink.abandon()


def require_room(headers: Mapping[str, str], require_room: Callable[[], object], arrival: Arrival) -> None:
    """Raises what the server, or the user, has no room for, before any byte is sent."""
    require_room()
    length = headers.get("content-length", "")
    # What is not of the file is not counted.
    arrival.expect(max(0, int(length) - OVERHEAD_BYTES_MAX) if length.isdecimal() else 0)


class NotMultipart(ProcessionError):
    """An upload whose body is not multipart/form-data."""

    # The body is of the wrong kind, and its bytes may be fine: not 400.
    status = 415


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    name: str
    content: Content


async def receive_file(
    receive: Receive, headers: Mapping[str, str], sink: ByteSink, *, most: int = UPLOAD_BYTES_MAX
) -> Upload:
    """Stream the first file part to the sink and finish it.

    Raises TooLarge, Invalid, NotMultipart, bodies.ClientGone, bodies.Stalled, as bodies.check_whole() does, and what
    the sink raises; then the sink has been abandoned.
    """
    length = headers.get("content-length", "")
    try:
        bodies.check_whole(headers)
        if length.isdecimal() and int(length) > most + OVERHEAD_BYTES_MAX:
            raise _too_large(most)
        parts = _FileOfParts(headers, sink, most=most)
        await feed_all(receive, parts)
        content = await asyncio.to_thread(parts.finish)
    except BaseException:
        # Shielded: a client that hangs up cancels this task, and the file would stay behind.
        await asyncio.shield(asyncio.to_thread(sink.abandon))
        raise
    return Upload(name=clean_name(parts.name or ""), content=content)


class Feedable(Protocol):
    """What takes a body as it comes."""

    def feed(self, pieces: list[bytes], /) -> None: ...


async def feed_all(receive: Receive, parts: Feedable) -> None:
    """Two batches in turn: one is written, in a thread, while the other fills. Raises ClientGone, Stalled."""
    feeding: asyncio.Task[None] | None = None
    more = True
    try:
        while more:
            batch, more = await _batch(receive)
            if feeding is not None:
                await feeding
            feeding = asyncio.create_task(asyncio.to_thread(parts.feed, batch))
    finally:
        # The thread must be done with the sink before anybody abandons it.
        if feeding is not None:
            await asyncio.wait([feeding])
    if feeding is not None:
        # The last batch has nobody behind it to notice its error.
        feeding.result()


async def _batch(receive: Receive) -> tuple[list[bytes], bool]:
    pieces, size, more = [], 0, True
    while more and size < BATCH_BYTES:
        piece, more = await bodies.next_piece(receive)
        pieces.append(piece)
        size += len(piece)
    return pieces, more


class _FileOfParts:
    """The parser's state: waits for the first file part, writes it, lets the others pass."""

    def __init__(self, headers: Mapping[str, str], sink: ByteSink, *, most: int) -> None:
        self.name: str | None = None  # of the file part, once it began
        self._sink = sink
        self._most = most
        self._content_type = headers.get("content-type", "")
        # What the head of the request promises is of the body, or of the file: both are sent by real clients.
        self._body, self._file, self._part = digests.Hashed(headers), digests.Hashed(headers), digests.Hashed({})
        self._parser: PushMultipartParser | None = None
        # What came before the boundary was known: it may be split over the first pieces.
        self._head = b""
        self._received = 0
        self._is_writing = False

    def feed(self, pieces: list[bytes]) -> None:
        try:
            self._feed(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        except ParserLimitReached as error:
            raise (_too_large(self._most) if "size" in str(error).lower() else Invalid(_broken(error))) from error
        except MultipartError as error:
            raise Invalid(_broken(error)) from error

    def _feed(self, piece: bytes) -> None:
        self._received += len(piece)
        self._body.add(piece)
        # Counts the whole body: parts that are passed over could be endless too.
        if self._received > self._most + OVERHEAD_BYTES_MAX:
            raise _too_large(self._most)
        if self._parser is None:
            self._head += piece
            boundary = boundary_of(self._content_type, self._head)
            if boundary is None:
                return
            self._parser, piece = self._open(boundary), self._head
        # What follows the last boundary is no part of the form (RFC 2046 section 5.1.1).
        if piece and not self._parser.closed:
            for event in self._parser.parse(piece):
                self._take(event)

    def _open(self, boundary: bytes) -> PushMultipartParser:
        return PushMultipartParser(
            boundary,
            max_segment_size=self._most,
            max_segment_count=SEGMENTS_MAX,
            max_header_count=SEGMENT_HEADERS_MAX,
            max_header_size=HEADER_BYTES_MAX,
            header_charset="latin-1",  # any byte: part_headers finds out what it means
        )

    def _take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            headers = part_headers.of(event)
            name = part_headers.file_name(headers)
            # A form field has no file name; a file input that was left empty has an empty one.
            self._is_writing = self.name is None and bool(name)
            if self._is_writing:
                part_headers.check_whole(headers)
                self._part = digests.Hashed(headers)
                self.name = name
        elif event is not None and self._is_writing:
            self._keep(bytes(event))

    def _keep(self, data: bytes) -> None:
        self._file.add(data)
        self._part.add(data)
        self._sink.write(data)

    def finish(self) -> Content:
        if self._parser is None:
            raise NotMultipart('send the file as multipart/form-data, for example with curl -F "file=@orders.csv"')
        try:
            self._parser.close()
        except MultipartError as error:
            raise Invalid(_broken(error)) from error
        if self.name is None:
            raise Invalid('the body holds no file part; a file part has a file name: curl -F "file=@orders.csv"')
        # Before finish(): bytes that are not what was promised never get a name.
        digests.check(self._body, self._file)
        digests.check(self._part)
        return self._sink.finish()


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the file is larger than {most} bytes")


def _broken(error: Exception) -> str:
    return f"the multipart body is broken: {error}"


def boundary_of(content_type: str, head: bytes) -> bytes | None:
    """The boundary that separates the parts; None when `head` is too short to tell.

    Under a Content-Type that is not multipart, the body's first line tells: solvexia-sdk up to 1.3.1 sends an upload
    as application/octet-stream when it comes after a download (T8). Raises NotMultipart.
    """
    kind, options = parse_options_header(content_type)
    if kind.lower().startswith("multipart/") and options.get("boundary"):
        return str(options["boundary"]).encode("latin-1", "replace")
    found = _BOUNDARY_LINE.match(head)
    # Old SDKs leak the Content-Type of the download before (T8); the boundary on the first line is proof enough.
    if found:
        return found[1]
    # 70 is the longest boundary of RFC 2046 section 5.1.1: a longer first line is none.
    if head and (not head.startswith(b"--"[: len(head)]) or len(head) > len(b"--\r\n") + 70):
        raise NotMultipart('send the file as multipart/form-data, for example with curl -F "file=@orders.csv"')
    return None
