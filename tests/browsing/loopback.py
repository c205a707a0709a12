"""A program on this machine to which a browser is sent back, as RFC 8252 7.3 has it: on a port that it was given."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

SAID = b"<!doctype html><html lang=en><title>Back</title><p>You may close this page."


class _Back(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        # A browser also asks for an icon, which the program has not.
        has_come = self.path.startswith("/back?")
        self.send_response(200 if has_come else 204)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(SAID if has_come else b"")

    def log_message(self, *_: Any) -> None:
        """Nothing: the output of tests is for what fails."""


@contextmanager
def listening() -> Iterator[str]:
    """The address to come back to."""
    server = HTTPServer(("127.0.0.1", 0), _Back)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/back"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
