"""A real server, started and ended as an operator does it."""

from __future__ import annotations

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
    with serving(home) as server:
        health = ask("GET", f"{server.address}/health")

        assert health.json == {"status": "ok"}
        assert home.stat().st_mode & 0o777 == 0o700
        assert server.ready["hasApplications"] is False
        assert "steps run" in server.ready["isolation"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_time_when_it_is_told_to(home: Path, number: int) -> None:
    with serving(home) as server:
        assert server.end(number) == 0


def test_it_ends_in_time_while_a_step_runs_and_the_run_goes_on_at_the_next_start(home: Path) -> None:
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
        with: {seconds: 12}
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
