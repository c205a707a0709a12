"""One request on a connection, and its answer: uvicorn's, but put together and written in one piece."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

NO_BODY = frozenset({204, 304})
CLOSE = b"connection: close\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
SET_COOKIE = b"set-cookie"


class Exchange(RequestResponseCycle):
    """The head waits for the first piece of the body, so that both take one system call and one packet."""

    _head: bytes = b""
    is_last = False  # the connection ends once the body has been let pass: the answer was given before it came
    _has_body = True  # HEAD, 204 and 304 have none, whatever their length says

    async def send(self, message: Any) -> None:
        """ASGI's. A body that is not as long as was said is an error of ours, and cuts the connection."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
        else:
            self._go_on(message["body"], is_last=not message.get("more_body", False))

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        if self.response_started:
            raise RuntimeError("an answer begins once")
        self.response_started = True
        # Nobody knows whether the body will come: what the client sends next may be it, or another request.
        self.is_last, self.waiting_for_100_continue = self.waiting_for_100_continue and not self.body, False
        lines = [STATUS_LINE[status]]
        for name, value in (*self.default_headers, *headers):
            lines.append(_secret(name, value) if name == SET_COOKIE else _line(name, value))
            if name == b"content-length":
                self.chunked_encoding, self.expected_content_length = False, int(value)
        self._has_body = self.scope["method"] != "HEAD" and status not in NO_BODY
        self._frame(lines)
        self._head = b"".join((*lines, b"\r\n"))

    def _frame(self, lines: list[bytes]) -> None:
        """Says how the end of the body will be known (RFC 9112 section 6.3)."""
        if not self._has_body:
            self.chunked_encoding, self.expected_content_length = False, 0
        is_chunked = self.chunked_encoding is None and self.scope["http_version"] != "1.0"
        if self.is_last or not self.keep_alive:
            lines.append(CLOSE)
        if is_chunked:
            self.chunked_encoding = True
            lines.append(CHUNKED)

    def _go_on(self, body: bytes, *, is_last: bool) -> None:
        if not self.response_started or self.response_complete:
            raise RuntimeError("a piece of a body belongs to an answer that has begun and not ended")
        head, self._head = self._head, b""
        self.transport.write(head + self._framed(body, is_last=is_last))
        if is_last:
            self._end()

    def _framed(self, body: bytes, *, is_last: bool) -> bytes:
        if not self._has_body:
            return b""
        if self.chunked_encoding:
            piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return piece + b"0\r\n\r\n" if is_last else piece
        if self.chunked_encoding is False:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("the body is longer than its Content-Length")
        return body  # to a client of HTTP/1.0, the end of the connection ends it

    def _end(self) -> None:
        if self.expected_content_length:
            raise RuntimeError("the body is shorter than its Content-Length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive and self.more_body:
            self.is_last = True  # a client that is cut off while it sends sees a reset, and no answer
        elif not self.keep_alive:
            self.transport.close()
        self.on_response()


def _secret(name: bytes, value: bytes) -> bytes:
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        raise RuntimeError(f"a header holds what would end it: {name!r}")
    return b"%b: %b\r\n" % (name, value)


# Nearly every answer has the same headers as one before it; what only one client may know is not kept.
_line = lru_cache(maxsize=512)(_secret)
