"""A server on loopback with its people and applications, and a browser without JavaScript that walks its forms."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx2

from procession import actions
from procession.clock import Clock
from procession.config import SsoProvider
from procession.engine.announcements import Announcements
from procession.model.ids import ApplicationId
from procession.model.people import Application, User, UserRole
from procession.oauth import routes as oauth
from procession.operations import applications, home_time, passwords, people
from procession.operations.resources import Resources
from procession.serving import application as app
from procession.store import migrations
from procession.store import people as people_store
from procession.store.chunks import Chunks
from procession.store.database import Transaction
from procession.store.folder import BlobFolder
from procession.store.sqlite import SqliteDatabase
from procession.store.step_log_folder import StepLogFolder
from tests import plain_http
from tests.oauth.serving import serving
from tests.store import furnished

PASSWORD = "correct horse battery"
REDIRECT = "https://app.example/cb"
LOOPBACK = "http://127.0.0.1/cb"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


@dataclass(slots=True, kw_only=True)
class World:
    """`ada` has a password. `web` keeps a secret, `native` is public, `script` has no address to send users back to."""

    address: str
    app: Any
    database: SqliteDatabase
    resources: Resources
    clock: Clock
    ada: User
    web: Application
    secret: str
    other: Application
    other_secret: str
    native: Application
    script: Application
    script_secret: str
    browsers: list[Browser] = field(default_factory=list)

    def browser(self) -> Browser:
        made = Browser(self.address)
        self.browsers.append(made)
        return made

    def question(self, application: Application | None = None, **more: str) -> str:
        """The address to which an application sends its user."""
        known = application or self.web
        fields = {"response_type": "code", "client_id": known.client_id, "state": "xyz", **more}
        return f"/oauth/authorize?{urlencode({name: value for name, value in fields.items() if value})}"

    def code(self, application: Application | None = None, **more: str) -> str:
        """A code to which Ada has agreed, in a browser."""
        browser = self.browser()
        browser.sign_in(self.question(application, **more))
        return browser.submit(do="allow").back["code"]

    def post(self, path: str, **fields: Any) -> httpx2.Response:
        headers = {"authorization": fields.pop("authorization")} if "authorization" in fields else {}
        return plain_http.post(f"{self.address}/oauth/{path}", data=fields, headers=headers)

    def token(self, **fields: Any) -> httpx2.Response:
        return self.post("token", **fields)

    @property
    def credentials(self) -> dict[str, str]:
        return {"client_id": self.web.client_id, "client_secret": self.secret}

    def redeem(self, code: str, **more: str) -> httpx2.Response:
        return self.token(grant_type="authorization_code", code=code, **{**self.credentials, **more})

    def refresh(self, token: str, **more: str) -> httpx2.Response:
        return self.token(grant_type="refresh_token", refresh_token=token, **{**self.credentials, **more})

    def opens(self, token: str) -> bool:
        """Whether the access token opens the API."""
        answer = plain_http.get(f"{self.address}/api/v1/processes", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code in {200, 401}
        return answer.status_code == 200

    def write(self, operation: Callable[[Transaction], Any]) -> Any:
        return self.database.write(operation)


class _Forms(HTMLParser):
    """The hidden fields of a page's form, its labels, and what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.inputs: dict[str, Mapping[str, str | None]] = {}
        self.labels: set[str] = set()
        self.buttons: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        found = dict(pairs)
        if tag == "input" and found.get("type") == "hidden":
            self.hidden[str(found["name"])] = found["value"] or ""
        elif tag == "input":
            self.inputs[str(found["id"])] = found
        elif tag == "label":
            self.labels.add(str(found["for"]))
        elif tag == "button":
            self.buttons.add(found.get("value") or "")

    def handle_data(self, data: str) -> None:
        self.text += data


