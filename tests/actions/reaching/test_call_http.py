"""call_http against real servers on loopback: what is sent, what is kept, and what is refused."""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
import zlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from procession.actions.contract import ConnectionInput, OutputTarget
from procession.actions.kinds.call_http import ACTION
from procession.actions.reaching import exchanges
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect
from tests import support
from tests.actions.context import Played, play
from tests.actions.reaching import http_server
from tests.actions.reaching.http_server import Asked, HttpServer, Said, as_json

KEY = "pr-1/as-1/1"


class Caller:
    """Plays the action, each time in a folder of its own."""

    def __init__(self, folder: Path, server: HttpServer) -> None:
        self.folder, self.server, self.number = folder, server, 0

    def __call__(
        self,
        settings: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        *,
        connection: ConnectionInput | None = None,
        recorded: tuple[str, ...] = (),
        targets: Mapping[str, OutputTarget] | None = None,
    ) -> Played:
        self.number += 1
        whole = {"connection": "bank", **(settings or {})}
        assert ACTION.check(msgspec.convert(whole, ACTION.settings)) == ()
        place = self.folder / str(self.number)
        given = connection or self.server.connection()
        return play(ACTION, place, whole, values, targets, connection=given, recorded=recorded)


@pytest.fixture
def call(tmp_path: Path, http: HttpServer) -> Caller:
    return Caller(tmp_path, http)


def failed(played: Played) -> str:
    assert played.outcome.status is StepStatus.FAILED, played.outcome
    return played.outcome.message


def mistakes(**settings: Any) -> tuple[str, ...]:
    return ACTION.check(msgspec.convert({"connection": "bank", **settings}, ACTION.settings))


# --- what is sent


def test_a_request_says_who_asks_and_for_what(call: Caller, http: HttpServer) -> None:
    played = call(
        {
            "method": "PUT",
            "path": "/books/{year}/{name}",
            "query": {"by": "{name}", "limit": 5, "from": "${p.day}"},
            "headers": {"X-Request": "{year} closing"},
            "inputs": {"year": 2026, "name": "${p.name}"},
            "json": {"total": "{total}", "text": "of {year}", "fixed": [1, True, None]},
        }
        | {"inputs": {"year": 2026, "name": "${p.name}", "total": "${p.total}"}},
        {"p.name": "a/b ?#%ü&=+", "p.day": "2026-01-31", "p.total": Decimal("1234567890123456.7800")},
        connection=http.connection("/api", proof="basic", user="ada", password="pass:wörd"),
    )

    [asked] = http.asked
    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert (asked.method, asked.path) == ("PUT", "/api/books/2026/a/b ?#%ü&=+")
    assert asked.target.startswith("/api/books/2026/a%2Fb%20%3F%23%25%C3%BC%26%3D%2B?")
    assert asked.query == {"by": ["a/b ?#%ü&=+"], "limit": ["5"], "from": ["2026-01-31"]}
    assert asked.body == b'{"total":1234567890123456.78,"text":"of 2026","fixed":[1,true,null]}'
    assert asked.headers["authorization"] == "Basic YWRhOnBhc3M6d8O2cmQ="
    assert asked.headers["host"] == f"127.0.0.1:{http.port}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["x-request"] == "2026 closing"
    assert asked.headers["idempotency-key"] == KEY
    assert asked.headers["content-length"] == str(len(asked.body))


@pytest.mark.parametrize(
    ("options", "header", "text"),
    [
        ({"proof": "bearer", "token": "t0ken"}, "authorization", "Bearer t0ken"),
        ({"proof": "header", "header": "X-Key", "value": "k"}, "x-key", "k"),
    ],
)
def test_each_proof_is_a_header(
    call: Caller, http: HttpServer, options: dict[str, str], header: str, text: str
) -> None:
    call(connection=http.connection(**options))

    assert http.asked[0].headers[header] == text
    assert "idempotency-key" not in http.asked[0].headers


def test_a_secret_that_would_be_two_headers_is_not_sent_and_not_told(call: Caller, http: HttpServer) -> None:
    said = failed(call(connection=http.connection(proof="bearer", token="a\r\nX-Evil: 1")))

    assert said == 'the connection "bank" has a header or a secret that no request can hold'
    assert http.asked == []


@pytest.mark.parametrize("options", [{"proof": "bearer"}, {"proof": "header", "header": "X-Key"}])
def test_without_its_secret_nothing_is_asked(call: Caller, http: HttpServer, options: dict[str, Any]) -> None:
    assert "has no secret to prove who asks" in failed(call(connection=http.connection(**options)))
    assert http.asked == []


def test_a_file_is_sent_as_it_is(call: Caller, http: HttpServer) -> None:
    content = bytes(range(256)) * 1_000
    call({"method": "PUT", "file": "${f.report}"}, {"f.report": ("r.bin", content)})

    assert http.asked[0].body == content
    assert http.asked[0].headers["content-length"] == "256000"
    assert "transfer-encoding" not in http.asked[0].headers


@pytest.mark.parametrize("value", ["..", "../admin", "a/../../b", "%2e%2e", ".", "..;a", "a\\..\\b"])
def test_a_value_leads_out_of_no_path(call: Caller, http: HttpServer, value: str) -> None:
    said = failed(call({"path": "/books/{name}", "inputs": {"name": "${p.n}"}}, {"p.n": value}))

    assert "leads out of the connection's address" in said
    assert http.asked == []


@pytest.mark.parametrize("path", ["//evil.example/x", "http://evil.example/", "@evil.example/", ":80@evil/", "/a:b"])
def test_a_path_is_never_read_as_a_host(call: Caller, http: HttpServer, path: str) -> None:
    call({"path": path})

    assert [asked.headers["host"] for asked in http.asked] == [f"127.0.0.1:{http.port}"]


