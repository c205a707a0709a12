"""The streams of Home and Runs: parts of the page when something changed, and nothing while nothing does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from typing import Any

import pytest

from procession.web import live
from tests.api.house import PROCESS, House
from tests.support import PATIENCE_SECONDS
from tests.web.lists_site import ended, new
from tests.web.site import Site


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.0)


class Stream:
    """What comes of one stream, a piece at a time; leaving it is hanging up."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.status = 0
        self._sent = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive(self) -> Any:
        if self._sent:
            return self._sent.pop()
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        if body := message.get("body"):
            self.pieces.put_nowait(body)

    async def next(self) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self.pieces.get()).decode()


@asynccontextmanager
async def opened(home: House, site: Site, path: str) -> AsyncIterator[Stream]:
    stream = Stream()
    path, _, query = path.partition("?")
    cookies = "; ".join(f"{name}={value}" for name, value in site.cookies.items())
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
             "path": path, "raw_path": path.encode(), "query_string": query.encode(),
             "headers": [(b"host", b"house.example"), (b"cookie", cookies.encode())],
             "client": ("127.0.0.1", 1), "server": ("house.example", 80)}  # fmt: skip
    serving = asyncio.create_task(home.app(scope, stream.receive, stream.send))
    try:
        yield stream
    finally:
        stream.gone.set()
        await asyncio.wait({serving}, timeout=10)


def stream_of(site: Site, page: str) -> str:
    """The address of the stream that the page opens."""
    found = re.search(r'hx-sse:connect="([^"]+)"', site.get(page).text)
    assert found
    return unescape(found[1])


def test_home_sends_its_parts_when_a_run_has_failed(home: House, site: Site) -> None:
    address = stream_of(site, "/")

    async def watch() -> str:
        async with opened(home, site, address) as stream:
            assert await stream.next() == "retry: 1000\n\n"
            # What the page shows already is not sent again.
            await asyncio.to_thread(ended, home, "May")
            home.announcements.ring_all()
            return await stream.next()

    sent = asyncio.run(watch())
    assert sent.startswith("data: ") and sent.endswith("\n\n")
    assert 'hx-target="#needs"' in sent and 'hx-target="#running"' in sent
    assert "May" in sent
    # A message without a name is put in its place; one with a name would only be an event.
    assert "event:" not in sent


def test_rows_of_the_page_and_new_runs_are_told(home: House, site: Site) -> None:
    first = new(home, "May")
    address = stream_of(site, "/runs")

    async def watch() -> list[str]:
        async with opened(home, site, address) as stream:
            await stream.next()
            await asyncio.to_thread(new, home, "June")
            home.announcements.ring_all()
            news = await stream.next()
            await asyncio.to_thread(home.post, f"processruns/{first}/cancel", json={"reason": "wrong period"})
            return [news, await stream.next()]

    news, changed = asyncio.run(watch())
    assert "1 new run" in news and "#s-pr-1" not in news
    assert 'hx-target="#s-pr-1"' in changed and "Cancelled" in changed and "“wrong period”" in changed
    assert "June" not in news


def test_what_happened_before_the_stream_stood_is_sent_at_once(home: House, site: Site) -> None:
    first = new(home, "May")
    addresses = [stream_of(site, page) for page in ("/", "/runs")]
    home.post(f"processruns/{first}/cancel", json={"reason": "wrong period"})
    ended(home, "June")

    async def watch(address: str) -> str:
        async with opened(home, site, address) as stream:
            await stream.next()
            return await stream.next()

    at_home, in_list = (asyncio.run(watch(address)) for address in addresses)
    assert "June" in at_home
    assert "“wrong period”" in in_list and "1 new run" in in_list


def test_a_run_that_may_not_be_seen_is_not_told(home: House) -> None:
    new(home, "Secret")
    own = home.post("processes", content=PROCESS.replace("Month end", "Own").encode(), who="stranger")["id"]
    home.post(f"processes/{own}/processruns", json={"start": True}, who="stranger")

    async def watch() -> str:
        stranger = Site(house=home, who="stranger").sign_in()
        async with opened(home, stranger, "/runs/live?ids=1.2&top=0&asked=") as stream:
            await stream.next()
            assert "pr-1" not in await stream.next()
            await asyncio.to_thread(home.post, "processruns/pr-1/cancel")
            await asyncio.to_thread(home.post, "processruns/pr-2/cancel", who="stranger")
            return await stream.next()

    told = asyncio.run(watch())
    assert "#s-pr-2" in told
    assert "pr-1" not in told


def test_an_address_that_no_page_has_is_refused(home: House, site: Site) -> None:
    for query in ("ids=" + ".".join("1" for _ in range(26)), "ids=x", "top=-1", "asked=status%3Dwrong"):
        assert site.get(f"/runs/live?{query}").status_code in {400, 404}


def test_whoever_listens_to_all_hears_of_each_change_until_they_leave(home: House) -> None:
    heard: list[int] = []
    forget = home.announcements.listen_to_all(lambda: heard.append(1))

    new(home, start=True)
    forget()
    new(home, start=True)

    assert len(heard) == 1
