"""S8: codes and refresh tokens used by many at once, and again; passwords and secrets guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.figures import Figure, Report
from bench.server import Server, serving

MANY = 24
ROUNDS, ROUNDS_FULL = 5, 20
GUESSES = 200
REDIRECT = "https://app.example/cb"
PASSWORD = "correct horse battery"
FORM = "application/x-www-form-urlencoded"
NAMES = ("ada", "ada@example.com", "ADA", "Ada@Example.com")


def measure(*, full: bool) -> Report:
    """Each round: one code by all at once, then the refresh token of another code by all at once."""
    rounds = ROUNDS_FULL if full else ROUNDS
    with serving() as server:
        world = _World(server)
        races = [race for _ in range(rounds) for race in (world.race_of_code(), world.race_of_refresh())]
        passwords, secrets = list(world.guess_passwords()), list(world.guess_secrets())
    return Report(
        work="S8",
        title=f"{2 * rounds} codes and refresh tokens, each used by {MANY} at once; {GUESSES} guesses of each kind",
        figures=(
            _count("races without exactly one success", sum(won != 1 for won, _ in races)),
            _count("tokens of a used-up family that still open anything", sum(left for _, left in races)),
            *_of_guesses("passwords of one account, under four names", passwords, at_most=10),
            *_of_guesses("secrets of one application", secrets, at_most=20),
        ),
        remarks=("a stopped guess is answered with 429 and Retry-After before anything is hashed",),
    )


def _count(name: str, value: int) -> Figure:
    return Figure(name=name, unit="", values=(value,), at_most=0)


def _of_guesses(name: str, answers: list[_Answer], *, at_most: int) -> Iterator[Figure]:
    tried = sum(answer.status != 429 for answer in answers)
    mute = sum(answer.status == 429 and not answer.headers.get("retry-after") for answer in answers)
    yield Figure(name=f"guesses that were tried: {name}", unit="", values=(tried,), at_most=at_most)
    yield _count(f"429 without Retry-After: {name}", mute)


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    headers: dict[str, str]
    cookies: dict[str, str]
    text: str


@dataclass(kw_only=True)
class _Browser:
    """Keeps cookies, and the form of the page it shows."""

    address: str
    cookies: dict[str, str] = field(default_factory=dict)
    path: str = ""
    form: str = ""

    def open(self, path: str) -> _Answer:
        self.path = path
        return self._show(_send(self.address, "GET", path, cookies=self.cookies))

    def submit(self, **fields: str) -> _Answer:
        body = {"form": self.form, **fields}
        answer = self._show(_send(self.address, "POST", self.path, body, cookies=self.cookies))
        back = answer.headers.get("location", "")
        return answer if answer.status != 303 or back.startswith(REDIRECT) else self.open(back)

    def _show(self, answer: _Answer) -> _Answer:
        self.cookies.update(answer.cookies)
        found = re.search(r'name="form" value="([^"]+)"', answer.text)
        self.form = found[1] if found else ""
        return answer


def _send(
    address: str,
    method: str,
    path: str,
    fields: dict[str, str] | None = None,
    *,
    token: str = "",
    cookies: object = None,
) -> _Answer:
    headers = {"Content-Type": FORM} if fields is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if isinstance(cookies, dict) and cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    connection = HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request(method, path, None if fields is None else urlencode(fields), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    told = {name.lower(): value for name, value in answer.getheaders()}
    set_cookies = answer.headers.get_all("set-cookie") or []
    pairs = [cookie.partition(";")[0].partition("=") for cookie in set_cookies]
    return _Answer(status=answer.status, headers=told, cookies={name: value for name, _, value in pairs}, text=text)


class _World:
    """Ada, who has signed in, and an application that acts for her."""

    def __init__(self, server: Server) -> None:
        self._address = server.address
        names = ("--first-name", "Ada", "--last-name", "Byron", "--role", "Designer")
        link = server.command("user", "create", "--email", "ada@example.com", *names)["setPasswordLink"]
        made = server.command(
            "application", "create", "--name", "Ledger", "--scopes", "all", "--redirect-uri", REDIRECT
        )
        self._application = {name: str(made[name]) for name in ("client_id", "client_secret")}
        page = _Browser(address=server.address)
        page.open(link)
        assert page.submit(password=PASSWORD, again=PASSWORD).status == 200
        asked = {"response_type": "code", "client_id": self._application["client_id"], "state": "s"}
        self._question = f"/oauth/authorize?{urlencode(asked)}"
        self._browser = _Browser(address=server.address)
        self._browser.open(self._question)
        self._browser.submit(login="ada", password=PASSWORD, do="sign-in")

    def race_of_code(self) -> tuple[int, int]:
        """How many of all uses succeeded, and how many of the tokens that came of it are good afterwards."""
        return self._race(partial(self._redeem, self._code()))

    def race_of_refresh(self) -> tuple[int, int]:
        first = json.loads(self._redeem(self._code()).text)
        return self._race(partial(self._refresh, first["refresh_token"]), first)

    def _race(self, use: Callable[[], _Answer], *earlier: dict[str, str]) -> tuple[int, int]:
        with ThreadPoolExecutor(MANY) as pool:
            answers = [each.result() for each in [pool.submit(use) for _ in range(MANY)]]
        won = [json.loads(answer.text) for answer in answers if answer.status == 200]
        return len(won), sum(self._is_good(tokens) for tokens in (*won, *earlier))

    def _is_good(self, tokens: dict[str, str]) -> bool:
        opened = _send(self._address, "GET", "/api/v1/processes", token=tokens["access_token"]).status == 200
        return opened or self._refresh(tokens["refresh_token"]).status == 200

    def _code(self) -> str:
        self._browser.open(self._question)
        back = self._browser.submit(do="allow").headers["location"]
        return parse_qs(urlsplit(back).query)["code"][0]

    def _redeem(self, code: str) -> _Answer:
        return self._token(grant_type="authorization_code", code=code)

    def _refresh(self, token: str) -> _Answer:
        return self._token(grant_type="refresh_token", refresh_token=token)

    def _token(self, **fields: str) -> _Answer:
        return _send(self._address, "POST", "/oauth/token", {**self._application, **fields})

    def guess_passwords(self) -> Iterator[_Answer]:
        for number in range(GUESSES):
            page = _Browser(address=self._address)
            page.open(self._question)
            yield page.submit(login=NAMES[number % len(NAMES)], password=f"guess {number}", do="sign-in")

    def guess_secrets(self) -> Iterator[_Answer]:
        for number in range(GUESSES):
            yield self._token(grant_type="client_credentials", client_secret=f"guess {number}")