@pytest.mark.parametrize(
    "path",
    [
        "/a b",
        "/a\\b",
        "/a?b=c",
        "/a#b",
        "/a\r\nX: y",
        "/../x",
        "/a/%2e%2e/b",
        "/%252e%252e/",
        "/..;/x",
        "/a/..%5cb",
        "/a%2f..%3bx%2fb",
    ],
)
def test_a_path_with_what_is_no_path_is_refused(call: Caller, http: HttpServer, path: str) -> None:
    assert "path:" in failed(call({"path": path}))
    assert http.asked == []


def test_an_empty_value_in_a_path_is_refused(call: Caller, http: HttpServer) -> None:
    """DELETE /users/{id} with an empty id would be DELETE /users/."""
    said = failed(call({"method": "DELETE", "path": "/users/{id}", "inputs": {"id": "${p.id}"}}, {"p.id": None}))

    assert (said, http.asked) == ("path: {id} is empty", [])


def test_a_header_of_two_lines_is_refused(call: Caller, http: HttpServer) -> None:
    said = failed(call({"headers": {"X-Name": "{n}"}, "inputs": {"n": "${p.n}"}}, {"p.n": "a\r\nX-Evil: 1"}))

    assert (said, http.asked) == ("headers.X-Name: holds a line break or a control character", [])


def test_a_header_is_one_in_whatever_case_it_is_written(call: Caller, http: HttpServer) -> None:
    headers = {"accept": "text/csv", "content-type": "application/vnd.bank+json", "x-api-key": "mine"}

    call(
        {"method": "POST", "json": {"a": 1}, "headers": headers},
        connection=http.connection(proof="header", header="X-Api-Key", value="s3cret"),
    )

    [asked] = http.asked
    assert asked.lines.count("accept") == asked.lines.count("content-type") == asked.lines.count("x-api-key") == 1
    assert (asked.headers["accept"], asked.headers["content-type"]) == ("text/csv", "application/vnd.bank+json")
    assert asked.headers["x-api-key"] == "s3cret"


def test_a_value_that_looks_like_a_key_is_not_filled_in_again(call: Caller, http: HttpServer) -> None:
    call(
        {"method": "PUT", "json": {"t": "{a}!"}, "inputs": {"a": "${p.a}", "b": "secret"}},
        {"p.a": "{b} ${p.b}"},
    )

    assert json.loads(http.asked[0].body) == {"t": "{b} ${p.b}!"}


# --- what is kept


def test_numbers_of_an_answer_keep_their_digits(call: Caller, http: HttpServer) -> None:
    http.answers = lambda asked: Said(
        200, b'{"a": [{"m": 1234567890123456789.0100}], "t": "x", "o": {"k": 0.10}, "z": 1, "z": 2, "~/": 1}'
    )
    outputs = [("/a/0/m", "m"), ("/t", "t"), ("/o", "o"), ("/~0~1", "e")]

    played = call(
        {"outputs": {"values": [{"pointer": pointer, "to": f"${{r.{name}}}"} for pointer, name in outputs]}},
        targets={
            "r.m": OutputTarget(type="Decimal"),
            "r.t": OutputTarget(type="String"),
            "r.o": OutputTarget(type="String"),
            "r.e": OutputTarget(type="Number"),
        },
    )

    assert played.outputs == {"r.m": Decimal("1234567890123456789.0100"), "r.t": "x", "r.o": '{"k": 0.10}', "r.e": 1}
    assert str(played.outputs["r.m"]) == "1234567890123456789.0100"


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        (b"<html>", "/id", "is no JSON"),
        (b"", "/id", "is empty, and JSON is wanted"),  # r0man/cljs-http#33
        (b'{"a": 1}', "/id", "has nothing at /id"),
        (b"[1]", "/1", "has nothing at /1"),
        (b"[1]", "/-1", "has nothing at /-1"),
        (b"5", "/id", "has nothing at /id"),
        (b"[" * 100_000, "/0", "is no JSON"),
        (b'{"id": 1, "n": 3, "id": 2}', "/id", 'the key "id" twice in one object'),
        (b'{"a:b": {"id": {"x": 1}, "i\\u0064": 2}}', "/a:b/id", 'the key "id" twice in one object'),
        (b'{"id": NaN}', "/id", "is no JSON"),
        (b'{"id": 1e999999999}', "/id", "JSON|Decimal|digits|number"),
    ],
)
def test_an_answer_without_the_value_fails_in_words(
    call: Caller, http: HttpServer, body: bytes, pointer: str, words: str
) -> None:
    http.answers = lambda asked: Said(200, body)

    played = call(
        {"outputs": {"values": [{"pointer": pointer, "to": "${r.v}"}]}}, targets={"r.v": OutputTarget(type="Decimal")}
    )

    assert re.search(words, failed(played))


def test_the_body_becomes_a_file_with_a_name(call: Caller, http: HttpServer) -> None:
    http.answers = lambda asked: Said(200, b"a,b\n", {"Content-Type": "text/csv; charset=utf-8"})
    plain = call({"outputs": {"body": "${f.x}"}})
    named = call(
        {"outputs": {"body": "${f.x}", "name": "rates-{day}.csv"}, "inputs": {"day": "${p.d}"}}, {"p.d": "../2026/01"}
    )

    assert (plain.outputs["f.x"], plain.names["f.x"]) == (b"a,b\n", "answer.csv")
    assert named.names["f.x"] == "rates-.._2026_01.csv"


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 409, 500, 503])
def test_a_status_that_was_not_expected_fails_with_what_the_server_says(
    call: Caller, http: HttpServer, status: int
) -> None:
    http.answers = lambda asked: Said(status, b"no\x1b[31m such\n  account \x00" if status != 304 else b"")

    said = failed(call({"path": "/x"}))

    assert said.startswith(f"GET 127.0.0.1/x was answered by {status}")
    assert status == 304 or said.endswith(": no [31m such account")


def test_the_statuses_that_are_right_are_those_that_are_named(call: Caller, http: HttpServer) -> None:
    http.answers = lambda asked: Said(404)

    assert call({"expect_status": [200, 404]}).outcome.status is StepStatus.SUCCESS
    http.answers = lambda asked: Said(200)
    assert failed(call({"expect_status": [201]})) == "GET 127.0.0.1/ was answered by 200"


