"""A real server whose pages take files, and a browser whose chunks can be held up, lost or refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests import programs
from tests.browsing import chromium
from tests.programs import Client, Running
from tests.support import wait_until

CHUNK = re.compile(r"/chunks/(\d+)\?")
SLOW_MS = 20_000
TWO_FILES = """
process: Two files
groups:
  - group: All
    steps:
      - data: Data
        key: data
        properties:
          - {name: Ledger, key: ledger, type: File, flow: INPUT, required: true}
          - {name: Statement, key: statement, type: File, flow: INPUT}
      - {action: run_python, name: Look, key: look, with: {inputs: {ledger: "${data.ledger}"}, code: "pass"}}
"""


def furnish(home: Path) -> None:
    programs.apply_text(home, TWO_FILES)


def add_table(home: Path, server: Running) -> Client:
    client = programs.sign_in(home, server.address)
    table = client.json("POST", "tables", {"name": "Exchange rates"})["id"]
    client.json("POST", f"tables/{table}/columns", {"name": "Currency", "dataType": "FixedLengthText"})
    return client


def content(size_bytes: int) -> bytes:
    """A CSV file of about this size."""
    line = b"Beleg 900117;Anna M\xc3\xbcller;-12480.00\r\n"
    return b"Beleg;Name;Betrag\r\n" + line * (size_bytes // len(line))


@dataclass(slots=True, kw_only=True)
class UploadTab:
    """`asked` are the chunks that the page has sent, in order. One of `held` waits; `hindered` is done with the next."""

    page: Any
    url: str
    complaints: list[str]
    asked: list[int] = field(default_factory=list)
    held: set[int] = field(default_factory=set)
    hindered: dict[int, Callable[[Any], Any]] = field(default_factory=dict)
    waiting: list[Any] = field(default_factory=list)

    def meet(self, route: Any) -> None:
        found = CHUNK.search(route.request.url)
        assert found
        number = int(found[1])
        self.asked.append(number)
        if number in self.hindered:
            self.hindered[number](route)
        elif number in self.held:
            self.waiting.append(route)
        else:
            route.continue_()

    def choose(self, name: str, path: Path | str) -> None:
        self.page.locator(f'input[name="{name}"]').set_input_files(path)

    def drop(self, selector: str, *paths: Path) -> None:
        """From another window, as the browser itself is told."""
        at = self.page.locator(selector).first.bounding_box()
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        told = {"x": at["x"] + at["width"] / 2, "y": at["y"] + at["height"] / 2, "data": data}
        session = self.page.context.new_cdp_session(self.page)
        for kind in ("dragEnter", "dragOver", "drop"):
            session.send("Input.dispatchDragEvent", {"type": kind, **told})

    def until_held(self) -> None:
        wait_until(lambda: self.page.wait_for_timeout(20) or self.waiting, SLOW_MS / 1000)

    def let_go(self) -> None:
        self.held.clear()
        self.hindered.clear()
        while self.waiting:
            self.waiting.pop().continue_()

    @property
    def box(self) -> Any:
        return self.page.locator(".sending")

    def says(self, text: str) -> None:
        self.box.get_by_text(text).first.wait_for()


def opened(browser: Any, home: Path, url: str, to: str, **options: Any) -> UploadTab:
    link = programs.command(home, "user", "sign-in", "admin", "--to", to, "--json").json["signInLink"]
    page, complaints = chromium.tab(browser, **options)
    page.set_default_timeout(SLOW_MS)
    page.goto(url + urlsplit(link).path + "?" + urlsplit(link).query)
    page.get_by_role("button", name="Sign in as admin").click()
    page.wait_for_url(url + to)
    tab = UploadTab(page=page, url=url, complaints=complaints)
    page.route(CHUNK, lambda route: tab.meet(route))
    return tab


@contextmanager
def serving_again(home: Path, address: str) -> Iterator[Running]:
    """Where the server was before."""
    with programs.serving(home, "--port", str(urlsplit(address).port)) as running:
        yield running
