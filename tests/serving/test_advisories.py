"""What advisories of the last two years tell of other servers, tried on ours over a connection."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.door.contract import Request
from procession.door.downloads import choose
from tests.programs import Client, ask, serving, sign_in

pytestmark = pytest.mark.acceptance
CHUNKED = "POST /api/v1/processes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
SMUGGLED = "GET /api/v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home = tmp_path_factory.mktemp("advisories") / "home"
    with serving(home) as server:
        yield sign_in(home, server.address)


def said(client: Client, request: str) -> bytes:
    """All that is answered until the connection ends, or one second has passed."""
    host, _, port = client.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 1.0) as line:
        line.sendall(request.encode("latin-1"))
        pieces = []
        try:
            while piece := line.recv(65_536):
                pieces.append(piece)
        except (TimeoutError, ConnectionResetError):
            pass
    return b"".join(pieces)


@pytest.mark.parametrize(
    "request_text",
    [
        pytest.param(f"{CHUNKED}1\r\naXX0\r\n\r\n{SMUGGLED}", id="CVE-2025-43859 h11: any two bytes end a chunk"),
        pytest.param(f"{CHUNKED}1\na\r\n0\r\n\r\n{SMUGGLED}", id="CVE-2025-22871 net/http: a line feed ends a size"),
        pytest.param(f"{CHUNKED}1;a\nb\r\na\r\n0\r\n\r\n{SMUGGLED}", id="GHSA-8495-4g3g-x7pr aiohttp: in an extension"),
        pytest.param(f"{CHUNKED}0\r\na : b\r\n\r\n{SMUGGLED}", id="GHSA-9548-qrrj-x5pj aiohttp: a trailer that is none"),
        pytest.param(f"{CHUNKED}-1\r\na\r\n0\r\n\r\n{SMUGGLED}", id="a negative size"),
        pytest.param(f"{CHUNKED}0x1\r\na\r\n0\r\n\r\n{SMUGGLED}", id="a size with a prefix"),
        pytest.param(
            CHUNKED.replace("chunked", "chunked\r\nContent-Length: 3") + f"0\r\n\r\n{SMUGGLED}",
            id="CVE-2024-6827 gunicorn: two lengths",
        ),
        pytest.param(
            CHUNKED.replace("chunked", "xchunked") + f"0\r\n\r\n{SMUGGLED}", id="CVE-2024-1135 gunicorn: unknown coding"
        ),
        pytest.param(
            CHUNKED.replace("chunked", "chunked, identity") + f"0\r\n\r\n{SMUGGLED}", id="chunked that is not the last"
        ),
        pytest.param(
            f"GET /a HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n{SMUGGLED}", id="GHSA-63hf-3vf5-4wqf aiohttp: NUL in a value"
        ),
        pytest.param(
            f"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na{SMUGGLED}", id="a length with a sign"
        ),
        pytest.param(
            CHUNKED.replace("chunked", "\x0b\x1cchunked\x85") + f"0\r\n\r\n{SMUGGLED}", id="gunicorn#3364: other blanks"
        ),
        pytest.param(f"{CHUNKED}1;a\rb\r\na\r\n0\r\n\r\n{SMUGGLED}", id="gunicorn#3327: a bare CR in an extension"),
        pytest.param(
            f"GET /a HTTP/1.1\r\nHost: x\r\nX:\n\nGET /b HTTP/1.1\nHost: x\n\r\n{SMUGGLED}", id="gunicorn#3144: bare LF"
        ),
        pytest.param(
            CHUNKED.replace("chunked", "chunked\r\nContent-Length: 4") + f"0\r\n\r\n{SMUGGLED}",
            id="hypercorn#279: a length besides chunks",
        ),
        pytest.param(f"GET /a HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n{SMUGGLED}", id="a value on two lines"),
        pytest.param(
            CHUNKED.replace("-Encoding:", "-Encoding :") + f"0\r\n\r\n{SMUGGLED}", id="a blank behind a name"
        ),
        pytest.param(
            f"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na{SMUGGLED}", id="two lengths"
        ),
    ],
)  # fmt: skip
def test_a_body_whose_end_is_in_doubt_ends_the_connection(client: Client, request_text: str) -> None:
    answers = said(client, request_text)

    assert answers.count(b"HTTP/1.1 ") <= 2
    assert answers.rpartition(b"HTTP/1.1 ")[2].startswith(b"400 "), answers


@pytest.mark.parametrize(
    "request_text",
    [
        pytest.param("GET /health#/../api HTTP/1.1\r\nHost: x", id="CVE-2025-32395 vite: a target with a fragment"),
        pytest.param("GET /health", id="HTTP/0.9"),
        pytest.param("GET /health HTTP/2.0\r\nHost: x", id="another protocol in the words of this one"),
        pytest.param("GET /health HTTP/1.1\r\nX: y", id="no host at all"),
        pytest.param("GET http://a:b@x/health HTTP/1.1\r\nHost: x", id="a target with a name and a password"),
        pytest.param("GET http://x/health HTTP/1.1\r\nHost: x\r\nHost: y", id="two hosts beside that of the target"),
    ],
)
def test_a_head_that_others_may_read_otherwise_is_refused(client: Client, request_text: str) -> None:
    assert said(client, f"{request_text}\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("more", ["", "Host: wrong.example\r\n"])
def test_a_target_that_names_its_host_is_believed(client: Client, more: str) -> None:
    """benoitc/gunicorn#3370: somebody in front of us decides by the target, and we by the header."""
    target = "http://right.example:81/.well-known/oauth-authorization-server"

    answer = said(client, f"GET {target} HTTP/1.1\r\n{more}Connection: close\r\n\r\n")

    assert b'"issuer":"http://right.example:81"' in answer and b"wrong" not in answer


