"""What the server must tell nobody: secrets, wherever they were written, and where its files lie."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.serving.server_log import OneLine
from tests.programs import Answer, Client, apply_text, ask, command, serving, sign_in

pytestmark = pytest.mark.acceptance
PLACE = "canary-7f3b2a91"  # a folder on the way to the home
FAILING = """
process: Failing
groups:
  - group: All
    steps:
      - data: Data
        key: data
        properties:
          - {name: File, key: file, type: File, flow: INPUT}
          - {name: Out, key: out, type: File, flow: OUTPUT}
      - action: %s
        name: Fail
        key: fail
        with: %s
"""
INPUTS = '"inputs": {"f": "${data.file}"}, "outputs": {"o": "${data.out}"}'
SCRIPTS = ("raise ValueError('no')", "1 +", "import nowhere", "open('missing.csv')", "open('/etc/shadow')",
           "inputs['f'].open('wb')", "outputs.file('o').mkdir()", "import os; os._exit(3)",
           "outputs['nothing'] = 1", "from pathlib import Path; Path('..').touch('a/b')")  # fmt: skip
QUERIES = ("SELECT * FROM nothing", "SELEKT", "SELECT 1/0 + 'x'", "SELECT * FROM read_csv('/etc/passwd')",
           "COPY f TO 'here.csv'", "ATTACH 'x.db'", "SELECT CAST(a AS DATE) FROM f")  # fmt: skip
FILES = (b"", b"a,b\n1\n\xff\xfe", b"PK\x03\x04 no zip", b"PAR1 no parquet PAR1", b'{"a": ', b"a\n" * 3)


class Place:
    def __init__(self, client: Client, home: Path, log: Path) -> None:
        self.client, self.home, self.log = client, home, log

    def fail(self, action: str, settings: str, content: bytes, name: str = "a.csv") -> str:
        """All that the API says of a run with this step; what a script itself prints is its own."""
        published = ask("POST", f"{self.client.address}/api/v1/processes", (FAILING % (action, settings)).encode(),
                        Authorization=f"Bearer {self.client.token}", Content_Type="application/yaml")  # fmt: skip
        made = published.json
        if published.status != 200:
            return str(made)
        run = self.client.json("POST", f"processes/{made['id']}/processruns", {})["id"]
        steps = self.client.json("GET", f"processruns/{run}/steps?include=all")
        file = self.client.json("GET", f"steps/{steps[0]['id']}/properties")[0]["file"]
        self.client.upload(file, name, content)
        told = [self.client.run_to_end(run)]
        for step in steps:
            told += [self.client.ask("GET", f"processruns/{run}/steps/{step['id']}/{part}").content.decode()
                     for part in ("runstatus", "properties")]  # fmt: skip
        told += [self.client.ask("GET", f"processruns/{run}/{part}").content.decode() for part in ("history", "plan")]
        return json.dumps(told)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp(PLACE) / "home"
    with serving(home) as server:
        command(home, "list")
        yield Place(sign_in(home, server.address), home, server.log)


def told_paths(text: str) -> list[str]:
    return re.findall(rf"[^\"\\\s]*(?:{PLACE}|site-packages|/src/procession/)[^\"\\\s]*", text)


@pytest.mark.parametrize("code", SCRIPTS)
def test_a_script_that_fails_tells_no_path_of_the_server(place: Place, code: str) -> None:
    told = place.fail("run_python", json.dumps({"code": code}).replace("{", "{" + INPUTS + ", ", 1), b"a\n1\n")

    assert told_paths(told) == []


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_that_fails_tells_no_path_of_the_server(place: Place, query: str) -> None:
    settings = {"inputs": {"f": "${data.file}"}, "sql": f"CREATE TABLE o AS {query}", "outputs": {"o": "${data.out}"}}

    told = place.fail("run_sql", json.dumps(settings), b"a\nx\n")

    assert told_paths(told) == []


@pytest.mark.parametrize(
    ("content", "name"),
    [
        # In `make test` each content as two of the names.
        pytest.param(content, name, marks=() if (one + other) % 4 in {0, 3} else pytest.mark.thorough)
        for one, content in enumerate(FILES)
        for other, name in enumerate(["a.csv", "a.xlsx", "a.parquet", "a.json"])
    ],
)
def test_a_file_that_cannot_be_read_tells_no_path_of_the_server(place: Place, content: bytes, name: str) -> None:
    settings = {
        "inputs": {"f": "${data.file}"},
        "sql": "CREATE TABLE o AS SELECT * FROM f",
        "outputs": {"o": "${data.out}"},
    }

    assert told_paths(place.fail("run_sql", json.dumps(settings), content, name)) == []


def refusals(place: Place, secret: str) -> Iterator[Answer]:
    """Errors of every kind, with a secret where it does not belong."""
    address, client = place.client.address, place.client
    paths = ("nothing", f"api/v1/{secret}", f"api/v1/processruns/{secret}", f"api/v1/files/{secret}/x", f"oauth/{secret}",
             f"runs/{secret}", f"oauth/password?link={secret}", f"oauth/authorize?client_id={secret}", "%ff", "a" * 3_000,
             f"api/v1/tables/{secret}/rows", f"api/v1/processes?name={secret}&x=%ff", "oauth/password/" + secret)  # fmt: skip
    for path in paths:
        for method in ("GET", "POST", "DELETE", "PATCH"):
            yield ask(method, f"{address}/{path}", None if method == "GET" else b"{")
            yield ask(method, f"{address}/{path}", b"x", Authorization=f"Bearer {client.token}")
    yield ask("GET", f"{address}/api/v1/processes", Authorization=f"Bearer {secret}")
    basic = base64.b64encode(f"a:{secret}".encode()).decode()
    yield ask("POST", f"{address}/oauth/token", b"grant_type=client_credentials", Authorization=f"Basic {basic}")
    yield ask("POST", f"{address}/oauth/token", f"grant_type={secret}&code={secret}".encode())
    yield ask("GET", f"{address}/api/v1/processes", Host=f"{secret} x")
    yield client.ask("POST", "processes", {"a": secret})
    yield ask("POST", f"{address}/api/v1/processes", f"process: {secret}\n{secret}: [".encode(),
              Authorization=f"Bearer {client.token}", Content_Type="application/yaml")  # fmt: skip


def test_no_error_tells_where_files_lie_and_no_log_tells_a_secret(place: Place) -> None:
    """keycloak/keycloak#49110 (CVE-2026-7571): tokens in addresses stood in the logs of servers."""
    secret = secrets.token_urlsafe(32)

    answers = list(refusals(place, secret))

    assert len([answer for answer in answers if answer.status >= 400]) > 80
    assert [told_paths(answer.content.decode("utf-8", "replace")) for answer in answers] == [[]] * len(answers)
    log = place.log.read_text()
    assert "[secret]" in log
    assert secret not in log and place.client.token not in log


