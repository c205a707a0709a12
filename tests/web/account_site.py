"""The house of tests/api, visited by people with a browser that has no script."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx2

from procession.door import browser
from procession.operations import passwords, sessions
from procession.store import people as people_store
from tests.api.house import House

PASSWORD = "correct horse battery"  # of everybody who has one
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(slots=True)
class Visitor:
    """`page` is what they were shown last."""

    house: House
    cookie: str
    cookies: dict[str, str] = field(default_factory=dict)
    page: httpx2.Response | None = None

    def open(self, path: str) -> str:
        """A page that they may see."""
        found = self.ask("GET", path)
        assert found.status_code == 200, found.text
        return words(found.text)

    def send(self, path: str, **fields: Any) -> httpx2.Response:
        """A form of the pages; a list is a field that is there several times."""
        filled = {"form": browser.form_token(self.cookie), **fields}
        return self.ask("POST", path, content=urlencode(filled, doseq=True).encode())

    def does(self, path: str, **fields: Any) -> str:
        """A form that is obeyed: gives where it leads."""
        answer = self.send(path, **fields)
        assert answer.status_code == 303, words(answer.text)
        return answer.headers["location"]

    def refused(self, path: str, **fields: Any) -> str:
        """A form that is refused: what the page says."""
        answer = self.send(path, **fields)
        assert answer.status_code in {400, 403, 404, 409}, answer.status_code
        return words(answer.text)

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {
            "cookie": f"procession_session={self.cookie}; {kept}",
            "user-agent": AGENT,
            "accept": "text/html",
            **more.pop("headers", {}),
        }
        self.page = asyncio.run(self.house.request_async(method, path, headers=headers, **more))
        for header in self.page.headers.get_list("set-cookie"):
            name, _, value = header.partition(";")[0].partition("=")
            if name == browser.SESSION:
                self.cookie = value
            else:
                self.cookies[name] = value
        return self.page


def visitor(house: House, who: str = "owner") -> Visitor:
    """Somebody of the house who has signed in."""
    user, clock = house.users[who].id, house.resources.home_clock
    cookie = house.database.write(
        lambda tx: sessions.begin(tx, user, now=house.clock.now(), home_clock=clock, browser="Firefox on Windows")
    )
    return Visitor(house, cookie)


def give_password(house: House, who: str, hashed: str = passwords.hashed(PASSWORD)) -> None:
    house.database.write(lambda tx: people_store.set_password(tx, house.users[who].id, hashed))


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def words(html: str) -> str:
    """What a page says, without its markup."""
    reading = _Words()
    reading.feed(html)
    return re.sub(r"\s+", " ", unescape(" ".join(reading.found))).strip()


def later(house: House, **more: float) -> None:
    house.clock.advance(timedelta(**more).total_seconds())
