"""The token endpoint by RFC 6749, with both ways of client authentication."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from procession.api.bodies import parse_form
from procession.model.ids import ApplicationId, UserId
from procession.model.people import Application
from procession.oauth.token import LIFETIME_SECONDS, Book, Refused, digest, issue, split_scopes

NOW = datetime(2026, 11, 23, tzinfo=UTC)
FIELDS = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "s3cret"}


def application(*scopes: str) -> Application:
    return Application(
        id=ApplicationId(3),
        client_id="app",
        secret_hash=digest("s3cret"),
        name="App",
        user=UserId(1),
        scopes=frozenset(scopes),
    )


def ask(fields: dict[str, str], *, own: tuple[str, ...] = ("process", "file"), authorization: str = "") -> Any:
    added: list[Any] = []
    known = {"app": application(*own)}
    book = Book(find=known.get, add=lambda *row: added.append(row))
    return issue(book, fields, authorization=authorization, now=NOW), added


def test_a_token_is_issued_and_only_its_hash_is_stored() -> None:
    answer, [(token_hash, app, user, scopes, expires_at)] = ask(FIELDS)

    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", LIFETIME_SECONDS)
    assert token_hash == digest(answer["access_token"])
    assert (app, user, scopes) == (ApplicationId(3), UserId(1), {"process", "file"})
    assert expires_at == NOW + timedelta(seconds=LIFETIME_SECONDS)


def test_basic_authentication_works() -> None:
    header = "Basic " + base64.b64encode(b"app:s3cret").decode()

    answer, _ = ask({"grant_type": "client_credentials"}, authorization=header)

    assert answer["access_token"]


def test_a_scope_of_the_wrong_type_is_not_every_scope() -> None:
    fields = parse_form(b'{"scope": {}, "client_id": null, "more": [1]}', "application/json")

    assert fields == {"scope": "{}", "more": "[1]"}


@pytest.mark.parametrize(
    ("own", "asked", "given"),
    [
        ((), None, {"process_read"}),
        (("process",), "process_read", {"process_read"}),
        (("process", "file"), "process_execute, file_read", {"process_execute", "file_read"}),
        (("file",), "  file  ", {"file"}),
    ],
)
def test_scopes_are_those_asked_for_within_the_applications(
    own: tuple[str, ...], asked: str | None, given: set[str]
) -> None:
    fields = FIELDS if asked is None else {**FIELDS, "scope": asked}

    answer, [(_, _, _, scopes, _)] = ask(fields, own=own)

    assert (scopes, set(answer["scope"].split())) == (given, given)


@pytest.mark.parametrize(
    ("fields", "error", "status"),
    [
        ({**FIELDS, "scope": "user"}, "invalid_scope", 400),
        ({**FIELDS, "scope": "made_up"}, "invalid_scope", 400),
        ({**FIELDS, "client_secret": "wrong"}, "invalid_client", 401),
        ({**FIELDS, "client_id": "nobody"}, "invalid_client", 401),
        ({"grant_type": "client_credentials"}, "invalid_client", 401),
        ({**FIELDS, "grant_type": "password"}, "unsupported_grant_type", 400),
        ({"client_id": "app", "client_secret": "s3cret"}, "unsupported_grant_type", 400),
        ({}, "unsupported_grant_type", 400),
    ],
)
def test_a_refusal_is_an_error_of_the_standard(fields: dict[str, str], error: str, status: int) -> None:
    with pytest.raises(Refused) as refused:
        ask(fields)

    assert (refused.value.fields["error"], refused.value.status) == (error, status)
    assert refused.value.message and refused.value.headers["cache-control"] == "no-store"


def test_an_unknown_client_looks_like_a_wrong_secret() -> None:
    with pytest.raises(Refused) as unknown:
        ask({**FIELDS, "client_id": "nobody"})
    with pytest.raises(Refused) as wrong:
        ask({**FIELDS, "client_secret": "x"})

    assert (unknown.value.fields, unknown.value.status) == (wrong.value.fields, wrong.value.status)


def test_scopes_are_split_at_white_space_and_commas() -> None:
    assert split_scopes(" a,b\tc, d ") == {"a", "b", "c", "d"}
