"""The designer in a real Chromium, by keyboard: built through forms only, and as text in an editor under our policy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.conftest import home, table_workers
from tests.api.house import House
from tests.browsing.chromium import browser, scrolls_sideways, tab, violations
from tests.browsing.served import served
from tests.web.site import SESSION, Site, signed_in
from tests.web.test_edit import EDIT, draft, press
from tests.web.test_edit_settings import FILE

__all__ = ["browser", "home", "table_workers"]  # fixtures, for pytest to find

VIEWS = ({"width": 1440, "height": 900}, {"width": 390, "height": 844})
WRONG = FILE.replace("tolerance: $", "toleranze: $")
PAGES = ("?step=about", "?step=1.1", "?step=2.1", "?step=2.2", "?as=text", "/changes")


def apart(act: Any, *given: Any, **more: Any) -> Any:
    """In a thread of its own: playwright runs its loop in this one, and the house asks in loops of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(act, *given, **more).result()


@pytest.mark.thorough
def test_the_text_is_edited_under_the_policy_as_it_is(home: House, browser: Any) -> None:
    site = apart(Site(house=home).sign_in)
    apart(press, site, "text", text=WRONG)
    with served(home) as address:
        page, complaints = tab(browser, viewport=VIEWS[0])
        page.context.add_cookies([{"name": SESSION, "value": apart(signed_in, home, "owner"), "url": address}])
        page.goto(f"{address}{EDIT}?step=2.1&as=text")

        page.wait_for_selector(".cm-gutterElement:has(.cm-lint-marker-error)")
        (line,) = [number for number, said in enumerate(WRONG.splitlines(), 1) if "toleranze" in said]
        page.get_by_role("link", name=f"Line {line}", exact=True).first.click()
        page.keyboard.press("End")
        page.keyboard.type("  # agreed")
        with page.expect_navigation():
            page.keyboard.press("Control+s")
        assert WRONG.replace("${files.tolerance}", "${files.tolerance}  # agreed") == apart(draft, site)

        # The cursor is where it was, and Tab goes on to the next field.
        page.wait_for_selector(".cm-focused")
        page.keyboard.type("!")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Keep this text"
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert "# agreed!" in apart(draft, site)

        page.locator(".cm-content").focus()
        for key in ("Control+a", "x", "Control+z", "Control+Home", "Shift+ArrowDown", "Shift+ArrowDown", "Backspace"):
            page.keyboard.press(key)
        with page.expect_navigation():
            page.keyboard.press("Control+s")
        assert apart(draft, site).startswith("  - group: Inputs\n")
        assert complaints == []


@pytest.mark.thorough
def test_what_was_typed_is_not_lost_by_a_slip(home: House, browser: Any) -> None:
    """kestra-io/kestra#8115: changes of the form were gone when another view was opened."""
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    with served(home) as address:
        page, complaints = tab(browser, viewport=VIEWS[0])
        page.context.add_cookies([{"name": SESSION, "value": apart(signed_in, home, "owner"), "url": address}])
        page.on("dialog", stay)
        page.goto(f"{address}{EDIT}?step=2.1")
        page.locator("#name").press_sequentially("x")
        page.locator('a[data-step="2.2"]').click()
        assert asked == ["beforeunload"] and page.url.endswith("step=2.1")

        # Every button takes it along.
        with page.expect_navigation():
            page.locator('button[value="down"]').click()
        assert "xSettle" in page.locator('[aria-current="step"]').inner_text() and len(asked) == 1
        assert complaints == []


@pytest.mark.thorough
def test_every_page_of_it_is_for_everyone(home: House, browser: Any) -> None:
    site = apart(Site(house=home).sign_in)
    apart(press, site, "text", text=WRONG)
    with served(home) as address:
        page, complaints = tab(browser, viewport=VIEWS[0])
        page.context.add_cookies([{"name": SESSION, "value": apart(signed_in, home, "owner"), "url": address}])
        for view in VIEWS:
            page.set_viewport_size(view)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                for path in PAGES:
                    page.goto(address + EDIT + path)
                    assert violations(page) == [], path
                    assert not scrolls_sideways(page), path
        assert complaints == []