def test_a_part_that_nobody_asked_for_is_no_answer(call: Caller, http: HttpServer) -> None:
    """pokeb/asi-http-request#311, jizhi0v0/duo-updater#225: a part of a file was kept as the file."""
    http.answers = lambda asked: Said(206, b"abc", {"Content-Range": "bytes 0-2/9"})
    outputs = {"outputs": {"body": "${f.x}"}}

    assert failed(call(outputs)) == "GET 127.0.0.1/ was answered by 206: abc"
    assert call({**outputs, "headers": {"Range": "bytes=0-2"}}).outputs == {"f.x": b"abc"}
    assert call({**outputs, "expect_status": [206]}).outputs == {"f.x": b"abc"}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_json_in_utf_8_needs_no_charset_and_may_begin_with_a_mark(call: Caller, http: HttpServer, mark: bytes) -> None:
    """davidmigloz/ai_clients_dart#290, n8n-io/n8n#34372 (read as another charset); jnunemaker/httparty#520 (the mark)."""
    http.answers = lambda asked: Said(200, mark + '{"n": "Müller €"}'.encode(), {"Content-Type": "application/json"})

    played = call(
        {"outputs": {"values": [{"pointer": "/n", "to": "${r.n}"}]}}, targets={"r.n": OutputTarget(type="String")}
    )

    assert played.outputs == {"r.n": "Müller €"}


# --- sizes and times


def test_an_answer_that_is_too_large_is_refused(call: Caller, http: HttpServer) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        while True:
            yield bytes(1 << 20)

    http.answers = lambda asked: Said(pieces=pieces)

    assert failed(call()) == "the answer of 127.0.0.1 is larger than 64 MB"


@pytest.mark.parametrize("packed", ["gzip", "deflate"])
def test_a_packed_answer_is_unpacked_and_a_bomb_is_not(call: Caller, http: HttpServer, packed: str) -> None:
    pack = gzip.compress if packed == "gzip" else zlib.compress
    http.answers = lambda asked: Said(200, pack(b"small" * 1_000), {"Content-Encoding": packed})
    played = call({"outputs": {"body": "${f.x}"}})
    bomb = pack(bytes(70 << 20))
    http.answers = lambda asked: Said(200, bomb, {"Content-Encoding": packed})

    assert played.outputs["f.x"] == b"small" * 1_000
    assert failed(call()) == "the answer of 127.0.0.1 is larger than 64 MB"


def test_an_answer_that_is_packed_in_two_parts_is_whole(call: Caller, http: HttpServer) -> None:
    body = gzip.compress(b"first;") + gzip.compress(b"second")
    http.answers = lambda asked: Said(200, body, {"Content-Encoding": "gzip"})

    played = call({"outputs": {"body": "${f.body}"}}, targets={"f.body": OutputTarget(type="File")})

    assert played.outputs == {"f.body": b"first;second"}


@pytest.mark.parametrize(
    "body",
    [b"no gzip", gzip.compress(b"x" * 99, mtime=0)[:-9], gzip.compress(b"x", mtime=0) + b"rest"],
    ids=["no gzip", "cut off", "more behind it"],
)
def test_an_answer_that_is_packed_wrongly_fails(call: Caller, http: HttpServer, body: bytes) -> None:
    http.answers = lambda asked: Said(200, body, {"Content-Encoding": "gzip"})

    assert "does not answer" in failed(call())


def test_a_packing_that_was_not_asked_for_is_refused(call: Caller, http: HttpServer) -> None:
    http.answers = lambda asked: Said(200, b"x", {"Content-Encoding": "br"})

    assert "packed as 'br'" in failed(call())


def _slowly(*pieces: bytes) -> Iterator[bytes]:
    """A client that reads on gets something all the time."""
    yield from pieces
    while not threading.Event().wait(0.02):
        yield b"a"


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b""],
)
def test_one_that_answers_for_ever_is_cut_by_the_time_for_the_whole(
    call: Caller, http: HttpServer, start: bytes
) -> None:
    http.answers = lambda asked: Said(pieces=lambda: _slowly(*([start] if start else [])))
    said = failed(call({"timeout_seconds": 0.5}))

    assert said == "127.0.0.1 does not answer: no whole answer within 0.5 s"


def test_one_that_says_nothing_is_cut_too(call: Caller, http: HttpServer) -> None:
    is_over = threading.Event()

    def pieces() -> Iterator[bytes]:
        is_over.wait(20)
        yield b""

    http.answers = lambda asked: Said(pieces=pieces)

    said = failed(call({"timeout_seconds": 0.3}))

    is_over.set()
    assert said == "127.0.0.1 does not answer: no whole answer within 0.3 s"


def test_nobody_there_is_told(call: Caller) -> None:
    connection = ConnectionInput(
        name="bank", kind="http", options={"url": f"http://127.0.0.1:{http_server.free_port()}"}, private_hosts=True
    )

    assert failed(call(connection=connection)) == "127.0.0.1 does not answer: [Errno 111] Connection refused"


@pytest.mark.parametrize(
    "raw", [b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0" * 99, b"HTTP/1.1 200 OK\r\nA" * 50_000]
)
def test_what_is_no_http_fails(call: Caller, http: HttpServer, raw: bytes) -> None:
    http.answers = lambda asked: Said(raw=raw)

    assert "127.0.0.1 does not answer" in failed(call())


# --- where it goes


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "0x7f000001", "127.1"]
)
def test_without_leave_nothing_is_sent_into_this_machine_or_its_network(
    call: Caller, http: HttpServer, host: str
) -> None:
    connection = ConnectionInput(name="bank", kind="http", options={"url": f"http://{host}:{http.port}/"})

    assert re.search("private network|no address", failed(call(connection=connection)))
    assert http.connections == 0


