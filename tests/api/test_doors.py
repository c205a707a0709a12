"""The token endpoint and the public routes of the whole application."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from procession.operations import applications
from procession.store import folder
from tests.api.golden import differences, example
from tests.api.house import House


def ask(home: House, method: str, path: str, **more: Any) -> httpx2.Response:
    async def send() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=home.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://house.example") as client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


def test_a_token_opens_the_api_within_its_scopes(home: House) -> None:
    application, secret = home.database.write(
        lambda tx: applications.create(
            tx, name="Script", user_login="mate", scopes={"process_read"}, now=home.clock.now()
        )
    )
    form = {"grant_type": "client_credentials", "client_id": application.client_id, "client_secret": secret}

    token = ask(home, "POST", "/oauth/token", data=form)
    headers = {"authorization": f"Bearer {token.json()['access_token']}"}

    title = "Client Credentials Flow"
    documented = {key: value for key, value in example(title)["response"].items() if key != "refresh_token"}
    assert differences(title, documented, token.json()) == []
    assert ask(home, "GET", "/v1/processes", headers=headers).json() == [{"id": "p-1", "name": "Month end"}]
    refused = ask(home, "POST", "/v1/processes/p-1/processruns", headers=headers)
    assert (refused.status_code, "process_execute" in refused.json()["message"]) == (403, True)
    home.clock.advance(3_601)
    assert ask(home, "GET", "/v1/processes", headers=headers).status_code == 401


def test_a_wrong_secret_gets_no_token(home: House) -> None:
    form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}

    answer = ask(home, "POST", "/oauth/token", json=form)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.json()["supportId"]


def test_health_and_the_document_need_no_token(home: House) -> None:
    assert ask(home, "GET", "/health").json() == {"status": "ok"}
    document = ask(home, "GET", "/openapi.json").json()
    assert "/oauth/token" in document["paths"]
    assert "/api/v1/processruns/{run}/history" in document["paths"]


@pytest.mark.parametrize("path", ["/", "/runs/pr-1", "/runs/pr-999999", "/runs/nothing", "/runs/pr-1%3Cscript%3E"])
def test_a_browser_that_has_not_signed_in_is_sent_to_do_so_and_told_nothing(home: House, path: str) -> None:
    home.new_run()

    answer = ask(home, "GET", path)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert answer.text == ""


def test_a_browser_sees_a_page_where_there_is_nothing_and_a_program_sees_json(home: House) -> None:
    page = ask(home, "GET", "/nothing", headers={"accept": "text/html,*/*"})
    answer = ask(home, "GET", "/nothing")

    assert (page.status_code, answer.status_code) == (404, 404)
    assert "There is no such page" in page.text
    assert answer.json()["supportId"]


def test_health_tells_a_full_disk(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "FREE_BYTES_MIN", 1 << 62)

    answer = ask(home, "GET", "/health")

    assert (answer.status_code, answer.json()["message"]) == (503, "the server's disk is full")
