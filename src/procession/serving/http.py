"""A connection as we keep it: HTTP/1.1, time-outs at every stage, errors in the API's words."""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import get_remote_addr

from procession.serving import eager, patience, refusals, targets
from procession.serving.connections import Connections
from procession.serving.exchange import Exchange
from procession.serving.patience import Patience

HEAD_SECONDS_MAX = 10.0  # from the connection, or a request's first byte, to the end of its head
IDLE_SECONDS_MAX = 75  # between two requests of a connection
HEAD_BYTES_MAX = 65_536  # with what arrived together with its end; trailers and what else is no body, too
LINGER_SECONDS_MAX = 10  # after a refusal, for the rest of the body: a client that is cut off sees no answer
IDLE_SECONDS_LEAST = 1.0  # a client that got an answer just now may be writing the next request
PIPELINED_MAX = 400  # requests that came before the answer to the first; each takes some kilobytes
OFFER = frozenset({b"upgrade", b"connection", b"http2-settings"})


class HttpConnection(HttpToolsProtocol):
    """uvicorn's connection, which waits for a request's head as long as the client likes; ours does not."""

    _is_head_open = True
    cycle: Exchange
    _head_timer: asyncio.TimerHandle | None = None
    _linger_timer: asyncio.TimerHandle | None = None
    _is_body_open = False  # of the latest request whose head has come
    _idle_bytes = 0  # that ended no head, were no piece of a body, and ended no request
    _has_gone_on = False
    _ready: Exchange | None = None  # a GET, answered once all that came with it is read
    _idle_timer: asyncio.TimerHandle | None = None
    _idle_since: float | None = None  # on the loop's clock; None while a request is under way
    _unread = 0  # bytes of answers, when we looked last
    _look_timer: asyncio.TimerHandle | None = None  # while the client sends a body, or has an answer to read

    def __init__(self, *args: Any, connections: Connections, **more: Any) -> None:
        super().__init__(*args, **more)
        self._all = connections
        self._body_patience = Patience(patience.BODY_GRACE_SECONDS)
        self._answer_patience = Patience(patience.ANSWER_GRACE_SECONDS)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        address, _ = get_remote_addr(transport) or ("", 0)
        refusal = self._all.enter(self, address, self.loop.time())
        if refusal is not None:
            refusals.say(transport, self.loop, refusal, self._all.refused)
            return
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.leave(self)
        self._stop_expecting()
        self._stop_lingering()
        for timer in (self._idle_timer, self._look_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def is_waiting(self) -> bool:
        if self._idle_since is not None:
            return self.loop.time() - self._idle_since >= IDLE_SECONDS_LEAST
        return self._is_body_open and self._body_patience.is_thin()

    def give_way(self) -> None:
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.transport.get_write_buffer_size()
        self._watch()

    def resume_writing(self) -> None:
        self._note_read()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """The parser takes heads, trailers and extensions of chunks of any size, and keeps most of them in memory."""
        self._has_gone_on, self._idle_since = False, None
        self._feed(data)
        if self._ready is not None:
            self._answer(self._ready)
        if self._is_head_open:  # armed only now: nearly every head comes in one piece
            self._expect_head()
        if self._is_body_open:
            self._watch()
        if len(self.pipeline) > PIPELINED_MAX:
            self.pipeline.clear()
            self._refuse("400 Bad Request", f"more than {PIPELINED_MAX} requests were sent without reading an answer")
        self._idle_bytes = 0 if self._has_gone_on else self._idle_bytes + len(data)
        if self._idle_bytes > HEAD_BYTES_MAX:
            part = "head" if self._is_head_open else "trailer"
            message = f"the {part} of a request has at most {HEAD_BYTES_MAX} bytes"
            self._refuse("431 Request Header Fields Too Large", message)

    def _feed(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while True:
                try:
                    self.parser.feed_data(rest)
                    return
                except httptools.HttpParserUpgrade as offer:
                    rest = rest[offer.args[0] :]
                    self._read_again()
        except httptools.HttpParserError:
            self.send_400_response("")

    def _read_again(self) -> None:
        """Reads a head without its offer to switch protocols, which we decline (RFC 9110 section 7.8).

        The parser takes what follows such a head for the other protocol, and a body would be dropped in silence.
        Java's HttpClient offers HTTP/2 in every request that is not encrypted.
        """
        parser, kept = self.parser, [pair for pair in self.headers if pair[0] not in OFFER]
        kept.append((b"connection", b"keep-alive" if parser.should_keep_alive() else b"close"))
        head = b"%b %b HTTP/%b\r\n" % (parser.get_method(), self.url, parser.get_http_version().encode())
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.parser.feed_data(head + b"".join(b"%b: %b\r\n" % pair for pair in kept) + b"\r\n")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_head_open = True

    def on_header(self, name: bytes, value: bytes) -> None:
        # A trailer is dropped: the request it would change is being answered already.
        if self._is_head_open:
            name = name.lower()
            self.headers.append((name, value))
            self.expect_100_continue |= name == b"expect" and value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        self._has_gone_on = self._is_body_open = True
        self._body_patience.renew()
        if self.parser.should_upgrade():
            self._require_offer()
            return
        self._stop_expecting()
        method, version = self.parser.get_method(), self.parser.get_http_version()
        targets.describe(self.scope, method=method, target=self.url, version=version)
        before: RequestResponseCycle | None = self.cycle
        self.cycle = self._exchange()
        if before is None or before.response_complete:
            if self.scope["method"] == "GET":
                self._ready = self.cycle
            else:
                self._start_asgi_task(self.cycle, self.app)
        else:  # pipelined: it waits for the answers before it
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _answer(self, exchange: Exchange) -> None:
        """Nearly every GET is answered without waiting, which a task of its own would do first."""
        self._ready = None
        if self._is_body_open:
            self._start_asgi_task(exchange, self.app)
        elif task := eager.start(self.loop, exchange.run_asgi(self.app)):
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)

    def _require_offer(self) -> None:
        """CONNECT demands a tunnel. Its head cannot be read as anything else: an error here is answered with 400."""
        if self.parser.get_method() == b"CONNECT":
            raise ValueError("no tunnels")

    def _exchange(self) -> Exchange:
        return Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            # RFC 9110 section 10.1.1: ignored in HTTP/1.0, where an answer before the answer is not understood.
            expect_100_continue=self.expect_100_continue and self.scope["http_version"] != "1.0",
            keep_alive=self.scope["http_version"] != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def on_body(self, body: bytes) -> None:
        self._has_gone_on = True
        self._body_patience.moved(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._has_gone_on = True
        if self.parser.should_upgrade():
            return  # it is read again
        self._is_body_open = False
        self._stop_lingering()
        super().on_message_complete()
        if self.cycle.response_complete and self.cycle.is_last:
            self.transport.close()

    def _watch(self) -> None:
        # Without a parser the connection is lost, and its descriptor may be another's by now.
        if self._look_timer is None and self.parser is not None:
            self._look_timer = self.loop.call_later(patience.LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Once a second, whether the client goes on. What waits for us does not count against it."""
        self._look_timer = None
        is_sending = self._is_body_open and not self.cycle.response_complete
        if is_sending and not self.flow.read_paused and self._body_patience.is_over(patience.LOOK_SECONDS):
            self._refuse("408 Request Timeout", "the rest of the request came too slowly")
            return
        is_answering = self.flow.write_paused or self.transport.is_closing()  # what is unread does not grow
        self._note_read()
        if is_answering and self._answer_patience.is_over(patience.LOOK_SECONDS):
            refusals.cut(self.transport)
        elif is_answering or is_sending:
            self._watch()

    def _note_read(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._answer_patience.moved(max(0, self._unread - unread))
        self._unread = unread

    def _close(self) -> None:
        """What was written goes out first, if the client takes it in time."""
        self.transport.close()
        self._watch()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._watch()
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(IDLE_SECONDS_MAX, self._end_idle)
        if self._is_body_open:  # the rest of a body that nobody reads is let pass, for a while
            self._stop_lingering()
            self._linger_timer = self.loop.call_later(LINGER_SECONDS_MAX, self._close)

    def _end_idle(self) -> None:
        """One timer for the life of a connection: armed and stopped by each request, it would cost more than it."""
        self._idle_timer = None
        if self._idle_since is None:
            return  # the next answer arms it
        left = self._idle_since + IDLE_SECONDS_MAX - self.loop.time()
        if left <= 0:
            self._close()
        else:
            self._idle_timer = self.loop.call_later(left, self._end_idle)

    def send_400_response(self, msg: str) -> None:
        self._refuse("400 Bad Request", "this is not a valid HTTP request")

    def _refuse(self, status: str, message: str) -> None:
        self._stop_expecting()
        answer = refusals.written(status, message)
        # In the middle of another answer it would be taken for a part of that one.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(answer)
        self._close()

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS_MAX, self._close)

    def _stop_lingering(self) -> None:
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self._linger_timer = None

    def _stop_expecting(self) -> None:
        self._is_head_open = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