@pytest.mark.parametrize(
    "to", ["http://169.254.169.254/latest/", "http://[fd00:ec2::254]/", "http://0.0.0.0/", "http://224.0.0.1/"]
)
def test_a_redirect_is_checked_like_the_first_address(call: Caller, http: HttpServer, to: str) -> None:
    http.answers = lambda asked: Said(302, b"", {"Location": to})

    assert "is no address that a step may connect to" in failed(call())


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1"])
def test_leave_for_one_private_host_is_none_for_those_that_it_leads_on_to(
    call: Caller, http: HttpServer, host: str
) -> None:
    http.answers = lambda asked: Said(302, b"", {"Location": f"http://{host}:{http.port}/admin"})

    assert "of private hosts, the connection" in failed(call(connection=http.connection(proof="bearer", token="t0ken")))
    assert [asked.path for asked in http.asked] == ["/"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "proof", [{"proof": "bearer", "token": "t0ken"}, {"proof": "header", "header": "X-Key", "value": "t0ken"}]
)
def test_what_proves_who_asks_goes_to_no_other_host(
    call: Caller, http: HttpServer, status: int, proof: dict[str, str]
) -> None:
    with http_server.running() as other:
        other.answers = lambda asked: Said(200, b"from the other")
        http.answers = lambda asked: Said(status, b"", {"Location": f"{other.url}/there"})

        played = call({"outputs": {"body": "${f.x}"}, "headers": {"X-Mine": "1"}}, connection=http.connection(**proof))

    assert played.outputs == {"f.x": b"from the other"}
    assert "t0ken" in str(http.asked[0].headers)
    assert sorted(other.asked[0].headers) == ["accept", "accept-encoding", "host", "user-agent"]


def test_what_proves_who_asks_comes_back_with_the_way_back(call: Caller, http: HttpServer) -> None:
    with http_server.running() as other:
        other.answers = lambda asked: Said(302, b"", {"Location": f"{http.url}/back"})
        http.answers = lambda asked: Said() if asked.path == "/back" else Said(302, b"", {"Location": other.url})

        call(connection=http.connection(proof="bearer", token="t0ken"))

    assert [asked.headers.get("authorization") for asked in http.asked] == ["Bearer t0ken"] * 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_is_sent_is_sent_to_no_other_host(call: Caller, http: HttpServer, status: int, method: str) -> None:
    with http_server.running() as other:
        http.answers = lambda asked: Said(status, b"", {"Location": f"{other.url}/there"})

        said = failed(call({"method": method, "json": {"amount": 5}}))

    assert "goes nowhere else" in said
    assert other.asked == []


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (303, "POST", "GET"),
        (302, "POST", "GET"),
        (301, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (303, "PUT", "GET"),
        (302, "PUT", "PUT"),
        (302, "HEAD", "HEAD"),
        (303, "HEAD", "HEAD"),
    ],
)
def test_a_redirect_within_the_host_is_followed_as_http_says(
    call: Caller, http: HttpServer, status: int, method: str, then: str
) -> None:
    http.answers = lambda asked: Said() if asked.path == "/there" else Said(status, b"", {"Location": "there?a=1#x"})

    call({"method": method, **({"json": {"a": 1}} if method != "HEAD" else {})})

    assert [(asked.method, asked.target) for asked in http.asked] == [(method, "/"), (then, "/there?a=1")]
    assert (http.asked[1].body != b"") == (then in {"POST", "PUT"})
    assert ("content-type" in http.asked[1].headers) == (then in {"POST", "PUT"})


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("/again", "redirects more than 5 times"),
        ("ftp://127.0.0.1/x", "is no address of http or https"),
        ("file:///etc/passwd", "is no address of http or https"),
        ("javascript:alert(1)", "is no address of http or https"),
        ("http://user:pw@127.0.0.1/", "a user or a password in an address is not sent"),
        ("http://127.0.0.1:99999/", "is no address"),
        ("http://[::1", "no address"),
        ("http://127.0.0.1\\@evil.example/", "is no address"),
        ("http://ev il.example/", "is no address"),
    ],
)
def test_a_redirect_that_nobody_follows_is_told(call: Caller, http: HttpServer, to: str, words: str) -> None:
    http.answers = lambda asked: Said(302, b"", {"Location": to})

    assert words in failed(call())


def test_a_redirect_without_an_address_is_an_answer(call: Caller, http: HttpServer) -> None:
    http.answers = lambda asked: Said(300)

    assert call({"expect_status": [300]}).outcome.status is StepStatus.SUCCESS


# --- TLS


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return support.certificate(tmp_path)


def test_a_certificate_that_nobody_vouches_for_ends_it_before_anything_is_sent(
    call: Caller, certificate: tuple[Path, Path]
) -> None:
    with http_server.running(certificate) as secure:
        said = failed(call(connection=secure.connection(proof="bearer", token="t0ken")))

    assert "certificate verify failed" in said
    assert secure.asked == []


