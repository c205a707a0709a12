"""What a step asks, on a page that is open: told when somebody decides and when it is void, beside what is being typed."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from tests.api.house import House
from tests.approving import asked
from tests.web.site import Site
from tests.web.test_run_live import Listener, listening


def says(home: House, run: str, who: str, decision: str, **more: Any) -> None:
    step = home.step(run, "ok")
    signed = home.get(f"processruns/{run}/steps/{step}/approval", who=who)["signed"]
    home.post(
        f"processruns/{run}/steps/{step}/approval", who=who, json={"decision": decision, "signed": signed, **more}
    )


def live(home: House, run: str) -> str:
    page = Site(house=home, who="owner").sign_in().get(f"/runs/{run}").text
    address = page.split('hx-sse:connect="')[1].split('"')[0].replace("&amp;", "&")
    return re.sub(r"since=(\d+)", lambda found: f"since={int(found[1]) - 1}", address)


async def heard(home: House, run: str, act: Any, words: str) -> str:
    """What an open page of the owner is told once somebody has acted."""
    async with listening(home, await asyncio.to_thread(live, home, run)) as page:
        await first(page)
        await asyncio.to_thread(act)
        return await page.until(lambda text: words in text)


async def first(page: Listener) -> None:
    """It has looked once, at a run that the page is one revision behind."""
    await page.until(lambda text: "<hx-partial" in text)


def test_a_vote_is_told_to_whoever_is_typing_and_their_form_stays(home: House) -> None:
    run = asked(home, at_least=2)

    told = asyncio.run(heard(home, run, lambda: says(home, run, "mate", "approved", comment="agreed"), "agreed"))

    step = home.step(run, "ok")
    assert f'<hx-partial id="ask-{step}-live"' in told and "approved, “agreed”" in told
    assert "1 of 2 have approved" in told
    # Nothing that holds what somebody types is sent again.
    assert "<form" not in told.split(f'id="ask-{step}-live"')[1].split("</hx-partial>")[0]
    assert "has changed since you opened this page" not in told


def test_a_decision_closes_the_question_on_every_open_page(home: House) -> None:
    run = asked(home)

    told = asyncio.run(heard(home, run, lambda: says(home, run, "mate", "rejected"), "data-closed"))

    assert "It was rejected by mate." in told


def test_what_has_changed_since_a_page_was_opened_is_told_before_it_is_signed(home: House) -> None:
    home.post("tables", json={"name": "Ledger"}, who="admin")
    home.post("tables/mt-1/columns", json={"name": "amount", "dataType": "Money"}, who="admin")
    for who in ("editor", "mate", "owner"):
        home.post(f"users/{home.users[who].id}/permissions", json={"resourceId": "mt-1", "role": "Reader"}, who="admin")
    run = asked(home, shows=["${table:Ledger}"], at_least=2)

    def change() -> None:
        home.post("tables/mt-1/rows", json={"rows": [{"amount": "5.00"}]}, who="admin")
        says(home, run, "mate", "approved")

    told = asyncio.run(heard(home, run, change, "has changed since you opened this page"))

    assert "mt-1 version" in told and "Open it again" in told
