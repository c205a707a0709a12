"""Large files from a real Chromium to a real server: through lost networks, reloads, restarts, refusals and second thoughts."""

from __future__ import annotations

import hashlib
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import programs
from tests.browsing import chromium
from tests.browsing.chromium import browser
from tests.browsing.upload_site import UploadTab, add_table, content, furnish, opened, serving_again
from tests.programs import Running
from tests.support import wait_until

__all__ = ["browser"]  # a fixture, for pytest to find
pytestmark = pytest.mark.thorough
NEW = "/processes/p-1/new"
LEDGER, STATEMENT = "data.ledger", "data.statement"


@dataclass(slots=True, kw_only=True)
class UploadPlace:
    """A server with a process of two files, and two that are sent in four and in three chunks."""

    folder: Path
    home: Path
    server: Running
    stack: ExitStack
    browser: Any
    ledger: Path = field(init=False)
    statement: Path = field(init=False)

    def __post_init__(self) -> None:
        self.ledger, self.statement = self.folder / "ledger.csv", self.folder / "statement.csv"
        self.ledger.write_bytes(content(16_000_000))
        self.statement.write_bytes(content(12_000_000))

    def open(self, to: str = NEW, **options: Any) -> UploadTab:
        return opened(self.browser, self.home, self.server.address, to, **options)

    def restart(self) -> None:
        self.server.end(signal.SIGKILL)
        self.server = self.stack.enter_context(serving_again(self.home, self.server.address))

    def has_arrived(self, tab: UploadTab, path: Path) -> None:
        """The page shows it, and the server has every byte of it."""
        tab.page.locator(".got strong", has_text=path.name).wait_for()
        assert tab.box.count() == 0
        assert self.kept(path)
        assert not self.chunks

    def kept(self, path: Path) -> bool:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return any(found.parent.name + found.name == sha256 for found in (self.home / "files").rglob("*"))

    @property
    def chunks(self) -> list[Path]:
        return [path for path in (self.home / "uploads").rglob("*") if path.is_file()]


@pytest.fixture
def place(tmp_path: Path, browser: Any) -> Iterator[UploadPlace]:
    home = tmp_path / "home"
    furnish(home)
    with ExitStack() as stack:
        server = stack.enter_context(programs.serving(home))
        yield UploadPlace(folder=tmp_path, home=home, server=server, stack=stack, browser=browser)


def test_forty_megabytes_come_with_progress_and_a_start_waits_for_them(place: UploadPlace) -> None:
    tab = place.open(color_scheme="dark", viewport={"width": 390, "height": 800})
    place.ledger.write_bytes(content(40_000_000))
    tab.held = {5}
    tab.choose(LEDGER, place.ledger)
    tab.until_held()

    assert tab.page.url == f"{tab.url}/runs/pr-1"
    assert tab.box.locator(".sent").inner_text() == "16.8 MB of 40.0 MB"
    assert 0.41 < float(tab.box.locator("progress").evaluate("found => found.value")) < 0.43
    tab.page.get_by_role("button", name="Start run").click()
    tab.says("“Start run” waits for this file")
    assert chromium.violations(tab.page) == []
    assert not chromium.scrolls_sideways(tab.page)
    tab.let_go()

    tab.page.locator("#head .tag", has_text="Finished").wait_for()
    assert (tab.asked, tab.complaints) == (list(range(1, 11)), [])
    assert place.kept(place.ledger)
    tab.page.context.close()


def test_it_goes_on_by_itself_when_the_network_is_back(place: UploadPlace) -> None:
    tab = place.open()

    def lose(route: Any) -> None:
        tab.hindered.clear()
        tab.page.context.set_offline(True)
        route.abort("internetdisconnected")

    tab.hindered = {3: lose}
    tab.choose(LEDGER, place.ledger)
    tab.says("The server cannot be reached")
    tab.page.get_by_role("button", name="Keep for later").last.click()
    tab.says("“Keep for later” waits for this file")
    assert "cannot be reached" in tab.box.inner_text()
    assert tab.box.get_by_role("button", name="Try again").is_visible()
    tab.page.context.set_offline(False)

    place.has_arrived(tab, place.ledger)
    # The one that was lost, and none before it.
    assert tab.asked == [1, 2, 3, 3, 4]


