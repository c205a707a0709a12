"""Signing in, trying again, and what never may happen to a secret."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from procession.client import (
    Client,
    Damaged,
    Forbidden,
    Invalid,
    NotFound,
    Options,
    ServerFault,
    TimedOut,
    TooMany,
    Unauthorized,
    Unavailable,
)
from tests.client.conftest import Place, opened
from tests.client.stubborn import DROP, Stubborn, Told, stubborn
from tests.client.timing import QuickTiming
from tests.programs import ECHO, apply_text, serving

STATUS = json.dumps({"id": "pr-1", "status": "Running", "dateStarted": None, "dateFinished": None}).encode()
BUSY = json.dumps({"message": "busy", "supportId": "s-1"}).encode()


def client_of(server: Stubborn, timing: QuickTiming, **more: Any) -> Client:
    return Client(server.address, client_id="me", client_secret="s3cret", options=Options(timing=timing), **more)


@pytest.fixture
def timing() -> QuickTiming:
    return QuickTiming()


def test_a_token_is_fetched_once_and_renewed_before_it_expires(timing: QuickTiming) -> None:
    with stubborn(*[Told(body=STATUS)] * 3) as server, client_of(server, timing) as client:
        client.run("pr-1").status()
        timing.advance(569)
        client.run("pr-1").status()
        timing.advance(1)
        client.run("pr-1").status()

    assert [one.headers["authorization"] for one in server.heard] == [
        "Bearer token-1",
        "Bearer token-1",
        "Bearer token-2",
    ]


def test_a_401_is_answered_with_a_new_token_once(timing: QuickTiming) -> None:
    refused = Told(status=401, body=BUSY)
    with stubborn(refused, Told(body=STATUS), refused, refused) as server, client_of(server, timing) as client:
        client.run("pr-1").status()
        with pytest.raises(Unauthorized):
            client.run("pr-1").status()

    assert len(server.heard) == 4
    assert timing.rests == []


def test_a_refresh_token_is_used_up_and_the_next_one_told(timing: QuickTiming) -> None:
    told: list[str] = []
    options = Options(timing=timing, on_refresh_token=told.append)
    with (
        stubborn(*[Told(body=STATUS)] * 2, refresh_token="second") as server,
        Client(server.address, client_id="me", refresh_token="first", options=options) as client,
    ):
        client.run("pr-1").status()
        timing.advance(600)
        client.run("pr-1").status()

    assert told == ["second"]
    assert ["refresh_token=first" in server.signed_in[0], "refresh_token=second" in server.signed_in[1]] == [True, True]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again_after_the_time_it_names(timing: QuickTiming, status: int) -> None:
    busy = Told(status=status, headers={"retry-after": "7"}, body=BUSY)
    with stubborn(busy, busy, Told(body=STATUS)) as server, client_of(server, timing) as client:
        assert client.run("pr-1").status().status == "Running"

    assert timing.rests == [7.0, 7.0]


def test_a_post_is_repeated_with_the_same_key_and_body(timing: QuickTiming) -> None:
    answers = (Told(status=DROP), Told(status=503, body=BUSY), Told(body=STATUS), Told(body=STATUS))
    with stubborn(*answers) as server, client_of(server, timing) as client:
        client.run("pr-1").cancel(reason="why")
        client.run("pr-1").cancel(reason="why")

    keys = [one.headers["idempotency-key"] for one in server.heard]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert {one.body for one in server.heard} == {b'{"reason":"why"}'}
    assert timing.rests == [0.5, 1.0]


DONE = json.dumps(
    {"mode": "append", "version": 2, "rowsGiven": 1, "rowsAdded": 1, "rowsUpdated": 0, "rows": 1}
).encode()
PROCESS = json.dumps({"id": "p-1"}).encode()


def test_every_post_that_does_not_replace_has_a_key_and_is_repeated(timing: QuickTiming) -> None:
    drop, done = Told(status=DROP), Told(body=DONE)
    with stubborn(drop, done, drop, done, drop, Told(body=PROCESS)) as server, client_of(server, timing) as client:
        client.table("mt-1").append([{"Text": "a"}])
        client.table("mt-1").load(b"Text\na\n")
        client.apply("process: A")

    keys = [one.headers["idempotency-key"] for one in server.heard]
    assert keys[0] == keys[1] != keys[2] == keys[3] != keys[4] == keys[5]
    assert [one.body for one in server.heard[::2]] == [one.body for one in server.heard[1::2]]


def test_attempts_are_bounded_and_the_last_error_is_told(timing: QuickTiming) -> None:
    with (
        stubborn(*[Told(status=503, body=BUSY)] * 6) as server,
        client_of(server, timing) as client,
        pytest.raises(Unavailable, match="busy") as caught,
    ):
        client.run("pr-1").status()

    assert (caught.value.status, caught.value.support_id) == (503, "s-1")
    assert timing.rests == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_waiting_for_a_run_ends_in_time_although_nobody_answers(timing: QuickTiming) -> None:
    with (
        stubborn(Told(body=STATUS), *[Told(status=DROP), Told(status=503, body=BUSY)] * 3) as server,
        client_of(server, timing) as client,
        pytest.raises(TimedOut, match="pr-1 is not over after 3 s; it was Running, and") as caught,
    ):
        client.run("pr-1").wait(timeout_seconds=3)

    assert isinstance(caught.value.__cause__, Unavailable)
    assert timing.rests == [0.5, 1.0, 1.5]


def test_who_must_wait_for_too_long_is_told_at_once(timing: QuickTiming) -> None:
    busy = Told(status=429, headers={"retry-after": "3600"}, body=BUSY)
    with stubborn(busy) as server, client_of(server, timing) as client, pytest.raises(TooMany) as caught:
        client.run("pr-1").status()

    assert caught.value.retry_after_seconds == 3600
    assert timing.rests == []


def test_who_waits_for_more_runs_than_may_be_waited_for_is_told_all_the_same(timing: QuickTiming) -> None:
    full = Told(status=429, headers={"retry-after": "5"}, body=BUSY)
    over = Told(body=STATUS.replace(b"Running", b"Finished"))
    with (
        stubborn(Told(body=STATUS), *[full] * Options().attempts_max, over) as server,
        client_of(server, timing) as client,
    ):
        assert client.run("pr-1").wait().status == "Finished"

    assert [one.path for one in server.heard][-1] == "/api/v1/processruns/pr-1/runstatus"


def test_a_delete_whose_answer_was_lost_has_done_its_work(timing: QuickTiming) -> None:
    gone = Told(status=404, body=BUSY)
    with stubborn(Told(status=DROP), gone, gone) as server, client_of(server, timing) as client:
        client.table("mt-1").delete()
        with pytest.raises(NotFound):
            client.table("mt-1").delete()


def test_a_redirect_is_not_followed(timing: QuickTiming) -> None:
    with (
        stubborn() as other,
        stubborn(Told(status=307, headers={"location": other.address})) as server,
        client_of(server, timing) as client,
        pytest.raises(ServerFault, match="redirects to"),
    ):
        client.run("pr-1").status()

    assert not other.heard
    assert not other.signed_in


@pytest.mark.parametrize("answer", [Told(body=b"<html>"), Told(body=b"[]"), Told(), Told(status=500, body=b"<html>")])
def test_what_is_not_this_api_is_a_fault_of_the_server(timing: QuickTiming, answer: Told) -> None:
    with stubborn(answer) as server, client_of(server, timing) as client, pytest.raises(ServerFault):
        client.run("pr-1").status()


@pytest.mark.parametrize("body", [b"<html>", b"[7]", b"{}", b"7", b""])
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.apply("process: A"),
        lambda client: client.tables.create("A"),
        lambda client: client.file("f-1").session(),
        lambda client: list(client.runs()),
        lambda client: list(client.people.applications()),
    ],
)
def test_no_call_takes_anything_for_its_answer(timing: QuickTiming, call: Any, body: bytes) -> None:
    with stubborn(Told(body=body)) as server, client_of(server, timing) as client, pytest.raises(ServerFault):
        call(client)


def test_what_is_wrong_on_this_side_is_invalid(timing: QuickTiming, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"nowhere\.pem cannot be read"):
        Client("https://procession.example", client_id="me", options=Options(ca_file=tmp_path / "nowhere.pem"))
    (tmp_path / "empty.pem").touch()
    with pytest.raises(Invalid, match=r"empty\.pem cannot be read"):
        Client("https://procession.example", client_id="me", options=Options(ca_file=tmp_path / "empty.pem"))
    with stubborn() as server, client_of(server, timing) as client:
        with pytest.raises(Invalid, match="cannot be written: No such file or directory"):
            client.file("f-1").download(tmp_path / "nowhere" / "file")

        assert not server.heard


def test_a_body_that_cannot_be_decoded_is_a_fault_of_the_server(timing: QuickTiming) -> None:
    broken = Told(headers={"content-encoding": "gzip"}, body=b"no gzip")
    with stubborn(broken) as server, client_of(server, timing) as client, pytest.raises(ServerFault):
        client.run("pr-1").status()


def test_nothing_secret_is_shown_or_logged(timing: QuickTiming, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        stubborn(Told(status=503, body=BUSY), Told(status=403, body=BUSY)) as server,
        client_of(server, timing) as client,
    ):
        with pytest.raises(Forbidden) as caught:
            client.run("pr-1").status()
        shown = f"{client!r} {vars(client)!r} {caught.value!r} {caplog.text}"

    assert "trying again" in caplog.text
    assert "s3cret" not in shown
    assert "token-1" not in shown


@pytest.mark.parametrize(
    "address", ["procession.example", "ftp://procession.example", "https://me:pw@procession.example"]
)
def test_an_address_must_be_one(address: str) -> None:
    with pytest.raises(Invalid, match="must be like"):
        Client(address, client_id="me")


CONTENT = bytes(range(256)) * 64
TAG = {"etag": f'"{hashlib.sha256(CONTENT).hexdigest()}"'}


def test_a_broken_download_goes_on_where_it_broke(timing: QuickTiming) -> None:
    rest = Told(status=206, headers=TAG, body=CONTENT[1000:])
    with stubborn(Told(headers=TAG, body=CONTENT, cut=1000), rest) as server, client_of(server, timing) as client:
        target = io.BytesIO()
        assert client.file("f-1").download(target) == len(CONTENT)

    assert target.getvalue() == CONTENT
    assert (server.heard[1].headers["range"], server.heard[1].headers["if-range"]) == ("bytes=1000-", TAG["etag"])


@pytest.mark.parametrize("answers", [
    (Told(headers=TAG, body=CONTENT[::-1]),),
    (Told(headers=TAG, body=CONTENT, cut=1000), Told(headers={"etag": '"other"'}, body=b"other")),
])  # fmt: skip
def test_a_damaged_or_changed_download_leaves_the_file_as_it_was(
    timing: QuickTiming, tmp_path: Path, answers: tuple[Told, ...]
) -> None:
    (tmp_path / "there").write_text("before")
    with stubborn(*answers) as server, client_of(server, timing) as client, pytest.raises(Damaged):
        client.file("f-1").download(tmp_path / "there")

    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("there", "before")]


EVENTS = b': hello\n\nid: 1\nevent: step\ndata: {"status":\ndata: "Running"}\n\nid: 2\nevent: log\ndata: "half'
LAST = b'id: 2\nevent: log\ndata: "line"\n\nid: 3\nevent: run\ndata: {"status": "Finished"}\n\n'


def test_events_go_on_after_the_last_one_seen(timing: QuickTiming) -> None:
    broken = Told(body=EVENTS, headers={"content-length": "9999", "content-type": "text/event-stream"})
    status = Told(body=b'{"status": "Finished"}')
    with stubborn(broken, Told(body=LAST), status) as server, client_of(server, timing) as client:
        seen = [(event.id, event.name, event.content) for event in client.run("pr-1").events()]

    assert seen == [("1", "step", {"status": "Running"}), ("2", "log", "line"), ("3", "run", {"status": "Finished"})]
    assert ["last-event-id" in one.headers for one in server.heard] == [False, True, False]
    assert server.heard[1].headers["last-event-id"] == "1"


@pytest.mark.acceptance
def test_a_run_is_waited_for_through_a_kill_of_the_server(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as place:
        port = place.server.address.rpartition(":")[2]
        apply_text(place.home, ECHO % "word" + SLOW)
        timing = Options().timing
        with place.client(timing=timing, attempts_max=10) as client:
            run = client.process("Echo").create_run(start=True)
            found: list[object] = []
            told = threading.Event()
            thread = threading.Thread(
                target=lambda: found.append(run.wait(on_progress=lambda _: told.set(), timeout_seconds=60))
            )
            thread.start()
            assert told.wait(20)

            place.server.end(signal.SIGKILL)
            with serving(place.home, "--port", port):
                thread.join(60)

            assert [getattr(status, "outcome", None) for status in found] == ["Success"]


SLOW = """
      - action: wait
        name: Nap
        key: nap
        with: {seconds: 2}
