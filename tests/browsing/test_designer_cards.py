"""Cards that are dragged, a decision as a table, and a sample looked at while somebody types: in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import home, table_workers
from tests.api.house import House
from tests.browsing.chromium import browser, dead, scrolls_sideways, tab, violations
from tests.browsing.served import served
from tests.browsing.test_designer import VIEWS, apart
from tests.web.account_site import visitor
from tests.web.site import SESSION, signed_in
from tests.web.test_decision_tables import RULES
from tests.web.test_edit_finds import IMPORT, LEDGER
from tests.web.test_try_step import BANK, BOOKS, apply, edit_of, sample

__all__ = ["browser", "home", "table_workers"]  # fixtures, for pytest to find

DECIDING = RULES.replace(
    "    steps:\n",
    """    steps:
      - data: R
        properties:
          - {name: Count, type: Number, flow: INPUT}
          - {name: Entity, type: String, flow: INPUT}
          - {name: OK, type: CheckBox, flow: INPUT}
          - {name: Path, type: String, flow: OUTPUT}
          - {name: Due, type: Decimal, decimal_points: 2, flow: OUTPUT}
          - {name: Rule, type: String, flow: OUTPUT}
""",
).replace("{failed: match}", "{equals: {property: r.entity, value: FJ}}")


def names(page: Any, cards: str) -> list[str]:
    found: list[str] = page.locator(f"{cards} input[name$='.name']").evaluate_all("all => all.map(one => one.value)")
    return found


def drag(page: Any, one: int, to: int, *, is_behind: bool) -> None:
    """A card by its grip, to the upper or the lower half of another; both are in sight."""
    grip, box = page.locator(".grip").nth(one).bounding_box(), page.locator(".mover").nth(to).bounding_box()
    page.mouse.move(grip["x"] + 8, grip["y"] + 8)
    page.mouse.down()
    down = box["height"] - 6 if is_behind else 6
    for step in (-3, 0):
        page.mouse.move(box["x"] + 150 + step, box["y"] + down)
    mark = "after" if is_behind else "before"
    assert page.locator(f".mover.{mark}").count() == 1 and page.locator(".mover.held").count() == 1
    page.mouse.up()


@pytest.mark.thorough
def test_rules_are_dragged_by_their_grips_and_say_what_they_find_there(home: House, browser: Any) -> None:
    """camunda/camunda-modeler#6166, dmn-js#550: rules with values could not be dragged, or the mark was elsewhere."""
    process = apart(apply, home)
    apart(sample, home, apart(visitor, home), process, {"files.books": BOOKS, "files.bank": BANK})
    with served(home) as address:
        page, complaints = tab(browser, viewport={"width": 1440, "height": 3600})
        page.context.add_cookies([{"name": SESSION, "value": apart(signed_in, home, "owner"), "url": address}])
        page.goto(f"{address}{edit_of(process)}?step=1.2&finds=1")
        assert names(page, ".mover") == ["Exact", "Never", "Cents"]
        assert page.locator(".found .pill").all_inner_texts() == ["2 matched", "finds nothing", "1 suggested"]

        # What was typed goes along.
        page.locator("#name").fill("Match all")
        with page.expect_navigation():
            drag(page, 2, 0, is_behind=False)

        assert names(page, ".mover") == ["Cents", "Exact", "Never"]
        assert page.locator(".found .pill").all_inner_texts() == ["1 suggested", "2 matched", "finds nothing"]
        assert page.locator("#name").input_value() == "Match all"
        assert page.evaluate("document.activeElement.id") == "with.rules.0"
        # The same by keyboard.
        page.locator('button[value="down with.rules.0"]').focus()
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert names(page, ".mover") == ["Exact", "Cents", "Never"]
        assert page.evaluate("document.activeElement.id") == "down-with.rules.1"
        assert complaints == []


@pytest.mark.thorough
def test_a_decision_is_a_table_for_everyone(home: House, browser: Any) -> None:
    process = apart(apply, home, DECIDING)
    with served(home) as address:
        page, complaints = tab(browser, viewport=VIEWS[0])
        page.context.add_cookies([{"name": SESSION, "value": apart(signed_in, home, "owner"), "url": address}])
        for view in VIEWS:
            page.set_viewport_size(view)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.goto(f"{address}{edit_of(process)}?step=1.2")
                assert violations(page) == [] and not scrolls_sideways(page)
        page.set_viewport_size(VIEWS[0])
        with page.expect_navigation():
            drag(page, 0, 2, is_behind=True)
        assert names(page, "tr.mover") == ["", "Odd", "Large"]
        assert page.locator("#form tbody tr").last.locator("th").inner_text() == "Otherwise"
        assert complaints == []


@pytest.mark.thorough
def test_the_rejects_of_a_sample_follow_what_is_typed(home: House, browser: Any) -> None:
    """tprouvot/Salesforce-Inspector-reloaded#1342: the table caught up only with a press somewhere else."""
    process = apart(apply, home, IMPORT)
    apart(sample, home, apart(visitor, home), process, {"files.ledger": LEDGER.encode()})
    with served(home) as address:
        page, complaints = tab(browser, viewport=VIEWS[0])
        page.context.add_cookies([{"name": SESSION, "value": apart(signed_in, home, "owner"), "url": address}])
        page.goto(f"{address}{edit_of(process)}?step=1.2")
        page.get_by_text("All 40 rows fit.").wait_for()
        page.locator('[name="with.columns.1.key"]').fill("Betrag")
        page.locator('[name="with.columns.1.v.type"]').select_option("Money")
        page.locator('[name="with.columns.1.v.decimal"]').select_option(",")
        page.get_by_text("1 of 40 rows does not fit.").wait_for()
        # What is typed stays where it is.
        assert page.locator('[name="with.columns.1.key"]').input_value() == "Betrag"
        assert violations(page) == [] and complaints == []

        plain = browser.new_context(viewport=VIEWS[1], java_script_enabled=False).new_page()
        plain.context.add_cookies([{"name": SESSION, "value": apart(signed_in, home, "owner"), "url": address}])
        plain.goto(f"{address}{edit_of(process)}?step=1.2")
        plain.get_by_role("button", name="See which rows fit").click()
        plain.get_by_text("All 40 rows fit.").wait_for()
        assert not plain.locator(".grip").first.is_visible()


@pytest.mark.thorough
def test_without_a_script_every_button_still_does_something(home: House, browser: Any) -> None:
    process = apart(apply, home)
    with served(home) as address:
        page, _ = tab(browser, viewport=VIEWS[0])
        page.context.add_cookies([{"name": SESSION, "value": apart(signed_in, home, "owner"), "url": address}])
        page.goto(f"{address}{edit_of(process)}?step=1.2")
        assert dead(page) == []
