"""Forms of our own pages that may hold files: fields in memory, files streamed to sinks in constant memory.

A file that is too large is refused by itself: what else was filled in is not lost with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from procession.door import bodies, part_headers, uploads
from procession.door.contract import Receive
from procession.door.uploads import ByteSink
from procession.model.errors import Invalid, TooLarge
from procession.model.files import Content, clean_name

FIELDS_BYTES_MAX = 4 * 2**20  # of all fields together: a note may have 100,000 characters
SEGMENTS_MAX = 5_000
# A body beyond it is refused before it is sent; each file has its own bound.
BODY_FILES_MAX = 20  # times the largest file
_ANY_SIZE = 2**62
UNREADABLE = "what your browser sent is not a form that can be read; reload the page and try again"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A file that was chosen: the field's name, and its content, which is durable by now."""

    field: str
    name: str
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class SentForm:
    """`refused` says by field why a file was not taken."""

    pairs: list[tuple[str, str]]
    files: list[SentFile]
    refused: Mapping[str, str]


async def receive_form(
    receive: Receive, headers: Mapping[str, str], make_sink: Callable[[], ByteSink], *, most: int
) -> SentForm:
    """A multipart form; each file of at most `most` bytes goes to a sink of its own.

    Raises Invalid, TooLarge, bodies.ClientGone, bodies.Stalled and what a sink raises; then every sink was abandoned.
    """
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > most * BODY_FILES_MAX:
        raise TooLarge(f"the files are larger than {most * BODY_FILES_MAX:,} bytes together")
    bodies.check_whole(headers)
    boundary = uploads.boundary_of(headers.get("content-type", ""), b"")
    if boundary is None:
        raise Invalid(UNREADABLE)
    parts = _Parts(make_sink=make_sink, most=most, parser=_parser(boundary))
    try:
        await uploads.feed_all(receive, parts)
        return await asyncio.to_thread(parts.finish)
    except BaseException:
        # Shielded: a client that hangs up cancels this task, and the files would stay behind.
        await asyncio.shield(asyncio.to_thread(parts.abandon))
        raise


def _parser(boundary: bytes) -> PushMultipartParser:
    return PushMultipartParser(
        boundary,
        max_segment_size=_ANY_SIZE,
        max_segment_count=SEGMENTS_MAX,
        max_header_count=uploads.SEGMENT_HEADERS_MAX,
        max_header_size=uploads.HEADER_BYTES_MAX,
        header_charset="latin-1",  # any byte: part_headers finds out what it means
    )


@dataclass(slots=True, kw_only=True)
class _Parts:
    """The parser's state. `_sink` takes the bytes of the present part, or `_text` does, or nobody."""

    make_sink: Callable[[], ByteSink]
    most: int
    parser: PushMultipartParser
    _pairs: list[tuple[str, str]] = field(default_factory=list)
    _files: list[SentFile] = field(default_factory=list)
    _refused: dict[str, str] = field(default_factory=dict)
    _field: str = ""
    _name: str = ""
    _size: int = 0
    _fields_bytes: int = 0
    _text: bytearray | None = None
    _sink: ByteSink | None = None

    def feed(self, pieces: list[bytes]) -> None:
        try:
            for piece in pieces:
                # What follows the last boundary is no part of the form (RFC 2046 section 5.1.1).
                if piece and not self.parser.closed:
                    for event in self.parser.parse(piece):
                        self._take(event)
        except ParserLimitReached as error:
            raise TooLarge(f"the form has more than {SEGMENTS_MAX:,} fields") from error
        except MultipartError as error:
            raise Invalid(UNREADABLE) from error

    def _take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._end()
        elif self._sink is not None:
            self._write(bytes(event))
        elif self._text is not None:
            self._fields_bytes += len(event)
            if self._fields_bytes > FIELDS_BYTES_MAX:
                raise TooLarge(f"the fields of the form have more than {FIELDS_BYTES_MAX:,} bytes together")
            self._text += event

    def _begin(self, segment: MultipartSegment) -> None:
        headers = part_headers.of(segment)
        name = part_headers.file_name(headers)
        self._field, self._size = segment.name or "", 0
        if name is None:
            self._text = bytearray()
        # A file input that was left empty has an empty name.
        elif name:
            part_headers.check_whole(headers)
            self._name, self._sink = clean_name(name), self.make_sink()

    def _write(self, data: bytes) -> None:
        assert self._sink is not None
        self._size += len(data)
        if self._size > self.most:
            sink, self._sink = self._sink, None
            sink.abandon()
            self._refused[self._field] = f"“{self._name}” is larger than {self.most:,} bytes, the most that is taken"
            return
        self._sink.write(data)

    def _end(self) -> None:
        if self._sink is not None:
            sink, self._sink = self._sink, None
            self._files.append(SentFile(field=self._field, name=self._name, content=sink.finish()))
        elif self._text is not None:
            try:
                self._pairs.append((self._field, self._text.decode()))
            except UnicodeDecodeError:
                raise Invalid(UNREADABLE) from None
        self._text = None

    def finish(self) -> SentForm:
        try:
            self.parser.close()
        except MultipartError as error:
            raise Invalid(UNREADABLE) from error
        return SentForm(pairs=self._pairs, files=self._files, refused=self._refused)

    def abandon(self) -> None:
        if self._sink is not None:
            self._sink.abandon()
            self._sink = None
