"""A real HTTP server on loopback, for tests: it keeps what it was asked, and answers as it is told."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from procession.actions.contract import ConnectionInput


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    headers: dict[str, str]  # by names in lower case
    body: bytes
    lines: tuple[str, ...] = ()  # their names, each as often as it was sent

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)


@dataclass(frozen=True)
class Said:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""  # instead of all that: what goes over the wire
    pieces: Callable[[], Iterator[bytes]] | None = None  # written one after the other, without a size before them


Answers = Callable[[Asked], Said]


def as_json(value: Any, status: int = 200, **headers: str) -> Said:
    return Said(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


@dataclass
class HttpServer:
    port: int = 0
    is_tls: bool = False
    answers: Answers = lambda asked: Said()
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    ears: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http{'s' if self.is_tls else ''}://127.0.0.1:{self.port}"

    def connection(self, path: str = "", **options: Any) -> ConnectionInput:
        """To this server; what is no option of HTTP is a secret."""
        secrets: dict[str, str] = {
            name: options.pop(name) for name in ("password", "token", "value") if name in options
        }
        private = options.pop("private_hosts", True)
        return ConnectionInput(
            name="bank",
            kind="http",
            options={"url": self.url + path, **options},
            secrets=secrets,
            private_hosts=private,
        )


def _handler(server: HttpServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            server.connections += 1
            super().setup()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: what was asked is kept."""

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, self.path, {name.lower(): text for name, text in self.headers.items()}, body,
                tuple(name.lower() for name in self.headers))  # fmt: skip
            server.asked.append(asked)
            said = server.answers(asked)
            try:
                self.say(said)
            except OSError:
                self.close_connection = True  # whoever asked has gone

        def say(self, said: Said) -> None:
            if said.raw or said.pieces is not None:
                self.close_connection = True
                for piece in [said.raw] if said.raw else said.pieces():  # type: ignore[misc]
                    self.wfile.write(piece)
                return
            self.send_response(said.status)
            for name, text in said.headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    return Handler


class _Listening(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away, or that does not trust this server, is what some tests are about."""


@contextmanager
def running(certificate: tuple[Path, Path] | None = None) -> Iterator[HttpServer]:
    made = HttpServer(is_tls=certificate is not None)
    listening = _Listening(("127.0.0.1", 0), _handler(made))
    listening.daemon_threads = True
    made.port, made.ears = listening.server_port, [listening.socket]
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        listening.socket = context.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def bank() -> Answers:
    """Balances and payments, for the examples of call_http."""
    paid: list[Asked] = []

    def answer(asked: Asked) -> Said:
        if asked.method == "GET" and asked.path.startswith("/accounts/"):
            account, [day] = asked.path.removeprefix("/accounts/"), asked.query["on"]
            text = f'{{"account": "{account}", "on": "{day}", "balance": 1200.50}}'
            return Said(200, text.encode(), {"Content-Type": "application/json"})
        if asked.method == "POST" and asked.path == "/payments":
            paid.append(asked)
            return as_json({"id": f"p{len(paid)}"}, 201)
        return as_json({"error": "there is no such thing"}, 404)

    return answer
