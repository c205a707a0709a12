"""Connections of clients that do what public reports tell of, against a real server."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import ECHO, Client, apply_text, ask, serving, sign_in
from tests.support import wait_until

pytestmark = pytest.mark.acceptance
# Java's HttpClient sends it with every request that is not encrypted, and so do Ktor and `curl --http2`.
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"


class Line:
    """A kept connection on which requests are written by hand."""

    def __init__(self, client: Client) -> None:
        host, _, port = client.address.removeprefix("http://").partition(":")
        self._head = f"Host: x\r\nAuthorization: Bearer {client.token}\r\n"
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self._answers = self.socket.makefile("rb")

    def send(self, request: str, more: str = "", *, is_proved: bool = True) -> None:
        head = self._head if is_proved else "Host: x\r\n"
        self.socket.sendall(f"{request} HTTP/1.1\r\n{head}{more}\r\n".encode())

    def answer(self) -> tuple[int, list[bytes], bytes]:
        """Status, headers and body of the next answer."""
        status = int(self._answers.readline().split()[1])
        headers = list(iter(self._answers.readline, b"\r\n"))
        (size,) = [int(line.split(b":")[1]) for line in headers if line.startswith(b"content-length")]
        return status, headers, self._answers.read(size)

    def has_ended(self) -> bool:
        return self._answers.read() == b""

    def close(self) -> None:
        self._answers.close()
        self.socket.close()


class Place:
    """The server, its log, and a process to start."""

    def __init__(self, client: Client, log: Path, process: str) -> None:
        self.client, self.log, self.process = client, log, process


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("connections") / "home"
    with serving(home) as server:
        apply_text(home, ECHO)
        client = sign_in(home, server.address)
        yield Place(client, server.log, client.json("GET", "processes")[0]["id"])


@pytest.fixture
def line(place: Place) -> Iterator[Line]:
    made = Line(place.client)
    yield made
    made.close()


CREATE = json.dumps({"namePrefix": "Java"})


@pytest.mark.parametrize("first", [0, 1_000])  # bytes of the body that come with the head
@pytest.mark.parametrize(
    ("framing", "body"),
    [
        pytest.param(f"Content-Length: {len(CREATE)}\r\n", CREATE, id="length"),
        pytest.param("Transfer-Encoding: chunked\r\n", f"{len(CREATE):x}\r\n{CREATE}\r\n0\r\n\r\n", id="chunks"),
    ],
)
def test_an_offer_of_another_protocol_costs_no_body(
    place: Place, line: Line, framing: str, body: str, first: int
) -> None:
    """Kludex/uvicorn#2722: the run was created without what was asked for, or one request had two answers."""
    request = f"POST /api/v1/processes/{place.process}/processruns HTTP/1.1\r\n{line._head}{H2C}{framing}\r\n"
    line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.socket.sendall((request + body[:first]).encode())
    for byte in body[first:]:
        line.socket.sendall(byte.encode())

    status, _, said = line.answer()

    assert (status, json.loads(said)["name"][:4]) == (200, "Java")
    line.send("GET /api/v1/processes")
    assert line.answer()[0] == 200


def test_many_offers_at_once_are_answered_one_after_the_other(line: Line) -> None:
    line.socket.sendall(f"GET /api/v1/processes HTTP/1.1\r\n{line._head}{H2C}\r\n".encode() * 300)

    assert [line.answer()[0] for _ in range(300)] == [200] * 300


def test_a_tunnel_is_refused(line: Line) -> None:
    line.send("CONNECT /api/v1/processes")

    assert line.answer()[0] == 400
    assert line.has_ended()


def test_a_client_that_waits_to_send_its_body_is_told_that_a_refusal_ends_the_connection(line: Line) -> None:
    """eventlet/eventlet#578, mtrudel/bandit#695: its next request was taken for the body of the refused one."""
    line.send("POST /api/v1/files/f-1", "Expect: 100-continue\r\nContent-Length: 4\r\n", is_proved=False)

    status, headers, _ = line.answer()
    line.socket.sendall(b"body")

    assert (status, b"connection: close\r\n" in headers) == (401, True)
    assert line.has_ended()


def test_a_client_that_wants_no_further_request_sees_why_its_body_is_refused(line: Line) -> None:
    line.send("POST /oauth/token", "Connection: close\r\nContent-Length: 3000000\r\n", is_proved=False)

    status, headers, _ = line.answer()
    line.socket.sendall(b"x" * 3_000_000)

    assert (status, b"connection: close\r\n" in headers) == (413, True)
    assert line.has_ended()


def test_a_long_poll_ends_when_its_client_hangs_up(place: Place) -> None:
    """camunda/camunda#48999: it went on for its minute, with two looks at the permission each second."""
    run = place.client.json("POST", f"processes/{place.process}/processruns", {})["id"]
    line = Line(place.client)
    line.send(f"GET /api/v1/processruns/{run}/runstatus?since=99&wait=60")
    line.close()

    wait_until(lambda: '"client gone"' in place.log.read_text())


def test_a_full_server_says_so_at_once_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCESSION_CONNECTIONS_MAX", "64")
    before, (_, hard) = resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving(tmp_path / "home") as server, contextlib.ExitStack() as held:
        address = ("127.0.0.1", int(server.address.rpartition(":")[2]))

        def begin(source: str) -> socket.socket:
            made = held.enter_context(socket.create_connection(address, 20, (source, 0)))
            made.sendall(b"POST /api/v1/processes HTTP/1.1\r\nHost: x\r\n")
            return made

        slow = [begin("127.0.0.1") for _ in range(48)] + [begin("127.0.0.2") for _ in range(16)]
        late = begin("127.0.0.3")
        said = late.makefile("rb").read()
        slow[0].close()

        assert said.startswith(b"HTTP/1.1 503 ") and b"\r\nretry-after: 5\r\n" in said
        wait_until(lambda: ask("GET", f"{server.address}/api/v1/processes").status == 401)
        assert resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
