"""A run is filled in in a real Chromium: by hand with scripts, and by forms alone without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.clock import ManualClock
from tests.api.conftest import home, table_workers
from tests.api.house import House
from tests.browsing import chromium
from tests.browsing.chromium import browser
from tests.browsing.served import served
from tests.support import wait_until
from tests.web.inputs_site import BANK, LEDGER, apply
from tests.web.site import SESSION, signed_in

__all__ = ["browser", "home", "table_workers"]  # fixtures, for pytest to find


@pytest.fixture
def address(home: House, clock: ManualClock) -> Iterator[str]:
    apply(home, BANK)
    with served(home) as found:
        yield found


def opened(browser: Any, home: House, address: str, **options: Any) -> tuple[Any, list[str]]:
    page, complaints = chromium.tab(browser, **options)
    page.context.add_cookies([{"name": SESSION, "value": signed_in(home, "owner"), "url": address}])
    page.goto(f"{address}/processes/p-2/new")
    return page, complaints


@pytest.mark.thorough
def test_a_run_is_filled_in_by_hand_and_started(browser: Any, home: House, address: str, tmp_path: Path) -> None:
    page, complaints = opened(browser, home, address, color_scheme="dark", viewport={"width": 390, "height": 800})
    wrong, right = tmp_path / "title.csv", tmp_path / "ledger.csv"
    wrong.write_bytes(b"Kontoauszug\n" + LEDGER)
    right.write_bytes(LEDGER)
    tolerance = page.get_by_role("textbox", name="Tolerance")

    # A number that can mean two is asked back on leaving its field, before there is a run.
    tolerance.fill("1,234")
    tolerance.press("Tab")
    page.get_by_role("button", name="1,234.00").click()
    page.locator(".has-err").wait_for(state="detached")
    assert tolerance.input_value() == "1,234.00"
    page.get_by_role("button", name="31 Oct 2026").click()
    page.locator("input[type=date]:focus, #before").first.wait_for()

    # The first file makes the run; the address becomes the run's, and what was typed stays.
    page.locator('input[name="files.ledger"]').set_input_files(wrong)
    page.get_by_text("where a title stands above the header").wait_for()
    assert page.url == f"{address}/runs/pr-1"
    assert tolerance.input_value() == "1,234.00"
    page.get_by_label("Wien").check()
    page.get_by_role("button", name="Start run").click()
    page.get_by_role("alert").get_by_role("link", name="Ledger").wait_for()
    assert page.title().startswith("Error: ")
    assert chromium.violations(page) == []
    assert not chromium.scrolls_sideways(page)

    # Another file in its place; the rest of the page stays where it is.
    page.locator("summary", has_text="Replace").click()
    page.locator('input[name="files.ledger"]').set_input_files(right)
    page.get_by_role("cell", name="-12,480.00").wait_for()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Keep it").click()
    assert chromium.violations(page) == []
    page.get_by_role("button", name="Start run").click()
    assert wait_until(lambda: [str(run) for run in home.told]) == ["pr-1"]
    page.context.close()  # the page of a run has a stream open, which the server would wait for
    assert complaints == []


def test_without_scripts_files_and_values_start_a_run_in_one_go(
    browser: Any, home: House, address: str, tmp_path: Path
) -> None:
    page, _ = opened(browser, home, address, java_script_enabled=False)
    ledger = tmp_path / "ledger.csv"
    ledger.write_bytes(LEDGER)

    page.locator('input[name="files.ledger"]').set_input_files(ledger)
    page.get_by_role("textbox", name="Account").fill("001300")
    # Enter keeps, and neither starts nor fills anything in.
    page.get_by_role("textbox", name="Account").press("Enter")
    page.get_by_role("cell", name="-12,480.00").wait_for()
    assert (page.url, home.told) == (f"{address}/runs/pr-1", [])
    page.get_by_role("button", name="31 Oct 2026").click()
    page.get_by_label("Graz").check()
    page.get_by_role("button", name="Start run").click()
    page.get_by_role("heading", level=1).wait_for()

    assert wait_until(lambda: [str(run) for run in home.told]) == ["pr-1"]
    page.context.close()  # the page of a run has a stream open, which the server would wait for
