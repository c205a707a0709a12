"""People, tables, applications, log and account in a real Chromium: obeyed without a script, read by everybody."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from procession.clock import ManualClock
from procession.engine.table_workers import TableWorkers
from procession.operations import sessions
from tests.api.house import House, house, table_processes
from tests.browsing import chromium
from tests.browsing.chromium import browser
from tests.support import wait_until

__all__ = ["browser"]  # a fixture, for pytest to find

CSV = b"Currency;Rate\nUSD;1,0582\nCHF;0,9315\n"


@contextmanager
def served(home: House) -> Iterator[str]:
    """Its address on loopback."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        server = uvicorn.Server(uvicorn.Config(home.app, lifespan="off", log_config=None, access_log=False, ws="none"))
        serving = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        serving.start()
        try:
            wait_until(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            serving.join()


@pytest.fixture(scope="module")
def table_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableWorkers]:
    with table_processes(tmp_path_factory.getbasetemp()) as made:
        yield made


@pytest.fixture
def site(tmp_path: Path, table_workers: TableWorkers) -> Iterator[tuple[str, dict[str, Any]]]:
    """The address, and the administrator's cookie."""
    with house(tmp_path, ManualClock(), table_workers) as home, served(home) as address:
        user, home_clock = home.users["admin"].id, home.resources.home_clock
        cookie = home.database.write(
            lambda tx: sessions.begin(tx, user, now=home.clock.now(), home_clock=home_clock, browser="Chrome on Linux")
        )
        home.post("tables", json={"name": "Closing rates"})
        home.post("tables/mt-1/columns", json={"name": "Currency", "dataType": "FixedLengthText"})
        home.post("tables/mt-1/columns", json={"name": "Rate", "dataType": "Number"})
        yield address, {"name": "procession_session", "value": cookie, "url": address}


def test_a_role_and_rows_are_given_without_a_script(site: tuple[str, dict[str, Any]], browser: Any) -> None:
    address, cookie = site
    page, complaints = chromium.tab(browser, java_script_enabled=False)
    page.context.add_cookies([cookie])

    page.goto(f"{address}/people?q=stranger")
    page.get_by_role("link", name="stranger Test on Month end: no role. Change").click()
    page.get_by_label("editor: also changes it").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="stranger Test on Month end: editor. Change").wait_for()

    page.goto(f"{address}/tables/mt-1")
    page.get_by_role("button", name="Import…").click()
    page.locator("#file").set_input_files({"name": "rates.csv", "mimeType": "text/csv", "buffer": CSV})
    page.get_by_role("button", name="Preview").click()
    assert '"1,0582" is not Number' in page.get_by_role("alert").inner_text()
    page.get_by_label("1.234,50").check()
    page.get_by_role("button", name="Preview again").click()
    page.get_by_role("button", name="Add 2 rows").click()
    page.get_by_role("cell", name="1.0582").wait_for()

    assert complaints == []


PAGES = (
    "/account", "/people", "/people?holder=u-1&on=p-1", "/people/u-1", "/people/new", "/groups/ug-1", "/groups/new",
    "/applications", "/applications/new", "/applications/c-1", "/api", "/log", "/log?q=nothing", "/tables",
    "/tables/new", "/tables/mt-1", "/tables/mt-1?version=2", "/tables/mt-1?column=Rate&value=x",
)  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1024), ("light", 390), ("dark", 320)])
def test_axe_finds_nothing_wrong(site: tuple[str, dict[str, Any]], browser: Any, scheme: str, width: int) -> None:
    address, cookie = site
    page, complaints = chromium.tab(browser, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.context.add_cookies([cookie])

    for path in PAGES:
        page.goto(address + path)
        assert chromium.violations(page) == [], path
        assert not chromium.scrolls_sideways(page), path

    assert complaints == []


class _Registered:
    """A page that shows a new secret. Whoever is asked before leaving it stays."""

    def __init__(self, browser: Any, site: tuple[str, dict[str, Any]]) -> None:
        self.address, cookie = site
        self.page, self.complaints = chromium.tab(browser)
        self.page.context.add_cookies([cookie])
        self.asked: list[str] = []
        self.page.on("dialog", lambda dialog: self._stay(dialog))

    def _stay(self, dialog: Any) -> None:
        self.asked.append(dialog.type)
        dialog.dismiss()

    def register(self) -> None:
        self.page.goto(f"{self.address}/applications/new")
        self.page.get_by_role("textbox", name="Name").fill("A script")
        self.page.locator("main .primary").click()
        self.page.get_by_role("button", name="Copy secret").wait_for()

    def leave(self) -> None:
        self.page.get_by_role("link", name="Processes").click()
        self.page.wait_for_url(f"{self.address}/processes")


@pytest.mark.thorough
def test_a_secret_that_is_shown_once_is_not_left_by_mistake(site: tuple[str, dict[str, Any]], browser: Any) -> None:
    shown = _Registered(browser, site)
    page = shown.page

    shown.register()
    page.get_by_role("link", name="Processes").click(no_wait_after=True)
    assert wait_until(lambda: page.wait_for_timeout(20) or shown.asked == ["beforeunload"])
    page.get_by_role("button", name="Copy secret").click()
    page.get_by_role("button", name="Copied").wait_for()
    shown.leave()
    shown.register()
    page.get_by_role("link", name="I have kept it").click()
    page.wait_for_url(f"{shown.address}/applications")

    assert (shown.asked, shown.complaints) == (["beforeunload"], [])


@pytest.mark.thorough
def test_without_a_clipboard_a_secret_is_copied_by_hand(site: tuple[str, dict[str, Any]], browser: Any) -> None:
    """As over plain HTTP from another machine."""
    shown = _Registered(browser, site)
    page = shown.page
    shown.register()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    secret = page.locator("#secret").inner_text()

    page.get_by_role("button", name="Copy secret").click()
    page.get_by_role("button", name="Now press Ctrl+C").wait_for()
    assert page.evaluate("getSelection().toString().trim()") == secret
    page.keyboard.press("Control+C")
    shown.leave()

    assert (shown.asked, shown.complaints) == ([], [])