def test_a_reload_asks_first_and_the_same_file_goes_on_after_it(place: UploadPlace) -> None:
    tab = place.open()
    asked: list[str] = []

    def answer(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.accept()

    tab.page.on("dialog", answer)
    tab.page.locator("h1").click()
    tab.held = {3}
    tab.choose(LEDGER, place.ledger)
    tab.until_held()
    tab.waiting.clear()
    tab.held.clear()
    tab.page.reload()

    tab.says("Only a part of this file has arrived")
    assert asked == ["beforeunload"]
    assert tab.box.locator(".sent").inner_text() == "8.4 MB of 16.0 MB"
    assert chromium.violations(tab.page) == []
    tab.page.get_by_role("button", name="Start run").click()
    tab.says("This file has not arrived")
    tab.asked.clear()
    tab.choose(LEDGER, place.ledger)

    place.has_arrived(tab, place.ledger)
    assert tab.asked == [3, 4]


def test_another_file_after_a_reload_begins_anew(place: UploadPlace) -> None:
    tab = place.open()
    tab.held = {3}
    tab.choose(LEDGER, place.ledger)
    tab.until_held()
    tab.waiting.clear()
    tab.held.clear()
    tab.page.reload()
    tab.says("Only a part of this file has arrived")
    # As long and under the same name, and written anew.
    changed = place.ledger.read_bytes().replace(b"12480", b"99999")
    place.ledger.write_bytes(changed)
    tab.asked.clear()
    tab.choose(LEDGER, place.ledger)

    place.has_arrived(tab, place.ledger)
    assert tab.asked == [1, 2, 3, 4]


def test_a_server_that_is_killed_in_the_middle_keeps_what_it_had(place: UploadPlace) -> None:
    tab = place.open()
    tab.held = {3}
    tab.choose(LEDGER, place.ledger)
    tab.until_held()
    place.restart()
    tab.waiting.pop().abort("connectionreset")
    tab.says("The server cannot be reached")
    tab.held.clear()
    tab.box.get_by_role("button", name="Try again").click()
    tab.page.locator("summary:focus").wait_for()

    place.has_arrived(tab, place.ledger)
    assert tab.asked == [1, 2, 3, 3, 4]


def test_a_cancel_leaves_nothing_on_the_server_or_in_the_browser(place: UploadPlace) -> None:
    tab = place.open()
    tab.held = {3}
    tab.choose(LEDGER, place.ledger)
    tab.until_held()
    assert place.chunks
    tab.box.get_by_role("button", name="Cancel").click()

    wait_until(lambda: not place.chunks)
    assert tab.box.count() == 0
    assert tab.page.evaluate("localStorage.length") == 0
    assert tab.page.locator(f'input[name="{LEDGER}"]').evaluate("found => found === document.activeElement")
    tab.waiting.clear()
    tab.held.clear()
    tab.choose(LEDGER, place.statement)
    place.has_arrived(tab, place.statement)


def test_two_files_at_once_are_of_one_run_and_each_in_its_place(place: UploadPlace) -> None:
    tab = place.open()
    tab.held = {2}
    tab.choose(LEDGER, place.ledger)
    tab.choose(STATEMENT, place.statement)
    wait_until(lambda: tab.page.wait_for_timeout(20) or len(tab.waiting) == 2)
    for name, path in ((LEDGER, place.ledger), (STATEMENT, place.statement)):
        at = tab.page.locator("[data-zone]", has=tab.page.locator(f'input[name="{name}"]'))
        assert at.locator(".sending strong").inner_text() == path.name
    tab.page.get_by_role("button", name="Start run").click()
    tab.let_go()

    tab.page.locator("#head .tag", has_text="Finished").wait_for()
    said = tab.page.locator("main").inner_text()
    assert "16.0 MB" in said
    assert "12.0 MB" in said
    tab.page.goto(f"{tab.url}/runs")
    assert tab.page.locator("tbody tr").count() == 1
    tab.page.context.close()


def test_a_file_that_is_changed_while_it_is_sent_is_told_from_a_lost_network(place: UploadPlace) -> None:
    tab = place.open()
    tab.held = {3}
    tab.choose(LEDGER, place.ledger)
    tab.until_held()
    place.ledger.write_bytes(place.statement.read_bytes())
    tab.let_go()
    tab.says("The file was changed, moved or locked")
    assert chromium.violations(tab.page) == []
    tab.choose(LEDGER, place.ledger)

    place.has_arrived(tab, place.ledger)


REFUSALS = {
    "takes no request of 5 MB": {"status": 413, "body": "<html>nginx</html>"},
    "The disk of the server is full": {"status": 507, "body": ""},
    "This did not work (500)": {"status": 500, "body": "<h1>Oops</h1>"},
    "Tries again in 3 s": {"status": 429, "body": "", "headers": {"retry-after": "3"}},
    "This did not work (503)": {"status": 503, "body": ""},
}


def test_refusals_are_said_in_their_place_and_can_be_tried_again(place: UploadPlace) -> None:
    tab = place.open()
    refusals = list(REFUSALS.items())
    tab.hindered = {2: lambda route: route.fulfill(**refusals[0][1])}
    tab.choose(LEDGER, place.statement)
    while refusals:
        tab.says(refusals[0][0])
        assert tab.box.get_by_role("button", name="Try again").is_visible()
        refusals.pop(0)
        if refusals:
            tab.box.get_by_role("button", name="Try again").click()
    assert chromium.violations(tab.page) == []
    tab.let_go()

    # The last one is tried again without a hand.
    place.has_arrived(tab, place.statement)


def test_whoever_is_signed_out_in_the_middle_signs_in_beside_it_and_goes_on(place: UploadPlace) -> None:
    tab = place.open()
    tab.held = {3}
    tab.choose(LEDGER, place.statement)
    tab.until_held()
    cookies = tab.page.context.cookies()
    tab.page.context.clear_cookies()
    # The request that waits has them still.
    tab.let_go()
    tab.says("You have not signed in")
    assert tab.box.get_by_role("link", name="Sign in").get_attribute("target") == "_blank"
    tab.page.context.add_cookies(cookies)
    tab.box.get_by_role("button", name="Try again").click()

    place.has_arrived(tab, place.statement)


def test_a_small_file_that_is_not_taken_is_not_lost_either(place: UploadPlace) -> None:
    small, tab = place.folder / "small.csv", place.open()
    small.write_bytes(content(2_000))
    tab.choose(STATEMENT, small)
    tab.page.locator(".got strong", has_text="small.csv").wait_for()
    tab.page.route(re.compile(r"/files/f-[0-9]+\?"), lambda route: route.abort("connectionreset"))
    tab.choose(LEDGER, small)
    tab.page.locator(".got strong", has_text="small.csv").nth(1).wait_for()

    assert tab.asked == [1]
    tab.page.context.close()


def test_what_is_dropped_is_taken_by_its_place_or_answered_there(place: UploadPlace) -> None:
    folder, small, tab = place.folder / "folder", place.folder / "small.csv", place.open()
    folder.mkdir()
    (folder / "inside.csv").write_bytes(content(2_000))
    small.write_bytes(content(2_000))
    told = tab.page.locator(".told")

    tab.drop(".drop", small, place.ledger)
    assert told.inner_text().startswith("One file goes here")
    tab.drop(".drop", folder)
    assert told.inner_text().startswith("This is a folder")
    assert chromium.violations(tab.page) == []
    tab.drop("h1", small)
    assert tab.page.url == f"{tab.url}{NEW}"
    tab.drop(".drop", small)
    tab.page.locator(".got strong", has_text="small.csv").wait_for()
    assert told.count() == 0
    # On the file that is there: that is replaced.
    tab.drop(".got", place.ledger)

    place.has_arrived(tab, place.ledger)


def test_an_upload_that_the_server_forgot_begins_anew_and_the_browser_forgets_old_ones(place: UploadPlace) -> None:
    tab = place.open()

    def forget(route: Any) -> None:
        tab.hindered.clear()
        route.fulfill(status=404, body="")

    tab.page.evaluate("localStorage['/runs/pr-1/files/f-9/uploads,1,1,old.csv'] = `gone,${Date.now() - 9e7}`")
    tab.page.reload()
    assert tab.page.evaluate("localStorage.length") == 0
    tab.hindered = {3: forget}
    tab.choose(LEDGER, place.ledger)

    place.has_arrived(tab, place.ledger)
    assert tab.page.evaluate("localStorage.length") == 0


def test_two_tabs_with_the_same_file_send_it_together(place: UploadPlace) -> None:
    first = place.open()
    first.held = {3}
    first.choose(LEDGER, place.ledger)
    first.until_held()
    second = UploadTab(page=first.page.context.new_page(), url=first.url, complaints=[])
    second.page.goto(first.page.url)
    second.choose(LEDGER, place.ledger)
    second.page.locator(".got strong", has_text="ledger.csv").wait_for()
    first.let_go()

    place.has_arrived(first, place.ledger)


def test_whoever_signs_out_leaves_no_names_of_files_in_the_browser(place: UploadPlace) -> None:
    tab = place.open()
    tab.held = {3}
    tab.choose(LEDGER, place.ledger)
    tab.until_held()
    assert "ledger.csv" in tab.page.evaluate("Object.keys(localStorage).join()")
    tab.waiting.pop().abort()
    tab.page.on("dialog", lambda dialog: dialog.accept())
    tab.page.get_by_role("button", name="your account").click()
    tab.page.get_by_role("button", name="Sign out").click()
    tab.page.wait_for_url(f"{tab.url}/sign-in")

    assert tab.page.evaluate("localStorage.length") == 0


def test_a_large_file_of_rows_is_sent_at_once_and_shown_when_it_is_asked_for(place: UploadPlace) -> None:
    add_table(place.home, place.server)
    rows = place.folder / "rates.csv"
    rows.write_bytes(b"Currency\n" + (b"E" * 200 + b"\n") * 45_000)
    tab = place.open("/tables/mt-1")
    tab.page.get_by_role("button", name="Import…").click()
    tab.held = {2}
    tab.choose("file", rows)
    tab.until_held()
    tab.page.get_by_role("button", name="Preview").click()
    tab.says("“Preview” waits for this file")
    assert chromium.violations(tab.page) == []
    tab.let_go()

    tab.page.get_by_role("heading", name="Import into Exchange rates").wait_for()
    assert "45,000" in tab.page.locator("main").inner_text()
    tab.page.context.close()


def test_rows_that_have_arrived_wait_for_the_button(place: UploadPlace) -> None:
    add_table(place.home, place.server)
    rows = place.folder / "rates.csv"
    rows.write_bytes(b"Currency\nEUR\n")
    tab = place.open("/tables/mt-1")
    tab.page.get_by_role("button", name="Import…").click()
    tab.choose("file", rows)
    tab.says("All sent. Press Preview")
    assert tab.page.locator("#file").input_value().endswith("rates.csv")
    tab.page.locator("#import").get_by_role("button", name="Leave it").click()
    assert (tab.box.count(), tab.page.locator("#file").input_value()) == (0, "")
    tab.page.get_by_role("button", name="Import…").click()
    tab.choose("file", rows)
    tab.says("All sent. Press Preview")
    tab.page.get_by_role("button", name="Preview").click()

    tab.page.get_by_role("heading", name="Import into Exchange rates").wait_for()
    assert tab.complaints == []
