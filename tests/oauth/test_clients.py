"""Three clients that others wrote walk the whole flow: Authlib's, requests-oauthlib, and oauth4webapi on Node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from requests_oauthlib import OAuth2Session

from procession.model.people import Application
from tests.oauth.world import LOOPBACK, REDIRECT, VERIFIER, World

NODE = Path(__file__).parent / "node"
NODE_SECONDS_MAX = 30


@pytest.fixture
def made(made: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Both Python clients refuse plain HTTP, even on loopback, unless they are told so."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    return made


def send_user(made: World, url: str) -> str:
    """Ada agrees; gives the address to which her browser is sent."""
    browser = made.browser()
    browser.sign_in(url)
    return str(browser.submit(do="allow").answer.headers["location"])


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib(made: World, method: str) -> None:
    base = f"{made.address}/oauth"
    client = AuthlibSession(
        made.web.client_id, made.secret, redirect_uri=REDIRECT, scope="process_read", code_challenge_method="S256",
        token_endpoint_auth_method=method, revocation_endpoint_auth_method=method,
    )  # fmt: skip
    url, _ = client.create_authorization_url(f"{base}/authorize", code_verifier=VERIFIER)

    token = client.fetch_token(f"{base}/token", authorization_response=send_user(made, url), code_verifier=VERIFIER)
    assert client.get(f"{made.address}/api/v1/processes").status_code == 200
    second = client.refresh_token(f"{base}/token", refresh_token=token["refresh_token"])
    revoked = client.revoke_token(f"{base}/revoke", second["refresh_token"], token_type_hint="refresh_token")

    assert (token["scope"], revoked.status_code) == ("process_read", 200)
    assert not made.opens(second["access_token"])
    client.close()


@pytest.mark.parametrize("kind", ["web", "native"])
def test_requests_oauthlib(made: World, kind: str) -> None:
    is_public = kind == "native"
    application, uri = (made.native, LOOPBACK) if is_public else (made.web, REDIRECT)
    secret: dict[str, Any] = {"include_client_id": True} if is_public else {"client_secret": made.secret}
    base = f"{made.address}/oauth"
    client = OAuth2Session(application.client_id, redirect_uri=uri, scope=["process_read"], pkce="S256")
    url, _ = client.authorization_url(f"{base}/authorize")

    token = client.fetch_token(f"{base}/token", authorization_response=send_user(made, url), **secret)
    assert client.get(f"{made.address}/api/v1/processes").status_code == 200
    auth = {"client_id": application.client_id, **({} if is_public else {"client_secret": made.secret})}
    second = client.refresh_token(f"{base}/token", **auth)

    assert second["refresh_token"] != token["refresh_token"] and made.opens(second["access_token"])
    client.close()


@pytest.mark.parametrize("kind", ["web", "native"])
def test_oauth4webapi(made: World, kind: str) -> None:
    _require_node()
    application: Application = made.native if kind == "native" else made.web
    secret, uri = ("", LOOPBACK) if kind == "native" else (made.secret, REDIRECT)
    command = ["node", "flow.mjs", made.address, application.client_id, secret, uri]

    with subprocess.Popen(
        command, cwd=NODE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as node:
        assert node.stdout is not None and node.stderr is not None
        url = node.stdout.readline().strip()
        back = send_user(made, url) if url else ""
        out, err = node.communicate(back + "\n", NODE_SECONDS_MAX)

    assert node.returncode == 0, err
    tokens = json.loads(out)
    assert tokens["scope"] == "process_read" and tokens["active"] is (None if kind == "native" else True)
    assert not made.opens(tokens["first"]) and not made.opens(tokens["second"])


def _require_node() -> None:
    """Users never need Node, so a machine without it leaves this test out; CI installs it and must not."""
    is_there = shutil.which("node") and (NODE / "node_modules/oauth4webapi").is_dir()
    if not is_there:
        assert not os.environ.get("CI"), "CI needs node and `make node`"
        pytest.skip("node or its packages are missing: install nodejs and npm, then `make node`")
