"""The pages of a house as a browser meets them: cookies, forms, and what is on a page."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from typing import Any

import httpx2

from procession.operations.sessions import _digest
from procession.store import sessions
from procession.store.database import Transaction
from tests.api.house import House

SESSION = "procession_session"


def signed_in(house: House, who: str) -> str:
    """The cookie of a new session."""
    cookie = f"session of {who}"
    until = house.resources.home_clock.most() + timedelta(hours=12)
    user = house.users[who].id

    def operation(tx: Transaction) -> None:
        sessions.drop(tx, _digest(cookie))
        sessions.add(tx, _digest(cookie), user, until)

    house.database.write(operation)
    return cookie


@dataclass(slots=True, kw_only=True)
class Site:
    """One person's browser. Redirects are not followed: a test says where it expects to be sent."""

    house: House
    who: str = "owner"
    cookies: dict[str, str] = field(default_factory=dict)

    def sign_in(self) -> Site:
        self.cookies[SESSION] = signed_in(self.house, self.who)
        return self

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, _page: str = "/runs", **fields: Any) -> httpx2.Response:
        """A form of ours, with the token that the page has; a list sends a name several times."""
        return self.ask("POST", path, data={"form": self.token(_page), **fields})

    def token(self, page: str = "/runs") -> str:
        found = re.search(r'name="form" value="([^"]+)"', self.get(page).text)
        assert found, f"{page} has no form"
        return found[1]

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"cookie": cookies, **more.pop("headers", {})}
        return asyncio.run(self.house.request_async(method, path, headers=headers, **more))


def text(answer: httpx2.Response) -> str:
    """What a person reads of the page, blanks as one."""
    body = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", answer.text, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", body))).strip()
