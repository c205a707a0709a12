"""A secret of a connection, looked for in everything that a server at work says, writes and shows of itself."""

from __future__ import annotations

import base64
import http.client
import re
import urllib.parse
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.actions import transfer_sites
from tests.actions.site import Site
from tests.actions.transfer_sites import PASSWORD
from tests.programs import Running, apply_text, command, serving, sign_in

pytestmark = pytest.mark.acceptance

SHAPES = (
    PASSWORD,
    urllib.parse.quote(PASSWORD, safe=""),
    base64.b64encode(PASSWORD.encode()).decode().rstrip("="),
    PASSWORD.encode().hex(),
)
PROCESS = """
process: Bank
groups:
  - group: Data
    steps:
      - data: Files
        key: files
        properties: [{name: Statement, key: statement, type: File, flow: OUTPUT}]
  - group: Work
    steps:
      - {action: transfer_files, name: Fetch, with: {connection: bank, do: get, path: out, pattern: "*.xml",
         settle_seconds: 1, outputs: {file: "${files.statement}"}}}
      - {action: transfer_files, name: Send, with: {connection: bank, do: put, path: nowhere, files: ["${files.statement}"]}}
"""
PAGES = (
    *(
        "/",
        "/processes",
        "/runs",
        "/connections",
        "/connections/cn-1",
        "/connections/new?kind=sftp",
        "/log",
        "/log.csv",
    ),
    *("/people", "/processes/p-1", "/processes/p-1/edit", "/runs/pr-1", "/runs.csv"),
)
API = ("logs", "processes", "processes/p-1", "processruns/pr-1", "processruns/pr-1/steps?include=all", "openapi.json")


@pytest.fixture
def site(tmp_path: Path):
    with transfer_sites.sftp(tmp_path) as made:
        made.put("out/a.xml", b"<Document/>")
        yield made


def test_a_secret_is_in_nothing_that_a_server_says_writes_or_shows(site: Site, tmp_path: Path) -> None:
    home, secret = tmp_path / "home", tmp_path / "secret"
    secret.write_text(PASSWORD)
    options = [f"{name}={value}" for name, value in site.connection.options.items() if name != "host_keys" and value]
    options.append(f"host_keys={site.connection.options['host_keys'][0]}")
    given = [word for option in options for word in ("--set", option)]
    made = command(
        home, "connection", "add", "bank", "sftp", *given, "--private-hosts", "--secret-file", f"password={secret}"
    )
    assert made.code == 0, made.err
    secret.unlink()
    seen = made.out + made.err
    with serving(home, anew=True) as server:
        apply_text(home, PROCESS)
        client = sign_in(home, server.address)
        run = client.json("POST", "processes/p-1/processruns", {"start": True})["id"]
        seen += shown_by_the_system(server)
        assert client.wait_for_end(run)["outcome"] == "Failed"
        seen += shown_by_the_system(server)
        seen += "".join(client.ask("GET", path).content.decode("utf-8", "replace") for path in API)
        seen += pages(home, server)
        seen += command(home, "connection", "show", "bank").out + command(home, "doctor").out
        seen += command(home, "log", run, "fetch").out + command(home, "backup", str(tmp_path / "b.tar")).out
        files = b"".join(
            path.read_bytes() for path in (*home.rglob("*"), server.log, tmp_path / "b.tar") if path.is_file()
        )
    files += b"".join(path.read_bytes() for path in (*home.rglob("*"), server.log) if path.is_file())

    # It went where it should: else nothing would have been looked for.
    assert "fetched 1 file from" in seen
    assert "cn-1" in seen
    assert [shape for shape in SHAPES if shape in seen or shape.encode() in files] == []


def shown_by_the_system(server: Running) -> str:
    """The words and the environment of the server and of all that it has started: what everybody, or root, can read."""
    found, left = "", [server.process.pid]
    while left:
        place = Path("/proc") / str(left.pop())
        try:
            found += (place / "cmdline").read_bytes().decode("utf-8", "replace")
            found += (place / "environ").read_bytes().decode("utf-8", "replace")
            for task in (place / "task").iterdir():
                left += map(int, (task / "children").read_text().split())
        except OSError:
            # It has ended meanwhile.
            continue
    return found


def pages(home: Path, server: Running) -> str:
    """The pages as an administrator's browser gets them."""
    link = urllib.parse.urlsplit(command(home, "user", "sign-in", "admin", "--json").json["signInLink"])
    url = urllib.parse.urlsplit(server.address)
    with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)) as connection:
        browser = Browser(connection)
        form = re.search(r'name="form" value="([^"]+)"', browser.ask("GET", f"/sign-in?{link.query}"))
        assert form is not None
        browser.ask("POST", f"/sign-in?{link.query}", urllib.parse.urlencode({"form": form[1], "do": "open"}))
        return "".join(browser.ask("GET", path) for path in PAGES)


@dataclass
class Browser:
    connection: http.client.HTTPConnection
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: str | None = None) -> str:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"cookie": cookie, "content-type": "application/x-www-form-urlencoded"}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        assert answer.status in {200, 303}, (path, answer.status, text[:500])
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, content = value.partition(";")[0].partition("=")
                self.cookies[key] = content
        return text
