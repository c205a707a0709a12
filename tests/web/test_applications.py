"""Applications: registered, changed, deleted; their secret is shown once, with commands that work."""

from __future__ import annotations

import asyncio
import re
import shlex
from html import unescape
from itertools import pairwise

import pytest

from procession.api.routes import ROUTES
from procession.model.ids import ApplicationId
from procession.operations import applications
from tests.api.house import House
from tests.web.account_site import visitor, words

NEW = {"name": "Close script", "scope": ["process_execute", "file"], "addresses": ""}


def secret_of(html: str) -> tuple[str, str]:
    client_id, secret = re.findall(r'<code class="secret"[^>]*>([^<]+)', html)
    return client_id, secret


def token_of(home: House, client_id: str, secret: str) -> str | None:
    fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    answer = asyncio.run(home.request_async("POST", "/oauth/token", data=fields))
    token: str | None = answer.json().get("access_token")
    return token


def test_one_is_registered_and_the_commands_of_its_page_work(home: House) -> None:
    owner = visitor(home, "owner")

    answer = owner.send("/applications/new", **NEW)

    assert answer.status_code == 200
    assert "Copy its secret now: it is shown this once" in words(answer.text)
    commands = unescape(re.search(r'<pre class="code"[^>]*>(.*?)</pre>', answer.text, re.DOTALL)[1])  # type: ignore[index]
    client_id, secret = secret_of(answer.text)
    names = dict(line.split("=", 1) for line in commands.splitlines()[:2])
    request = shlex.split(
        commands.replace("\\\n", "").splitlines()[2].replace("$SECRET", names["SECRET"]).replace("$S", names["S"])
    )
    assert names["SECRET"] == secret
    fields = dict(value.split("=", 1) for flag, value in pairwise(request) if flag == "-d")
    token = asyncio.run(home.request_async("POST", request[1], data=fields)).json()["access_token"]
    listing = commands.splitlines()[-1].rpartition("$S")[2]
    headers = {"authorization": f"Bearer {token}"}
    assert asyncio.run(home.request_async("GET", listing, headers=headers)).status_code == 200
    assert secret not in owner.open("/applications")
    assert client_id in owner.open("/applications")


def test_last_used_is_when_it_was_given_a_token(home: House) -> None:
    owner = visitor(home, "owner")
    client_id, secret = secret_of(owner.send("/applications/new", **NEW).text)
    assert "Close script" in owner.open("/applications")
    assert owner.page is not None
    assert owner.page.text.count(">never<") == 2  # the house's own, too

    assert token_of(home, client_id, secret)

    owner.open("/applications")
    assert owner.page.text.count(">never<") == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": " "}, "The name of an application must be one line"),
        ({"scope": []}, "Tick what the application may do"),
        ({"scope": ["everything"]}, "There is no scope everything"),
        ({"addresses": "http://elsewhere.example/back"}, "http://elsewhere.example/back"),
        ({"is_public": "on"}, "it needs an address to send them back to"),
        ({"addresses": "\n".join(f"https://a.example/{n}" for n in range(21))}, "at most 20 redirect URIs"),
    ],
)
def test_a_mistake_registers_nothing_and_keeps_what_was_typed(shared: House, wrong: dict[str, str], said: str) -> None:
    owner = visitor(shared, "owner")

    assert said in owner.refused("/applications/new", **{**NEW, **wrong})

    with shared.database.read() as tx:
        assert len(applications.listed(tx, shared.caller("owner"))) == 1
    assert owner.page is not None
    assert 'name="scope" value="user" checked' not in owner.page.text


def test_a_public_one_has_no_secret(home: House) -> None:
    fields = {**NEW, "is_public": "on", "addresses": "http://127.0.0.1/back"}

    answer = visitor(home, "owner").send("/applications/new", **fields)

    assert "It is public and has no secret" in words(answer.text)
    assert "SECRET=" not in answer.text


def test_another_secret_ends_the_old_one(home: House) -> None:
    owner = visitor(home, "owner")
    client_id, old = secret_of(owner.send("/applications/new", **NEW).text)
    where = re.search(r'href="(/applications/c-\d+)"', owner.page.text)[1]  # type: ignore[union-attr, index]

    _, new = secret_of(owner.send(f"{where}/secret").text)

    assert new != old
    assert token_of(home, client_id, old) is None
    assert token_of(home, client_id, new)


def test_it_is_changed_and_deleted(home: House) -> None:
    owner = visitor(home, "owner")

    owner.does("/applications/c-1", name="Renamed", scope=["file"], addresses="https://a.example/b https://a.example/c")

    with home.database.read() as tx:
        changed = applications.find(tx, ApplicationId(1))
    assert (changed.name, changed.scopes) == ("Renamed", frozenset({"file"}))
    assert len(changed.redirect_uris) == 2
    assert "Tick what" in owner.refused("/applications/c-1", name="Renamed", addresses="")
    assert "Delete Renamed?" in owner.open("/applications/c-1")
    assert owner.does("/applications/c-1/delete") == "/applications?said=deleted"
    assert owner.ask("GET", "/applications/c-1").status_code == 404


@pytest.mark.parametrize("path", ["", "/secret", "/delete"])
def test_that_of_somebody_else_is_not_there(shared: House, path: str) -> None:
    stranger = visitor(shared, "stranger")

    assert stranger.send(f"/applications/c-1{path}", **NEW).status_code == 404
    assert stranger.ask("GET", "/applications/c-1").status_code == 404


def test_an_administrator_sees_all_and_resets_no_secret_of_whoever_is_above_them(shared: House) -> None:
    admin = visitor(shared, "admin")

    assert "owner Test" in admin.open("/applications")
    assert "You see those that are yours" in visitor(shared, "owner").open("/applications")
    assert "owner Test" not in visitor(shared, "stranger").open("/applications")


def test_the_reference_has_every_operation_with_its_scope_and_role(shared: House) -> None:
    shown = visitor(shared, "mate").open("/api")

    for route in ROUTES:
        assert f"{route.summary} {route.method} " in shown
    assert "Start a process run POST /api/v1/processruns/{run}/start process_execute executor" in shown
