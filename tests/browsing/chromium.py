"""A real Chromium: what it shows, what it refuses, and what axe-core 4.14.1 finds wrong with a page."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# Its own sandbox does not start as root, which CI often is; the pages are ours. And it asks for nothing by itself.
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
AXE = Path(__file__).parent / "axe.min.js"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
# Without the code of each node: rule, how often, and the first place are what a reader needs.
# Also how big what is pressed is, which axe leaves to whoever asks (WCAG 2.2, 2.5.8).
FOUND = """async only => (await axe.run(
  only.length ? {runOnly: only} : {rules: {"target-size": {enabled: true}}})).violations
  .map(v => `${v.id} ${v.nodes.length} times: ${v.nodes[0].html}`)"""


@pytest.fixture
def browser() -> Iterator[Any]:
    with launched() as found:
        yield found


@contextmanager
def launched() -> Iterator[Any]:
    """The browser of this machine; a test without one is left out, but in CI."""
    path = shutil.which("chromium")
    if path is None:
        assert not os.environ.get("CI"), "CI needs chromium"
        pytest.skip("chromium is missing: install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield found
        found.close()


def tab(browser: Any, **options: Any) -> tuple[Any, list[str]]:
    """A new tab with an own profile, and what it complains about: errors of scripts, and what a policy refused."""
    page = browser.new_context(**options).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


def violations(page: Any, *, only: Sequence[str] = ()) -> list[str]:
    """What axe finds, by all its rules or some."""
    source = AXE.read_text("utf-8")
    assert hashlib.sha256(source.encode()).hexdigest() == AXE_SHA256
    # The browser's own way in, past the policy of the page: what is looked at stays as it is.
    if not page.evaluate("'axe' in window"):
        page.evaluate(source)
    found: list[str] = page.evaluate(FOUND, list(only))
    return found


def scrolls_sideways(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


# What stands out at the right of the page or of an open dialog, and is not in a place that scrolls by itself.
OUT = """() => {
  const within = document.querySelector("dialog:modal") ?? document.documentElement
  if (within.scrollWidth <= within.clientWidth) return []
  const edge = within.getBoundingClientRect().left + within.clientWidth
  const scrolls = found => found !== within && found !== document.body && getComputedStyle(found).overflowX !== "visible"
  const out = [...within.querySelectorAll("*")].filter(found => {
    if (found.getBoundingClientRect().right <= edge + 0.5) return false
    for (let at = found.parentElement; at && at !== within; at = at.parentElement) if (scrolls(at)) return false
    return true
  })
  return [`${within.scrollWidth} px: ${(out.at(-1) ?? within).outerHTML.slice(0, 200)}`]
}"""


# What does nothing without a script, and is shown without one: the style sheet hides what a script needs.
DEAD = """() => {
  const hidden = "[data-copy], [data-print], [data-all], [data-follow], .sending button"
  const lives = found => found.matches(`[command], [popovertarget], a[href], summary, ${hidden}`)
    || found.form && found.type !== "button"
  return [...document.querySelectorAll("button, [role=button], a:not([href])")].filter(found => !lives(found))
    .map(found => found.outerHTML.slice(0, 200))
}"""


def dead(page: Any) -> list[str]:
    """Buttons that only a script would make do something."""
    found: list[str] = page.evaluate(DEAD)
    return found


def too_wide(page: Any) -> list[str]:
    """By what a page or its open dialog scrolls sideways."""
    found: list[str] = page.evaluate(OUT)
    return found
