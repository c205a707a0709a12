"""Signing in by a real OpenID provider, a second program from PyPI; and what a dishonest one says."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from procession import config
from procession.clock import SystemClock
from procession.config import SettingError, SsoProvider
from procession.model.people import AccountStatus
from procession.oauth import limits
from tests import plain_http, support
from tests.oauth.world import Browser, World, world
from tests.support import wait_until

EMAIL = "ada@example.com"


def provider_at(address: str) -> SsoProvider:
    return SsoProvider(issuer=address, client_id="procession", client_secret="a secret", name="Example SSO")


USERS = (
    {"sub": "1", "email": "ADA@example.com", "email_verified": True},
    {"sub": "2", "email": EMAIL, "email_verified": False},
    {"sub": "3", "email": "stranger@example.com", "email_verified": True},
    {"sub": "4", "email": EMAIL},
)


@contextmanager
def mock_provider() -> Iterator[str]:
    """A process of its own, ended by its pid."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    users = [argument for user in USERS for argument in ("--user-claims", json.dumps(user))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", *users]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: process.poll() is not None or _answers(f"http://127.0.0.1:{port}"))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _answers(address: str) -> bool:
    try:
        return plain_http.get(f"{address}/.well-known/openid-configuration").status_code == 200
    except httpx2.HTTPError:
        return False


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with mock_provider() as address, world(tmp_path_factory.mktemp("sso"), SystemClock(), provider_at(address)) as made:
        yield made


def go_and_come_back(made: World, sub: str, to: str = "", action: str = "") -> Browser:
    """As a browser does it: our page, theirs, and back with what they say."""
    browser = made.browser()
    browser.open(f"/sign-in/sso{to}")
    assert browser.answer.status_code == 303
    said = plain_http.post(browser.answer.headers["location"], data={"sub": sub, "action": action})
    return browser.open(said.headers["location"].removeprefix(made.address))


def test_who_the_provider_knows_by_a_verified_email_is_signed_in(real: World) -> None:
    browser = go_and_come_back(real, "1", "?to=/runs")

    assert browser.answer.status_code == 200 and browser.url == f"{real.address}/runs"
    assert "Ada" in browser.text
    with real.database.read() as tx:
        assert tx.one("SELECT count(*) FROM log WHERE message = 'signed in by Example SSO'") == (1,)


@pytest.mark.parametrize(
    ("sub", "said"), [("2", "verified your email"), ("4", "verified your email"), ("3", "nobody here has the email")]
)
def test_nobody_else_is(real: World, sub: str, said: str) -> None:
    browser = go_and_come_back(real, sub)

    assert browser.answer.status_code == 400 and said in browser.text.lower().replace("  ", " ")
    assert not browser.cookies.get("procession_session")


def test_who_says_no_is_back_at_the_page_to_sign_in(real: World) -> None:
    browser = real.browser().open("/sign-in/sso")
    state = parse_qs(urlsplit(browser.answer.headers["location"]).query)["state"][0]

    # The mock forgets the state of a refusal (RFC 6749 section 4.1.2.1), and is not believed then.
    assert "did not begin in this browser" in go_and_come_back(real, "1", action="deny").text
    browser.open(f"/sign-in/sso/back?error=access_denied&state={state}")

    assert "did not sign you in" in browser.text and "Sign in with Example SSO" in browser.text


def test_a_suspended_user_stays_out(real: World) -> None:
    set_status = "UPDATE user_account SET status = ? WHERE id = ?"
    real.write(lambda tx: tx.run(set_status, AccountStatus.SUSPENDED, real.ada.id.number))
    try:
        assert "obody here has the email" in go_and_come_back(real, "1").text
    finally:
        real.write(lambda tx: tx.run(set_status, AccountStatus.ACTIVE, real.ada.id.number))


def test_an_answer_belongs_to_the_browser_that_asked_and_is_good_once(real: World) -> None:
    asked = real.browser().open("/sign-in/sso")
    said = plain_http.post(asked.answer.headers["location"], data={"sub": "1"}).headers["location"]
    back = said.removeprefix(real.address)

    assert "did not begin in this browser" in real.browser().open(back).text
    assert asked.open(back.replace("state=", "state=x")).answer.status_code == 400
    assert asked.open(back).answer.status_code == 200
    assert asked.cookies["procession_trip"] == ""
    asked.cookies["procession_trip"] = "x"
    assert asked.open(back).answer.status_code == 400


def test_the_page_to_sign_in_offers_it_and_leads_only_to_our_own_pages(real: World) -> None:
    assert "Sign in with Example SSO" in real.browser().open("/sign-in").text
    assert go_and_come_back(real, "1", "?to=https://evil.example").url == f"{real.address}/"


@dataclass(slots=True)
class Liar:
    """A provider whose words a test chooses."""

    address: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "1"})
    token: Callable[[dict[str, Any]], str] | None = None
    signing_key: Any = None
    nonce: str = ""
    status: int = 200

    def answer(self, path: str) -> Any:
        if path.endswith("openid-configuration"):
            ends = {f"{name}_endpoint": f"{self.address}/{name}" for name in ("authorization", "token")}
            return {"issuer": self.address, "jwks_uri": f"{self.address}/jwks", **ends, **self.metadata}
        if path == "/jwks":
            return {"keys": [self.key.as_dict(private=False)]}
        now = int(time.time())
        claims = {"iss": self.address, "aud": "procession", "nonce": self.nonce, "exp": now + 60, "iat": now}
        claims |= {"email": EMAIL, "email_verified": True, **self.claims}
        made = self.token(claims) if self.token else jwt.encode(self.header, claims, self.signing_key or self.key)
        return {"id_token": made, "access_token": "x", "token_type": "Bearer"}


