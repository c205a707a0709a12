"""uvicorn as we run it: HTTP/1.1 and TLS on one address."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn

from procession.config import SettingError, Settings
from procession.model.errors import ProcessionError
from procession.serving import connections, http
from procession.serving.connections import Connections
from procession.serving.handshake import TlsConnection

if TYPE_CHECKING:
    from procession.door.dispatch import Api

DRAIN_SECONDS_MAX = 2  # for requests under way when the server is told to end; long polls are cut
BACKLOG = 2048


def is_news(record: logging.LogRecord) -> bool:
    """False for an error that cut an answer under way: the dispatcher has logged it, with its supportId."""
    return not (record.exc_info and isinstance(record.exc_info[1], ProcessionError))


def bind(settings: Settings) -> socket.socket:
    """Listen there: from now on connections wait for us. Raises SettingError when the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        raise SettingError(f"cannot listen at {settings.host} port {settings.port}: {error.strerror}") from error
    return listening


def address(settings: Settings, listening: socket.socket) -> str:
    """The URL to reach us at, with the real port."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.uses_tls else 'http'}://{host}:{listening.getsockname()[1]}"


class HttpServer(uvicorn.Server):
    """uvicorn's, whose connections know each other, also before their TLS handshake."""

    def __init__(self, config: uvicorn.Config, all_connections: Connections) -> None:
        super().__init__(config)
        self._connections = all_connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        make: Callable[[], asyncio.Protocol] = self._connection
        if self.config.ssl is not None:
            make = partial(TlsConnection, self.config.ssl, self._connection, self._connections)
        self.servers = [await loop.create_server(make, sock=listening, backlog=BACKLOG) for listening in sockets or ()]
        self.started = True

    def _connection(self) -> http.HttpConnection:
        return http.HttpConnection(self.config, self.server_state, {}, connections=self._connections)


def make_server(app: Api, settings: Settings, open_files: int) -> uvicorn.Server:
    """Raises SettingError for a certificate or key that is none."""
    files: dict[str, Any] = {}
    if settings.uses_tls:
        files = {"ssl_certfile": settings.tls_cert, "ssl_keyfile": settings.tls_key}
    config = uvicorn.Config(
        app,
        http=http.HttpConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=http.IDLE_SECONDS_MAX,
        timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
        **files,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise SettingError(f"the TLS certificate and key cannot be used: {error}") from error
    logging.getLogger("uvicorn.error").addFilter(is_news)
    return HttpServer(config, Connections(room=connections.room(settings, open_files)))


def answer(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve until SIGTERM, SIGINT or server.should_exit."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve(sockets=[listening]))
