"""Whatever happens to a request, the client gets an answer of one form."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from procession.door.bodies import BODY_BYTES_MAX
from procession.door.contract import BodyKind, Call, EmptyReply, Mode, Reply, Route, Space, StreamCall
from procession.model.errors import Conflict, Unavailable
from procession.model.rights import PUBLIC, Rule
from tests.api.edge import READ, ask, edge


def crash(call: Call) -> Any:
    raise RuntimeError("secret details")


def refuse(call: Call) -> Any:
    raise Conflict("somebody was faster")


def be_busy(call: Call) -> Any:
    raise Unavailable("the disk is full")


def write_then_fail(call: Call) -> Any:
    call.tx.run("CREATE TABLE trace (x TEXT)")
    raise Conflict("not this time")


def traces(call: Call) -> Any:
    return [int(call.tx.has_table("trace"))]


async def stream(call: StreamCall) -> Any:
    return {"run": str(call.ids["run"]), "origin": call.request.origin}


def row(method: str, pattern: str, handler: Any, **more: Any) -> Route:
    return Route(**{"method": method, "pattern": pattern, "handler": handler, "rule": READ, "summary": "", **more})


ROUTES = [
    row("GET", "processruns/{run}", lambda call: {"id": str(call.ids["run"]), "user": call.caller.user.login}),
    row("GET", "processes", lambda call: [dict(call.request.query)], mode=Mode.LISTING),
    row("POST", "echo", lambda call: dict(call.body), mode=Mode.WRITE, body=BodyKind.JSON),
    row("POST", "raw", lambda call: len(call.raw), mode=Mode.WRITE, body=BodyKind.TEXT),
    row("DELETE", "echo", lambda call: EmptyReply(), mode=Mode.WRITE),
    row("GET", "crash", crash),
    row("POST", "crash", crash, mode=Mode.WRITE),
    row("GET", "refuse", refuse, mode=Mode.LISTING),
    row("GET", "busy", be_busy),
    row("POST", "fail", write_then_fail, mode=Mode.WRITE),
    row("GET", "traces", traces),
    row("GET", "processruns/{run}/events", stream, mode=Mode.STREAM),
    row("GET", "admin", lambda call: 1, rule=Rule(scope="user", role="")),
    row("GET", "paged", lambda call: Reply(value=[], headers={"Link": '<x>; rel="next"'})),
    row("GET", "health", lambda call: {"status": "ok"}, rule=PUBLIC, space=Space.ROOT),
]


def get(tmp_path: Path, method: str, path: str, **more: Any) -> Any:
    with edge(tmp_path, ROUTES) as app:
        return asyncio.run(ask(app, method, path, **more))


def assert_error(answer: Any, status: int) -> dict[str, Any]:
    body = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(body["message"], str) and body["message"]
    assert str(uuid.UUID(body["supportId"], version=4)) == body["supportId"]
    return dict(body)


def test_a_keyed_read_answers_with_its_id(tmp_path: Path) -> None:
    answer = get(tmp_path, "GET", "/api/v1/processRuns/PR-7")

    assert (answer.status_code, answer.json()) == (200, {"id": "pr-7", "user": "mona"})


def test_head_sends_the_headers_of_get_and_no_body(tmp_path: Path) -> None:
    answer = get(tmp_path, "HEAD", "/api/v1/processruns/pr-7")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(b'{"id":"pr-7","user":"mona"}'))


def test_query_names_are_matched_in_any_case(tmp_path: Path) -> None:
    assert get(tmp_path, "GET", "/v1/processes?NAME=a%20b&empty=").json() == [{"name": "a b", "empty": ""}]


def test_json_is_read_whatever_its_content_type(tmp_path: Path) -> None:
    body = b'\xef\xbb\xbf{"Name": "x", "inputs": {"Step.Key": 0.10}}'
    answer = get(tmp_path, "POST", "/v1/echo", content=body, headers={"content-type": "application/octet-stream"})

    assert answer.json() == {"name": "x", "inputs": {"Step.Key": 0.1}}
    assert b"0.10" in answer.content


def test_an_empty_body_is_an_empty_object(tmp_path: Path) -> None:
    answer = get(tmp_path, "POST", "/v1/echo", headers={"content-type": "application/octet-stream"})

    assert answer.json() == {}


def test_a_delete_answers_200_without_a_body(tmp_path: Path) -> None:
    answer = get(tmp_path, "DELETE", "/v1/echo")

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/api/v1/processruns/ds-7", 404),
        ("GET", "/api/v1/processruns/pr-x", 404),
        ("PATCH", "/api/v1/processruns/pr-7", 405),
        ("OPTIONS", "/api/v1/processruns/pr-7", 405),
        ("GET", "/api/v1/crash", 500),
        ("POST", "/api/v1/crash", 500),
        ("GET", "/api/v1/refuse", 409),
        ("GET", "/api/v1/busy", 503),
        ("GET", "/api/v1/admin", 403),
        ("GET", "/api/v1/processes?" + "a=1&" * 60, 400),
        ("GET", "/api/v1/processes?a=%00", 400),
    ],
)
def test_every_refusal_has_a_message_and_a_support_id(tmp_path: Path, method: str, path: str, status: int) -> None:
    assert_error(get(tmp_path, method, path), status)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"1", b"nul", b'{"a": NaN}', b'{"a":' * 100_000, b'{"a": 1e999999999}', b'{"a": "\xff"}']
)
def test_bad_json_is_the_clients_mistake(tmp_path: Path, body: bytes) -> None:
    assert_error(get(tmp_path, "POST", "/v1/echo", content=body), 400)


def test_a_key_given_twice_among_many_is_told_at_once(tmp_path: Path) -> None:
    body = json.dumps({f"k{number}": 1 for number in range(60_000)}).encode()[:-1] + b', "k59999": 2}'
    began = time.process_time()

    answer = assert_error(get(tmp_path, "POST", "/v1/echo", content=body), 400)

    assert answer["message"] == 'the body names "k59999" twice'
    assert time.process_time() - began < 3


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_over_the_limit_is_refused(tmp_path: Path, is_chunked: bool) -> None:
    async def pieces() -> Any:
        for _ in range(3):
            yield b"x" * (BODY_BYTES_MAX // 2)

    content = pieces() if is_chunked else b"x" * (BODY_BYTES_MAX + 1)

    assert_error(get(tmp_path, "POST", "/v1/raw", content=content), 413)


def test_without_a_good_token_nothing_is_answered(tmp_path: Path) -> None:
    answer = get(tmp_path, "GET", "/v1/processruns/pr-7", token="bad")

    assert_error(answer, 401)
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_a_public_route_needs_no_token(tmp_path: Path) -> None:
    assert get(tmp_path, "GET", "/health", token="bad").json() == {"status": "ok"}


def test_a_stranger_is_not_told_whether_an_id_is_well_formed(tmp_path: Path) -> None:
    assert_error(get(tmp_path, "GET", "/v1/processruns/nonsense", token="bad"), 401)


def test_405_lists_the_methods(tmp_path: Path) -> None:
    assert get(tmp_path, "PATCH", "/v1/echo").headers["allow"] == "DELETE, POST"


def test_503_says_when_to_come_back(tmp_path: Path) -> None:
    assert get(tmp_path, "GET", "/v1/busy").headers["retry-after"] == "1"


def test_a_failure_is_logged_with_its_support_id_and_not_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "procession.api"):
        body = assert_error(get(tmp_path, "GET", "/v1/crash?secret=1"), 500)

    [record] = [record for record in caplog.records if getattr(record, "supportId", "") == body["supportId"]]
    assert "secret" not in json.dumps(body)
    assert (record.path, record.method, record.status) == ("/v1/crash", "GET", 500)  # type: ignore[attr-defined]
    assert record.exc_info is not None and "secret details" in str(record.exc_info[1])


def test_a_refused_write_leaves_no_trace(tmp_path: Path) -> None:
    with edge(tmp_path, ROUTES) as app:
        assert_error(asyncio.run(ask(app, "POST", "/v1/fail")), 409)

        assert asyncio.run(ask(app, "GET", "/v1/traces")).json() == [0]


def test_a_stream_handler_gets_ids_and_origin(tmp_path: Path) -> None:
    answer = get(tmp_path, "GET", "/v1/processruns/pr-7/events")

    assert answer.json() == {"run": "pr-7", "origin": "http://edge.example:8080"}


def test_further_headers_are_sent(tmp_path: Path) -> None:
    assert get(tmp_path, "GET", "/v1/paged").headers["link"] == '<x>; rel="next"'


def test_numbers_with_a_point_reach_the_handler_exactly(tmp_path: Path) -> None:
    seen: list[Any] = []
    routes = [row("POST", "echo", lambda call: seen.append(call.body["a"]), mode=Mode.WRITE, body=BodyKind.JSON)]
    with edge(tmp_path, routes) as app:
        asyncio.run(ask(app, "POST", "/v1/echo", content=b'{"a": 19.990}'))

    assert repr(seen) == repr([Decimal("19.990")])
