"""TLS connections whose client says nothing, or little, before the handshake is done."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial

import pytest

from tests.programs import Running, serving
from tests.support import certificate, wait_until

pytestmark = pytest.mark.acceptance
MOST = 96
OF_THIS_MACHINE = MOST - MOST // 4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    place = tmp_path_factory.mktemp("handshakes")
    cert, key = map(str, certificate(place))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROCESSION_CONNECTIONS_MAX", str(MOST))
        with serving(place / "home", "--tls-cert", cert, "--tls-key", key) as one:
            yield one


@pytest.fixture
def silent(server: Running) -> Iterator[list[socket.socket]]:
    with ExitStack() as held:
        yield [held.enter_context(plain(server)) for _ in range(400)]


def plain(server: Running) -> socket.socket:
    host, _, port = server.address.removeprefix("https://").partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def still_open(lines: list[socket.socket]) -> int:
    poll = select.poll()
    for line in lines:
        poll.register(line, select.POLLIN)
    return len(lines) - len(poll.poll(0))


def health(server: Running) -> bytes:
    """Nothing where the handshake is refused."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError), plain(server) as raw, context.wrap_socket(raw) as line:
        line.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return b"".join(iter(partial(line.recv, 4096), b""))
    return b""


def test_silent_connections_are_as_many_as_others_may_be(silent: list[socket.socket]) -> None:
    wait_until(lambda: still_open(silent) <= OF_THIS_MACHINE + 64)  # so many may wait to be told why


def test_a_silent_connection_gives_way_to_somebody_who_speaks(server: Running, silent: list[socket.socket]) -> None:
    wait_until(lambda: health(server).startswith(b"HTTP/1.1 200"))


@pytest.mark.thorough
def test_a_silent_connection_ends_by_itself(server: Running) -> None:
    with plain(server) as line:
        line.sendall(b"\x16\x03")
        line.settimeout(15)

        assert line.recv(1) == b""


def test_what_is_no_handshake_ends_the_connection(server: Running) -> None:
    with plain(server) as line:
        line.sendall(b"GET / HTTP/1.1\r\n\r\n")

        while line.recv(4096):
            pass


def test_a_request_that_comes_with_the_last_of_the_handshake_is_read(server: Running) -> None:
    assert [health(server)[-15:] for _ in range(20)] == [b'{"status":"ok"}'] * 20