def test_what_comes_behind_a_close_is_not_answered(client: Client) -> None:
    """Kludex/uvicorn#2238."""
    request = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    assert said(client, request * 2).count(b"HTTP/1.1 ") == 1


def test_of_a_list_of_addresses_the_last_that_is_no_proxy_counts(tmp_path: Path) -> None:
    """SandeepVashishtha/Eventra#13398: whatever a client had written in front of its address was believed."""
    form = b"grant_type=client_credentials&client_id=nobody&client_secret=guess"
    address = ("198.51.100.1", "::ffff:198.51.100.1", "198.51.100.1:99", "[::ffff:c633:6401]:7")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROCESSION_TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8")
        with serving(tmp_path / "home") as server:
            lists = [f"192.0.2.{number}, {address[number % 4]}, 10.0.0.{number}" for number in range(25)]
            answers = [
                ask("POST", f"{server.address}/oauth/token", form, X_Forwarded_For=given).status for given in lists
            ]

    assert answers == [401] * 20 + [429] * 5


def test_a_client_of_http_1_0_is_not_told_to_go_on(client: Client) -> None:
    request = "POST /oauth/token HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"

    assert said(client, request).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "path",
    [
        "api/v1/processes/configs",  # CVE-2026-53576, Kestra: whatever ended so was public
        "oauth/..%2fapi/v1/processes",  # CVE-2026-34908, UniFi OS: public as written, private as decoded
        "oauth/%2e%2e/api/v1/processes",
        ".well-known/oauth-authorization-server/../../api/v1/processes",
        "api/v1/processes;/oauth/token",
        "api/v1/processes%3f/oauth/token",
        "oauth//api/v1/processes",
    ],
)
def test_no_spelling_of_a_path_opens_what_needs_a_token(client: Client, path: str) -> None:
    assert ask("GET", f"{client.address}/{path}").status in {400, 401, 404, 405}


@pytest.mark.parametrize("host", ["x/oauth/token?", "x:80:80", "a b", "x#", "x\\y", "user@x", ""])
def test_a_host_decides_no_path_and_no_right(client: Client, host: str) -> None:
    """Kludex/starlette GHSA-86qp-5c8j-p5mr (CVE-2026-48710): a Host with a path in it opened what was closed."""
    request = f"GET /api/v1/processes HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"

    assert said(client, request).split(b" ", 2)[1] in {b"400", b"401"}


def test_many_ranges_take_no_longer_than_one() -> None:
    """Kludex/starlette GHSA-7f5h-v6xp-fcq8 (CVE-2025-62727): they were merged in the square of their number."""
    ranges = "bytes=" + ",".join(f"{at}-" for at in range(10_000))[:60_000]
    began = time.process_time()

    asked = Request(method="GET", path="/", origin="", headers={"range": ranges}, query={})
    choose(asked, size_bytes=100_000, etag="x")

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("cookie", ["=", "session", "; ; =;", "session=\x80", "a" * 9_000, "__Host-session=%00"])
def test_a_malformed_cookie_is_nobody_s(client: Client, cookie: str) -> None:
    """goauthentik/authentik GHSA-fj56-5763-j8pp (CVE-2026-25748): a cookie that could not be read let anybody in."""
    request = f"GET /api/v1/processes HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"

    assert said(client, request).split(b" ", 2)[1] in {b"400", b"401"}


@pytest.mark.parametrize(
    "question", ["response_type=token", "response_type=code%20id_token", "response_type=code&scope=nothing", ""]
)
def test_no_refusal_leads_to_an_address_that_is_not_registered(client: Client, question: str) -> None:
    """authlib/authlib#918 (CVE-2026-41479, CVE-2026-44681): the error led wherever the request said."""
    there = "redirect_uri=https%3A%2F%2Fevil.example%2Fsteal"
    request = f"GET /oauth/authorize?{question}&{there} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    answer = said(client, request)

    assert answer.startswith(b"HTTP/1.1 4") and b"\r\nlocation:" not in answer.lower()


def test_a_form_has_a_size(client: Client) -> None:
    """Kludex/starlette GHSA-82w8-qh3p-5jfq (CVE-2026-54283): limits of forms were not those of this kind of form."""
    fields, size = "&".join(f"a{number}=1" for number in range(1_000)), "a=" + "x" * 1_100_000

    answers = [ask("POST", f"{client.address}/oauth/token", text.encode()) for text in (fields, size)]

    assert [answer.status for answer in answers] == [400, 413]


def test_an_account_that_is_stopped_is_stopped_whatever_address_is_claimed(client: Client) -> None:
    """RodiumAi/Forge#84, Canopus-Labs/PrepPilot#1438: whoever named another address was counted anew."""
    form = b"grant_type=client_credentials&client_id=nobody&client_secret=guess"

    answers = [
        ask("POST", f"{client.address}/oauth/token", form, X_Forwarded_For=f"192.0.2.{number}").status
        for number in range(30)
    ]

    assert answers == [401] * 20 + [429] * 10