@contextmanager
def lying(certificate: tuple[Path, Path] | None = None) -> Iterator[Liar]:
    liar = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(liar.answer(self.path)).encode() if liar.status == 200 else b"<html>"
            self.send_response(liar.status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.do_GET()

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        liar.address = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield liar
        finally:
            server.shutdown()
            thread.join()


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), ""])


STRANGE = RSAKey.generate_key(2048, {"kid": "1"})
LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "for another application": {"claims": {"aud": "other"}},
    "for others too": {"claims": {"aud": ["procession", "other"]}},
    "for nobody": {"claims": {"aud": None}},
    "another nonce": {"claims": {"nonce": "x"}},
    "no nonce": {"claims": {"nonce": None}},
    "expired": {"claims": {"exp": 1_000_000_000}},
    "no end": {"claims": {"exp": None}},
    "from the future": {"claims": {"iat": 4_000_000_000}},
    "not verified": {"claims": {"email_verified": False}},
    "verified as text": {"claims": {"email_verified": "true"}},
    "no email": {"claims": {"email": None}},
    "an email that is a list": {"claims": {"email": [EMAIL]}},
    "signed by another key": {"signing_key": STRANGE},
    "not signed": {"token": unsigned},
    "signed with the public key as a secret": {
        "header": {"alg": "HS256"},
        "token": lambda claims: unsigned(claims) + "x",
    },
    "no token": {"token": lambda claims: ""},
    "nonsense": {"token": lambda claims: "a.b.c"},
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Liar, World]]:
    with lying() as liar, world(tmp_path_factory.mktemp("lies"), SystemClock(), provider_at(liar.address)) as made:
        yield liar, made


@pytest.mark.parametrize("lie", ["", *LIES], ids=lambda lie: lie or "the truth")
def test_a_lie_signs_nobody_in(told: tuple[Liar, World], monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    liar, made = told
    browser = made.browser().open("/sign-in/sso")
    asked = parse_qs(urlsplit(browser.answer.headers["location"]).query)
    question = {name: values[0] for name, values in asked.items()}
    liar.nonce = question["nonce"]
    for name, value in LIES.get(lie, {}).items():
        monkeypatch.setattr(liar, name, value)

    browser.open(f"/sign-in/sso/back?code=x&state={question['state']}")

    assert bool(browser.cookies.get("procession_session")) == (not lie), browser.text
    assert browser.answer.status_code == (400 if lie else 200)
    assert question["code_challenge_method"] == "S256" and "a secret" not in str(question)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_a_provider_that_describes_itself_wrongly_is_not_asked(tmp_path: Path, metadata: dict[str, Any]) -> None:
    with lying() as liar, world(tmp_path, SystemClock(), provider_at(liar.address)) as made:
        liar.metadata = metadata

        browser = made.browser().open("/sign-in/sso")

        assert browser.answer.status_code == 400 and "cannot be used" in browser.text


def test_a_provider_that_is_down_is_told_and_asked_again(tmp_path: Path) -> None:
    with lying() as liar, world(tmp_path, SystemClock(), provider_at(liar.address)) as made:
        liar.status = 500
        assert "does not answer as it should" in made.browser().open("/sign-in/sso").text
        liar.status = 200

        assert made.browser().open("/sign-in/sso").answer.status_code == 303


def test_a_provider_of_ones_own_authority_is_asked_where_that_is_named(tmp_path: Path) -> None:
    cert, key = support.certificate(tmp_path)
    with lying((cert, key)) as liar:
        for ca_file, status in ((None, 400), (cert, 303)):
            (folder := tmp_path / f"home-{status}").mkdir()
            provider = replace(provider_at(liar.address), ca_file=ca_file)
            with world(folder, SystemClock(), provider) as made:
                assert made.browser().open("/sign-in/sso").answer.status_code == status


def test_answers_are_counted(tmp_path: Path) -> None:
    with lying() as liar, world(tmp_path, SystemClock(), provider_at(liar.address)) as made:
        browser = made.browser()
        found = {browser.open("/sign-in/sso/back").answer.status_code for _ in range(limits.SIGN_INS_OF_ADDRESS.most)}

        assert found == {400} and browser.open("/sign-in/sso/back").answer.status_code == 429


def test_without_a_provider_nothing_of_it_is_there(made: World) -> None:
    assert made.browser().open("/sign-in/sso").answer.status_code == 404
    assert "Sign in with" not in made.browser().open("/sign-in").text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ISSUER": "http://sso.example.com"}, "must begin with https"),
        ({"ISSUER": "sso.example.com"}, "must be an address"),
        ({"ISSUER": "https://sso.example.com"}, "needs PROCESSION_SSO_CLIENT_ID"),
        ({"ISSUER": "https://sso.example.com", "CLIENT_ID": "x"}, "PROCESSION_SSO_CLIENT_SECRET"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        config.read({f"PROCESSION_SSO_{name}": value for name, value in given.items()})


def test_the_provider_has_a_name(tmp_path: Path) -> None:
    given = {"ISSUER": "https://sso.example.com/", "CLIENT_ID": "x", "CLIENT_SECRET": "y"}
    settings = config.read({f"PROCESSION_SSO_{name}": value for name, value in given.items()})

    assert settings.sso == SsoProvider(
        issuer="https://sso.example.com", client_id="x", client_secret="y", name="sso.example.com"
    )
    assert config.read({}).sso is None and "'y'" not in repr(settings)