def test_a_certificate_that_is_vouched_for_is_taken_and_its_name_compared(
    call: Caller, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with http_server.running(certificate) as secure:
        good = call(connection=secure.connection(proof="bearer", token="t0ken"))
        options = {"url": f"https://other.localhost:{secure.port}", "proof": "bearer"}
        other = ConnectionInput(name="bank", kind="http", options=options, secrets={"token": "x"}, private_hosts=True)
        bad = failed(call(connection=other))

    assert good.outcome.status is StepStatus.SUCCESS, good.outcome.message
    assert re.search("Hostname mismatch|cannot be found", bad)
    assert len(secure.asked) == 1


def test_a_redirect_out_of_tls_is_not_followed(
    call: Caller, http: HttpServer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with http_server.running(certificate) as secure:
        secure.answers = lambda asked: Said(302, b"", {"Location": http.url})
        said = failed(call(connection=secure.connection()))

    assert said == "127.0.0.1 leads on to 127.0.0.1 without TLS; that is not followed"
    assert http.asked == []


def test_a_secret_is_not_sent_without_tls_but_where_private_hosts_are_allowed(call: Caller) -> None:
    options = {"url": "http://bank.example", "proof": "bearer"}
    connection = ConnectionInput(name="bank", kind="http", options=options, secrets={"token": "t0ken"})

    assert failed(call(connection=connection)) == (
        'the connection "bank" would send its secret without TLS; its address must begin with https'
    )


# --- once more


def _after(failures: int, status: int = 503, **headers: str) -> http_server.Answers:
    left = [Said(status, b"", headers)] * failures

    def answer(asked: Asked) -> Said:
        return left.pop() if left else as_json({"id": 7}, 201)

    return answer


def test_a_status_that_is_named_is_tried_again_with_the_same_key(call: Caller, http: HttpServer) -> None:
    http.answers = _after(2)

    played = call({"method": "POST", "retry": {"on": [503], "wait_seconds": 0.01}})

    assert played.outcome.status is StepStatus.SUCCESS
    assert [asked.headers["idempotency-key"] for asked in http.asked] == [KEY] * 3


def test_it_is_tried_no_more_often_than_was_said(call: Caller, http: HttpServer) -> None:
    http.answers = _after(9)

    assert "503" in failed(call({"retry": {"on": [503], "times": 2, "wait_seconds": 0}}))
    assert len(http.asked) == 3


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "3600"},
        {"Retry-After": "Sat, 31 Jan 2026 12:00:00 GMT", "Date": "Sat, 31 Jan 2026 11:00:00 GMT"},
    ],
)
def test_one_that_asks_to_wait_too_long_fails_at_once(call: Caller, http: HttpServer, headers: dict[str, str]) -> None:
    http.answers = lambda asked: Said(raw=b"HTTP/1.1 429 X\r\nContent-Length: 0\r\n" + b"".join(
        f"{name}: {text}\r\n".encode() for name, text in headers.items()) + b"\r\n")  # fmt: skip

    assert failed(call({"retry": {"on": [429]}})) == "127.0.0.1 answers 429 and asks to wait 3,600 s"


@pytest.mark.parametrize("text", ["soon", "-5", "99999999999999999999", "Sat, 99 Jan 2026"])
def test_a_wait_that_is_none_is_the_one_of_the_settings(call: Caller, http: HttpServer, text: str) -> None:
    http.answers = _after(1, 429, **{"Retry-After": text})

    assert call({"retry": {"on": [429], "wait_seconds": 0}}).outcome.status is StepStatus.SUCCESS


# --- once


POST = {"method": "POST", "path": "/pay", "json": {"amount": 5}}


def test_a_post_is_told_to_the_journal_before_and_after(call: Caller, http: HttpServer) -> None:
    http.answers = lambda asked: as_json({"id": "p1"}, 201)

    played = call(
        {**POST, "outputs": {"values": [{"pointer": "/id", "to": "${r.id}"}]}},
        targets={"r.id": OutputTarget(type="String")},
    )

    first, second = map(json.loads, played.context.recorded)
    assert (first[:2], first[3]) == (["try", 0], KEY)
    assert second == ["done", 0, 201, "p1"]


def test_what_was_done_is_not_done_again(call: Caller, http: HttpServer) -> None:
    http.answers = lambda asked: as_json({"id": "p1"}, 201)
    settings = {
        **POST,
        "outputs": {"status": "${r.status}", "values": [{"pointer": "/id", "to": "${r.id}"}], "body": "${f.body}"},
    }
    targets = {
        "r.status": OutputTarget(type="Number"),
        "r.id": OutputTarget(type="String"),
        "f.body": OutputTarget(type="File"),
    }
    before = call(settings, targets=targets)

    played = call(settings, targets=targets, recorded=tuple(before.context.recorded))

    assert len(http.asked) == 1
    assert played.outputs == {"r.status": 201, "r.id": "p1"}
    assert played.outcome.status is StepStatus.WARNING
    assert played.outcome.message == (
        "POST 127.0.0.1/pay was done by an earlier try: 201; of its answer, ${f.body} was not kept"
    )


def test_what_is_in_doubt_is_sent_again_with_the_key_of_the_first_try(call: Caller, http: HttpServer) -> None:
    recorded = tuple(call(POST).context.recorded[:1])
    recorded = (recorded[0].replace(KEY, "pr-1/as-1/0"),)

    played = call(POST, recorded=recorded)

    assert http.asked[1].headers["idempotency-key"] == "pr-1/as-1/0"
    assert [json.loads(entry)[0] for entry in played.context.recorded] == ["done"]


def test_what_is_in_doubt_is_left_alone_where_that_is_wanted(call: Caller, http: HttpServer) -> None:
    recorded = tuple(call(POST).context.recorded[:1])

    played = call({**POST, "in_doubt": "skip"}, recorded=recorded)

    assert len(http.asked) == 1
    assert played.outcome.status is StepStatus.WARNING
    assert "may have been done by an earlier try, and was not sent again" in played.outcome.message


def test_what_was_done_and_is_something_else_now_is_refused(call: Caller, http: HttpServer) -> None:
    recorded = tuple(call(POST).context.recorded)

    said = failed(call({**POST, "json": {"amount": 6}}, recorded=recorded))

    assert "is something else now: nothing was done" in said
    assert len(http.asked) == 1


@pytest.mark.parametrize(
    ("status", "words"), [(400, ["try", "not"]), (404, ["try", "not"]), (500, ["try"]), (408, ["try"])]
)
def test_a_refusal_is_known_and_a_fault_of_the_server_leaves_doubt(
    call: Caller, http: HttpServer, status: int, words: list[str]
) -> None:
    http.answers = lambda asked: Said(status)

    played = call(POST)

    assert [json.loads(entry)[0] for entry in played.context.recorded] == words


@pytest.mark.parametrize(
    "then", [Said(404), Said(409), Said(raw=b"HTTP/1.1 200 O"), Said(302, b"", {"Location": "x:"})]
)
def test_a_post_that_was_taken_stays_so_whatever_its_answer_is_fetched_with(
    call: Caller, http: HttpServer, then: Said
) -> None:
    http.answers = lambda asked: then if asked.method == "GET" else Said(303, b"", {"Location": "/status"})

    played = call(POST)

    assert failed(played)
    assert [asked.method for asked in http.asked] == ["POST", "GET"]
    assert [json.loads(entry)[0] for entry in played.context.recorded] == ["try"]


