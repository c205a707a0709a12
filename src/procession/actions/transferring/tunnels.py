"""A proxy of this process alone, through which a library reaches the one host that was checked, and no other.

The library looks names up by itself and follows redirects, with whatever it knows; here both end at that host.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from procession.actions.reaching import addresses
from procession.actions.reaching.addresses import CheckedAddress

HEAD_BYTES_MAX = 8_192
CONNECT_SECONDS_MAX = 15.0
IDLE_SECONDS_MAX = 120.0
CHANNELS_MAX = 32  # at once; the library keeps a few


class Tunnel:
    """Answers CONNECT for the host and port of `places` (RFC 9110, section 9.3.6), or requests to it in absolute form
    (RFC 9112, section 3.2.2) where it speaks no TLS. Everything else is refused.
    """

    def __init__(self, places: tuple[CheckedAddress, ...]) -> None:
        self._places = places
        # Whoever else on this machine finds the port reaches that one host, and no proof of ours goes with it.
        self._ear = socket.create_server(("127.0.0.1", 0), backlog=CHANNELS_MAX)
        self._free = threading.Semaphore(CHANNELS_MAX)
        threading.Thread(target=self._serve, name="tunnel", daemon=True).start()

    @property
    def address(self) -> str:
        host, port = self._ear.getsockname()
        return f"http://{host}:{port}"

    def close(self) -> None:
        # shutdown() wakes accept(), close() alone does not.
        with suppress(OSError):
            self._ear.shutdown(socket.SHUT_RDWR)
        self._ear.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._ear.accept()
            except OSError:
                return
            # Closed and not kept waiting: the library tries again.
            if not self._free.acquire(blocking=False):
                client.close()
                continue
            threading.Thread(target=self._lead, args=(client,), name="tunnel channel", daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        try:
            with client, suppress(OSError):
                client.settimeout(IDLE_SECONDS_MAX)
                head = _head(client)
                if head.startswith(b"CONNECT "):
                    is_wanted, first = self._authority() == _target(head), b""
                else:
                    first = self._in_origin_form(head)
                    is_wanted = bool(first)
                if is_wanted:
                    self._join(client, first)
                else:
                    client.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        finally:
            self._free.release()

    def _authority(self) -> bytes:
        place = self._places[0]
        host = f"[{place.host}]" if ":" in place.host else place.host
        return f"{host}:{place.port}".encode()

    def _in_origin_form(self, head: bytes) -> bytes:
        """The head as the server takes it; empty where it is meant for another one."""
        authority = self._authority()
        for known in (authority, authority.removesuffix(b":80")):
            before, there, path = head.partition(b" http://" + known + b"/")
            if there and b" " not in before:
                return before + b" /" + path
        return b""

    def _join(self, client: socket.socket, first: bytes) -> None:
        try:
            server = addresses.connect(self._places, seconds_max=CONNECT_SECONDS_MAX)
        except OSError:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return
        with server:
            server.settimeout(IDLE_SECONDS_MAX)
            if first:
                # What follows on this connection goes to the same server, whatever it says.
                server.sendall(first)
            else:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pump, args=(server, client), name="tunnel back", daemon=True)
            back.start()
            _pump(client, server)
            # What the server still sends must arrive before the sockets close.
            back.join(IDLE_SECONDS_MAX)


def _target(head: bytes) -> bytes:
    return head.split(b"\r\n", 1)[0].split(b" ")[1]


def _head(client: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < HEAD_BYTES_MAX:
        # A byte at a time: what comes behind belongs to the server.
        byte = client.recv(1)
        if not byte:
            break
        head += byte
    return head


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(65_536):
            target.sendall(block)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
