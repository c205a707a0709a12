"""Connections over TLS: counted from their first packet on, and encrypted no later than a head may take.

The event loop's own server tells of a connection only after its handshake. Whoever never ends one would not be counted,
and would hold an open file each.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from procession.serving.connections import Connections, OpenConnection

HANDSHAKE_SECONDS_MAX = 10.0  # as long as a head may take
IDLE_SECONDS_LEAST = 1.0  # a client on a slow line needs some
SHORT_SECONDS = 0.1  # between two tries to accept, where no file can be opened

# Makes a connection that takes the place of this one, once it is encrypted.
Make = Callable[[OpenConnection], asyncio.Protocol]


@dataclass(slots=True, kw_only=True, eq=False)
class TlsServer:
    """Accepts what comes to `listening`. Of the event loop alone; uvicorn closes it."""

    listening: socket.socket
    context: ssl.SSLContext
    connections: Connections
    make: Make
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def start(self) -> TlsServer:
        self.listening.setblocking(False)
        self._begin(self._accept_all())
        return self

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, (address, *_) = await loop.sock_accept(self.listening)
            except OSError:  # the client has gone, or there are too many open files
                await asyncio.sleep(SHORT_SECONDS)
                continue
            handshake = _Handshake(since=loop.time())
            if self.connections.enter(handshake, address, loop.time()) is not None:
                accepted.close()  # nothing can be said before it is encrypted
                continue
            handshake.task = self._begin(self._shake(accepted, handshake))

    async def _shake(self, accepted: socket.socket, handshake: _Handshake) -> None:
        # A client that speaks something else, says nothing, or goes.
        with contextlib.suppress(OSError, TimeoutError), contextlib.ExitStack() as undone:
            undone.callback(accepted.close)
            undone.callback(self.connections.leave, handshake)
            await asyncio.get_running_loop().connect_accepted_socket(
                partial(self.make, handshake),
                accepted,
                ssl=self.context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS_MAX,
                ssl_shutdown_timeout=HANDSHAKE_SECONDS_MAX,
            )
            undone.pop_all()  # they are the connection's now


@dataclass(slots=True, kw_only=True, eq=False)
class _Handshake:
    """A connection that is not encrypted yet."""

    since: float
    task: asyncio.Task[None] | None = None

    def is_waiting(self) -> bool:
        return asyncio.get_running_loop().time() - self.since >= IDLE_SECONDS_LEAST

    def give_way(self) -> None:
        assert self.task is not None  # begun in the turn of the loop in which it was counted
        self.task.cancel()
