"""Every page in every state, light and dark, from a phone to a wide screen: nothing wrong for axe, no word on the console.

A state is reached once and then looked at in every way, with what can be opened on it; that is much quicker.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from procession.clock import ManualClock
from procession.door.contract import HtmlReply
from procession.engine.table_workers import TableWorkers
from procession.model.errors import Unavailable
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.pages import environment, statuses
from tests.api.conftest import table_workers
from tests.api.house import house
from tests.browsing import chromium, every_house
from tests.browsing.every_state import NO_PAGES, STATES, WIDTHS, State, page_of, pages
from tests.browsing.served import served
from tests.web.conftest import NOW
from tests.web.site import SESSION, signed_in

__all__ = ["table_workers"]  # a fixture, for pytest to find
ZOOMED = 320  # 1280 px at 400 %
PAPER = 718  # A4 between its margins
_UNSAID = (
    "[...document.querySelectorAll('.matrix td')].filter(cell => !cell.innerText.trim()).map(cell => cell.outerHTML)"
)
# All that dark can break: what axe finds else does not depend on it.
COLOURS = ("color-contrast", "link-in-text-block")
# Looked at with every change; the others before a release.
QUICK = {"sign in", "runs, some ticked", "run, failed", "new run, with errors"}
# What a browser says by itself of every answer that is an error.
OWN_WORD = re.compile(r"the server responded with a status of [45]")
THEME = "chosen => { document.documentElement.dataset.theme = chosen }"
# Of what has the focus: itself, and what is wrong with how that is shown (WCAG 2.2, 2.4.7 and 2.4.11).
FOCUSED = """() => {
  const found = document.activeElement, at = found.getBoundingClientRect(), name = found.outerHTML.slice(0, 120)
  const ringed = [found, found.parentElement].some(one => parseFloat(getComputedStyle(one).outlineWidth) >= 2
    && getComputedStyle(one).outlineStyle !== "none")
  const seen = document.elementFromPoint(at.x + at.width / 2, at.y + Math.min(at.height, 20) / 2)
  if (found === document.body) return [null, []]
  return [name, [...(ringed ? [] : ["no ring"]), ...(found.contains(seen) || seen?.contains(found) ? [] : ["out of sight"])]]
}"""
TABS_MAX = 150
LOOKS = ("/", "/runs", "/runs/{sixty_failed}", "/processes/{process}", "/processes/{bank}/new", "/tables/{table}")


@dataclass(slots=True, kw_only=True)
class Visit:
    """One browser before one house: a tab for each who looks."""

    browser: Any
    address: str
    names: dict[str, str]
    cookies: dict[str, str]
    tabs: dict[str, tuple[Any, list[str]]] = field(default_factory=dict)

    def open(self, state: State) -> tuple[Any, list[str]]:
        page, complaints = self.tab(state.who)
        complaints.clear()
        page.set_viewport_size({"width": WIDTHS[0], "height": 800})
        page.emulate_media(color_scheme="light")
        page.goto(self.address + every_house.filled(state.path, self.names))
        state.reach(page)
        return page, complaints

    def tab(self, who: str) -> tuple[Any, list[str]]:
        if who not in self.tabs:
            page, complaints = chromium.tab(self.browser)
            page.set_default_timeout(5_000)
            if who:
                cookie = {"name": SESSION, "value": self.cookies[who], "url": self.address}
                page.context.add_cookies([cookie])
            self.tabs[who] = page, complaints
        return self.tabs[who]


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory, table_workers: TableWorkers) -> Iterator[Visit]:
    # The house first: the driver of the browser has an event loop in this thread, which ours cannot be beside.
    with house(tmp_path_factory.mktemp("every"), ManualClock(NOW), table_workers) as home:
        names = every_house.furnish(home)
        cookies = {who: signed_in(home, who) for who in home.users}
        with chromium.launched() as browser, served(home) as address:
            made = Visit(browser=browser, address=address, names=names, cookies=cookies)
            yield made
            for page, _ in made.tabs.values():
                page.context.close()


def _marked(state: State) -> Any:
    marks = () if state.name in QUICK else pytest.mark.thorough
    return pytest.param(state, id=state.name, marks=marks)


def test_every_page_is_looked_at_and_what_is_none_is_said_to_be_none() -> None:
    ends = {state.ends_at for state in STATES}
    covered = {page_of(state.path) for state in STATES} | ends

    assert sorted(pages() - covered) == []
    assert sorted(NO_PAGES & covered) == []


@pytest.mark.parametrize("state", [_marked(state) for state in STATES])
def test_a_state_is_right_in_every_way_that_it_is_looked_at(visit: Visit, state: State, is_thorough: bool) -> None:
    page, complaints = visit.open(state)
    step = 1 if is_thorough else 2  # with every change: on the phone and on the widest screen

    wrong = [*_looked_at(page, "as it is", state.widths[::step]), *_on_paper(page)]
    wrong += [*_opened(page, WIDTHS[::step]), *chromium.dead(page)]

    assert wrong == []
    assert [text for text in complaints if state.status == 200 or not OWN_WORD.search(text)] == []
    assert bool(complaints) == (state.status != 200)


def _looked_at(page: Any, what: str, widths: Sequence[int] = WIDTHS) -> Iterator[str]:
    """What is wrong at each width, in light and, of colours, in dark."""
    for width in (*widths, ZOOMED):
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("scrollTo(0, 0)")
        for scheme in ("light", "dark") if width != ZOOMED else ():
            page.emulate_media(color_scheme=scheme)
            found = chromium.violations(page, only=COLOURS if scheme == "dark" else ())
            yield from (f"{what}, {width} px, {scheme}: {one}" for one in found)
        yield from (f"{what}, {width} px, too wide: {one}" for one in chromium.too_wide(page))
    page.emulate_media(color_scheme="light")


def _on_paper(page: Any) -> Iterator[str]:
    """What is printed that nobody can press there, or that the paper cuts off."""
    page.set_viewport_size({"width": PAPER, "height": 800})
    # The account of the reader has chosen dark, and paper is white all the same.
    chosen = page.evaluate("document.documentElement.dataset.theme")
    page.evaluate(THEME, "dark")
    page.emulate_media(media="print")
    if (scheme := page.evaluate("getComputedStyle(document.documentElement).colorScheme")) != "light":
        yield f"printed {scheme}"
    # A role is read on the button that changes it.
    controls = page.locator("button:not(.hide), .btn:not(.matrix .btn)").locator("visible=true")
    yield from (
        f"printed: {one}" for one in controls.evaluate_all("found => found.map(one => one.outerHTML.slice(0, 200))")
    )
    yield from (f"printed without its words: {one}" for one in page.evaluate(_UNSAID))
    yield from (f"printed, too wide: {one}" for one in chromium.too_wide(page))
    page.emulate_media(media="screen")
    page.evaluate(THEME, chosen)


def _opened(page: Any, widths: Sequence[int]) -> Iterator[str]:
    """The same with everything open that can be: what is folded, and each dialog."""
    if page.locator("main details:not([open])").count():
        page.evaluate("document.querySelectorAll('main details').forEach(found => { found.open = true })")
        yield from _looked_at(page, "unfolded", widths)
    for dialog in page.locator("dialog[id]:not([open])").evaluate_all("found => found.map(one => one.id)"):
        if not page.locator(f"[commandfor='{dialog}'][command='show-modal']").count():
            continue
        page.locator(f"#{dialog}").evaluate("found => found.showModal()")
        yield from _looked_at(page, f"#{dialog}", widths)
        page.locator(f"#{dialog}").evaluate("found => found.close()")


PRINTED = {
    "sign in with a provider": lambda: environment.rendered(
        "sign-in", host="close.example", application="", login="", problem="", sso="Example SSO", to="/", form="x"
    ),
    "error, 503": lambda: _unavailable(),
    "every status": lambda: _every_status(),
}


def _unavailable() -> str:
    reply = environment.error(None, Unavailable("the server is starting"), "a1b2")
    assert isinstance(reply, HtmlReply)
    return reply.html


def _every_status() -> str:
    """Of both enums, as lists and heads show them."""
    tags = [statuses.of_run(status, missing=missing) for status in RunStatus for missing in (0, 2)]
    tags += [statuses.of_run(RunStatus.FINISHED, outcome) for outcome in Outcome]
    tags += [statuses.of_step(status, is_over=is_over) for status in StepStatus for is_over in (False, True)]
    body = (
        '{% extends "base.html" %}{% from "parts.html" import tag %}{% block title %}All{% endblock %}{% block page %}'
        '<main><h1>All</h1><table><tbody>{% for one in tags %}<tr><th scope="row">{{ loop.index }}</th>'
        "<td>{{ tag(one) }}{{ tag(one, big=true) }}</td></tr>{% endfor %}</tbody></table></main>{% endblock %}"
    )
    return environment.environment().from_string(body).render(tags=tags)


@pytest.mark.thorough
@pytest.mark.parametrize("name", PRINTED)
def test_what_no_request_brings_about_here_is_right_as_well(visit: Visit, name: str) -> None:
    page, complaints = visit.tab("")
    complaints.clear()
    page.route("**/printed", lambda route: route.fulfill(body=PRINTED[name](), content_type="text/html; charset=utf-8"))
    page.goto(f"{visit.address}/printed")

    wrong = list(_looked_at(page, name))
    page.unroute("**/printed")

    assert (wrong, complaints) == ([], [])


@pytest.mark.thorough
def test_forced_colours_and_reduced_motion_are_heeded(visit: Visit) -> None:
    page, complaints = visit.tab("owner")
    complaints.clear()
    page.set_viewport_size({"width": 1024, "height": 800})
    page.emulate_media(color_scheme="light", forced_colors="active", reduced_motion="reduce")

    wrong = []
    for path in LOOKS:
        page.goto(visit.address + every_house.filled(path, visit.names))
        wrong += [f"{path}: {found}" for found in chromium.violations(page)]
        wrong += [f"{path} moves" for _ in page.evaluate("document.getAnimations()")]
        wrong += [
            f"{path}: a tag without a border"
            for border in page.locator(".tag, .chip, .pill").evaluate_all(
                "found => found.map(one => getComputedStyle(one).borderTopStyle)"
            )
            if border != "solid"
        ]
    page.emulate_media(forced_colors="none", reduced_motion="no-preference")

    assert (wrong, complaints) == ([], [])


@pytest.mark.thorough
@pytest.mark.parametrize("path", [*LOOKS, "/processes/{process}/edit", "/account"])
def test_what_has_the_focus_is_seen_and_says_so(visit: Visit, path: str) -> None:
    page, _ = visit.tab("owner")
    page.set_viewport_size({"width": 1024, "height": 800})
    page.goto(visit.address + every_house.filled(path, visit.names))

    wrong, count = [], 0
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        name, faults = page.evaluate(FOCUSED)
        if name is None:
            break
        count += 1
        wrong += [f"{name}: {fault}" for fault in faults]

    assert wrong == []
    assert count > 10
