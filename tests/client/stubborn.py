"""A small real HTTP server that answers as it is told: for what ours cannot be made to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN_PATH = "/oauth/token"
DROP = -1  # as a status: hang up without an answer, after the request was read


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer. `body` None: {}; `cut` hangs up after so many bytes of it."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Stubborn:
    """`heard` are the requests to the API, `signed_in` the forms at the token endpoint."""

    def __init__(self, answers: list[Told], token: Mapping[str, Any]) -> None:
        self.answers = answers
        self.token = dict(token)
        self.heard: list[Heard] = []
        self.signed_in: list[str] = []
        self.lock = threading.Lock()
        self.address = ""

    def answer(self, request: Heard) -> Told:
        with self.lock:
            if request.path == TOKEN_PATH:
                self.signed_in.append(request.body.decode())
                token = {"access_token": f"token-{len(self.signed_in)}", "expires_in": 600, **self.token}
                return Told(body=json.dumps(token).encode())
            self.heard.append(request)
            return self.answers.pop(0)


@contextmanager
def stubborn(*answers: Told, **token: Any) -> Iterator[Stubborn]:
    """Gives these answers, one after the other; `token` is added to what the token endpoint says."""
    server = Stubborn(list(answers), token)
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.address = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=partial(http.serve_forever, poll_interval=0.01))
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def _handler(server: Stubborn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told = server.answer(Heard(method=self.command, path=self.path, headers=headers, body=body))
            self.close_connection = True
            if told.status == DROP:
                return
            content = b"{}" if told.body is None else told.body
            self.send_response(told.status)
            for name, value in {"content-length": str(len(content)), "connection": "close", **told.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: told.cut])

        do_GET = do_POST = do_PUT = do_DELETE = _reply

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    return Handler
