"""Secrets of a real server, used well and badly, and looked for wherever somebody could read them (S6)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, urlencode, urlsplit

import httpx2
from bench.server import Server, process_text, python_step

from procession.engine.isolation import processes
from procession.model.people import UTC_NAME
from tests.fuzz.places import operations
from tests.oauth.world import REDIRECT, Browser

# The mail server that its settings name answers nobody, so that the log tells of it.
MAIL_PASSWORD = "canary-of-the-mail-server-5e1f"
SETTINGS = {
    "PROCESSION_SMTP_URL": f"smtps://robot:{MAIL_PASSWORD}@127.0.0.1:9",
    "PROCESSION_MAIL_FROM": "a@example.com",
}
# What may be read everywhere; it shows that the search finds what is there.
PLAIN = "Plainword7"
PART_CHARACTERS = 16  # of a secret are as bad as all of it
FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True, kw_only=True)
class Search:
    """`places` are texts by where somebody could read them."""

    secrets: dict[str, str] = field(default_factory=dict)
    places: dict[str, list[bytes]] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """How many bytes were looked at."""
        return sum(len(text) for texts in self.places.values() for text in texts)

    def hits(self) -> list[tuple[str, str]]:
        """Which secret is told where."""
        found = (
            (name, place)
            for name, secret in self.secrets.items()
            for place, texts in self.places.items()
            if any(spelling in text for spelling in spellings(secret) for text in texts)
        )
        return sorted(found)

    def shows(self, text: bytes) -> set[str]:
        """The places where this stands."""
        return {place for place, texts in self.places.items() if any(text in one for one in texts)}


def spellings(secret: str) -> set[bytes]:
    """As it is, as addresses, JSON, base64 and hex write it, in UTF-16, and a part of it."""
    raw = secret.encode()
    # Whatever stands before it: one of three cuts, without the letters that the neighbours decide.
    encoded = (base64.b64encode(b"x" * shift + raw)[-(-shift * 8 // 6) + 1 :].rstrip(b"=")[:-2] for shift in range(3))
    return {
        raw,
        raw[:PART_CHARACTERS],
        quote(secret, safe="").encode(),
        quote_plus(secret).encode(),
        json.dumps(secret)[1:-1].encode(),
        *encoded,
        raw.hex().encode(),
        secret.encode("utf-16-le"),
    }


def search(server: Server) -> Search:
    """Use every secret of a server that has just been started with SETTINGS, then look everywhere."""
    made = Search()
    with httpx2.Client(base_url=server.address, timeout=60) as client:
        user = _User(server, client, made)
        user.sign_up()
        user.use()
    made.places["an answer"] = user.said
    made.places["the process table"] = list(_processes(server.pid))
    made.places["a backup"] = list(_backup(server))
    server.end()
    made.places["the log"] = [(server.home.parent / "server.log").read_bytes()]
    made.places["the home"] = [path.read_bytes() for path in server.home.rglob("*") if path.is_file()]
    return made


class _User:
    """An operator, Ada, and their applications; `said` is all that the server answers, but for what tells a secret once."""

    def __init__(self, server: Server, client: httpx2.Client, made: Search) -> None:
        self._server, self._client, self._secrets = server, client, made.secrets
        self._token = ""
        self.said: list[bytes] = []

    def sign_up(self) -> None:
        keep = self._secrets.__setitem__
        keep("the mail server's password", MAIL_PASSWORD)
        names = ("--email", "ada@example.com", "--first-name", PLAIN, "--last-name", "B", "--role", "ClientAdmin")
        told = self._server.command("user", "create", *names)["setPasswordLink"]
        link = parse_qs(urlsplit(told).query)["link"][0]
        keep("a link to set a password", link)
        for name in ("a password", "a password that was mistyped", "a password of the API"):
            keep(name, f"canary {secrets.token_urlsafe(12)} {name}")
        browser = Browser(self._server.address)
        wrong = {"password": self._secrets["a password"], "again": self._secrets["a password that was mistyped"]}
        self.said.append(browser.open(f"/oauth/password?link={link}").submit(**wrong).answer.content)
        right = dict.fromkeys(("password", "again"), self._secrets["a password"])
        self.said.append(browser.open(f"/oauth/password?link={link}").submit(**right).answer.content)
        self.said.append(browser.open(f"/oauth/password?link={link}").answer.content)
        scopes = ("--scopes", "all", "--redirect-uri", REDIRECT, "--user", "ada")
        made = self._server.command("application", "create", "--name", PLAIN, *scopes)
        keep("a client secret", made["client_secret"])
        self._get_tokens(made["client_id"])

    def _get_tokens(self, client: str) -> None:
        """By a browser; signed in at the second try."""
        keep, browser = self._secrets.__setitem__, Browser(self._server.address)
        question = f"/oauth/authorize?{urlencode({'response_type': 'code', 'client_id': client, 'state': 'x'})}"
        browser.sign_in(question, password=self._secrets["a password that was mistyped"])
        self.said.append(browser.answer.content)
        # Somebody types the password where the name belongs.
        browser.submit(login=self._secrets["a password"], password="x", do="sign-in")
        keep("a code", browser.sign_in(question, password=self._secrets["a password"]).submit(do="allow").back["code"])
        for name, value in browser.cookies.items():
            keep(f"the cookie {name}", value)
        fields = {"client_id": client, "client_secret": self._secrets["a client secret"]}
        first = self._ask_token(grant_type="authorization_code", code=self._secrets["a code"], **fields).json()
        second = self._ask_token(grant_type="refresh_token", refresh_token=first["refresh_token"], **fields).json()
        for number, tokens in enumerate((first, second), 1):
            keep(f"access token {number}", tokens["access_token"])
            keep(f"refresh token {number}", tokens["refresh_token"])
        self._token = second["access_token"]
        alone = self._ask_token(grant_type="client_credentials", **fields).json()
        keep("access token 3", alone["access_token"])
        for secret in self._made_by_us():
            wrong = self._ask_token(grant_type=secret, code=secret, scope=secret, **fields)
            self.said.append(_but_for(wrong.content, secret))
        self.said.append(
            self._ask_token(grant_type="authorization_code", code=self._secrets["a code"], **fields).content
        )
        self._token = alone["access_token"]

    def _made_by_us(self) -> list[str]:
        """By which the log knows them: who puts a password into an address tells it himself."""
        return [secret for name, secret in self._secrets.items() if "password" not in name or "link" in name]

    def _ask_token(self, **fields: str) -> httpx2.Response:
        return self._client.post("/oauth/token", data=fields)

    def use(self) -> None:
        """Every operation that reads, with good and bad proofs; those that make secrets, also under a key that is kept."""
        ids = self._furnish()
        document = self._client.get("/openapi.json").json()
        proofs = (self._token, f"{self._token}x", self._secrets["access token 1"])
        for operation in operations(document, ids):
            if operation.good.method == "GET" and not operation.pattern.endswith("events"):
                self.said += [self._get(operation.good.path, proof).content for proof in proofs]
        for secret in self._made_by_us():
            path = f"/api/v1/processruns/{quote(secret, safe='')}"
            self.said.append(_but_for(self._get(path, self._token).content, secret))
            self.said.append(self._get("/api/v1/processes", secret).content)

    def _furnish(self) -> Mapping[str, str]:
        """A run, whose step looks for secrets itself, and people and applications of the API."""
        keep, key = self._secrets.__setitem__, {"Idempotency-Key": "a-key-1"}
        made = self._post("applications", {"name": PLAIN, "scopes": ["process"]}, **key).json()
        keep("a client secret of the API", made["clientSecret"])
        again = self._post(f"applications/{made['id']}/secret", None, **key).json()
        keep("a client secret that was reset", again["clientSecret"])
        self.said.append(self._post("applications", {"name": PLAIN, "scopes": ["process"]}, **key).content)
        person = {
            "email": "bob@example.com",
            "firstName": PLAIN,
            "lastName": "B",
            "userRole": "Designer",
            "timezone": UTC_NAME,
        }
        password = {"password": self._secrets["a password of the API"]}
        user = self._post("users", {**person, **password}, **key)
        self.said.append(user.content)
        self._post(f"users/{user.json()['id']}/passwordlink", None)  # a letter that nobody takes
        run = self._run()
        return {"application": made["id"], "user": user.json()["id"], "process": "p-1", "run": run, "resource": "p-1"}

    def _run(self) -> str:
        client = self._server.client()
        code = "import os\nprint(dict(os.environ), open('/proc/self/cmdline').read(), os.listdir('/'))"
        process = client.publish(process_text(PLAIN, 1, partial(python_step, code=code)))
        run = client.create(process, start=True)
        client.wait(run)
        step = client.step_ids(run)[0]
        self.said.append(self._get(f"/api/v1/processruns/{run}/steps/{step}/log", self._token).content)
        client.close()
        return run

    def _post(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        proof = {"authorization": f"Bearer {self._token}", **headers}
        return self._client.post(f"/api/v1/{path}", json=body, headers=proof)

    def _get(self, path: str, token: str) -> httpx2.Response:
        proof = f"Bearer {token}".encode("utf-8", "replace")
        return self._client.get(path, headers={b"authorization": proof})


def _but_for(content: bytes, secret: str) -> bytes:
    """Who asks is told what they asked for, cut where it is long."""
    for size in range(len(secret), PART_CHARACTERS - 1, -1):
        content = content.replace(secret[:size].encode(), b"")
    return content


def _processes(server: int) -> Iterator[bytes]:
    """Command lines of all processes, and the environments of the server's children: its own holds its settings."""
    children = set(processes.descendants(server))
    for number in processes.everyone():
        for name in ("cmdline", "environ") if number in children else ("cmdline",):
            try:
                yield Path("/proc", str(number), name).read_bytes()
            except OSError:  # gone meanwhile
                continue


def _backup(server: Server) -> Iterator[bytes]:
    """What its parts hold; the archive itself is compressed, or not."""
    path = server.home.parent / "backup.tar"
    command = [*server.side.command, "backup", str(path), "--home", str(server.home)]
    done = subprocess.run(command, capture_output=True, check=True, env=server.side.environment())
    yield done.stdout + done.stderr
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member)
            yield content.read() if content is not None else b""


def digest(secret: str) -> set[bytes]:
    """As the server keeps it."""
    hashed = hashlib.sha256(secret.encode())
    return {hashed.digest(), hashed.hexdigest().encode()}
