"""Bytes to a client: whole or one range, with validators (RFC 9110 sections 13 and 14), in constant memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import quote

from procession.door import conditions
from procession.door.contract import FileReply, Request, Send, TextReply
from procession.model.errors import ProcessionError

# 18 digits fit into 64 bits; of more than 4,300, int() raises ValueError. Possessive (+): a header of blanks that gave
# some back would be matched anew from each of them, for fifteen seconds.
_RANGE = re.compile(r"bytes\s*+=\s*+([0-9]{0,18}+)\s*+-\s*+([0-9]{0,18}+)\s*+\Z", re.IGNORECASE)
# The percent sign too: some browsers decode the plain name as if it were the extended one.
_PLAIN = re.compile(r'[^\x20-\x7e]|["\\%]')


class RangeNotSatisfiable(ProcessionError):
    """The range begins behind the end; `headers` tell the size (RFC 9110 section 14.4)."""

    status = 416

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"the range begins behind the end: there are {size_bytes} bytes")
        self.headers = {"content-range": f"bytes */{size_bytes}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Which bytes are sent, as which status."""

    status: int
    start: int
    length: int


def choose(request: Request, *, size_bytes: int, etag: str) -> ByteRange:
    """What this request gets of `size_bytes` bytes; `etag` is quoted, or "". Raises RangeNotSatisfiable.

    A range that is malformed, that asks for several parts or for some of nothing is ignored, as RFC 9110 section 14.2
    allows.
    """
    headers = request.headers
    # Before If-None-Match: RFC 9110 section 13.2.2 gives the order.
    conditions.check(headers, etag)
    if etag and conditions.matches(headers.get("if-none-match", ""), etag):
        # A condition that failed is stronger than a Range.
        return ByteRange(status=304, start=0, length=0)
    whole = ByteRange(status=200, start=0, length=size_bytes)
    found = _RANGE.match(headers.get("range", ""))
    if not size_bytes or found is None or found[0].replace(" ", "").endswith("=-"):
        return whole
    # If-Range needs a strong validator: a date or a weak tag never matches, and then the whole file is right.
    if "if-range" in headers and (not etag or headers["if-range"].strip() != etag):
        return whole
    return _ranged(found[1], found[2], whole)


def _ranged(first: str, last: str, whole: ByteRange) -> ByteRange:
    size = whole.length
    # RFC 9110 section 14.1.2: such a range is invalid and is ignored, not refused.
    if first and last and int(first) > int(last):
        return whole  # malformed
    start, end = (int(first), int(last) if last else size - 1) if first else (max(0, size - int(last)), size - 1)
    if start >= size:
        raise RangeNotSatisfiable(size)
    return ByteRange(status=206, start=start, length=min(end, size - 1) - start + 1)


def disposition(name: str) -> str:
    """attachment with the name twice: plain for old clients, and as it is (RFC 6266, RFC 8187)."""
    # What was cut out must not close the quoted text and begin a parameter of its own.
    plain = _PLAIN.sub("_", name)
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
    return f'attachment; filename="{plain}"{extended}'


async def send_text(request: Request, send: Send, reply: TextReply) -> int:
    """Send it; the status that was sent. Raises RangeNotSatisfiable before anything is sent."""
    # Lengths and ranges count bytes, not characters.
    data = reply.text.encode() if isinstance(reply.text, str) else reply.text
    part = choose(request, size_bytes=len(data), etag="")
    await _begin(send, part, _headers(part, len(data), etag="", media_type=reply.media_type))
    body = data[part.start : part.start + part.length] if request.method != "HEAD" else b""
    await send({"type": "http.response.body", "body": body})
    return part.status


async def send_file(request: Request, send: Send, reply: FileReply) -> int:
    """Send it; the status that was sent. Raises RangeNotSatisfiable, NotFound and OSError before anything is sent.

    A file that grows while it is sent is sent up to the size that the reply names.
    """
    etag = conditions.etag(reply.sha256)
    part = choose(request, size_bytes=reply.size_bytes, etag=etag)
    headers = _headers(part, reply.size_bytes, etag=etag, media_type=reply.media_type)
    if reply.name:
        headers["content-disposition"] = disposition(reply.name)
    # Nothing is opened: a HEAD of a file that is gone still tells its size.
    if request.method == "HEAD" or not part.length:
        await _begin(send, part, headers)
    else:
        await _send_pieces(send, reply, part, headers)
    await send({"type": "http.response.body", "body": b""})
    return part.status


async def _send_pieces(send: Send, reply: FileReply, part: ByteRange, headers: Mapping[str, str]) -> None:
    async with aclosing(_pieces(reply.read(part.start, part.length), part.length)) as pieces:
        piece = await anext(pieces)  # a content that is gone, or cannot be read, is said before anything is sent
        await _begin(send, part, headers)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})


def _headers(part: ByteRange, size_bytes: int, *, etag: str, media_type: str) -> dict[str, str]:
    headers = {
        "accept-ranges": "bytes",
        # A file is whatever somebody uploaded: no browser may take it for a page of ours.
        "x-content-type-options": "nosniff",
        # An uploaded HTML file opened in the browser must not act with the user's session.
        "content-security-policy": "sandbox; default-src 'none'",
        # Kept by the browser, asked about each time: the ETag makes the second download free.
        "cache-control": "private, no-cache",
    }
    if etag:
        headers["etag"] = etag
    # RFC 9110 section 15.4.5: what would be said of the body is left out.
    if part.status != 304:
        headers["content-type"] = media_type
        headers["content-length"] = str(part.length)
    if part.status == 206:
        headers["content-range"] = f"bytes {part.start}-{part.start + part.length - 1}/{size_bytes}"
    return headers


async def _begin(send: Send, part: ByteRange, headers: Mapping[str, str]) -> None:
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": part.status, "headers": pairs})


async def _pieces(found: Iterator[bytes], length: int) -> AsyncGenerator[bytes]:
    """Two are held: one is read while the other is sent."""
    reading = _next(found)
    try:
        while length > 0:
            piece = await reading
            if not piece:
                raise OSError("the file is shorter than its row says")
            length -= len(piece)
            reading = _next(found)
            yield piece
    finally:
        # What is read from must not be closed under the thread that reads.
        await asyncio.wait([reading])


def _next(found: Iterator[bytes]) -> asyncio.Future[bytes]:
    return asyncio.ensure_future(asyncio.to_thread(next, found, b""))
