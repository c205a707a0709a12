"""Redirects, codes, tokens and sessions: what authorization servers were attacked by."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from procession.model.errors import Invalid
from procession.model.people import SCOPES, AccountStatus, Caller
from procession.operations import applications as application_operations
from procession.operations import links
from procession.operations import people as people_operations
from procession.operations.act import Act
from procession.store import applications as application_store
from procession.store import people as people_store
from procession.store.database import Transaction
from tests import plain_http
from tests.oauth.world import PASSWORD, PKCE, REDIRECT, VERIFIER, World

# Near to https://app.example/cb, which alone is registered.
NEAR = (
    "https://app.example/cb/", "https://app.example/cb?x=1", "https://app.example/cb#x", "https://app.example/CB",
    "https://app.example/cb/../evil", "https://app.example/cb%2f..%2fevil", "https://app.example/cb;x", "https://app.example",
    "http://app.example/cb", "https://app.example:443/cb", "https://app.example:8443/cb", "https://APP.example/cb",
    "https://app.example.evil.example/cb", "https://evil.example/https://app.example/cb", "https://app.example@evil.example/cb",
    "https://evil.example#https://app.example/cb", "https://evil.example\\@app.example/cb", "//app.example/cb", "/cb",
    "https:app.example/cb", "https:///app.example/cb", " https://app.example/cb", "https://app.example/cb ",
    "https://app.example/cb\t", "https://app.example/cb%00", "https://app.example/c%62", "https://appXexample/cb",
    "javascript:alert(1)", "data:text/html,x", "https://app.example/cb\r\nx: y", "https://*.example/cb", "null",
)  # fmt: skip


def test_an_answer_goes_to_the_registered_address_letter_by_letter(made: World) -> None:
    answers = {uri: plain_http.get(f"{made.address}{made.question(redirect_uri=uri)}") for uri in NEAR}

    assert [uri for uri, answer in answers.items() if answer.status_code != 400 or "location" in answer.headers] == []


KINDS = ("token", "id_token", "code id_token", "code token", "id_token token", "none", "Code", "")


def test_an_unknown_kind_of_answer_redirects_to_nobody_who_is_not_registered(made: World) -> None:
    fields = {"client_id": made.web.client_id, "redirect_uri": "https://evil.example/", "nonce": "n"}
    asked = [urlencode({**fields, "response_type": kind}) for kind in KINDS]

    answers = [plain_http.get(f"{made.address}/oauth/authorize?{query}") for query in asked]

    assert {(answer.status_code, answer.headers.get("location")) for answer in answers} == {(400, None)}


def test_no_token_ever_comes_in_an_address(made: World) -> None:
    browser = made.browser()
    browser.sign_in(made.question())
    cookies = {"cookie": f"procession_session={browser.cookies['procession_session']}"}
    allowed = {**browser.forms.hidden, "do": "allow"}

    asked = [made.question(response_type=kind) for kind in KINDS[:-1]]
    answers = [plain_http.post(made.address + address, data=allowed, headers=cookies) for address in asked]

    told = [answer.headers["location"] for answer in answers]
    assert all("error=unsupported_response_type" in address for address in told)
    assert not any("access_token" in address or "#" in address for address in told)


BROKEN_PROOFS: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
    (PKCE, {}),
    (PKCE, {"code_verifier": ""}),
    (PKCE, {"code_verifier": "w" * 43}),
    (PKCE, {"code_verifier": PKCE["code_challenge"]}),
    ({}, {"code_verifier": VERIFIER}),
)


def test_pkce_is_held_to_both_ways(made: World) -> None:
    answers = [made.redeem(made.code(None, **asked), **proof) for asked, proof in BROKEN_PROOFS]

    assert {answer.status_code for answer in answers} == {400}
    assert {answer.json()["error"] for answer in answers} <= {"invalid_grant", "invalid_request"}


def test_a_public_application_gets_no_code_without_a_hashed_challenge(made: World) -> None:
    plain = {"code_challenge": VERIFIER, "code_challenge_method": "plain"}
    for more in (plain, {"code_challenge": VERIFIER}, {}):
        answer = made.browser().open(made.question(made.native, redirect_uri="http://127.0.0.1:9/cb", **more)).answer

        assert answer.status_code == 303 and "error=invalid_request" in answer.headers["location"]


def test_a_code_is_of_one_application_and_of_one_address(made: World) -> None:
    code = made.code(redirect_uri=REDIRECT)
    other = {"client_id": made.other.client_id, "client_secret": made.other_secret, "redirect_uri": REDIRECT}

    stolen = [
        made.token(grant_type="authorization_code", code=code, **other),
        made.redeem(code, redirect_uri="https://evil.example/"),
        made.redeem(code),
    ]

    assert {answer.status_code for answer in stolen} == {400}
    assert made.redeem(code, redirect_uri=REDIRECT).status_code == 200


def test_nobody_asks_for_more_than_an_application_has(made: World) -> None:
    refresh = made.redeem(made.code()).json()["refresh_token"]

    for scope in ("user", "process user", "application", "everything", "PROCESS", "process\u00a0user"):
        granted = made.token(grant_type="client_credentials", scope=scope, **made.credentials)
        assert granted.json()["error"] == made.refresh(refresh, scope=scope).json()["error"] == "invalid_scope"
        assert "error=invalid_scope" in made.browser().open(made.question(scope=scope)).answer.headers["location"]


def _jwt(header: dict[str, object]) -> str:
    claims = {"sub": "admin", "iss": "x", "aud": "procession", "exp": 4_000_000_000, "scope": "user"}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)]
    return ".".join([*parts, ""])


HEADERS: tuple[dict[str, object], ...] = (
    {"alg": "none"},
    {"alg": "None"},
    {"alg": "HS256", "crit": ["x"]},
    {"alg": "HS256"},
)
JWTS = [_jwt(header) for header in HEADERS]


def test_a_token_that_says_itself_who_it_is_for_is_none(made: World) -> None:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    for token in JWTS:
        proofs = {"client_id": made.web.client_id, "client_assertion_type": kind, "client_assertion": token}
        granted = made.token(grant_type=grant, assertion=token, **made.credentials)

        assert not made.opens(token)
        assert made.token(grant_type="client_credentials", **proofs).status_code == 401
        assert granted.json()["error"] == "unsupported_grant_type"


def test_each_secret_is_good_for_one_thing(made: World) -> None:
    browser = made.browser()
    browser.sign_in(made.question())
    code = browser.submit(do="allow").back["code"]
    link = made.write(lambda tx: links.create(tx, made.ada.id, made.clock.now()))
    tokens = made.redeem(made.code()).json()
    access, refresh, session = tokens["access_token"], tokens["refresh_token"], browser.cookies["procession_session"]

    assert not any(
        made.opens(text) for text in (code, refresh, session, link, made.secret, made.web.client_id, PASSWORD)
    )
    assert {made.refresh(text).status_code for text in (access, code, session, link)} == {400}
    assert {made.redeem(text).status_code for text in (access, refresh, session, link)} == {400}
    for text in (access, refresh, code, session):
        assert made.browser().open(f"/oauth/password?link={text}").answer.status_code == 404
        shown = plain_http.get(f"{made.address}{made.question()}", headers={"cookie": f"procession_session={text}"})
        assert ("<h1>Sign in</h1>" in shown.text) is (text != session)


def test_the_session_of_a_browser_is_a_new_one_after_signing_in(made: World) -> None:
    browser = made.browser()
    browser.cookies["procession_session"] = planted = "a" * 43

    browser.sign_in(made.question())

    assert browser.cookies["procession_session"] != planted
    first = browser.cookies["procession_session"]
    again = made.browser()
    again.cookies["procession_session"] = first
    again.open(made.question())
    again.submit(do="leave")
    again.sign_in(made.question())
    assert again.cookies["procession_session"] != first


def _suspend(tx: Transaction, made: World) -> None:
    people_store.change_user(tx, replace(made.ada, status=AccountStatus.SUSPENDED))


def _narrow(tx: Transaction, made: World) -> None:
    application_store.revoke_tokens(tx, made.web.id, made.clock.now())


def _delete(tx: Transaction, made: World) -> None:
    application_operations.delete(tx, made.web.id)


def _new_password(tx: Transaction, made: World) -> None:
    people_operations.set_password(tx, made.ada.id, "x", made.clock.now())


@pytest.mark.parametrize("end", [_suspend, _narrow, _delete, _new_password])
def test_what_was_revoked_is_good_nowhere_introspection_included(
    made: World, end: Callable[[Transaction, World], None]
) -> None:
    tokens = made.redeem(made.code()).json()

    made.write(lambda tx: end(tx, made))

    assert not made.opens(tokens["access_token"])
    assert made.refresh(tokens["refresh_token"]).status_code in {400, 401}
    for text in tokens["access_token"], tokens["refresh_token"]:
        asked = made.post("introspect", token=text, **made.credentials)
        assert asked.status_code == 401 or asked.json() == {"active": False}


def test_a_password_is_set_by_no_link_that_was_not_made(made: World) -> None:
    browser = made.browser()
    browser.open(made.question())
    fields = {**browser.forms.hidden, "password": "a new password", "again": "a new password"}
    cookies = {"cookie": f"procession_form={browser.cookies['procession_form']}"}

    for link in ("", "null", "undefined", "0", "[]", "\0", "' OR '1'='1", "*", "x" * 5_000):
        address = f"{made.address}/oauth/password?{urlencode({'link': link})}"
        assert plain_http.get(address, headers=cookies).status_code in {400, 404}
        assert plain_http.post(address, headers=cookies, data=fields).status_code in {400, 404}

    assert made.browser().sign_in(made.question()).forms.buttons > {"allow"}


def test_nobody_asks_for_the_link_of_a_password_without_a_token(made: World) -> None:
    paths = ["forgot-password", "password/forgot", "password", "reset", "api/v1/account/forgot-password"]

    answers = [
        plain_http.post(f"{made.address}/{prefix}{path}", json={"email": "ada@example.com"})
        for path in paths
        for prefix in ("", "oauth/", "api/v1/")
    ]

    assert {answer.status_code for answer in answers} <= {400, 401, 404, 405, 415}
    assert not any("link=" in answer.text for answer in answers)


def test_signing_in_leads_to_no_address_that_a_link_names(made: World) -> None:
    browser = made.browser()
    targets = ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)")
    for name in ("next", "redirect", "redirect_to", "return_to", "url", "continue", "goto"):
        address = f"{made.question()}&{urlencode([(name, target) for target in targets])}"
        browser.open(address)
        fields = {**browser.forms.hidden, "login": "ada", "password": PASSWORD, "do": "sign-in"}
        cookies = {"cookie": f"procession_form={browser.cookies['procession_form']}"}

        answer = plain_http.post(made.address + address, data=fields, headers=cookies)

        assert answer.status_code == 303
        assert answer.headers["location"].startswith("?response_type=code")


# A policy names the host of a form's answer; what ends a directive there would begin another.
NO_ADDRESSES = (
    *("https://a.example;script-src *", "https://a.example;sandbox/cb", "https://a.example,x/cb", "https://*/cb"),
    *("https://a.example'/cb", "http://a.example/cb", "javascript:alert(1)", "https://u@a.example/", "data:x"),
)


def test_an_address_is_checked_when_it_is_changed_as_when_it_is_registered(made: World) -> None:
    def change(tx: Transaction, uri: str) -> None:
        caller = Caller(user=people_operations.user(tx, made.ada.id), scopes=SCOPES)
        act = Act(tx=tx, caller=caller, now=made.clock.now(), resources=made.resources)
        application_operations.change(act, replace(made.web, redirect_uris=(uri,)))

    for uri in NO_ADDRESSES:
        with pytest.raises(Invalid, match="redirect URI"):
            made.write(partial(change, uri=uri))
