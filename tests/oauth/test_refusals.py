"""What must be refused, each with the section of the standard that it comes from."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest

from procession.clock import ManualClock
from tests import plain_http
from tests.oauth.world import CHALLENGE, LOOPBACK, PKCE, REDIRECT, VERIFIER, World


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def native(made: World, **fields: str) -> dict[str, str]:
    code = made.code(made.native, redirect_uri=LOOPBACK, **PKCE)
    return {"grant_type": "authorization_code", "code": code, "client_id": made.native.client_id,
            "redirect_uri": LOOPBACK, **fields}  # fmt: skip


def bare(made: World, **fields: str) -> dict[str, str]:
    return fields


def signed(made: World, **fields: str) -> dict[str, str]:
    return {**made.credentials, **fields}


def asked_by(made: World, *, by: str, **fields: str) -> str:
    return made.question(getattr(made, by), **fields)


def redeem(made: World, *, asked: dict[str, str] | None = None, **fields: str) -> dict[str, str]:
    code = made.code(made.web, **(asked or {}))
    return {"grant_type": "authorization_code", "code": code, **made.credentials, **fields}


def refresh(made: World, **fields: str) -> dict[str, str]:
    token = made.redeem(made.code()).json()["refresh_token"]
    return {"grant_type": "refresh_token", "refresh_token": token, **made.credentials, **fields}


def as_other(made: World) -> dict[str, str]:
    return {"client_id": made.other.client_id, "client_secret": made.other_secret}


def own(made: World, **fields: str) -> dict[str, str]:
    return {"grant_type": "client_credentials", **made.credentials, **fields}


Fields = Callable[[World], dict[str, str]]

# The name, the section, what is sent to the token endpoint, and the error.
TOKEN: list[tuple[str, str, Fields, str]] = [
    ("no grant_type", "6749 5.2", signed, "invalid_request"),
    ("a redirect_uri that nobody named before", "6749 4.1.3", partial(redeem, redirect_uri="http://127.0.0.1:9/x"),
     "invalid_grant"),
    ("unknown grant_type", "6749 5.2", partial(own, grant_type="magic"), "unsupported_grant_type"),
    ("password grant", "9700 2.4", partial(own, grant_type="password"), "unsupported_grant_type"),
    ("implicit grant", "9700 2.1.2", partial(own, grant_type="implicit"), "unsupported_grant_type"),
    ("no client", "6749 3.2.1", partial(bare, grant_type="client_credentials"), "invalid_client"),
    ("a NUL in the client", "6749 A.1", partial(own, client_id="a\0b"), "invalid_request"),
    ("a NUL in the name of Basic", "6749 A.1", partial(bare, grant_type="client_credentials", authorization=basic("a\0b", "c")), "invalid_request"),
    ("a NUL in the code", "6749 A.11", partial(redeem, code="a\0b"), "invalid_request"),
    ("a NUL in the refresh token", "6749 A.17", partial(refresh, refresh_token="a\0b"), "invalid_request"),
    ("unknown client", "6749 5.2", partial(own, client_id="nobody"), "invalid_client"),
    ("wrong secret", "6749 2.3.1", partial(own, client_secret="wrong"), "invalid_client"),
    ("no secret", "6749 3.2.1", lambda w: {"grant_type": "client_credentials", "client_id": w.web.client_id},
     "invalid_client"),
    ("empty secret", "6749 3.2", partial(own, client_secret=""), "invalid_client"),
    ("Basic of another scheme", "6749 2.3.1", partial(bare, grant_type="client_credentials", authorization="Digest x"), "invalid_client"),
    ("Basic that is no base64", "6749 2.3.1", partial(bare, grant_type="client_credentials", authorization="Basic ???"), "invalid_client"),
    ("Basic that is no UTF-8", "6749 2.3.1", partial(bare, grant_type="client_credentials", authorization="Basic " + base64.b64encode(b"\xff:\xff").decode()), "invalid_client"),
    ("two ways at once", "6749 2.3", lambda w: own(w, authorization=basic(w.web.client_id, w.secret)),
     "invalid_request"),
    ("two clients at once", "6749 2.3", lambda w: {"grant_type": "client_credentials",
     "client_id": w.other.client_id, "authorization": basic(w.web.client_id, w.secret)}, "invalid_request"),
    ("public client_credentials", "6749 4.4", lambda w: {"grant_type": "client_credentials",
     "client_id": w.native.client_id}, "invalid_client"),
    ("secret of a public client", "6749 2.1", partial(native, code_verifier=VERIFIER, client_secret="x"),
     "invalid_client"),
    ("scope beyond", "6749 5.2", partial(own, scope="user"), "invalid_scope"),
    ("made-up scope", "6749 3.3", partial(own, scope='pr"ocess\\'), "invalid_scope"),
    ("no code", "6749 4.1.3", partial(signed, grant_type="authorization_code"), "invalid_request"),
    ("empty code", "6749 3.2", partial(signed, grant_type="authorization_code", code=""),
     "invalid_request"),
    ("unknown code", "6749 5.2", partial(signed, grant_type="authorization_code", code="x"),
     "invalid_grant"),
    ("code of another client", "6749 4.1.3", lambda w: redeem(w) | as_other(w), "invalid_grant"),
    ("code without the secret", "6749 4.1.3", partial(redeem, client_secret=""), "invalid_client"),
    ("access token as code", "6749 4.1.3", lambda w: {"grant_type": "authorization_code", **w.credentials,
     "code": w.redeem(w.code()).json()["access_token"]}, "invalid_grant"),
    ("another redirect_uri", "6749 4.1.3", partial(redeem, asked={"redirect_uri": REDIRECT}, redirect_uri=REDIRECT + "/"), "invalid_grant"),
    ("redirect_uri left out", "6749 4.1.3", partial(redeem, asked={"redirect_uri": REDIRECT}), "invalid_grant"),
    ("code of a client without addresses", "6749 5.2", lambda w: redeem(w, client_id=w.script.client_id,
     client_secret=w.script_secret), "unauthorized_client"),
    ("no verifier", "7636 4.5", native, "invalid_request"),
    ("wrong verifier", "7636 4.6", partial(native, code_verifier="w" * 43), "invalid_grant"),
    ("challenge as verifier", "7636 4.6", partial(native, code_verifier=CHALLENGE), "invalid_grant"),
    ("short verifier", "7636 4.1", partial(native, code_verifier="v" * 42), "invalid_request"),
    ("long verifier", "7636 4.1", partial(native, code_verifier="v" * 129), "invalid_request"),
    ("verifier with a line end", "7636 4.1", partial(native, code_verifier=VERIFIER + "\n"), "invalid_request"),
    ("verifier of a confidential client left out", "9700 2.1.1", partial(redeem, asked=PKCE), "invalid_request"),
    ("verifier without a challenge", "9700 4.8.2", partial(redeem, code_verifier=VERIFIER), "invalid_request"),
    ("no refresh_token", "6749 6", partial(signed, grant_type="refresh_token"), "invalid_request"),
    ("unknown refresh_token", "6749 5.2", partial(signed, grant_type="refresh_token", refresh_token="x"), "invalid_grant"),
    ("refresh of another client", "6749 6", lambda w: refresh(w) | as_other(w), "invalid_grant"),
    ("refresh without the secret", "6749 6", partial(refresh, client_secret=""), "invalid_client"),
    ("refresh with a wider scope", "6749 6", partial(refresh, scope="process user"), "invalid_scope"),
    ("code as refresh token", "6749 6", lambda w: {"grant_type": "refresh_token", "refresh_token": w.code(),
     **w.credentials}, "invalid_grant"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "fields", "error"), [row[1:] for row in TOKEN], ids=[row[0] for row in TOKEN])
def test_the_token_endpoint_refuses(made: World, section: str, fields: Fields, error: str) -> None:
    answer = made.token(**fields(made))

    body = answer.json()
    assert (body["error"], answer.status_code) == (error, 401 if error == "invalid_client" else 400), (section, body)
    assert body["message"] and body["supportId"] and body["error_description"]
    assert answer.headers["cache-control"] == "no-store" and answer.headers["pragma"] == "no-cache"
    assert (error == "invalid_client") == ("basic" in answer.headers.get("www-authenticate", "").lower())


# The name, the section, the question to the authorization endpoint, and the error; "page" is an error page.
ASKED: list[tuple[str, str, Callable[[World], str], str]] = [
    ("no client_id", "6749 4.1.2.1", partial(World.question, client_id=""), "page"),
    ("unknown client", "6749 4.1.2.1", partial(World.question, client_id="nobody", redirect_uri=REDIRECT), "page"),
    ("client twice", "6749 3.1", lambda w: f"{w.question()}&client_id={w.web.client_id}", "page"),
    ("redirect_uri twice", "6749 3.1", lambda w: w.question(redirect_uri=REDIRECT) + "&redirect_uri=x", "page"),
    ("unregistered address", "6749 3.1.2.4", partial(World.question, redirect_uri="https://evil.example/cb"), "page"),
    ("longer address", "9700 2.1", partial(World.question, redirect_uri=REDIRECT + "/more"), "page"),
    ("address with a query", "9700 2.1", partial(World.question, redirect_uri=REDIRECT + "?x=1"), "page"),
    ("address in capitals", "9700 2.1", partial(World.question, redirect_uri=REDIRECT.replace("app", "APP")), "page"),
    ("address with dots", "9700 4.1.1", partial(World.question, redirect_uri="https://app.example/x/../cb"), "page"),
    ("address with a user", "9700 4.1.1", partial(World.question, redirect_uri="https://app.example@evil.example/cb"),
     "page"),
    ("address with forbidden characters", "6749 4.1.2.1", partial(World.question, redirect_uri='https://"\\é'), "page"),
    ("port of a confidential client", "8252 7.3", partial(World.question, redirect_uri="https://app.example:8443/cb"),
     "page"),
    ("another loopback path", "8252 7.3", lambda w: w.question(w.native, redirect_uri="http://127.0.0.1:1/x", **PKCE),
     "page"),
    ("another host for loopback", "8252 7.3", lambda w: w.question(w.native, redirect_uri="http://127.0.0.1.evil/cb", **PKCE), "page"),
    ("no address and two registered", "6749 3.1.2.3", partial(asked_by, by="other"), "page"),
    ("no address registered", "6749 3.1.2.2", partial(asked_by, by="script", redirect_uri=REDIRECT), "page"),
    ("broken percent code", "6749 3.1", lambda w: w.question() + "&x=%ff", "page"),
    ("no response_type", "6749 4.1.2.1", partial(World.question, response_type=""), "invalid_request"),
    ("token as response_type", "9700 2.1.2", partial(World.question, response_type="token"), "unsupported_response_type"),
    ("odd response_type", "6749 4.1.2.1", partial(World.question, response_type='"\\é'), "unsupported_response_type"),
    ("scope beyond", "6749 4.1.2.1", partial(World.question, scope="process user"), "invalid_scope"),
    ("public without PKCE", "7636 4.4.1", partial(asked_by, by="native", redirect_uri=LOOPBACK), "invalid_request"),
    ("plain", "9700 2.1.1", partial(World.question, code_challenge=CHALLENGE, code_challenge_method="plain"),
     "invalid_request"),
    ("challenge without a method", "7636 4.3", partial(World.question, code_challenge=CHALLENGE), "invalid_request"),
    ("method without a challenge", "7636 4.3", partial(World.question, code_challenge_method="S256"), "invalid_request"),
    ("short challenge", "7636 4.2", partial(World.question, code_challenge="x" * 42, code_challenge_method="S256"),
     "invalid_request"),
    ("challenge with padding", "7636 4.2", partial(World.question, code_challenge=CHALLENGE[:-1] + "=", code_challenge_method="S256"), "invalid_request"),
    ("challenge twice", "7636 4.4.1", lambda w: w.question(w.web, **PKCE) + f"&code_challenge={CHALLENGE}",
     "invalid_request"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "question", "error"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED])
def test_the_authorization_endpoint_refuses(
    made: World, section: str, question: Callable[[World], str], error: str
) -> None:
    browser = made.browser().open(question(made))

    if error == "page":
        assert browser.answer.status_code == 400 and "location" not in browser.answer.headers, section
        assert "This did not work" in browser.text
    else:
        assert (browser.back["error"], browser.back["state"], browser.back["iss"]) == (error, "xyz", made.address)


def test_a_field_given_twice_is_refused(made: World) -> None:
    """RFC 6749 section 3.2."""
    body = "grant_type=client_credentials&grant_type=client_credentials"

    answer = plain_http.post(f"{made.address}/oauth/token", content=body,
                         headers={"content-type": "application/x-www-form-urlencoded"})  # fmt: skip

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("path", "fields", "status", "error"),
    [
        ("revoke", {"token": "x"}, 401, "invalid_client"),  # 7009 2.1
        ("revoke", {"web": "1"}, 400, "invalid_request"),  # 7009 2.1
        ("introspect", {"token": "x"}, 401, "invalid_client"),  # 7662 2.1
        ("introspect", {"web": "1"}, 400, "invalid_request"),  # 7662 2.1
        ("introspect", {"token": "x", "native": "1"}, 401, "invalid_client"),  # 7662 4: no public client may scan
    ],
)
def test_revocation_and_introspection_refuse(
    made: World, path: str, fields: dict[str, str], status: int, error: str
) -> None:
    sent: dict[str, Any] = {name: value for name, value in fields.items() if name == "token"}
    sent |= made.credentials if "web" in fields else {}
    sent |= {"client_id": made.native.client_id} if "native" in fields else {}

    answer = made.post(path, **sent)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_nobody_revokes_the_token_of_another_application(made: World) -> None:
    """RFC 7009 section 2.1."""
    tokens = made.redeem(made.code()).json()

    for token in (tokens["access_token"], tokens["refresh_token"]):
        answer = made.post("revoke", token=token, **as_other(made))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert made.opens(tokens["access_token"])


@pytest.mark.parametrize("method", ["token", "revoke", "introspect"])
def test_tokens_are_not_asked_for_by_get(made: World, method: str) -> None:
    """RFC 6749 section 3.2."""
    assert plain_http.get(f"{made.address}/oauth/{method}").status_code == 405


@pytest.mark.parametrize("where", ["query", "form", "scheme"])
def test_an_access_token_is_taken_from_its_header_alone(made: World, where: str) -> None:
    """RFC 6750 sections 2.1 to 2.3 and 3."""
    token = made.redeem(made.code()).json()["access_token"]
    url = f"{made.address}/api/v1/processes"

    if where == "query":
        answer = plain_http.get(f"{url}?access_token={quote(token)}")
    elif where == "form":
        answer = plain_http.post(f"{made.address}/api/v1/requests", data={"access_token": token})
    else:
        answer = plain_http.get(url, headers={"authorization": f"Token {token}"})

    assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer")


def test_an_expired_access_token_is_invalid(made: World) -> None:
    """RFC 6750 section 3.1."""
    token = made.redeem(made.code()).json()["access_token"]
    assert isinstance(made.clock, ManualClock)

    made.clock.advance(3_600)

    assert not made.opens(token)


def test_basic_credentials_are_form_encoded(made: World) -> None:
    """RFC 6749 section 2.3.1: an encoded secret is the secret, and JSON is taken as a form is."""
    encoded = "".join(f"%{ord(letter):02x}" for letter in made.secret)

    answer = plain_http.post(f"{made.address}/oauth/token", json={"grant_type": "client_credentials"},
                         headers={"authorization": basic(made.web.client_id, encoded)})  # fmt: skip

    assert answer.status_code == 200


def test_an_unknown_client_looks_like_a_wrong_secret(made: World) -> None:
    """RFC 9700 section 2.5."""
    unknown, wrong = (made.token(**own(made, **fields)) for fields in ({"client_id": "x"}, {"client_secret": "x"}))

    parts = ("error", "error_description", "message")
    assert [unknown.json()[name] for name in parts] == [wrong.json()[name] for name in parts]
    assert unknown.status_code == wrong.status_code


@pytest.mark.parametrize("path", ["token", "revoke", "introspect"])
@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"{", b"nonsense", b"\xff=1", b"a=%ff", b'{"grant_type": 7, "token": null}', b'{"token": "\\ud800"}',
        b'{"client_id": "\\u0000", "client_secret": "\\u0000", "token": "x", "grant_type": "client_credentials"}',
        b'{"client_id": "x", "token": "\xf0\x9f\x98\x80", "client_secret": "\xc3\xa9", "grant_type": "refresh_token"}',
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_the_words_of_the_standard(made: World, path: str, body: bytes) -> None:
    """RFC 6749 section 5.2."""
    answer = plain_http.post(f"{made.address}/oauth/{path}", content=body)

    assert answer.status_code in {400, 401} and answer.json()["error"] and answer.json()["supportId"]
