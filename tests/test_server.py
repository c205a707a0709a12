"""A real server, started and ended as an operator does it."""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
from pathlib import Path

import pytest

from tests.programs import ECHO, apply_text, ask, command, serving, sign_in
from tests.support import certificate, wait_until

pytestmark = pytest.mark.acceptance


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_a_new_home_is_private_and_has_an_administrator(home: Path) -> None:
    with serving(home, anew=True) as server:
        health = ask("GET", f"{server.address}/health")

        assert health.json == {"status": "ok"}
        assert home.stat().st_mode & 0o777 == 0o700
        assert server.ready["hasApplications"] is False
        assert "memory" in {wall["name"] for wall in server.ready["walls"]}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_time_when_it_is_told_to(home: Path, number: int) -> None:
    with serving(home, anew=True) as server:
        assert server.end(number) == 0


def test_it_ends_in_time_while_a_step_runs_and_the_run_goes_on_at_the_next_start(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROCESSION_GRACE_SECONDS", "0.5s")
    apply_text(home, ECHO % "word" + SLOW)
    with serving(home) as server:
        run = command(home, "run", "Echo", "--json").json["id"]
        wait_until(lambda: _status_of(home, run, "nap") == "Running")

        assert server.end() == 0

    with serving(home) as server:
        status = sign_in(home, server.address).wait_for_end(run)
    assert (status["status"], status["outcome"]) == ("Finished", "Success")


SLOW = """
      - action: wait
        name: Nap
        key: nap
        needs: [count]
        with: {seconds: 4}
"""


def _status_of(home: Path, run: str, key: str) -> str:
    steps = command(home, "status", run, "--json").json["steps"]
    return str(next(step["status"] for step in steps if step["key"] == key))


def test_a_second_server_on_the_same_home_is_refused_in_one_line(home: Path) -> None:
    with serving(home) as server:
        said = command(home, "serve", "--port", "0")

        assert said.code == 1
        assert said.err.count("\n") == 1
        assert f"a server at {server.address}" in said.err


def test_a_taken_port_is_one_line(home: Path, tmp_path: Path) -> None:
    with serving(home) as server:
        said = command(tmp_path / "other", "serve", "--port", server.address.rpartition(":")[2])

    assert said.code == 1
    assert "cannot listen" in said.err


def test_it_serves_tls(home: Path, tmp_path: Path) -> None:
    cert, key = map(str, certificate(tmp_path))

    with serving(home, "--tls-cert", cert, "--tls-key", key) as server:
        assert server.address.startswith("https://")
        assert ask("GET", f"{server.address}/health").status == 200


def test_what_is_not_http_gets_the_error_body_of_the_api(home: Path) -> None:
    with serving(home) as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"HELLO\r\n\r\n")
            said = connection.makefile("rb").read()

    assert said.startswith(b"HTTP/1.1 400 ")
    assert b'"supportId"' in said


def test_a_request_s_head_has_a_size_beyond_which_it_is_refused(home: Path) -> None:
    with serving(home) as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX: ")
            with contextlib.suppress(ConnectionError):
                for _ in range(100):
                    connection.sendall(b"a" * 1_000_000)
            with contextlib.suppress(ConnectionError):
                assert connection.makefile("rb").read().startswith(b"HTTP/1.1 431 ")
        large = ask("GET", f"{server.address}/health", X="a" * 30_000)

    assert large.status == 200
    assert '"status": 431' in server.log.read_text()


@pytest.mark.parametrize(
    ("opening", "piece"),
    [
        pytest.param(b"0\r\n", b"X: " + b"a" * 1_000 + b"\r\n", id="many trailers"),
        pytest.param(b"0\r\nX: ", b"a" * 1_000, id="a trailer without end"),
        pytest.param(b"1;x=", b"a" * 1_000, id="an extension of a chunk without end"),
    ],
)
def test_what_follows_the_body_of_a_request_has_a_size_beyond_which_it_is_cut(
    home: Path, opening: bytes, piece: bytes
) -> None:
    with serving(home) as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            head = b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.sendall(head + opening)
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 50_000_000:
                    connection.sendall(piece * 100)
                    sent += len(piece) * 100

    assert sent < 10_000_000


@pytest.mark.thorough
def test_a_refused_client_that_stops_in_its_body_is_let_go(home: Path) -> None:
    with serving(home) as server, contextlib.ExitStack() as held:
        host, _, port = server.address.removeprefix("http://").partition(":")
        clients = [held.enter_context(socket.create_connection((host, int(port)), timeout=30)) for _ in range(2)]
        for client, more in zip(clients, [b"", b"x"], strict=True):
            client.sendall(b"POST /api/v1/files/f-1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
            client.recv(1)
            client.sendall(more)

        said = [client.makefile("rb").read() for client in clients]

    assert [b'"supportId"' in text for text in said] == [True, True]


def test_a_refused_client_that_goes_on_sending_sees_why(home: Path) -> None:
    with serving(home) as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(b"POST /api/v1/files/f-1 HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n")
            for _ in range(200):
                connection.sendall(b"x" * 100_000)
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            said = connection.makefile("rb").read()

    assert [said.count(text) for text in (b"HTTP/1.1 401 ", b"HTTP/1.1 200 ")] == [1, 1]


def test_a_new_database_is_nobody_else_s_also_where_the_folder_was_there(home: Path) -> None:
    home.mkdir(mode=0o755, parents=True)

    command(home, "user", "create", "--email", "a@x.org", "--first-name", "A", "--last-name", "B", "--role", "Designer")

    modes = {path.name: path.stat().st_mode & 0o777 for path in home.glob("procession.db*")}
    assert modes and set(modes.values()) == {0o600}


def test_what_an_earlier_server_left_of_its_steps_goes_at_the_start(home: Path) -> None:
    with serving(home) as server:
        server.end(signal.SIGKILL)
    left = home / "work" / "71" / "deep"
    left.mkdir(parents=True)
    (left / "half.csv").write_text("a")

    with serving(home):
        assert not left.parent.exists()


def test_a_commit_in_doubt_is_answered_and_ends_the_server_with_70(home: Path) -> None:
    apply_text(home, ECHO % "word")
    with serving(home) as server:
        client = sign_in(home, server.address)
        # From now on no file of the server may grow: the write-ahead log cannot be written.
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, 4096))

        answer = client.ask("POST", "processes/p-1/processruns", {})

        assert answer.status == 503
        assert set(answer.json) == {"message", "supportId"}
        assert server.process.wait(10) == 70


def test_whoever_is_told_an_address_is_told_the_public_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCESSION_PUBLIC_URL", "https://close.example")
    monkeypatch.setenv("PROCESSION_TRUSTED_PROXIES", "none")
    with serving(home) as server:
        told = ask("GET", f"{server.address}/.well-known/oauth-authorization-server", X_Forwarded_Proto="ftp").json

    assert told["issuer"] == "https://close.example"
