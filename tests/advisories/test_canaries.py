"""Secrets of a real server, looked for wherever somebody could read them (S6)."""

from __future__ import annotations

import base64

import pytest
from bench.server import Server

from tests.fuzz.canaries import PLAIN, SETTINGS, Search, digest, search, spellings

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Search:
    folder = tmp_path_factory.mktemp("canaries")
    server = Server(home=folder / "home", workers_max=2, settings=SETTINGS)
    server.start()
    try:
        server.sign_in()
        return search(server)
    finally:
        server.end()


def test_no_secret_lies_where_anybody_could_read_it(made: Search) -> None:
    hits = made.hits()

    assert hits == []
    assert len(made.secrets) >= 15 and all(len(secret) > 10 for secret in made.secrets.values())


def test_the_search_finds_what_is_there(made: Search) -> None:
    assert made.shows(PLAIN.encode()) >= {"an answer", "the home", "a backup"}
    kept = ("a client secret", "access token 3", "refresh token 2")
    assert all(any(made.shows(one) >= {"the home", "a backup"} for one in digest(made.secrets[name])) for name in kept)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_a_secret_is_seen_in_every_spelling(before: str) -> None:
    secret = "canary-0123456789-abcdefghij"

    hidden = base64.b64encode(f"{before}{secret} and more".encode())

    assert any(spelling in hidden for spelling in spellings(secret))
    assert not any(spelling in b"canary-of-another" for spelling in spellings(secret))
