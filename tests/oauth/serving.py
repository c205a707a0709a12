"""Servers on loopback that are used again: starting and ending one takes longer than what most tests ask of it."""

from __future__ import annotations

import asyncio
import atexit
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from tests.support import wait_until

_idle: list[_Server] = []


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of a server of this application. Its connections must be closed when the block ends."""
    server = _idle.pop() if _idle else _Server()
    server.app = app
    try:
        yield server.address
    finally:
        server.app = None
        _idle.append(server)


class _Server:
    def __init__(self) -> None:
        self.app: Any = None
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        self.address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            self._answer, interface="asgi3", lifespan="off", log_config=None, access_log=False, ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([listening])), daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started)
        atexit.register(self._end)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    def _end(self) -> None:
        self._server.should_exit = True
        self._thread.join()
