"""Secrets of a real server, looked for wherever somebody could read them (S6)."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.oauth.world import Browser
from tests.programs import ECHO, Answer, Running, apply_text, ask, command, serving

pytestmark = pytest.mark.acceptance

PASSWORD = "canary of a password"
PATHS = (
    *("processes", "processruns", "users", "applications", "logs", "usergroups", "tables", "processruns/pr-1/history"),
    *(
        "users/u-1",
        "users/u-2",
        "applications/c-1",
        "processruns/pr-1/steps?include=all",
        "nothing",
        "processruns/pr-1",
    ),
)


def test_no_secret_lies_where_anybody_could_read_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    apply_text(home, ECHO % "word")
    with serving(home) as server:
        secrets = _use_each_secret(home, server)
        said = _everything_said(server, secrets["access token"])
        seen = _processes(server.process.pid)
        server.end()
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]

    places = {"an answer": said, "the log": [server.log.read_bytes()], "the home": kept, "the process table": seen}
    found = {
        (name, place)
        for name, secret in secrets.items()
        for place, texts in places.items()
        if any(spelling in text for spelling in _spellings(secret) for text in texts)
    }
    assert found == set()
    assert len(secrets) == 5 and all(len(secret) > 10 for secret in secrets.values())


def _use_each_secret(home: Path, server: Running) -> Mapping[str, str]:
    """Well and badly, so that pages, errors and log lines about them are written."""
    made = command(home, "application", "create", "--name", "canary", "--scopes", "all", "--json").json
    form = {"grant_type": "client_credentials", "client_id": made["client_id"], "client_secret": made["client_secret"]}
    token = _ask_token(server, form).json["access_token"]
    _ask_token(server, {**form, "client_id": made["client_secret"]})
    _ask_token(server, {**form, "grant_type": made["client_secret"], "scope": token})
    invited = ["--email", "ada@example.com", "--first-name", "Ada", "--last-name", "B", "--role", "Designer"]
    address = command(home, "user", "create", *invited, "--json").json["setPasswordLink"]
    link = urllib.parse.parse_qs(urllib.parse.urlsplit(address).query)["link"][0]
    browser = Browser(server.address)
    browser.open(f"/oauth/password?link={link}").submit(password=PASSWORD, again="another one!")
    browser.open(f"/oauth/password?link={link}").submit(password=PASSWORD, again=PASSWORD)
    browser.open(f"/oauth/password?link={link}")
    cookie = browser.cookies["procession_form"]
    secrets = {"client secret": made["client_secret"], "access token": token, "link": link}
    return {**secrets, "password": PASSWORD, "cookie": cookie}


def _ask_token(server: Running, form: Mapping[str, str]) -> Answer:
    return ask("POST", f"{server.address}/oauth/token", urllib.parse.urlencode(form).encode())


def _everything_said(server: Running, token: str) -> list[bytes]:
    asked = [f"{server.address}/api/v1/{path}" for path in PATHS]
    signed = [ask("GET", url, Authorization=f"Bearer {token}").content for url in asked]
    wrong = [ask("GET", url, Authorization=f"Bearer {token}x").content for url in asked]
    in_a_path = ask("GET", f"{server.address}/api/v1/{token}").content
    in_a_body = ask("POST", asked[0], f'{{"{token}": '.encode(), Authorization=f"Bearer {token}").content
    # Who asks is told what they asked for.
    return [*signed, *wrong, in_a_path.replace(token.encode(), b"", 1), in_a_body.replace(token.encode(), b"", 1)]


def _spellings(secret: str) -> tuple[bytes, ...]:
    return (secret.encode(), urllib.parse.quote(secret).encode(), urllib.parse.quote_plus(secret).encode())


def _processes(server: int) -> list[bytes]:
    """Command lines of all, and the environments of the server's own."""
    found = []
    for number in filter(str.isdecimal, (path.name for path in Path("/proc").iterdir())):
        for name in ("cmdline", "environ") if _is_of(int(number), server) else ("cmdline",):
            try:
                found.append(Path("/proc", number, name).read_bytes())
            except OSError:  # gone meanwhile
                continue
    return found


def _is_of(number: int, server: int) -> bool:
    """Whether it is the server, or came from it."""
    while number > 1 and number != server:
        try:
            status = Path("/proc", str(number), "status").read_text()
        except OSError:
            return False
        parent = re.search(r"^PPid:\s+(\d+)", status, re.MULTILINE)
        number = int(parent[1]) if parent else 0
    return number == server
