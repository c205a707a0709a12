"""A process of three steps built by keyboard through forms only, tried, published and run on a real server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browsing.chromium import browser, violations
from tests.browsing.test_month_end import address, signed_in

__all__ = ["address", "browser"]  # fixtures, for pytest to find

TABS_MAX = 300
KEEP = "#form button[value=step]"


class Keys:
    """Someone who has no mouse."""

    def __init__(self, page: Any) -> None:
        self._page = page

    def go(self, selector: str) -> None:
        """By Tab, until the focus is there."""
        for _ in range(TABS_MAX):
            if self._page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
            self._page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached")

    def fill(self, name: str, text: str) -> None:
        self.go(f'[name="{name}"]')
        if self._page.evaluate("document.activeElement.tagName") != "SELECT":
            self._page.keyboard.press("Control+a")
        self._page.keyboard.type(text)

    def press(self, selector: str) -> None:
        """A button or a link, and the page that follows."""
        self.go(selector)
        with self._page.expect_navigation():
            self._page.keyboard.press("Enter")

    def row(self, verb: str, place: str) -> None:
        self.press(f'button[value="{verb} {place}"]')

    def open(self, selector: str) -> None:
        """What is folded away."""
        self.go(f"{selector} summary")
        self._page.keyboard.press("Enter")


@pytest.mark.acceptance
@pytest.mark.thorough
def test_three_steps_are_built_by_keyboard_through_forms_and_run(browser: Any, address: str, tmp_path: Path) -> None:
    page, complaints, _ = signed_in(browser, address, "/processes")
    keys = Keys(page)
    keys.press('a[href="/processes/new"]')
    name_it(keys)
    give_it_files(keys)
    reconcile(page, keys)
    count(keys)
    assert violations(page) == []
    assert page.locator("#mistakes").count() == 0, page.locator("#mistakes").inner_text()
    move_by_key(page, keys)

    keys.press('a.primary[href$="/changes"]')
    keys.press("button.primary")
    page.wait_for_url(re.compile("/processes/p-3$"))
    page.keyboard.press("n")
    page.wait_for_url(re.compile("/processes/p-3/new"))
    for field, text in (
        ("files.ledger", "invoice,amount\n1,5\n2,7\n3,9\n"),
        ("files.bank", "reference;paid\n1;5\n2;7.01\n"),
    ):
        (tmp_path / f"{field}.csv").write_text(text)
        page.locator(f'input[name="{field}"]').set_input_files(tmp_path / f"{field}.csv")
        page.get_by_text(f"{field}.csv").first.wait_for()
    keys.go('button[value="start"]:not(.hide)')
    page.keyboard.press("Enter")
    page.locator("#head .tag", has_text="Finished").wait_for()
    results = page.locator("#results").inner_text()
    assert re.search(r"Matched\s+2\b", results) and re.search(r"Rows\s+3\b", results), results
    assert complaints == []


def name_it(keys: Keys) -> None:
    keys.press('a[href$="?step=about#form"]')
    keys.fill("with.process", "Built by keyboard")
    keys.press(KEEP)


def give_it_files(keys: Keys) -> None:
    keys.press('a[data-step="1.1"]')
    keys.fill("name", "Files")
    for number, (name, kind, flow) in enumerate(
        [
            ("Ledger", "File", "input"),
            ("Bank", "File", "input"),
            ("Unpaid", "File", "result"),
            ("Matched", "Number", "result"),
            ("Rows", "Number", "result"),
        ]
    ):
        keys.fill(f"p{number}.name", name)
        keys.fill(f"p{number}.type", kind)
        keys.fill(f"p{number}.flow", flow)
        keys.press(KEEP)


def add(keys: Keys, kind: str) -> None:
    keys.fill("kind", kind)
    keys.press('button[value="add"]')


def reconcile(page: Any, keys: Keys) -> None:
    add(keys, "Reconcile")
    keys.fill("name", "Match")
    keys.fill("with.left.v", "${files.ledger}")
    keys.fill("with.right.v.file", "Bank")
    keys.row("add", "with.rules")
    keys.fill("with.rules.2.name", "One cent")
    keys.fill("with.rules.2.equal.0.kind", "a column that is called differently")
    keys.row("kind", "with.rules.2.equal.0")
    keys.fill("with.rules.2.equal.0.v.left", "invoice")
    keys.fill("with.rules.2.equal.0.v.right", "reference")
    keys.open('[id="with.rules.2"]')
    keys.fill("with.rules.2.tolerance", "0.01")
    keys.row("up", "with.rules.2")
    assert page.evaluate("document.activeElement.id") == "up-with.rules.1"
    keys.row("take", "with.rules.2")
    keys.open('[id="with.outputs"]')
    keys.fill("with.outputs.only_left.v", "${files.unpaid}")
    keys.fill("with.outputs.matched_count", "Matched")
    keys.press(KEEP)


def count(keys: Keys) -> None:
    add(keys, "Run SQL")
    keys.fill("name", "Count")
    keys.fill("with.sql", "SELECT count(*) AS n FROM ledger")
    keys.fill("with.inputs.0.key", "ledger")
    keys.fill("with.inputs.0.v.v.file", "Ledger")
    keys.fill("with.inputs.0.v.v.delimiter", ",")
    keys.fill("with.outputs.0.key", "result")
    keys.fill("with.outputs.0.v.v", "${files.rows}")
    keys.press(KEEP)


def move_by_key(page: Any, keys: Keys) -> None:
    """There and back, and said each time."""
    for key, said in (("ArrowUp", "Count is now step 1.2, after 1.1 Files."), ("ArrowDown", "after 1.2 Match.")):
        keys.go('a[aria-current="step"]')
        with page.expect_navigation():
            page.keyboard.press(f"Alt+{key}")
        page.locator("[data-said]", has_text=said).wait_for(state="attached")
        assert page.evaluate("document.activeElement.dataset.step") is not None
