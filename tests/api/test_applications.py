"""OAuth applications over HTTP: whose they are, what they may, and that a secret is shown once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from procession.model.people import SCOPES
from procession.operations import consents
from procession.store import applications as application_store
from procession.store.database import Transaction
from tests.api.house import House

CALLBACK = "https://client.example/callback"


def token_of(home: House, made: dict[str, Any]) -> int:
    """The status of asking for a token with the application's secret."""
    form = {"grant_type": "client_credentials", "client_id": made["clientId"], "client_secret": made["clientSecret"]}
    return home.ask("POST", "../../oauth/token", headers={"authorization": ""}, data=form).status_code


def test_whether_it_is_public_cannot_be_changed(home: House) -> None:
    made = home.post("applications", json={"name": "Nightly"})

    assert home.ask("POST", f"applications/{made['id']}", json={"isPublic": True}).status_code == 400
    assert home.ask("POST", f"applications/{made['id']}", json={"isPublic": False}).status_code == 200


def test_what_is_registered_gets_tokens_as_its_user_and_shows_its_secret_once(home: House) -> None:
    made = home.post("applications", json={"name": "Nightly", "scopes": ["process_read", "file"]})

    assert (made["user"], made["scopes"], made["redirectUris"]) == ("owner", ["file", "process_read"], [])
    assert token_of(home, made) == 200
    read = home.get(f"applications/{made['id']}")
    assert "clientSecret" not in read
    assert read == {name: value for name, value in made.items() if name != "clientSecret"}
    assert read in home.get("applications")


def test_a_reset_secret_ends_the_old_one_and_its_tokens(home: House) -> None:
    made = home.post("applications", json={"name": "Nightly"})

    again = home.post(f"applications/{made['id']}/secret")

    assert again["clientSecret"] != made["clientSecret"]
    assert (token_of(home, made), token_of(home, again)) == (401, 200)


def test_a_deleted_one_gets_nothing(home: House) -> None:
    made = home.post("applications", json={"name": "Nightly"})

    assert home.ask("DELETE", f"applications/{made['id']}").status_code == 200
    assert token_of(home, made) == 401
    assert home.ask("GET", f"applications/{made['id']}").status_code == 404


def test_a_public_one_has_no_secret(home: House) -> None:
    made = home.post("applications", json={"name": "Desk", "isPublic": True, "redirectUris": [CALLBACK]})

    assert "clientSecret" not in made
    assert made["redirectUris"] == [CALLBACK]
    assert home.ask("POST", f"applications/{made['id']}/secret").status_code == 400


def test_others_do_not_see_it_and_administrators_do(home: House) -> None:
    made = home.post("applications", json={"name": "Nightly"})
    path = f"applications/{made['id']}"

    for method, further in (("GET", ""), ("POST", ""), ("DELETE", ""), ("POST", "/secret")):
        assert home.ask(method, path + further, who="stranger").status_code == 404
    assert made["id"] not in {item["id"] for item in home.get("applications", who="stranger")}
    assert home.get(path, who="admin")["name"] == "Nightly"


def test_a_token_never_widens_itself_by_an_application(home: House) -> None:
    wide = home.post("applications", json={"name": "Wide", "scopes": ["process"]})
    narrow(home, "owner", frozenset({"application", "process_read"}))

    for method, path, body in (
        ("POST", "applications", {"name": "Wider", "scopes": ["process"]}),
        ("POST", f"applications/{wide['id']}/secret", {}),
        ("POST", f"applications/{wide['id']}", {"redirectUris": [CALLBACK]}),
    ):
        answer = home.ask(method, path, json=body)
        assert answer.status_code == 403, path
        assert "your access token does not have the scope process" in answer.json()["message"]


def narrow(home: House, who: str, scopes: frozenset[str]) -> None:
    """The user's token has only these scopes from now on."""

    def operation(tx: Transaction) -> None:
        tx.run("DELETE FROM token WHERE hash = ?", consents.digest(who))
        item = next(item for item in application_store.listed(tx, home.users[who].id) if item.name == who)
        until = home.clock.now() + timedelta(days=1)
        application_store.add_token(tx, consents.digest(who), item, scopes=scopes, expires_at=until)

    assert scopes < SCOPES
    home.database.write(operation)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "name is missing"),
        ({"name": "x", "scopes": ["root"]}, "there is no scope root"),
        ({"name": "x", "scopes": "process"}, "scopes must be a list"),
        ({"name": "x", "redirectUris": ["https://x.example;default-src/"]}, "must begin with https://"),
        ({"name": "x", "redirectUris": ["https://*.example/"]}, "must begin with https://"),
        ({"name": "x", "redirectUris": ["http://client.example/cb"]}, "http://client.example/cb"),
        ({"name": "x", "isPublic": "maybe"}, "neither true nor false"),
    ],
)
def test_what_is_wrong_is_said(home: House, body: dict[str, Any], said: str) -> None:
    answer = home.ask("POST", "applications", json=body)

    assert answer.status_code == 400, answer.text
    assert said in answer.json()["message"]