def test_a_post_that_was_taken_stays_so_where_the_server_is_gone_by_then(call: Caller, http: HttpServer) -> None:
    def answer(asked: Asked) -> Said:
        http.ears[0].shutdown(socket.SHUT_RDWR)  # who is there stays, and nobody else is let in
        return Said(303, b"", {"Location": "/status", "Connection": "close"})

    http.answers = answer

    played = call(POST)

    assert failed(played).endswith("; it may have arrived all the same")
    assert [json.loads(entry)[0] for entry in played.context.recorded] == ["try"]


@pytest.mark.parametrize(("first", "words"), [(503, ["try"]), (429, ["try", "not"])])
def test_a_refusal_of_the_second_try_takes_back_no_first_one_that_may_be_done(
    call: Caller, http: HttpServer, first: int, words: list[str]
) -> None:
    said = [Said(409), Said(first)]
    http.answers = lambda asked: said.pop()

    played = call({**POST, "retry": {"on": [429, 503], "wait_seconds": 0}})

    assert "was answered by 409" in failed(played)
    assert [json.loads(entry)[0] for entry in played.context.recorded] == words


def test_nobody_there_is_no_doubt_and_an_answer_cut_short_is_one(call: Caller, http: HttpServer) -> None:
    nobody = ConnectionInput(
        name="bank", kind="http", options={"url": f"http://127.0.0.1:{http_server.free_port()}"}, private_hosts=True
    )
    refused = call(POST, connection=nobody)
    http.answers = lambda asked: Said(raw=b"HTTP/1.1 201 Crea")
    cut = call(POST)

    assert [json.loads(entry)[0] for entry in refused.context.recorded] == ["try", "not"]
    assert [json.loads(entry)[0] for entry in cut.context.recorded] == ["try"]
    assert failed(cut).endswith("; it may have arrived all the same")


def test_one_whose_answer_lacks_a_value_is_done_all_the_same(call: Caller, http: HttpServer) -> None:
    http.answers = lambda asked: as_json({}, 201)
    settings = {**POST, "outputs": {"values": [{"pointer": "/id", "to": "${r.id}"}]}}
    before = call(settings, targets={"r.id": OutputTarget(type="String")})

    again = call(settings, targets={"r.id": OutputTarget(type="String")}, recorded=tuple(before.context.recorded))

    assert "has nothing at /id" in failed(before)
    assert (len(http.asked), again.outcome.status) == (1, StepStatus.WARNING)


@pytest.mark.parametrize("recorded", [("nonsense",), ('["sent",1]',), ('["done",0,201]',), ("[" * 100,)])
def test_a_journal_of_something_else_is_refused(call: Caller, http: HttpServer, recorded: tuple[str, ...]) -> None:
    assert "what this step has recorded earlier is not what it records now" in failed(call(POST, recorded=recorded))
    assert http.asked == []


@pytest.mark.parametrize(
    ("settings", "effect"),
    [
        ({}, Effect.PURE),
        ({"method": "HEAD"}, Effect.PURE),
        ({"method": "PUT"}, Effect.IDEMPOTENT),
        ({"method": "DELETE"}, Effect.IDEMPOTENT),
        ({"method": "POST"}, Effect.ONCE),
        ({"method": "PATCH"}, Effect.ONCE),
        ({"method": "POST", "idempotent": True}, Effect.IDEMPOTENT),
    ],
)
def test_the_effect_is_that_of_the_method(settings: dict[str, Any], effect: Effect) -> None:
    assert ACTION.effect_of is not None
    assert ACTION.effect_of(msgspec.convert({"connection": "bank", **settings}, ACTION.settings)) is effect


# --- rows


ROWS = {
    "method": "POST",
    "path": "/pay/{iban}",
    "json": {"amount": "{amount}"},
    "each": {"source": {"file": "${f.rows}", "columns": {"iban": {"type": "Text"}, "amount": {"type": "Money"}}}},
    "outputs": {"rows": "${f.answers}", "picked": {"payment": "/id"}},
}
CSV = {"f.rows": ("rows.csv", b"iban,amount\nDE1,1.10\nDE2,2.20\nDE3,3.30\n")}


def _pay(*refused: str) -> http_server.Answers:
    return lambda asked: Said(422, b"no") if asked.path in refused else as_json({"id": asked.path[-3:]}, 201)


def test_each_row_is_one_request_with_a_key_of_its_own(call: Caller, http: HttpServer) -> None:
    http.answers = _pay()

    played = call(ROWS, CSV)

    assert [(asked.path, asked.body) for asked in http.asked] == [
        ("/pay/DE1", b'{"amount":1.1}'),
        ("/pay/DE2", b'{"amount":2.2}'),
        ("/pay/DE3", b'{"amount":3.3}'),
    ]
    assert [asked.headers["idempotency-key"] for asked in http.asked] == [f"{KEY}/1", f"{KEY}/2", f"{KEY}/3"]
    assert played.outputs == {"f.answers": b"row,status,words,payment\n1,201,,DE1\n2,201,,DE2\n3,201,,DE3\n"}


def test_a_row_that_fails_ends_the_step_and_the_next_try_goes_on_behind_the_last(
    call: Caller, http: HttpServer
) -> None:
    http.answers = _pay("/pay/DE2")
    first = call(ROWS, CSV)
    http.answers = _pay()

    second = call(ROWS, CSV, recorded=tuple(first.context.recorded))

    assert failed(first) == ("row 2: POST 127.0.0.1/pay/DE2 was answered by 422: no (1 of 3 rows answered as expected)")
    assert first.outputs["f.answers"].startswith(b"row,status,words,payment\n1,201,,DE1\n2,,POST 127.0.0.1")
    assert [asked.path for asked in http.asked] == ["/pay/DE1", "/pay/DE2", "/pay/DE2", "/pay/DE3"]
    assert second.outcome.message == "3 of 3 rows answered as expected, 1 of them by an earlier try"
    assert second.outputs == {"f.answers": b"row,status,words,payment\n1,201,,DE1\n2,201,,DE2\n3,201,,DE3\n"}


