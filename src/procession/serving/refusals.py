"""Answers that the server gives before it reads a request."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import struct
import uuid

log = logging.getLogger(__name__)

RETRY_SECONDS = 5
LINGER_SECONDS = 2.0  # a request that nobody reads would otherwise reset the connection, and the answer with it
LINGERING_MAX = 64


def written(status: str, message: str, *, headers: str = "") -> bytes:
    """T12 of docs/wire.md holds for what never became a request, too."""
    support_id = str(uuid.uuid4())
    log.info(message, extra={"supportId": support_id, "status": int(status[:3])})
    body = json.dumps({"message": message, "supportId": support_id}).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}{headers}connection: close\r\n\r\n".encode() + body


def say(transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, message: str, told: set[object]) -> None:
    """503, or nothing at all where many are being told already; `told` holds those."""
    if len(told) >= LINGERING_MAX:
        transport.abort()
        return
    transport.set_protocol(_Farewell(told))
    transport.write(written("503 Service Unavailable", message, headers=f"retry-after: {RETRY_SECONDS}\r\n"))
    loop.call_later(LINGER_SECONDS, transport.abort)


def cut(transport: asyncio.Transport) -> None:
    """End a connection whose client does not read; the kernel would keep what is unread for minutes."""
    line = transport.get_extra_info("socket")  # None once it is closed beneath TLS
    with contextlib.suppress(OSError):
        if line is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class _Farewell(asyncio.Protocol):
    """Passes over what the client sends."""

    def __init__(self, told: set[object]) -> None:
        self._told = told
        told.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._told.discard(self)
