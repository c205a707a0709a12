"""A run page behind another one: it asks for nothing there, and is right as soon as it is looked at again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.api.conftest import home, table_workers
from tests.api.house import House
from tests.browsing import chromium
from tests.browsing.chromium import browser
from tests.browsing.served import served
from tests.support import wait_until
from tests.web.run_site import Play, play
from tests.web.site import SESSION, signed_in

__all__ = ["browser", "home", "table_workers"]  # fixtures, for pytest to find

# The driver of the browser tells every page that it is in front; so it is told by us that it is not.
HIDING = """is => {
  for (const [name, value] of [["hidden", is], ["visibilityState", is ? "hidden" : "visible"]])
    Object.defineProperty(document, name, {value, configurable: true})
  document.dispatchEvent(new Event("visibilitychange"))
}"""
READS = "!!document.getElementById('live')._htmx?.sse?.reader"
LOST = re.compile("ERR_CONNECTION_REFUSED|htmx:sse:error: Failed to fetch")
AT_ONCE_SECONDS = 1.0  # on a machine at work; a tenth of it is waited


# Made before the browser, whose driver has an event loop in this thread that ours cannot be beside.
@pytest.fixture
def run(home: House) -> Play:
    """At work at its second step."""
    made = play(home).start().take().perform("p")
    made.begin("match")
    return made


@contextmanager
def followed(browser: Any, address: str, house: House, run: Play) -> Iterator[Any]:
    """The page of the run, which has no complaint at its end but that a server was away."""
    page, complaints = chromium.tab(browser)
    page.context.add_cookies([{"name": SESSION, "value": signed_in(house, "owner"), "url": address}])
    page.goto(f"{address}/runs/{run.id}")
    until(page, READS)
    yield page
    assert [text for text in complaints if not LOST.search(text)] == []
    page.context.close()


def until(page: Any, condition: str, seconds: float = 10.0) -> None:
    wait_until(lambda: page.evaluate(condition), seconds)


def hide(page: Any) -> None:
    page.evaluate(HIDING, True)
    until(page, f"!({READS})")


def end(run: Play) -> None:
    run.end("match", message="784 matched")
    run.perform("mail").perform("pay").finish()


def is_right(page: Any) -> None:
    until(page, "document.title.startsWith('Finished')", AT_ONCE_SECONDS)
    until(
        page,
        "!!document.getElementById('results') && document.body.textContent.includes('784 matched')",
        AT_ONCE_SECONDS,
    )
    until(page, "!document.getElementById('live')?._htmx?.sse")


@pytest.mark.thorough
def test_an_end_in_the_background_is_shown_at_once_afterwards(run: Play, home: House, browser: Any) -> None:
    with served(home) as address, followed(browser, address, home, run) as page:
        hide(page)
        end(run)
        assert page.title().startswith("Running")

        page.evaluate(HIDING, False)

        is_right(page)


@pytest.mark.thorough
def test_a_stream_that_ended_in_the_background_is_taken_up_again(run: Play, home: House, browser: Any) -> None:
    with ExitStack() as first:
        address = first.enter_context(served(home))
        with followed(browser, address, home, run) as page:
            hide(page)
            first.close()
            page.evaluate(HIDING, False)
            page.locator("#lost:visible").wait_for()
            end(run)
            with served(home, port=int(address.rpartition(":")[2])):
                until(page, "document.title.startsWith('Finished')")
                assert page.locator("#lost").is_hidden()
                is_right(page)


@pytest.mark.thorough
def test_back_to_a_run_shows_how_it_is_by_now(run: Play, home: House, browser: Any) -> None:
    with served(home) as address, followed(browser, address, home, run) as page:
        page.goto(f"{address}/processes")
        end(run)

        page.go_back()

        is_right(page)


@pytest.mark.thorough
def test_many_tabs_opened_behind_others_take_no_connection(run: Play, home: House, browser: Any) -> None:
    """A browser has six for an address."""
    with served(home) as address, followed(browser, address, home, run) as page:
        behind = [page.context.new_page() for _ in range(8)]
        for tab in behind:
            tab.add_init_script(f"({HIDING})(true)")
            tab.goto(f"{address}/runs/{run.id}")
            until(tab, f"!({READS})")
        end(run)

        behind[-1].evaluate(HIDING, False)

        is_right(behind[-1])
