"""A house on loopback, for a browser."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.api.house import House
from tests.support import wait_until


@contextmanager
def served(house: House, port: int = 0) -> Iterator[str]:
    """Its address; on a port that one had before, it is the same server come back."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(64)
        config = uvicorn.Config(house.app, lifespan="off", log_config=None, access_log=False, ws="none")
        # A page that is open keeps its stream; the test has closed it by then, and nobody waits for long.
        config.timeout_graceful_shutdown = 1
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