class Browser:
    """Keeps cookies and the page that it shows; follows redirects within the server, and stops where they leave it."""

    def __init__(self, address: str, request: Callable[..., httpx2.Response] = plain_http.request) -> None:
        self.address = address
        self.request = request
        self.cookies: dict[str, str] = {}
        self.answer: httpx2.Response
        self.forms = _Forms()
        self.url = address

    def open(self, path: str) -> Browser:
        return self._show(self._send("GET", urljoin(self.url, path)))

    def submit(self, **fields: str) -> Browser:
        """Send the form of this page, with what the user filled in."""
        return self._show(self._send("POST", self.url, data={**self.forms.hidden, **fields}))

    def sign_in(self, path: str, login: str = "ada", password: str = PASSWORD) -> Browser:
        self.open(path)
        return self.submit(login=login, password=password, do="sign-in")

    @property
    def back(self) -> dict[str, str]:
        """What the application was told, once the browser has left for it."""
        assert self.answer.status_code == 303, self.forms.text
        return {name: values[0] for name, values in parse_qs(urlsplit(self.answer.headers["location"]).query).items()}

    @property
    def text(self) -> str:
        return self.forms.text

    def _send(self, method: str, url: str, **more: Any) -> httpx2.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.request(method, url, headers={"cookie": cookies} if cookies else {}, **more)
        self.url = url
        for header in answer.headers.get_list("set-cookie"):
            name, _, rest = header.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return answer

    def _show(self, answer: httpx2.Response) -> Browser:
        while answer.status_code == 303:
            target = urljoin(self.url, answer.headers["location"])
            if not target.startswith(self.address):
                break
            answer = self._send("GET", target)
        self.answer, self.forms = answer, _Forms()
        self.forms.feed(answer.text)
        return self


@contextmanager
def world(folder: Path, clock: Clock, provider: SsoProvider | None = None) -> Iterator[World]:
    """A real server, in a thread."""
    failures: list[str] = []
    furnished.place(folder / "world.sqlite")
    database = SqliteDatabase(folder / "world.sqlite", on_fatal=failures.append)
    migrations.migrate(database, clock.now())
    resources = Resources(
        actions=actions.registry(),
        blobs=BlobFolder(folder / "files"),
        chunks=Chunks(folder / "uploads"),
        step_logs=StepLogFolder(folder / "logs"),
        steady=clock.monotonic,
        home_clock=home_time.of_home(database, clock),
    )
    with ThreadPoolExecutor(4) as threads:
        settings = app.ApiSettings(
            more=oauth.routes(hashing=threads, provider=provider),
            threads=threads,
            hashing=threads,
            parsing=threads,
            upload_bytes_max=100_000,
        )
        built = app.build(database, resources, clock=clock, announcements=Announcements(), settings=settings)
        with serving(built) as address:
            yield _people(database, resources, clock, built, address)
    database.close()
    assert failures == []


def _wanted(name: str, user: User, uris: tuple[str, ...], *, is_public: bool) -> Application:
    return Application(
        id=ApplicationId(0),
        client_id="",
        secret_hash="",
        name=name,
        user=user.id,
        scopes=frozenset({"process", "file"}),
        redirect_uris=uris,
        is_public=is_public,
    )


@cache
def _hashed() -> str:
    return passwords.hashed(PASSWORD)


def _people(database: SqliteDatabase, resources: Resources, clock: Clock, built: Any, address: str) -> World:
    now = clock.now()
    hashed = _hashed()

    def furnish(tx: Transaction) -> World:
        ada = people.create_user(
            tx, email="ada@example.com", first_name="Ada", last_name="Byron", role=UserRole.DESIGNER, now=now
        )
        people_store.set_password(tx, ada.id, hashed)

        def application(name: str, *uris: str, is_public: bool = False) -> tuple[Application, str]:
            return applications.add(tx, _wanted(name, ada, uris, is_public=is_public), now)

        web, secret = application("Ledger", REDIRECT)
        other, other_secret = application("Other", "https://other.example/cb", "https://other.example/second")
        script, script_secret = application("Script")
        native, _ = application("Desk", LOOPBACK, "com.example.desk:/cb", is_public=True)
        return World(
            address=address,
            app=built,
            database=database,
            resources=resources,
            clock=clock,
            ada=ada,
            web=web,
            secret=secret,
            other=other,
            other_secret=other_secret,
            native=native,
            script=script,
            script_secret=script_secret,
        )

    return database.write(furnish)