def test_the_other_rows_are_tried_too_where_that_is_wanted(call: Caller, http: HttpServer) -> None:
    http.answers = _pay("/pay/DE1")

    said = failed(call({**ROWS, "each": {**ROWS["each"], "stop": "never"}}, CSV))  # type: ignore[dict-item]

    assert "(2 of 3 rows answered as expected)" in said
    assert len(http.asked) == 3


def test_a_file_of_answers_holds_no_secret_that_a_server_repeats(call: Caller, http: HttpServer) -> None:
    http.answers = lambda asked: Said(403, f"no right: {asked.headers['authorization']}".encode())

    played = call(ROWS, CSV, connection=http.connection(proof="bearer", token="t0ken+/"))

    assert b"no right: Bearer [secret]" in played.outputs["f.answers"]


def test_no_row_is_sent_before_all_of_them_can_be(call: Caller, http: HttpServer) -> None:
    rows = {"f.rows": ("rows.csv", b"iban,amount\nDE1,1.10\n,2.20\n")}

    assert failed(call(ROWS, rows)) == "row 2: path: {iban} is empty; nothing was sent"
    assert http.asked == []


def test_a_column_that_is_not_there_is_told_with_those_that_are(call: Caller, http: HttpServer) -> None:
    said = failed(call({**ROWS, "path": "/pay/{bic}"}, CSV))

    assert said == 'row 1: "{bic}" has no value (there are: iban, amount); nothing was sent'


def test_rows_that_were_sent_and_are_others_now_are_refused(call: Caller, http: HttpServer) -> None:
    http.answers = _pay("/pay/DE3")
    first = call(ROWS, CSV)
    moved = {"f.rows": ("rows.csv", b"iban,amount\nDE0,9.90\nDE1,1.10\nDE2,2.20\nDE3,3.30\n")}

    said = failed(call(ROWS, moved, recorded=tuple(first.context.recorded)))

    assert "row 1 was done by an earlier try, and is something else now: nothing was done" in said
    assert len(http.asked) == 3


def test_answers_of_rows_do_not_pile_up(call: Caller, http: HttpServer) -> None:
    http.answers = _pay()

    played = call(ROWS, CSV)

    assert len(http.asked) == 3
    names = {path.name for path in played.context.folder.iterdir() if path.name.startswith("answer")}
    assert names <= {"answer", "answers.csv"}


def test_a_row_that_failed_may_be_mended(call: Caller, http: HttpServer) -> None:
    http.answers = _pay("/pay/DE2")
    first = call(ROWS, CSV)
    mended = {"f.rows": ("rows.csv", b"iban,amount\nDE1,1.10\nDE9,2.20\nDE3,3.30\n")}

    second = call(ROWS, mended, recorded=tuple(first.context.recorded))

    assert second.outcome.status is StepStatus.SUCCESS
    assert [asked.path for asked in http.asked][-2:] == ["/pay/DE9", "/pay/DE3"]


def test_no_rows_are_a_warning(call: Caller, http: HttpServer) -> None:
    played = call(ROWS, {"f.rows": ("rows.csv", b"iban,amount\n")})

    assert (played.outcome.status, http.asked) == (StepStatus.WARNING, [])
    assert played.outcome.message.startswith("0 of 0 rows answered as expected; 0 rows in")


def test_rows_of_get_are_asked_anew_and_over_one_connection(call: Caller, http: HttpServer) -> None:
    http.answers = lambda asked: as_json({"id": asked.path})
    settings = {**ROWS, "method": "GET", "json": None}

    played = call(settings, CSV)

    assert played.context.recorded == []
    assert (len(http.asked), http.connections) == (3, 1)


# --- pages


def _paged(pages: list[dict[str, Any]]) -> http_server.Answers:
    return lambda asked: as_json(pages[int(asked.query.get("page", ["0"])[0])])


def test_pages_become_one_list_with_every_digit(call: Caller, http: HttpServer) -> None:
    texts = [
        b'{"items": [{"m": 1.10}, {"m": 12345678901234567890.123}], "next": "/list?page=1"}',
        b'{"items": [], "next": "?page=2"}',
        b'{"items": [{"m": 2}], "next": null}',
    ]
    http.answers = lambda asked: Said(200, texts[int(asked.query.get("page", ["0"])[0])])

    played = call({"path": "/list", "pages": {"items": "/items", "next": "/next"}, "outputs": {"body": "${f.x}"}})

    assert played.outputs["f.x"] == b'[\n{"m": 1.10},\n{"m": 12345678901234567890.123},\n{"m": 2}\n]\n'
    assert played.outcome.message == "GET 127.0.0.1/list: 3 items on 3 pages"


