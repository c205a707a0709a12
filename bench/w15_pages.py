"""W15: the web pages of a server that has run for years, and two hundred of them open while runs go on."""

from __future__ import annotations

import asyncio
import gzip
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.figures import Figure, Report, percentile
from bench.server import FINAL, Client, Server, cpu_seconds, folder, process_text, wait_step
from bench.w04_reads import multiply

RUNS = 100_000
MINUTES_APART = 10
SECONDS_APART_BUSY = 5  # all within six days
STEPS_LONG = 60
PAGES = 40
PAGE_BYTES_MAX = 80_000  # with all that it loads
LIVE_RUNS, PAGES_OF_RUN = 20, 10
LIVE_STEPS, STEP_SECONDS = 10, 1.0
HOME_MS_MAX, RUNS_MS_MAX, RUN_MS_MAX, UPDATE_MS_MAX = 50, 50, 30, 250
LIVE_SECONDS_MAX = 120.0
_ROW = re.compile(r'<tr id="s([0-9.]+)"(.*?)</tr>', re.DOTALL)


class Browser:
    """One connection that has signed in by a link, as a person does from a terminal."""

    def __init__(self, server: Server) -> None:
        self._connection = HTTPConnection(urlsplit(server.address).netloc, timeout=30)
        self.cookie = ""
        link = server.command("user", "sign-in", "admin")["signInLink"]
        page, cookies = self._ask("GET", link)
        found = re.search(rb'name="form" value="([^"]+)"', page)
        assert found, page[:300]
        self.cookie = cookies
        _, cookies = self._ask("POST", link, urlencode({"form": found[1].decode()}))
        self.cookie = cookies

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[bytes, str]:
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        self._connection.request(method, path, body, {"Cookie": self.cookie, **form})
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status in {200, 303}, (method, path, answer.status, content[:300])
        return content, (answer.getheader("set-cookie") or "").partition(";")[0]

    def get(self, path: str) -> tuple[bytes, float]:
        """The page as it travels, compressed, and the milliseconds until it was here."""
        began = perf_counter()
        self._connection.request("GET", path, None, {"Cookie": self.cookie, "Accept-Encoding": "gzip"})
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == 200, (path, answer.status, content[:300])
        return content, (perf_counter() - began) * 1000

    def weight(self, path: str) -> float:
        """Of the page with everything that it loads, in kB."""
        page, _ = self.get(path)
        text = gzip.decompress(page).decode() if page[:2] == b"\x1f\x8b" else page.decode()
        assets = set(re.findall(r'(?:src|href)="(/assets/[^"#]+)', text))
        return (len(page) + sum(len(self.get(asset)[0]) for asset in assets)) / 1000

    def close(self) -> None:
        self._connection.close()


def measure(*, full: bool) -> Report:
    pages = PAGES * (3 if full else 1)
    with folder() as place, _old_server(place) as (server, long_run):
        browser = Browser(server)
        figures, weights = _pages(browser, long_run, pages)
        browser_cookie = browser.cookie
        updates, cpu_share = asyncio.run(_live(server, browser_cookie))
        browser.close()
        busy_week = _busy_week(server, pages)
    heaviest = max(weights.values())
    return Report(
        work="W15",
        title="web pages over HTTP, client and server on the same two cores",
        figures=(
            *figures,
            Figure(
                name=f"home, all {RUNS:,} ended in its week",
                unit="ms",
                values=busy_week,
                at_most=HOME_MS_MAX,
                percentile=95,
            ),
            Figure(
                name="heaviest page with what it loads", unit="kB", values=(heaviest,), at_most=PAGE_BYTES_MAX / 1000
            ),
            Figure(
                name=f"{LIVE_RUNS * PAGES_OF_RUN} open run pages: end of a step until it is on the page",
                unit="ms",
                values=tuple(updates),
                at_most=UPDATE_MS_MAX,
                percentile=99,
            ),
            Figure(name="server CPU meanwhile, of a core", unit="", values=(cpu_share,)),
        ),
        remarks=(f"p99 of an update: {percentile(updates, 99):.0f} ms of {len(updates):,} updates",),
    )


def _pages(browser: Browser, long_run: str, times: int) -> tuple[list[Figure], dict[str, float]]:
    """How long each page takes, and how many kB it is with what it loads."""
    bars = {"/": HOME_MS_MAX, "/runs": RUNS_MS_MAX, "/processes": None, f"/runs/{long_run}": RUN_MS_MAX}
    bars |= {"/runs?order=run": RUNS_MS_MAX, "/runs?order=run&status=finished": RUNS_MS_MAX}
    bars |= {f"/runs?order=run&cursor=a{RUNS // 2}": RUNS_MS_MAX}
    names = {"/": "home", f"/runs/{long_run}": "a run of 60 steps"}
    figures = [
        Figure(
            name=f"{names.get(path, path)}, {RUNS:,} runs in all",
            unit="ms",
            values=tuple(browser.get(path)[1] for _ in range(times)),
            at_most=bar,
            percentile=95,
        )
        for path, bar in bars.items()
    ]
    return figures, {path: browser.weight(path) for path in bars}


