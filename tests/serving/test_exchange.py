"""One answer is one write, framed as the client's version of HTTP knows it, and never shorter or longer than it says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from procession.serving.exchange import Exchange

LENGTH = (b"content-length", b"8")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n"


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.writes.append(b"closed")

    def is_closing(self) -> bool:
        return False


def written(
    talk: Callable[[Exchange], Awaitable[None]], *, method: str = "GET", version: str = "1.1", expects: bool = False
) -> list[bytes]:
    """What goes out while `talk` answers."""
    wire, log = Wire(), logging.getLogger("exchange")

    async def answer() -> None:
        exchange = Exchange(
            scope={"method": method, "http_version": version},  # type: ignore[typeddict-item]
            transport=wire,
            flow=SimpleNamespace(write_paused=False, resume_reading=int),  # type: ignore[arg-type]
            logger=log,
            access_logger=log,
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=expects,
            keep_alive=version == "1.1",
            on_response=lambda: None,
        )
        exchange.message_event.set()
        exchange.more_body = False
        await talk(exchange)

    asyncio.run(answer())
    return wire.writes


async def begin(exchange: Exchange, *headers: tuple[bytes, bytes], status: int = 200) -> None:
    await exchange.send({"type": "http.response.start", "status": status, "headers": headers})


async def go_on(exchange: Exchange, body: bytes, *, more: bool = False) -> None:
    await exchange.send({"type": "http.response.body", "body": body, "more_body": more})


def test_a_head_and_the_first_piece_are_one_write_after_an_interim_answer() -> None:
    async def talk(exchange: Exchange) -> None:
        await exchange.receive()
        await begin(exchange, LENGTH)
        await go_on(exchange, b"body", more=True)
        await go_on(exchange, b"more")

    assert written(talk, expects=True) == [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + b"body", b"more"]


def test_the_head_of_a_stream_goes_out_before_there_is_anything_to_say() -> None:
    async def talk(exchange: Exchange) -> None:
        await begin(exchange)
        await go_on(exchange, b"", more=True)
        await go_on(exchange, b"news", more=True)
        await go_on(exchange, b"")

    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert written(talk) == [head, b"4\r\nnews\r\n", b"0\r\n\r\n"]


def test_a_client_of_http_1_0_gets_no_chunks_and_sees_the_end_by_the_connection() -> None:
    async def talk(exchange: Exchange) -> None:
        await begin(exchange)
        await go_on(exchange, b"news", more=True)
        await go_on(exchange, b"")

    assert written(talk, version="1.0") == [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nnews", b"", b"closed"]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304)])
def test_an_answer_without_a_body_ends_with_its_head(method: str, status: int) -> None:
    async def talk(exchange: Exchange) -> None:
        await begin(exchange, LENGTH, status=status)
        await go_on(exchange, b"")

    (head,) = written(talk, method=method)
    assert head.endswith(b"\r\ncontent-length: 8\r\n\r\n")


@pytest.mark.parametrize("body", [b"shorter", b"too long!"])
def test_a_body_that_is_not_as_long_as_was_said_is_an_error(body: bytes) -> None:
    async def talk(exchange: Exchange) -> None:
        await begin(exchange, LENGTH)
        with pytest.raises(RuntimeError, match="than its Content-Length"):
            await go_on(exchange, body)

    written(talk)


def test_a_header_that_holds_the_end_of_one_is_refused() -> None:
    async def talk(exchange: Exchange) -> None:
        with pytest.raises(RuntimeError, match="what would end it"):
            await begin(exchange, (b"location", b"/\r\nset-cookie: stolen=1"))

    assert written(talk) == []
