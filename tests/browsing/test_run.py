"""A run page in a real Chromium: followed to its end without a reload, its acts by keyboard, each state without a fault."""

from __future__ import annotations

from typing import Any

import pytest

from procession.model.lifecycle import Outcome, StepStatus
from tests.api.conftest import home, table_workers
from tests.api.house import House
from tests.browsing import chromium
from tests.browsing.chromium import browser
from tests.browsing.served import served
from tests.support import wait_until
from tests.web.run_site import Play, failed, play, well
from tests.web.site import SESSION, signed_in

__all__ = ["browser", "home", "table_workers"]  # fixtures, for pytest to find


def opened(browser: Any, address: str, house: House, **options: Any) -> tuple[Any, list[str]]:
    """A tab of the owner's."""
    page, complaints = chromium.tab(browser, **options)
    page.context.add_cookies([{"name": SESSION, "value": signed_in(house, "owner"), "url": address}])
    return page, complaints


# Made before the browser, whose driver has an event loop in this thread that ours cannot be beside.
@pytest.fixture
def run(home: House) -> Play:
    """At work at its second step."""
    made = play(home).start().take().perform("p")
    made.begin("match")
    return made


def until(page: Any, condition: str) -> None:
    """Until it is so on the page; playwright's own waiting needs eval, which the policy of the page refuses.

    An element with an id is a global name.
    """
    wait_until(lambda: page.evaluate(condition))


def test_a_run_is_followed_to_its_end_without_a_reload(run: Play, home: House, browser: Any) -> None:
    with served(home) as address:
        page, complaints = opened(browser, address, home, viewport={"width": 1440, "height": 700})
        page.goto(f"{address}/runs/{run.id}")
        page.evaluate("window.isTheSame = true")
        page.get_by_text("2.1 Match orders").wait_for()
        until(page, "document.getElementById('live')._htmx?.sse")
        run.log("match", b"rule 1 of 2\n<img src=x onerror=alert(1)>\n")
        page.locator("#log", has_text="<img src=x").wait_for()
        _reads_on_while_the_log_grows(page, run)
        run.write("match", {"p.summary": "784 orders executed", "p.matched": 784}, report=b"a;b\n")
        run.end("match", message="784 matched")
        page.locator("#s2\\.1", has_text="784 matched").wait_for()
        assert page.title().startswith("Running 2/5")
        run.perform("mail").perform("pay").finish()
        page.locator("#now", has_text="784 orders executed").wait_for()
        page.locator("#results", has_text="report.csv").wait_for()
        until(page, "!document.getElementById('live')._htmx?.sse")

        assert page.title().startswith("Finished")
        assert page.evaluate("window.isTheSame")
        assert page.locator("#head .primary").inner_text() == "Download results"
        _restart_by_keyboard(page, run)
        assert complaints == []
        page.context.close()


def _reads_on_while_the_log_grows(page: Any, run: Play) -> None:
    """Whoever scrolls up stays there; whoever is at the end is kept there."""
    run.log("match", b"".join(b"line %03d\n" % number for number in range(200)))
    until(page, "log.textContent.includes('line 199')")
    until(page, "(log => log.scrollTop > 0 && log.scrollHeight - log.scrollTop - log.clientHeight < 2)(log)")
    page.evaluate("log.scrollTop = 40")
    run.log("match", b"another line\n")
    until(page, "log.textContent.includes('another line')")
    assert page.evaluate("log.scrollTop") == 40


def _restart_by_keyboard(page: Any, run: Play) -> None:
    page.goto(f"{page.url}?step=2.4")
    page.keyboard.press("?")
    page.locator("#keys[open]").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.id") == "o1.1"
    # An opened step comes without a reload, and stays in the address.
    page.evaluate("window.isTheSame = true")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/*?step=2.1")
    assert page.locator("#h-step").inner_text() == "2.1 Match orders"
    assert page.evaluate("[window.isTheSame, document.activeElement.id]") == [True, "o2.1"]
    page.locator("#step").get_by_text("Restart from 2.1…").click()
    page.locator("#restart[open]").wait_for()
    assert page.evaluate("document.activeElement.id") == "why"
    assert chromium.violations(page) == []
    page.keyboard.type("the bank sent a new file")
    for box in page.locator("#restart input[type=checkbox]").all():
        box.check()
    page.locator("#restart input[name^=release]").fill("Pay")
    page.locator("#restart").get_by_text("Restart 4 steps").click()
    page.locator("#now", has_text="Queued").wait_for()
    assert run.run.attempt == 2


@pytest.fixture
def runs(home: House) -> list[Play]:
    """One in each state that a page looks different in."""
    cancelled = play(home).start().take().perform("p")
    cancelled.begin("match")
    home.post(f"processruns/{cancelled.id}/cancel", json={"reason": "wrong period"})
    cancelled.receipt("match", processes=2)
    remarks = play(home).start().take().perform("p").perform("match", StepStatus.WARNING, "3 rows without an amount")
    remarks.finish(Outcome.WARNING)
    return [failed(home, "KeyError: 'amount' (line 3)"), well(home), cancelled, remarks, play(home)]


@pytest.mark.thorough  # six seconds, most of them axe's
def test_each_state_can_be_read_on_a_phone_and_in_the_dark(runs: list[Play], home: House, browser: Any) -> None:
    with served(home) as address:
        look = {"color_scheme": "dark", "viewport": {"width": 320, "height": 640}}
        page, complaints = opened(browser, address, home, **look)
        paths = [f"/runs/{run.id}" for run in runs]
        plan = f"{paths[0]}/steps/{runs[0].row('match').id}/plan"
        for path in (*paths, f"{paths[1]}?step=2.1", plan):
            page.goto(address + path)
            assert chromium.violations(page) == [], path
            assert not chromium.scrolls_sideways(page), path
        assert complaints == []
        page.context.close()