def test_a_content_that_cannot_be_read_is_refused_without_its_path(place: Place) -> None:
    made = apply_text(place.home, FAILING % ("wait", "{seconds: 0}"))
    run = place.client.json("POST", f"processes/{made['id']}/processruns", {})["id"]
    step = place.client.json("GET", f"processruns/{run}/steps?include=all")[0]["id"]
    file = place.client.json("GET", f"steps/{step}/properties")[0]["file"]
    place.client.upload(file, "a.csv", b"what is damaged soon")
    sha256 = hashlib.sha256(b"what is damaged soon").hexdigest()
    content = place.home / "files" / sha256[:2] / sha256[2:]
    content.unlink()

    gone = place.client.ask("GET", f"files/{file}")
    content.mkdir()
    broken = place.client.ask("GET", f"files/{file}")
    shutil.rmtree(content)

    assert (gone.status, broken.status // 100) == (404, 5)
    assert told_paths((gone.content + broken.content).decode()) == []


@pytest.mark.parametrize(
    ("fields", "is_kept"),
    [
        ({"sha256": "0a" * 32}, True),
        ({"id": "9f3b6c1e-8d35-4c11-9c0a-5b2b7d2f4a11"}, True),
        ({"path": "/" + "aB3_" * 11}, False),
        ({"path": f"/gt-Aplr89-8PusGyiMYDyA.{'0a' * 32}"}, False),
    ],
)
def test_only_what_looks_like_a_secret_is_left_out(fields: dict[str, Any], is_kept: bool) -> None:
    record = logging.makeLogRecord({"msg": "said", **fields})

    assert all(value in OneLine().format(record) for value in fields.values()) == is_kept
