"""A user signs in and consents; the application gets tokens, refreshes them, loses them by replay and by revocation."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import httpx2

from tests.api.house import ADDRESS
from tests.crash.client import Client
from tests.oauth.world import PASSWORD, PKCE, VERIFIER, Browser

REFUSED = (400, "invalid_grant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """As its developer wrote it: what it keeps of a user are these two tokens."""

    client: Client
    credentials: dict[str, str]

    def post(self, path: str, **fields: str) -> httpx2.Response:
        return self.client.request("POST", f"{ADDRESS}/oauth/{path}", data={**self.credentials, **fields})

    def redeem(self, code: str) -> httpx2.Response:
        return self.post("token", grant_type="authorization_code", code=code, code_verifier=VERIFIER)

    def refresh(self, token: str) -> httpx2.Response:
        return self.post("token", grant_type="refresh_token", refresh_token=token)

    def consented(self, browser: Browser) -> str:
        """The code of a user who has signed in."""
        fields = {"response_type": "code", "client_id": self.credentials["client_id"], "state": "xyz", **PKCE}
        browser.open(f"/oauth/authorize?{urlencode(fields)}")
        if "allow" not in browser.forms.buttons:
            browser.submit(login="owner", password=PASSWORD, do="sign-in")
            cookie = browser.cookies["procession_session"]
            self.client.promise("signed in", partial(self._is_signed_in, cookie))
        return browser.submit(do="allow").back["code"]

    def _is_signed_in(self, cookie: str) -> None:
        assert self.client.rows("SELECT 1 FROM session WHERE hash = ?", digest(cookie))


def script(client: Client) -> None:
    application = Application(client=client, credentials=json.loads((client.home / "credentials").read_text()))
    browser = Browser(ADDRESS, client.request)
    _own_token(application)
    _refreshed_and_replayed(application, browser)
    _code_replayed(application, browser)
    _revoked(application, browser)
    back = _denied(application, browser)
    assert back["error"] == "access_denied"


def _own_token(application: Application) -> None:
    """client_credentials: a lost answer costs nothing, the next one is as good."""
    answer = application.post("token", grant_type="client_credentials")
    assert answer.status_code == 200, answer.text
    _promise_open(application.client, "own token", answer.json()["access_token"])


def _tokens(application: Application, browser: Browser, name: str) -> tuple[str, dict[str, Any]]:
    """A code and what it was turned into.

    Where the answer was lost the code is used, and sent again it ends the consent: the user is asked once more.
    """
    code = application.consented(browser)
    answer = application.redeem(code)
    if application.client.repeats and answer.status_code == 400:
        assert answer.json()["error"] == "invalid_grant"
        application.client.promise(f"lost code of {name}", partial(_is_over, application.client, code))
        code = application.consented(browser)
        answer = application.redeem(code)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    _promise_open(application.client, f"access of {name}", tokens["access_token"])
    application.client.promise(
        f"used code of {name}", partial(_is_used, application.client, "authorization_code", code)
    )
    return code, tokens


def _refreshed_and_replayed(application: Application, browser: Browser) -> None:
    client = application.client
    _, first = _tokens(application, browser, "first")
    answer = application.refresh(first["refresh_token"])
    if client.repeats and answer.status_code == 400:
        # The answer of a rotation was lost: the client holds a used token, and using it ends the family
        # (RFC 9700 section 4.14.2). It has to ask its user again.
        _promise_closed(client, "access of first", first["access_token"])
        _, first = _tokens(application, browser, "first")
        answer = application.refresh(first["refresh_token"])
    assert answer.status_code == 200, answer.text
    second, used = answer.json(), first["refresh_token"]
    _promise_open(client, "access of second", second["access_token"])
    client.promise("used refresh token", partial(_is_used, client, "refresh_token", used))

    assert application.post("introspect", token=second["access_token"]).json()["active"]
    client.forget("access of second")
    assert application.post("revoke", token=second["access_token"]).status_code == 200
    _promise_closed(client, "access of second", second["access_token"])

    client.forget("access of first")
    _refused(application.refresh(used))
    _promise_closed(client, "access of first", first["access_token"])
    _refused(application.refresh(second["refresh_token"]))


def _code_replayed(application: Application, browser: Browser) -> None:
    code, tokens = _tokens(application, browser, "third")
    application.client.forget("access of third")
    _refused(application.redeem(code))
    _promise_closed(application.client, "access of third", tokens["access_token"])
    application.client.promise("replayed code", partial(_is_over, application.client, code))
    _refused(application.refresh(tokens["refresh_token"]))


def _revoked(application: Application, browser: Browser) -> None:
    code, tokens = _tokens(application, browser, "fourth")
    application.client.forget("access of fourth")
    assert application.post("revoke", token=tokens["refresh_token"]).status_code == 200
    _promise_closed(application.client, "access of fourth", tokens["access_token"])
    application.client.promise("revoked", partial(_is_over, application.client, code))
    _refused(application.refresh(tokens["refresh_token"]))


def _denied(application: Application, browser: Browser) -> dict[str, str]:
    """The user says no, and leaves."""
    fields = {"response_type": "code", "client_id": application.credentials["client_id"], **PKCE}
    question = f"/oauth/authorize?{urlencode(fields)}"
    back = browser.open(question).submit(do="deny").back
    cookie = browser.cookies["procession_session"]
    browser.open(question)
    application.client.forget("signed in")
    browser.submit(do="leave")
    application.client.promise("left", partial(_has_left, application.client, cookie))
    return back


def _has_left(client: Client, cookie: str) -> None:
    assert client.rows("SELECT 1 FROM session WHERE hash = ?", digest(cookie)) == []


def _refused(answer: httpx2.Response) -> None:
    assert (answer.status_code, answer.json().get("error")) == REFUSED, answer.text


def _promise_open(client: Client, name: str, token: str) -> None:
    client.promise(name, partial(_opens, client, token, 200))


def _promise_closed(client: Client, name: str, token: str) -> None:
    client.promise(name, partial(_opens, client, token, 401))


def _opens(client: Client, token: str, status: int) -> None:
    assert client.look("processes", who=token).status_code == status


def _is_used(client: Client, table: str, text: str) -> None:
    [(used,)] = client.rows(f"SELECT used_at IS NOT NULL FROM {table} WHERE hash = ?", digest(text))
    assert used


def _is_over(client: Client, code: str) -> None:
    sql = (
        "SELECT g.revoked_at IS NOT NULL FROM authorization_code c JOIN oauth_grant g ON g.id = c.grant_id"
        " WHERE c.hash = ?"
    )
    assert client.rows(sql, digest(code)) == [(1,)]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
