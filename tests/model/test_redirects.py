"""Which addresses may receive an authorization code: only those that lead back to the application itself."""

from __future__ import annotations

import pytest

from procession.model import redirects
from procession.model.errors import Invalid


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/callback?tenant=7",
        "http://127.0.0.1:8123/cb",
        "http://[::1]:8123/cb",
        "http://localhost/cb",
        "com.example.app:/oauth",
    ],
)
def test_an_address_of_the_application_is_taken(uri: str) -> None:
    redirects.check(uri)


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("http://app.example/cb", "must begin with https://"),
        ("http://localhost.evil.example/cb", "must begin with https://"),
        ("http://127.0.0.1.nip.io/cb", "must begin with https://"),
        ("javascript:alert(1)", "must begin with https://"),
        ("data:text/html,x", "must begin with https://"),
        ("myapp:/cb", "must begin with https://"),
        ("https:///cb", "must begin with https://"),
        ("https://app.example;script-src/cb", "must begin with https://"),
        ("https://app.example@evil.example/cb", "holds a user name"),
        ("https://app.example/cb#code", "holds a fragment"),
        ("https://app.example/cb\n", "holds a fragment or a character"),
        ("https://app.example\\@evil.example/", "holds a fragment or a character"),
        ("https://ёж.example/cb", "holds a fragment or a character"),
        ("https://app.example:port/cb", "is not an address"),
        ("https://[::1/cb", "is not an address"),
        ("", "holds a fragment or a character"),
    ],
)
def test_an_address_that_may_lead_elsewhere_is_refused(uri: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        redirects.check(uri)


def test_the_length_is_limited() -> None:
    longest = "https://app.example/".ljust(redirects.CHARACTERS_MAX, "x")

    redirects.check(longest)
    with pytest.raises(Invalid, match="at most 1000 characters"):
        redirects.check(longest + "x")
