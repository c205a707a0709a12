"""The pages in a real Chromium, with the policies that only a browser enforces."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from procession.operations import links
from tests.browsing import chromium
from tests.browsing.chromium import browser
from tests.oauth.world import PASSWORD, PKCE, VERIFIER, World

__all__ = ["browser"]  # a fixture, for pytest to find


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """A desktop application's own little server: its redirect_uri, and what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("content-type", "text/plain")
            self.end_headers()
            self.wfile.write(b"you may close this")

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/cb", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.thorough)])
def test_a_user_agrees_in_chromium_without_javascript(made: World, browser: Any, scheme: str) -> None:
    with listening() as (uri, asked):
        page = browser.new_context(color_scheme=scheme, java_script_enabled=False).new_page()
        page.goto(made.address + made.question(made.native, redirect_uri=uri, **PKCE))
        page.locator("[name=login]:focus").wait_for()
        page.keyboard.type("ada")
        page.keyboard.press("Tab")
        page.keyboard.type("a wrong password")
        page.keyboard.press("Enter")
        assert page.get_by_role("alert").inner_text().startswith("That login and password do not go together.")
        page.locator("[name=password]:focus").wait_for()  # the field to mend
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Allow").click()
        page.wait_for_url(f"{uri}?**")

    back = {name: values[0] for name, values in parse_qs(urlsplit(asked[0]).query).items()}
    answer = made.token(grant_type="authorization_code", code=back["code"], client_id=made.native.client_id,
                        redirect_uri=uri, code_verifier=VERIFIER)  # fmt: skip
    assert made.opens(answer.json()["access_token"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_and_obeys_its_policy(made: World, browser: Any, scheme: str) -> None:
    page = browser.new_context(color_scheme=scheme, viewport={"width": 320, "height": 640}).new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Security Policy" in message.text else None)
    link = made.write(lambda tx: links.create(tx, made.ada.id, made.clock.now()))
    password = f"/oauth/password?link={link}"

    for path in (made.question(), made.question(client_id="x"), password):
        page.goto(made.address + path)
        _check(page)
    page.goto(made.address + made.question())
    page.get_by_label("Login or email").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Deny").wait_for()
    _check(page)

    assert refused == []


def _check(page: Any) -> None:
    """What axe finds, a heading, a name for every field, and no scrolling sideways on a small screen."""
    assert chromium.violations(page) == []
    assert not chromium.scrolls_sideways(page)
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.evaluate("[...document.querySelectorAll('input:not([type=hidden])')].every(i => i.labels.length === 1)")
