"""Clients that begin TLS and never end it: they are counted as everybody is, and hold nobody up."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import Running, serving
from tests.support import certificate, wait_until

pytestmark = pytest.mark.acceptance
CONNECTIONS_MAX = 64
OTHER_FILES_MAX = 24  # what the server opens meanwhile, as for processes that it keeps ready


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    cert, key = certificate(tmp_path)
    monkeypatch.setenv("PROCESSION_CONNECTIONS_MAX", str(CONNECTIONS_MAX))
    with serving(tmp_path / "home", "--tls-cert", str(cert), "--tls-key", str(key)) as running:
        yield running


def connected(server: Running, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2])), 10, (source, 0))


def said(server: Running, source: str) -> bytes:
    """What it answers over TLS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with connected(server, source) as line, context.wrap_socket(line) as encrypted:
        encrypted.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return encrypted.makefile("rb").read()


def is_served(server: Running, source: str) -> bool:
    with contextlib.suppress(OSError):
        return said(server, source).startswith(b"HTTP/1.1 200 ")
    return False


def open_files(server: Running) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_handshakes_that_never_end_hold_neither_files_nor_others_up(server: Running) -> None:
    before = open_files(server)
    with contextlib.ExitStack() as held:
        for number in range(3 * CONNECTIONS_MAX):
            held.enter_context(connected(server, f"127.0.1.{number % 7 + 1}"))

        wait_until(lambda: is_served(server, "127.0.2.1"), 5)
        assert open_files(server) <= before + CONNECTIONS_MAX + OTHER_FILES_MAX

    wait_until(lambda: open_files(server) <= before + OTHER_FILES_MAX)
    assert said(server, "127.0.1.1").endswith(b'{"status":"ok"}')


def test_a_server_ends_in_time_while_a_handshake_is_under_way(server: Running) -> None:
    with connected(server, "127.0.0.1") as silent:
        assert is_served(server, "127.0.0.1")

        assert server.end() == 0
        assert silent.recv(1) == b""
    assert '"level": "error"' not in server.log.read_text()


def test_what_is_no_tls_is_hung_up_on(server: Running) -> None:
    with connected(server, "127.0.0.1") as line:
        line.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")

        assert b"HTTP" not in line.makefile("rb").read()
    assert is_served(server, "127.0.0.1")