"""


@pytest.mark.acceptance
def test_a_token_that_the_server_forgot_is_renewed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with opened(home) as place, place.client() as client:
        client.processes()
        # The server forgets every token; the client learns it from a 401.
        revoke_all(home)

        assert [row.name for row in client.processes()] == ["Echo"]


def revoke_all(home: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(home / "procession.db", timeout=10)) as database, database:
        assert database.execute("DELETE FROM token").rowcount == 1


@pytest.mark.acceptance
def test_wrong_credentials_are_told(place: Place) -> None:
    options = Options(timing=place.timing)
    with (
        Client(place.server.address, client_id="c-none", client_secret="x", options=options) as client,
        pytest.raises(Unauthorized, match="client_id or client_secret is wrong"),
    ):
        client.processes()


@pytest.mark.acceptance
def test_nobody_is_at_home(timing: QuickTiming) -> None:
    with stubborn() as server:
        address = server.address
    options = Options(timing=timing)
    with (
        Client(address, client_id="me", client_secret="x", options=options) as client,
        pytest.raises(Unavailable, match="does not answer"),
    ):
        client.processes()

    assert len(timing.rests) == 5


@pytest.mark.acceptance
def test_it_speaks_tls_and_trusts_only_whom_it_is_told_to(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make_certificate(cert, key)
    with opened(tmp_path / "home", "--tls-cert", str(cert), "--tls-key", str(key)) as place:
        with place.client(ca_file=cert) as client:
            run = client.process("Echo").create_run(inputs={"data.word": "abc"}, start=True)
            assert run.wait().is_success
        with place.client() as client, pytest.raises(Unavailable, match="certificate"):
            client.processes()


def make_certificate(cert: Path, key: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-out", str(cert), "-keyout", str(key)],
        check=True, capture_output=True,
    )  # fmt: skip
