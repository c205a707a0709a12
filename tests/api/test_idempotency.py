"""Idempotency-Key: a request that is sent again is carried out once, and answered as it was the first time."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import socket
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.house import House
from tests.api.test_users import JILL
from tests.programs import ECHO, command, serving, sign_in
from tests.support import wait_until

KEY = {"Idempotency-Key": "0a1b2c"}


def send(home: House, path: str, *, key: str = "0a1b2c", who: str = "owner", **more: Any) -> httpx2.Response:
    return home.ask("POST", path, who=who, headers={"Idempotency-Key": key, **more.pop("headers", {})}, **more)


def runs(home: House) -> list[str]:
    return [item["id"] for item in home.get("processruns", who="admin")]


def test_a_run_is_created_once_and_answered_twice(home: House) -> None:
    path, body = f"processes/{home.process}/processruns", {"namePrefix": "Nightly", "start": True}

    first, second = send(home, path, json=body), send(home, path.upper(), json=body)

    assert first.status_code == 200
    assert (first.content, first.headers["content-type"]) == (second.content, second.headers["content-type"])
    assert runs(home) == [first.json()["id"]]
    assert len(home.told) == 1


def test_two_at_once_are_carried_out_once(home: House) -> None:
    path = f"processes/{home.process}/processruns"

    async def both() -> list[httpx2.Response]:
        return await asyncio.gather(*(home.ask_async("POST", path, headers=KEY) for _ in range(8)))

    answers = asyncio.run(both())

    assert {answer.content for answer in answers} == {answers[0].content}
    assert len(runs(home)) == 1


def test_another_body_under_the_same_key_is_refused(home: House) -> None:
    path = f"processes/{home.process}/processruns"
    send(home, path, json={"namePrefix": "One"})

    answer = send(home, path, json={"namePrefix": "Two"})

    assert answer.status_code == 400
    assert "this Idempotency-Key was used for another body" in answer.json()["message"]
    assert len(runs(home)) == 1


def test_a_key_is_of_its_user_its_path_and_its_day(home: House) -> None:
    path = f"processes/{home.process}/processruns"
    one = send(home, path).json()["id"]

    assert send(home, path, who="mate").json()["id"] != one
    assert send(home, path, key="other").json()["id"] != one
    assert send(home, f"processruns/{one}/start").json()["status"] == "Scheduled"
    home.clock.advance(timedelta(hours=24).total_seconds() + 1)
    home.renew_tokens()
    assert send(home, path).json()["id"] != one
    assert len(runs(home)) == 4


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_a_clock_that_is_set_has_nothing_carried_out_twice(home: House, jump: int) -> None:
    path = f"processes/{home.process}/processruns"
    one = send(home, path).json()["id"]

    home.clock.jump(jump)
    home.renew_tokens()
    home.clock.advance(timedelta(hours=24).total_seconds() - 1)
    home.renew_tokens()

    assert send(home, path).json()["id"] == one
    assert len(runs(home)) == 1


def test_what_was_refused_is_not_remembered(home: House) -> None:
    refused = send(home, "tables", json={"name": ""})
    made = send(home, "tables", json={"name": "Rates"})

    assert (refused.status_code, made.status_code) == (400, 200)


def test_a_restart_under_one_key_happens_once(home: House) -> None:
    run = home.new_run(start=True)
    home.take(run)
    home.finish(run)
    path = f"processruns/{run}/steps/{home.step(run, 'settle')}/restartfromhere"

    first, second = send(home, path), send(home, path)

    assert first.content == second.content
    assert home.get(f"processruns/{run}/runstatus")["attempt"] == 2


@pytest.mark.parametrize(
    ("path", "body", "secret"),
    [("applications", {"name": "Nightly"}, "clientSecret"), ("users", JILL, "setPasswordLink")],
)
def test_an_answer_with_a_secret_is_not_kept(home: House, path: str, body: dict[str, Any], secret: str) -> None:
    before = len(home.get(path, who="admin"))
    first, second = (send(home, path, who="admin", json=body) for _ in range(2))

    assert secret in first.json()
    assert second.status_code == 400
    assert "was carried out before under the same Idempotency-Key" in second.json()["message"]
    assert len(home.get(path, who="admin")) == before + 1
    with home.database.read() as tx:
        assert tx.all("SELECT answer FROM repeat") == [(None,)]


def test_a_password_cannot_be_tried_on_what_is_kept_of_the_body(home: House) -> None:
    body = json.dumps({**JILL, "password": "correct horse"}).encode()

    answer = send(home, "users", who="admin", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 200
    without_key = hashlib.sha256(f"\n{hashlib.sha256(body).hexdigest()}".encode()).hexdigest()
    kept = home.database.write(lambda tx: tx.all("SELECT * FROM repeat"))
    assert len(kept) == 1
    assert without_key not in str(kept) and hashlib.sha256(body).hexdigest() not in str(kept)


def test_users_processes_and_columns_are_made_once(home: House) -> None:
    table = home.post("tables", json={"name": "Rates"})["id"]
    process = ECHO % "word"
    for path, more in (
        ("users", {"json": {**JILL, "password": "correct horse battery"}}),
        ("processes", {"content": process}),
        (f"tables/{table}/columns", {"json": {"name": "Rate", "dataType": "Number"}}),
    ):
        first, second = (send(home, path, who="admin", **more) for _ in range(2))
        assert first.status_code == 200, first.text
        assert (second.status_code, second.content) == (200, first.content)


def test_rows_are_appended_once(home: House) -> None:
    table = home.post("tables", json={"name": "Rates"})["id"]
    home.post(f"tables/{table}/columns", json={"name": "Rate", "dataType": "Number"})
    path = f"tables/{table}/rows"
    rows: dict[str, Any] = {"content": b"Rate\n1\n2\n", "headers": {"content-type": "text/csv"}}

    first, second = send(home, path, **rows), send(home, path, **rows)

    assert first.json()["rowsAdded"] == 2
    assert second.content == first.content
    assert len(home.get(path)) == 2
    assert send(home, path + "?mode=replace", **rows).status_code == 400


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "grüezi"])
def test_a_key_that_is_none_is_refused(home: House, key: str) -> None:
    answer = home.ask("POST", "tables", json={"name": "Rates"}, headers={b"idempotency-key": key.encode("latin-1")})

    assert answer.status_code == 400
    assert "Idempotency-Key must be 1 to 255 printable ASCII characters" in answer.json()["message"]


def test_an_answer_that_was_lost_on_the_way_can_be_asked_for_again(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "echo.yaml"
    file.write_text(ECHO % "word")
    assert command(home, "apply", str(file)).code == 0
    with serving(home) as server:
        client = sign_in(home, server.address)
        host, port = re.findall(r"//(.*):(\d+)", server.address)[0]
        head = (
            f"POST /api/v1/processes/p-1/processruns HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {client.token}"
        )
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(f"{head}\r\nIdempotency-Key: k\r\nContent-Length: 0\r\n\r\n".encode())
            # The connection is gone before the answer was read.
        wait_until(partial(client.json, "GET", "processruns"))
        bearer = {"Authorization": f"Bearer {client.token}", "Idempotency-Key": "k"}
        again = httpx2.post(f"{server.address}/api/v1/processes/p-1/processruns", headers=bearer)

        assert again.status_code == 200
        assert [run["id"] for run in client.json("GET", "processruns")] == [again.json()["id"]]
