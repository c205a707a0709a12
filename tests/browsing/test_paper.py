"""A run on paper: the sheet of evidence has all that proves it, and nothing that only a screen needs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.api.conftest import home, table_workers
from tests.api.house import House
from tests.browsing import chromium
from tests.browsing.chromium import browser
from tests.browsing.served import served
from tests.web.run_site import Play, column, well
from tests.web.site import SESSION, signed_in

__all__ = ["browser", "home", "table_workers"]  # fixtures, for pytest to find

# Of what is drawn on paper, also what only the style sheet says.
SAID = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT), said = []
  while (walker.nextNode()) {
    const at = walker.currentNode
    if (!at.checkVisibility()) continue
    for (const where of ["::before", "::after"]) {
      const content = getComputedStyle(at, where).content
      if (/^".+"$/.test(content)) said.push(content.slice(1, -1))
    }
    const is_drawn = parseFloat(getComputedStyle(at).fontSize) > 0
    if (is_drawn) said.push(...[...at.childNodes].filter(one => one.nodeType === 3).map(one => one.data.trim()))
  }
  return said.filter(Boolean).join(" ")
}"""


# Made before the browser, whose driver has an event loop in this thread that ours cannot be beside.
@pytest.fixture
def run(home: House) -> Play:
    """Restarted once, for a reason, and then well."""
    made = well(home)
    step = made.row("match").id
    home.post(
        f"processruns/{made.id}/steps/{step}/restartfromhere",
        json={"reason": "the bank sent a new file", "release": ["pay"]},
    )
    made.take().write("match", {"p.summary": "785 orders executed", "p.matched": 785}, report=b"a;b\n1;3\n")
    return made.perform("match", message="785 matched").skip("march", "skipped").perform("mail").perform("pay").finish()


def on_paper(page: Any) -> str:
    page.emulate_media(media="print")
    return re.sub(r"\s+", " ", page.evaluate(SAID))


@pytest.mark.thorough
def test_the_sheet_of_a_run_is_complete(run: Play, home: House, browser: Any) -> None:
    proofs = [
        column(home, "SELECT sha256 FROM process_version WHERE process_id = ?", run.run.process.number),
        column(home, "SELECT sha256 FROM file WHERE name = 'report.csv'"),
        column(home, "SELECT sha256 FROM file WHERE name = 'orders.csv'"),
        column(home, "SELECT inputs_sha256 FROM run WHERE id = ?", run.run.id.number),
    ]
    with served(home) as address:
        page, complaints = chromium.tab(browser)
        page.context.add_cookies([{"name": SESSION, "value": signed_in(home, "owner"), "url": address}])
        page.goto(f"{address}/runs/{run.id}")

        said = on_paper(page)

        for proof in proofs:
            assert proof in said
        for part in (
            "Standing orders: December 1993", "Finished", "785 orders executed", "took 13 s",
            "Month 1993-12", "Amount -12,345.60", "Matched 785", "report.csv", "8 B", "orders.csv", "4 B",
            "1.1 Parameters", "2.1 Match orders 785 matched", "2.2 Only in March", "2.3 Send the mail", "2.4 Pay",
            "“the bank sent a new file”", "attempt 2, printed by owner Test on 30 Nov 2026", "Process file, version 1",
        ):  # fmt: skip
            assert part in said, part
        assert re.search(r"30 Nov 2026 \d\d:\d\d:\d\d \(2026-11-30 \d\d:\d\d:\d\d UTC\)", said)
        for part in ("today", "Print", "Copy inputs", "Search", "Log", "Show", "Preview"):
            assert part not in said, part
        assert (
            page.locator("a, button, select, input")
            .locator("visible=true")
            .evaluate_all("found => found.filter(one => one.tagName !== 'A').length")
            == 0
        )
        assert complaints == []
        page.context.close()


@pytest.mark.thorough
def test_without_a_script_there_is_no_button_that_does_nothing(run: Play, home: House, browser: Any) -> None:
    with served(home) as address:
        shown = {}
        for has_script in (True, False):
            page, _ = chromium.tab(browser, java_script_enabled=has_script)
            page.context.add_cookies([{"name": SESSION, "value": signed_in(home, "owner"), "url": address}])
            page.goto(f"{address}/runs/{run.id}")
            shown[has_script] = page.get_by_role("button", name="Print").locator("visible=true").count()
            page.context.close()

        assert shown == {True: 1, False: 0}
