"""Home, Runs and Processes in a real Chromium: filtered, restarted, watched without a reload, and nothing for axe."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from procession.model.lifecycle import Outcome
from tests.api.conftest import home, table_workers
from tests.api.house import House
from tests.browsing.chromium import browser, scrolls_sideways, tab, violations
from tests.browsing.served import served
from tests.support import wait_until
from tests.web.lists_site import ended, timed_out
from tests.web.site import SESSION, signed_in

__all__ = ["browser", "home", "table_workers"]  # fixtures, for pytest to find

VIEWS = ({"width": 1440, "height": 900}, {"width": 390, "height": 844})
LOOKS_MILLISECONDS = 200  # the first look of a stream, on a slow machine
PAGES = ("/", "/runs", "/runs?text=nothing&status=failed", "/processes", "/processes/p-1", "/processes/upload")


@pytest.mark.thorough
def test_lists_are_filtered_restarted_and_watched(home: House, browser: Any) -> None:
    _apart(_furnish, home)
    with served(home) as address:
        cookie = signed_in(home, "owner")
        page, complaints = tab(browser, viewport=VIEWS[0])
        page.context.add_cookies([{"name": SESSION, "value": cookie, "url": address}])

        _filters(page, address)
        _restarts(page)
        _watches(home, page, address)
        for view in VIEWS:
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size(view)
                for path in PAGES:
                    page.goto(address + path)
                    assert violations(page) == [], path
                    assert not scrolls_sideways(page), path
        assert complaints == []


def _apart(act: Callable[..., Any], *given: Any, **more: Any) -> None:
    """In a thread of its own: playwright runs its loop in this one, and the house asks in loops of its own."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(act, *given, **more).result()


def _furnish(home: House) -> None:
    for number in range(3):
        ended(home, f"Account {1200 + number}", amount=number)
    ended(home, "Account 1300", amount=9, outcome=Outcome.WARNING)
    timed_out(home, "Late")


def _rows(page: Any) -> int:
    return int(page.locator("#rows tbody tr").count())


def _filters(page: Any, address: str) -> None:
    page.goto(f"{address}/runs")
    assert _rows(page) == 5
    page.locator("#text").press_sequentially("1201")
    page.wait_for_url("**text=1201**")
    assert page.locator("#rows tbody tr").count() == 1
    # What was typed stays, and so does the place in it.
    assert page.locator("#text").input_value() == "1201"
    page.reload()
    assert _rows(page) == 1
    page.goto(f"{address}/runs?status=failed")
    page.go_back()
    assert (page.locator("#text").input_value(), _rows(page)) == ("1201", 1)


def _restarts(page: Any) -> None:
    page.get_by_role("checkbox", name="Select Account 1201 #2").check()
    page.get_by_role("button", name="Restart failed steps").click()
    page.wait_for_url("**/runs/bulk")
    assert violations(page) == []
    page.get_by_label("Reason").fill("the file was mended")
    page.get_by_role("button", name="Restart 1 step in 1 run").click()
    page.wait_for_url("**/runs/bulk/do")
    assert "1 restarted" in page.title()
    assert violations(page) == []


def _watches(home: House, page: Any, address: str) -> None:
    page.goto(f"{address}/")
    needs = page.locator("#needs li")
    before = needs.count()
    # Until the stream stands, what happens is not told by it.
    wait_until(lambda: len(home.announcements._to_all) > 0)
    page.wait_for_timeout(LOOKS_MILLISECONDS)
    _apart(ended, home, "Fresh", amount=77)
    home.announcements.ring_all()
    page.wait_for_selector("#needs li:has-text('Fresh')")
    assert needs.count() == before + 1
