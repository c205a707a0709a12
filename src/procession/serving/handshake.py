"""TLS connections before their handshake: counted like all others, and cut off when it takes too long."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from uvicorn.protocols.utils import get_remote_addr

from procession.serving import eager, refusals
from procession.serving.connections import Connections

HANDSHAKE_SECONDS_MAX = 10.0  # as long as a head may take
PATIENCE_SECONDS = 1.0  # after which one gives way where all connections are taken


class TlsConnection(asyncio.Protocol):
    """Shakes hands, then hands over to the protocol that `make` makes.

    asyncio's own servers know of a connection only when its handshake is done: a client that is silent is in no count.
    """

    def __init__(
        self, context: ssl.SSLContext, make: Callable[[], asyncio.Protocol], all_connections: Connections
    ) -> None:
        self._context = context
        self._make = make
        self._all = all_connections
        self._loop = asyncio.get_running_loop()
        self._opened_at = self._loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        address, _ = get_remote_addr(transport) or ("", 0)
        refusal = self._all.enter(self, address, self._opened_at)
        if refusal is not None and len(self._all.refused) >= refusals.LINGERING_MAX:
            transport.abort()
            return
        if refusal is not None:
            self._all.refused.add(self)  # it is told so once it can read it
        # At once: what comes before the handshake has begun would be lost.
        self._task = eager.start(self._loop, self._shake_hands())

    def is_waiting(self) -> bool:
        return self._loop.time() - self._opened_at >= PATIENCE_SECONDS

    def give_way(self) -> None:
        self._transport.abort()

    async def _shake_hands(self) -> None:
        early = _Early()
        try:
            transport = await self._loop.start_tls(
                self._transport,
                early,
                self._context,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS_MAX,
                ssl_shutdown_timeout=HANDSHAKE_SECONDS_MAX,
            )
        except OSError:  # ssl.SSLError and TimeoutError are some
            self._transport.abort()
            return
        finally:
            self._all.leave(self)
            self._all.refused.discard(self)
        if transport is not None and not early.is_over:
            early.hand_over(transport, self._make())


class _Early(asyncio.Protocol):
    """Keeps what comes in the moment between the handshake and the protocol that reads it."""

    def __init__(self) -> None:
        self._data = b""
        self.is_over = False

    def data_received(self, data: bytes) -> None:
        self._data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._data:
            protocol.data_received(self._data)
