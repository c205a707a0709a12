"""Many runs at once: shown first, done one by one, told one by one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from procession.model.lifecycle import Outcome
from procession.web import bulk
from tests.api.house import House
from tests.web.lists_site import ended, later, new, timed_out
from tests.web.site import Site, text


def marks(page: str) -> list[str]:
    return re.findall(r'type="hidden" name="run" value="([^"]+)"', page)


def agree(site: Site, page: str, **fields: str) -> str:
    """Send the form of the page that says what would happen, as it is; gives what is told."""
    given: dict[str, Any] = {"do": "restart", "run": marks(page), **fields}
    if 'name="has-repeats"' in page:
        given = {"has-repeats": "1", "repeats": "1", **given}
    return text(site.post("/runs/bulk/do", **given))


def test_what_would_happen_is_shown_and_nothing_has_happened(home: House, site: Site) -> None:
    failed, fine, queued = ended(home, "a"), ended(home, "b", amount=2, outcome=Outcome.SUCCESS), new(home, "c")

    answer = site.post("/runs/bulk", do="restart", run=[failed, fine, queued])

    page = text(answer)
    assert "Restart failed steps of 1 run?" in page
    assert "Month end: a 2.2 Pay 1" in page
    assert "Month end: b No step of it has failed" in page or "Month end: b no step of it has failed" in page
    assert "Month end: c it is queued" in page
    assert home.get(f"processruns/{failed}/runstatus")["attempt"] == 1


def test_restarts_are_done_and_told_one_by_one(home: House, site: Site) -> None:
    first, second = ended(home, "a"), timed_out(home, "b")
    page = site.post("/runs/bulk", do="restart", run=[first, second]).text
    # Somebody else was faster with one of them.
    home.post(f"processruns/{second}/steps/{home.step(second, 'parameters')}/restartfromhere", json={"reason": "me"})

    told = agree(site, page, reason="file mended")

    assert "1 restarted, 1 not" in told
    assert "Month end: b : it was restarted since you looked" in told
    status = home.get(f"processruns/{first}/runstatus")
    assert (status["status"], status["attempt"]) == ("Scheduled", 2)
    last = home.get(f"processruns/{first}/history")["events"][-1]
    assert (last["kind"], last["detail"]["reason"], last["user"]) == ("restarted", "file mended", "owner")


def test_sent_again_it_restarts_nothing_twice(home: House, site: Site) -> None:
    run = ended(home, "a")
    page = site.post("/runs/bulk", do="restart", run=[run]).text
    agree(site, page, reason="again")

    assert "0 restarted, 1 not" in agree(site, page, reason="again")
    assert home.get(f"processruns/{run}/runstatus")["attempt"] == 2


def test_a_restart_needs_a_reason_and_a_tick_for_what_happens_again(home: House, site: Site) -> None:
    home.ask("PUT", "processes/p-1/definition", content=ONCE.replace("once", "idempotent").encode())
    run = ended(home, "a")
    page = site.post("/runs/bulk", do="restart", run=[run]).text
    assert "These steps have begun before" in page and "2.2 Pay, in 1 run" in page

    answer = site.post("/runs/bulk/do", do="restart", run=marks(page), reason=" ", repeats="1")
    assert (answer.status_code, "needs a reason" in text(answer)) == (400, True)
    untold: dict[str, Any] = {"do": "restart", "run": marks(page), "reason": "x", "has-repeats": "1"}
    answer = site.post("/runs/bulk/do", **untold)
    assert (answer.status_code, "have their effect outside again" in text(answer)) == (400, True)
    assert home.get(f"processruns/{run}/runstatus")["attempt"] == 1


def test_many_are_cancelled_with_or_without_a_reason(home: House, site: Site) -> None:
    queued, running, fresh = new(home, "a"), new(home, "b"), new(home, "c", start=False)
    home.take(running)
    page = site.post("/runs/bulk", do="cancel", run=[queued, running, fresh])
    assert "Cancel 2 runs?" in text(page) and "it has not started" in text(page)

    assert "2 cancelled" in agree(site, page.text, do="cancel")
    assert {home.get(f"processruns/{run}/runstatus")["status"] for run in (queued, running)} == {"Cancelled"}


def test_a_reader_may_look_and_change_nothing(home: House, site: Site) -> None:
    run = new(home, "a")
    reader = Site(house=home, who="reader").sign_in()
    page = reader.post("/runs/bulk", "/", do="cancel", run=[run])
    assert "Nothing would happen" in text(page) and "needs the role executor" in text(page)

    told = text(reader.post("/runs/bulk/do", "/", do="cancel", run=[f"{run}.1"]))
    assert "0 cancelled, 1 not" in told and "needs the role executor" in told
    assert home.get(f"processruns/{run}/runstatus")["status"] == "Scheduled"


def test_a_stranger_learns_nothing_of_a_run(home: House) -> None:
    run = new(home, "Secret")
    stranger = Site(house=home, who="stranger").sign_in()

    for page in (
        stranger.post("/runs/bulk", "/", do="cancel", run=[run, "pr-999"]),
        stranger.post("/runs/bulk/do", "/", do="cancel", run=[f"{run}.1", "pr-999.1"]),
    ):
        assert "Secret" not in page.text
        # In the same words for both: whether there is such a run is not for everybody to know.
        told = text(page)
        assert f"there is no process run {run}" in told and "there is no process run pr-999" in told


def test_all_that_match_are_chosen_and_the_filter_is_said(home: House, site: Site) -> None:
    ended(home, "May, of the day before")
    later(home, days=1)
    site.sign_in()
    runs = [ended(home, f"May {number}") for number in range(3)]
    ended(home, "June")
    today = home.clock.now().date().isoformat()

    # The day too, which others forget, and restart what nobody has seen on the page.
    chosen = {"f-text": "May", "f-status": "failed", "f-since": today, "f-process": "p-1", "f-by": "me"}
    page = site.post("/runs/bulk", **{"do": "restart", "all": "1", **chosen})

    assert "Chosen: all runs with “May”, of Month end, Failed, created from" in text(page)
    assert [mark.partition(".")[0] for mark in marks(page.text)] == runs[::-1]
    # And the way back leads to the same list.
    assert 'name="f-text" value="May"' in page.text
    assert f'href="/runs?text=May&amp;process=p-1&amp;status=failed&amp;from={today}&amp;by=me"' in page.text


def test_more_than_can_be_looked_through_are_cut_and_it_says_so(
    home: House, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "RUNS_MAX", 2)
    runs = [ended(home, f"May {number}") for number in range(3)]

    page = site.post("/runs/bulk", do="restart", all="1")

    assert "More than 2 match; these are the newest 2." in text(page)
    assert [mark.partition(".")[0] for mark in marks(page.text)] == runs[:0:-1]
    assert site.post("/runs/bulk", do="restart", run=runs).status_code == 400


def test_a_form_that_says_nothing_sensible_is_refused(home: House, site: Site) -> None:
    ended(home)

    fields: list[dict[str, Any]] = [{"do": "restart"}, {"do": "delete", "run": "pr-1"}, {"do": "restart", "run": "x"}]
    assert [site.post("/runs/bulk", **sent).status_code for sent in fields] == [400, 400, 404]
    assert site.post("/runs/bulk/do", do="cancel").status_code == 400


def test_what_must_not_happen_twice_is_left_to_its_own_page(home: House, site: Site) -> None:
    home.ask("PUT", "processes/p-1/definition", content=ONCE.encode())
    run = ended(home, "a")

    page = text(site.post("/runs/bulk", do="restart", run=[run]))
    assert "step 2.2, Pay, must not happen twice, or is in doubt; release it on its page" in page


ONCE = """
process: Month end
groups:
  - group: Inputs
    steps:
      - data: Parameters
        properties:
          - {name: Amount, key: amount, type: Number, flow: INPUT, required: true}
  - group: Work
    steps:
      - {action: wait, name: Settle, key: settle, with: {seconds: 1}}
      - {action: wait, name: Pay, key: pay, with: {seconds: 1}, effect: once}
"""