def test_pages_may_be_named_by_a_cursor_or_by_the_header_link(call: Caller, http: HttpServer) -> None:
    http.answers = lambda asked: as_json(
        {"v": [1], "c": "a&b=c"} if "cursor" not in asked.query else {"v": [2], "c": ""}
    )
    first = call(
        {"query": {"q": "x"}, "pages": {"items": "/v", "next": "/c", "query": "cursor"}, "outputs": {"body": "${f.x}"}}
    )
    links = '<x?page=9>; rel="prev", <?page=2&a=%2C>; title="a, b"; rel="last next"'
    http.answers = lambda asked: as_json([2]) if asked.query else as_json([1], Link=links)
    second = call({"path": "/x", "pages": {"next": "link"}, "outputs": {"body": "${f.x}"}})

    assert [asked.query for asked in http.asked[:2]] == [{"q": ["x"]}, {"q": ["x"], "cursor": ["a&b=c"]}]
    assert (first.outputs["f.x"], second.outputs["f.x"]) == (b"[\n1,\n2\n]\n", b"[\n1,\n2\n]\n")


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("</l?p=2>; rel='next'", "cannot be read"),
        ('</l?p=2>rel="next", </c>; rel="context"', "cannot be read"),  # ScorpioBroker/ScorpioBroker#44
        ('</l?p=2>; rel="next"; x', ""),  # panoramicdata/Meraki.Api#356
        (f'</{"a" * 9_000}>; rel="first", </l?p=2>; rel="next"', ""),
        ('</l?filters=a,b,c>; rel="next"', ""),  # alpha-omega-security/scrutineer#543
        ('</l?p=2&rel=next>; rel="prev"', "1 item on 1 page"),
        ('</l?p=2>; rel="prev next-archive"', "cannot be read"),
    ],
)
def test_a_header_that_names_a_next_page_is_followed_or_refused(
    call: Caller, http: HttpServer, link: str, words: str
) -> None:
    answers = iter([as_json([{"a": 1}], Link=link), as_json([{"a": 2}])])
    http.answers = lambda asked: next(answers)

    played = call({"path": "/l", "pages": {"items": "", "next": "link"}, "outputs": {"body": "${o.b}"}})

    assert (words or "2 items on 2 pages") in played.outcome.message


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        # httpie/cli#965, psf/requests#4956, urllib3/urllib3#311
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\na,b\n", "expected 10"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na,b\n\r\n", "incomplete chunked read"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\na,b\n", "did not say how long it is"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na,b\n", ""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na,b\n\r\n0\r\n\r\n", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"a,b\n"), ""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
    ],
)
def test_a_file_that_may_have_been_cut_short_is_told(call: Caller, http: HttpServer, raw: bytes, told: str) -> None:
    http.answers = lambda asked: Said(raw=raw)

    outcome = call({"outputs": {"body": "${o.b}"}}).outcome

    assert told in outcome.message
    assert (outcome.status is StepStatus.SUCCESS) is not bool(told)


@pytest.mark.parametrize("following", [True, {}, [], {"href": "/l?p=2"}])
def test_what_is_neither_an_address_nor_a_cursor_is_no_next_page(
    call: Caller, http: HttpServer, following: Any
) -> None:
    http.answers = lambda asked: as_json({"items": [1], "next": following})
    pages = {"items": "/items", "next": "/next", "query": "cursor"}

    assert "neither an address nor a cursor" in failed(call({"pages": pages, "outputs": {"body": "${o.b}"}}))


def test_an_item_on_two_pages_is_told(call: Caller, http: HttpServer) -> None:
    """hapifhir/hapi-fhir#3609: what is added meanwhile pushes an item to the next page, and takes another away."""
    settings = {"path": "/list", "pages": {"items": "/items", "next": "/next"}, "outputs": {"body": "${f.x}"}}
    http.answers = _paged([{"items": [{"id": 1}, {"id": 2}], "next": "?page=1"}, {"items": [{"id": 2}], "next": None}])
    twice = call(settings)
    http.answers = _paged([{"items": [{"id": 1}, {"id": 1}, 2], "next": "?page=1"}, {"items": [2], "next": None}])
    within = call(settings)

    assert twice.outcome.status is StepStatus.WARNING
    assert "1 item stands on two pages" in twice.outcome.message
    assert within.outcome.status is StepStatus.SUCCESS


def test_pages_without_an_end_are_refused(call: Caller, http: HttpServer) -> None:
    http.answers = lambda asked: as_json({"items": [1], "next": "/x"})
    around = failed(call({"path": "/x", "pages": {"items": "/items", "next": "/next"}}))
    counter = iter(range(100))
    http.answers = lambda asked: as_json({"items": [1], "next": f"/x{next(counter)}"})
    many = failed(call({"path": "/x", "pages": {"items": "/items", "next": "/next", "max": 3}}))

    assert around == "127.0.0.1: page 1 names one that was read already as the next"
    assert many == "127.0.0.1 has more than 3 pages"


def test_a_page_at_another_place_is_not_asked(call: Caller, http: HttpServer) -> None:
    with http_server.running() as other:
        http.answers = lambda asked: as_json({"items": [1], "next": f"{other.url}/x"})
        said = failed(
            call(
                {"pages": {"items": "/items", "next": "/next"}}, connection=http.connection(proof="bearer", token="t0k")
            )
        )

    assert "is at another place" in said
    assert other.asked == []


# --- settings


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "GET", "json": {}}, "method: GET sends nothing"),
        ({"method": "POST", "json": {}, "file": "${a.b}"}, "json and file"),
        ({"method": "PUT", "idempotent": True}, "idempotent:"),
        (
            {"method": "POST", "headers": {"idempotency-key": "close-1"}, "each": {"source": "${a.b}"}},
            "headers.idempotency-key: is the same for every row",
        ),
        ({"headers": {"Authorization": "x"}}, "headers.Authorization: is set by the connection"),
        ({"headers": {"Host": "x"}}, "headers.Host"),
        ({"headers": {"X Y": "x"}}, "is no name of a header"),
        ({"path": "/{a}"}, 'path: "{a}" has no value'),
        ({"method": "POST", "json": {"a": ["{b}"]}}, 'json.a.1: "{b}" has no value'),
        ({"method": "POST", "json": {"a": "${p.a}"}}, 'give "${p.a}" a name in inputs'),
        ({"method": "POST", "json": {"a": "${p}"}}, "is not a reference"),
        ({"pages": {"next": "next"}}, "is no JSON pointer"),
        ({"method": "POST", "pages": {"next": "/n"}}, "pages: are for GET"),
        ({"outputs": {"rows": "${a.b}"}}, "outputs.rows: is for each"),
        ({"each": {"source": "${a.b}"}, "outputs": {"body": "${a.c}"}}, "there are many answers"),
        ({"outputs": {"values": [{"pointer": "id", "to": "${a.b}"}]}}, "is no JSON pointer"),
        ({"method": "HEAD", "outputs": {"body": "${a.b}"}}, "HEAD answers without a body"),
    ],
)
def test_mistakes_in_the_settings_are_told(settings: dict[str, Any], words: str) -> None:
    assert any(words in said for said in mistakes(**settings)), mistakes(**settings)


def test_the_largest_answer_is_the_one_that_is_promised() -> None:
    assert exchanges.BODY_BYTES_MAX == 64 * 2**20
