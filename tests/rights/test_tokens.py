"""Bad tokens: always 401, said in the one way, and never content."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.rights import tokens
from tests.rights.asking import Headers, Question, Said, ask
from tests.rights.world import World

TOKENS_LEAST = 450
ROUTES = (
    "GET /api/v1/processes",
    "GET /v1/processruns/{run}",
    "GET /api/v1/processruns/{run}/events",
    "GET /api/v1/files/{file}",
    "POST /api/v1/processruns/{new run}/start",
    "POST /api/v1/files/{file}",
    "POST /api/v1/users",
    "GET /api/v1/logs",
)


@pytest.fixture(scope="module")
def bad(everybody: World) -> dict[str, Headers]:
    house = everybody.house
    dead = house.database.write(lambda tx: tokens.seed(tx, house.users["owner"], house.clock.now()))
    return tokens.bad(dead)


def questions(world: World, headers: Headers) -> Iterable[Question]:
    for route in ROUTES:
        method, path = route.split(" ", 1)
        yield Question(method=method, path=path.format(**world.ids), headers=headers)


def is_refused(said: Said) -> bool:
    return (
        said.status == 401
        and said.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        and set(said.json()) == {"message", "supportId"}
        and "access token" in said.message
    )


def test_a_bad_token_opens_nothing(everybody: World, bad: dict[str, Headers]) -> None:
    async def work() -> list[str]:
        wrong = []
        for what, headers in bad.items():
            for question in questions(everybody, headers):
                said = await ask(everybody.app, question)
                if not is_refused(said):
                    wrong.append(f"{what}: {question.method} {question.path!r} {said.status} {said.body[:80]!r}")
        return wrong

    wrong = everybody.run(work())

    assert not wrong, f"{len(wrong)} of {len(bad)} x {len(ROUTES)}\n" + "\n".join(wrong[:40])
    assert len(bad) >= TOKENS_LEAST


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER ", b"Bearer   "])
def test_the_good_one_opens_them(everybody: World, bad: dict[str, Headers], scheme: bytes) -> None:
    """Or the test above would show nothing. The scheme has no case (RFC 9110 section 11.1)."""
    said = [everybody.ask(item).status for item in questions(everybody, tokens.bearer(tokens.GOOD, scheme))]

    assert said == [200, 200, 200, 200, 200, 415, 403, 200]


@pytest.mark.parametrize("name", ["access_token", "token", "bearer", "authorization", "Authorization"])
def test_a_token_elsewhere_is_none(everybody: World, bad: dict[str, Headers], name: str) -> None:
    """In the address it would stand in logs (RFC 6750 section 5.3); a form could be sent by any page."""
    good = f"{name}={tokens.GOOD}"
    path = f"/api/v1/processruns/{everybody.ids['new run']}/start"

    asked = [
        Question(method="POST", path=path, query=good),
        Question(method="POST", path=path, body=good.encode(), content_type="application/x-www-form-urlencoded"),
        Question(method="POST", path=path, body=f'{{"{name}": "{tokens.GOOD}"}}'.encode()),
        Question(method="GET", path="/api/v1/processes", query=good),
    ]

    assert all(is_refused(everybody.ask(question)) for question in asked)


def test_two_headers_are_no_proof_of_a_client_either(everybody: World) -> None:
    ids = everybody.ids
    basic = b"Basic " + base64.b64encode(f"{ids['client']}:{ids['secret']}".encode())
    one = Question(
        method="POST",
        path="/oauth/introspect",
        body=b"token=x",
        content_type="application/x-www-form-urlencoded",
        headers=((b"authorization", basic),),
    )

    said = [everybody.ask(replace(one, headers=(one.headers[0],) * times)).status for times in (1, 2)]

    assert said == [200, 401]
