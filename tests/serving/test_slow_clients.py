"""Slow clients are borne for a while, by what they send and read, and then no longer."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from procession.serving import patience
from procession.serving.connections import Connections, Room
from procession.serving.http import PIPELINED_MAX, HttpConnection
from procession.serving.patience import BYTES_A_SECOND_MIN, Patience

GRACE = int(patience.BODY_GRACE_SECONDS)
HEAD = b"POST /somewhere HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n"


class Wire(asyncio.Transport):
    """A connection whose client takes nothing while `unread` stays."""

    def __init__(self) -> None:
        super().__init__()
        self.said, self.unread, self.end = b"", 0, ""
        self.socket = socket.socket()

    def write(self, data: Any) -> None:
        self.said += data

    def get_write_buffer_size(self) -> int:
        return self.unread

    def close(self) -> None:
        self.end = self.end or "closed"

    def abort(self) -> None:
        self.end = "aborted"

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.socket if name == "socket" else default

    def is_closing(self) -> bool:
        return bool(self.end)

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def talk(act: Callable[[HttpConnection, Wire], None]) -> Wire:
    """What becomes of a connection on which `act` happens; nobody answers its requests."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def live() -> Wire:
        config = uvicorn.Config(app, lifespan="off", log_config=None, ws="none")
        config.load()
        made = Connections(room=Room(most=64, most_of_address=64))
        connection, wire = HttpConnection(config, ServerState(), {}, connections=made), Wire()
        connection.connection_made(wire)
        act(connection, wire)
        end = wire.end
        connection.connection_lost(None)
        connection._watch()
        assert connection._look_timer is None or connection._look_timer.cancelled()
        await asyncio.sleep(0)
        wire.end = end
        wire.socket.close()
        return wire

    return asyncio.run(live())


def test_a_byte_now_and_then_uses_up_the_grace() -> None:
    def trickle(connection: HttpConnection, wire: Wire) -> None:
        connection.data_received(HEAD)
        for _ in range(GRACE + 1):
            assert not wire.end
            connection.data_received(b"x")
            connection._look()

    wire = talk(trickle)

    head, _, body = wire.said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n") and b"connection: close" in head
    assert json.loads(body).keys() == {"message", "supportId"} and wire.end == "closed"


def test_a_body_that_comes_on_steadily_may_take_for_ever() -> None:
    def send(connection: HttpConnection, wire: Wire) -> None:
        connection.data_received(HEAD)
        for _ in range(10 * GRACE):
            connection.data_received(b"x" * BYTES_A_SECOND_MIN)
            connection.cycle.body.clear()  # taken
            connection._look()
        assert not connection.flow.read_paused

    assert talk(send).end == ""


def test_a_client_that_waits_for_us_is_not_slow() -> None:
    def wait(connection: HttpConnection, wire: Wire) -> None:
        connection.data_received(HEAD + b"x" * 100_000)  # nobody takes it, so nothing more is read
        for _ in range(10 * GRACE):
            connection._look()

    assert talk(wait).end == ""


def test_trailers_are_no_progress() -> None:
    def trickle(connection: HttpConnection, wire: Wire) -> None:
        connection.data_received(HEAD.replace(b"content-length: 1000000000", b"transfer-encoding: chunked") + b"0\r\n")
        for number in range(GRACE):
            connection.data_received(b"t%d: x\r\n" % number)
            connection._look()

    assert talk(trickle).said.startswith(b"HTTP/1.1 408 ")


def test_an_answer_that_nobody_reads_is_dropped() -> None:
    def hold(connection: HttpConnection, wire: Wire) -> None:
        wire.unread = 100_000
        connection.pause_writing()
        for _ in range(int(patience.ANSWER_GRACE_SECONDS)):
            assert not wire.end
            connection._look()

    assert talk(hold).end == "aborted"


def test_an_answer_that_is_read_slowly_goes_on() -> None:
    def read(connection: HttpConnection, wire: Wire) -> None:
        wire.unread = 100_000_000
        connection.pause_writing()
        for _ in range(10 * GRACE):
            wire.unread -= BYTES_A_SECOND_MIN
            connection._look()

    assert talk(read).end == ""


def test_what_was_written_before_the_end_is_not_kept_for_a_client_that_never_reads() -> None:
    """aio-libs/aiohttp GHSA-9x8q-7h8h-wcw9: what an answer held stayed after its client had stopped."""

    def hold(connection: HttpConnection, wire: Wire) -> None:
        wire.unread = 100
        connection._refuse("400 Bad Request", "no")
        for _ in range(int(patience.ANSWER_GRACE_SECONDS)):
            connection._look()

    assert talk(hold).end == "aborted"


def test_requests_without_end_are_not_kept() -> None:
    """aio-libs/aiohttp GHSA-4fvr-rgm6-gqmc: requests that wait for the answer before them took all memory."""

    def send(connection: HttpConnection, wire: Wire) -> None:
        connection.data_received(b"POST /x HTTP/1.1\r\nhost: x\r\n\r\n" * (PIPELINED_MAX + 2))
        assert not connection.pipeline

    assert talk(send).end == "closed"


@pytest.mark.parametrize("haste_bytes", [0, 1_000_000_000])
def test_haste_at_first_buys_no_time_later(haste_bytes: int) -> None:
    borne = Patience(30)
    borne.moved(haste_bytes)

    seconds = next(second for second in range(1, 100) if borne.is_over(1))

    assert seconds == 30