@contextmanager
def _old_server(place: Path) -> Iterator[tuple[Server, str]]:
    """One that has run 100,000 runs, and one of 60 steps."""
    server = Server(home=place / "home", workers_max=LIVE_RUNS)
    server.start()
    try:
        server.sign_in()
        client = server.client()
        client.run_through(client.publish(process_text("W15", 2, wait_step)))
        client.close()
        server.end()
        multiply(server.home / "procession.db", RUNS)
        _spread(server.home / "procession.db", MINUTES_APART * 60)
        server.start()
        client = server.client()
        run = client.create(client.publish(process_text("Long", STEPS_LONG, wait_step)), start=True)
        client.wait(run)
        client.close()
        yield server, run
    finally:
        server.end()


def _spread(path: Path, seconds_apart: int) -> None:
    """Ten minutes apart, runs of two years: copies of one moment would all be of this week."""
    connection = sqlite3.connect(path)
    ago = f"(SELECT max(id) FROM run) - id) * {seconds_apart * 10**6}"
    moments = ", ".join(f"{name} = {name} - ({ago}" for name in ("created_at", "started_at", "finished_at"))
    connection.execute(f"UPDATE run SET {moments}")
    connection.commit()
    connection.close()


def _busy_week(server: Server, pages: int) -> tuple[float, ...]:
    """Milliseconds for Home where so many runs ended within the days that its chart counts."""
    server.end()
    # Back by as much as they were apart before, and then closer together.
    _spread(server.home / "procession.db", SECONDS_APART_BUSY - MINUTES_APART * 60)
    server.start()
    browser = Browser(server)
    taken = tuple(browser.get("/")[1] for _ in range(pages))
    browser.close()
    return taken


def _waiting(number: int) -> str:
    return f"action: wait\nname: Step {number}\nwith: {{seconds: {STEP_SECONDS}}}"


async def _live(server: Server, cookie: str) -> tuple[list[float], float]:
    """Milliseconds from the end of each step, as its history has it, until each open page has it; the server's CPU."""
    client = server.client()
    process = client.publish(process_text("Live", LIVE_STEPS, _waiting))
    runs = [client.create(process, start=True) for _ in range(LIVE_RUNS)]
    seen: dict[str, list[tuple[str, float]]] = {run: [] for run in runs}
    watching = [
        asyncio.create_task(_watch(server, cookie, run, seen[run])) for run in runs for _ in range(PAGES_OF_RUN)
    ]
    await asyncio.sleep(2.0)  # all are open by then; what ended before is no update of theirs
    since = datetime.now(UTC).timestamp()
    began, cpu = perf_counter(), cpu_seconds(server.pid)
    async with asyncio.timeout(LIVE_SECONDS_MAX):
        await asyncio.gather(*watching)
    share = (cpu_seconds(server.pid) - cpu) / (perf_counter() - began)
    updates = [delay for run in runs for delay in _delays(client, run, seen[run], since)]
    client.close()
    return updates, share


async def _watch(server: Server, cookie: str, run: str, seen: list[tuple[str, float]]) -> None:
    """An open page: notes when each step's row said that it is done."""
    place = urlsplit(server.address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=2**22)
    writer.write(f"GET /runs/{run}/live HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookie}\r\n\r\n".encode())
    told: set[str] = set()
    message: list[str] = []
    while line := await reader.readline():
        text = line.decode("utf-8", "replace").strip()
        if text:
            message.append(text.removeprefix("data:"))
            continue
        moment = datetime.now(UTC).timestamp()
        for order, row in _ROW.findall("".join(message)):
            if order not in told and "Done<" in row:
                told.add(order)
                seen.append((order, moment))
        if any(part.startswith("event: over") for part in message):
            break
        message = []
    writer.close()


def _delays(client: Client, run: str, seen: list[tuple[str, float]], since: float) -> Iterator[float]:
    steps = client.ask("GET", f"processruns/{run}/steps?include=all")
    order_of = {str(step["id"]): str(step["stepOrder"]) for step in steps}
    history: Any = client.ask("GET", f"processruns/{run}/history")
    assert client.status(run)["status"] in FINAL
    ended = {
        order_of[item["step"]]: datetime.fromisoformat(item["at"]).timestamp()
        for item in history["events"]
        if item["kind"] == "step" and item["detail"].get("status") == "Success"
    }
    for order, moment in seen:
        if ended.get(order, 0.0) > since:
            yield (moment - ended[order]) * 1000
