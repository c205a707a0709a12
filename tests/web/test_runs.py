"""The list of runs: filters in the address, chips with counts, pages, what to leave out, a file for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re

import pytest

from procession.model.ids import ProcessId
from procession.model.lifecycle import Outcome
from procession.model.people import Role
from procession.store import permissions
from procession.store import run_lists as store
from procession.web import run_csv
from tests.api.house import PROCESS, House
from tests.web.lists_site import NO_COLUMN, ended, later, new, timed_out
from tests.web.site import Site, text


def shown(site: Site, path: str = "/runs") -> list[str]:
    """The runs of the page, by their ids."""
    return re.findall(r'class="name open" href="/runs/([^"]+)"', site.get(path).text)


def test_each_row_says_how_it_is_and_why(home: House, site: Site) -> None:
    ended(home, "May")
    timed_out(home, "Late")
    new(home, "Waits")
    cancelled = new(home, "Wrong")
    home.post(f"processruns/{cancelled}/cancel", json={"reason": "wrong period"})

    page = text(site.get("/runs"))
    assert f"Failed May #1 2.2 {NO_COLUMN} Month end" in page
    assert "Timed out Late #2 1.1 stopped after 2 h, its time limit Month end" in page
    assert "Queued Waits #3 Starts as soon as a place is free Month end not started -" in page
    assert "Cancelled Wrong #4 “wrong period” Month end" in page
    assert "2 h 00 min owner Test" in page


def test_a_run_without_a_name_shows_its_number(home: House, site: Site) -> None:
    new(home)

    assert "Run #1 Has all its inputs" not in text(site.get("/runs"))
    assert "Queued Run #1" in text(site.get("/runs"))


FILTERS = {
    "status=failed": ["May"],
    "status=remarks": ["June"],
    "status=timedout": ["Late"],
    "status=waiting": ["Empty"],
    "status=queued": ["Queued"],
    "status=finished": ["July"],
    "status=running": [],
    "text=june": ["June"],
    "q=june": ["June"],
    "text=column": ["June", "May"],
    "process=p-1&status=failed": ["May"],
    "process=p-2": [],
    "by=me": ["Queued", "Late", "July", "June"],
    "by=mate": ["May"],
    "by=nobody": [],
    "from=2000-01-01&to=2001-01-01": [],
    "to=9999-12-31": ["Empty", "Queued", "Late", "July", "June", "May"],
    "from=0001-01-01": ["Empty", "Queued", "Late", "July", "June", "May"],
}


def test_the_filter_is_in_the_address(home: House, site: Site) -> None:
    ended(home, "May", who="mate")
    ended(home, "June", outcome=Outcome.WARNING)
    ended(home, "July", outcome=Outcome.SUCCESS)
    timed_out(home, "Late")
    new(home, "Queued")
    new(home, "Empty", start=False)

    pages = {query: site.get(f"/runs?{query}").text for query in FILTERS}
    assert {query: re.findall(r'class="name open"[^>]*>(\w+) #', page) for query, page in pages.items()} == FILTERS


def test_what_no_list_can_show_is_refused_in_words(home: House, site: Site) -> None:
    wrong = ("status=wrong", "from=yesterday", "to=2026-13-01", "cursor=x1", "cursor=b", "text=" + "x" * 201)
    assert {site.get(f"/runs?{query}").status_code for query in wrong} == {400}


def test_a_day_is_that_of_the_readers_zone(home: House, site: Site) -> None:
    run = ended(home)
    day = home.clock.now().date().isoformat()

    assert shown(site, f"/runs?from={day}&to={day}") == [run]
    later(home, days=1)
    site.sign_in()
    assert shown(site, f"/runs?from={day}&to={day}") == [run]
    assert shown(site, f"/runs?from={home.clock.now().date().isoformat()}") == []


def test_chips_count_what_the_rest_of_the_filter_leaves(home: House, site: Site) -> None:
    ended(home, "Account 1200")
    ended(home, "Account 1210", amount=3, outcome=Outcome.SUCCESS)

    page = text(site.get("/runs?text=1200&status=finished"))
    assert "All 1 Failed 1 With remarks 0" in page
    assert "Finished 0" in page


def test_what_nobody_has_dealt_with_is_a_list_of_its_own(home: House, site: Site) -> None:
    open_run, seen = ended(home, "a"), ended(home, "b", amount=2)
    home.post(f"processruns/{seen}/seen")

    assert shown(site, "/runs?status=needs") == [open_run]
    page = text(site.get("/runs?status=needs"))
    assert "Failed 2" in page and "Need somebody 1" in page and "1 of 1" in page
    assert shown(site, "/runs?status=needs&text=b") == []


def test_an_empty_list_offers_what_to_leave_out(home: House, site: Site) -> None:
    ended(home, "Account 1200")
    ended(home, "Account 1210", amount=3, outcome=Outcome.SUCCESS)

    answer = site.get("/runs?text=1200&status=cancelled&by=mate")
    assert "You look for runs with “1200”, Cancelled, started by mate." in text(answer)
    # Without one part alone there would still be none, so nothing false is promised.
    assert "would match" not in text(answer)
    answer = site.get("/runs?text=1200&status=cancelled")
    assert "Leave out “Cancelled” : 1 would match" in text(answer)
    assert 'href="/runs?text=1200"' in answer.text


def test_pages_go_older_and_newer_and_the_filter_stays(home: House, site: Site) -> None:
    runs = [new(home, f"Month {number}", start=False) for number in range(30)][::-1]

    first = site.get("/runs?text=month")
    assert shown(site, "/runs?text=month") == runs[:25]
    assert "25 of 30" in text(first)
    older = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert older
    address = older[1].replace("&amp;", "&")
    assert "text=month" in address
    second = site.get(address)
    assert shown(site, address) == runs[25:]
    newer = re.search(r'rel="prev" href="([^"]+)"', second.text)
    assert newer and 'rel="next"' not in second.text
    assert shown(site, newer[1].replace("&amp;", "&")) == runs[:25]


def test_a_text_that_is_not_among_the_newest_is_searched_further_on_demand(
    home: House, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SEARCHED_MAX", 2)
    wanted = new(home, "Account 1200", start=False)
    for _ in range(3):
        new(home, "Other", start=False)

    page = site.get("/runs?text=1200")
    assert shown(site, "/runs?text=1200") == []
    further = re.search(r'<a href="([^"]+)">Search older ones', page.text)
    assert further
    assert shown(site, further[1].replace("&amp;", "&")) == [wanted]


def test_a_name_is_text_and_never_markup(home: House, site: Site) -> None:
    new(home, "<script>alert(1)</script>")

    page = site.get("/runs?text=%3Cscript%3E").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; #1" in page


def test_a_stranger_sees_no_run_and_no_count(home: House) -> None:
    ended(home, "Secret")

    page = text(Site(house=home, who="stranger").sign_in().get("/runs"))
    assert "There are no runs yet" in page and "Secret" not in page
    assert "All 0 Failed 0" in page


def test_boxes_are_there_for_those_who_may_do_something(home: House, site: Site) -> None:
    ended(home)

    assert 'name="run"' in site.get("/runs").text
    assert 'name="run"' not in Site(house=home, who="reader").sign_in().get("/runs").text


def test_the_list_as_a_file_holds_no_formula(home: House, site: Site) -> None:
    ended(home, '=HYPERLINK("http://evil")')
    new(home, "May", start=False)

    answer = site.get("/runs.csv?text=evil")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(rows) == 2
    assert rows[1][1] == '\'=HYPERLINK("http://evil") : run #1'
    assert rows[1][3:5] == ["Failed", f"2.2 {NO_COLUMN}"]


def test_too_much_for_a_file_is_refused_whole(home: House, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_csv, "CSV_RUNS_MAX", 1)
    new(home, "a", start=False)
    new(home, "b", start=False)

    answer = site.get("/runs.csv")
    assert answer.status_code == 400
    assert "choose a shorter time" in text(answer)


def test_a_role_by_a_group_or_of_ones_own_shows_the_same(home: House) -> None:
    run = ended(home)
    for who in ("mate", "reader", "editor", "admin"):
        assert shown(Site(house=home, who=who).sign_in()) == [run]


def test_a_reader_of_one_process_sees_only_its_runs(home: House) -> None:
    other = PROCESS.replace("Month end", "Year end")
    process = home.post("processes", content=other.encode())["id"]
    mine = ended(home)
    theirs = str(home.post(f"processes/{process}/processruns", json={"start": False})["id"])

    assert shown(Site(house=home, who="reader").sign_in()) == [mine]
    assert shown(Site(house=home, who="reader").sign_in(), f"/runs?process={process}") == []
    assert shown(Site(house=home).sign_in()) == [theirs, mine]
    _give(home, process, "reader")
    assert shown(Site(house=home, who="reader").sign_in()) == [theirs, mine]


def _give(home: House, process: str, who: str) -> None:
    home.database.write(
        lambda tx: permissions.give(tx, ProcessId.parse(process), Role.READER, holder=home.users[who].id)
    )
