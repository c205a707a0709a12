"""Lists in another order: by links in the headers, kept with the filter and from page to page, and stable."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from html import unescape

import pytest

from procession.store import run_lists as store
from tests.api.house import PROCESS, House
from tests.web.lists_site import ended, later, new
from tests.web.site import Site, text


def rows(page: str) -> list[str]:
    """What names each row, as the page has them."""
    return [unescape(name) for name in re.findall(r'<th scope="row"[^>]*>(?:<a[^>]*>)?([^<]+)<', page)]


def header(page: str, name: str) -> tuple[str, str]:
    """How it says that it is sorted, and where it leads."""
    found = re.search(rf'<th scope="col"([^>]*)><a class="sort" href="([^"]*)">(?:<svg.*?</svg>)?{name}', page)
    assert found, name
    way = re.search(r'aria-sort="(\w+)"', found[1])
    return way[1] if way else "", unescape(found[2])


def pages(site: Site, path: str, rel: str = "next") -> Iterator[str]:
    """This page and those that it leads to."""
    while path:
        page = site.get(path).text
        yield page
        found = re.search(rf'rel="{rel}" href="([^"]+)"', page)
        path = path.partition("?")[0] + "?" + unescape(found[1]).partition("?")[2] if found else ""


def test_runs_are_read_from_the_oldest_on_and_back_again(home: House, site: Site) -> None:
    names = [f"Account {number}" for number in range(60)]
    for name in names:
        new(home, name, start=False)
        new(home, "Other", start=False)

    onwards = list(pages(site, "/runs?text=account&order=run"))
    assert [rows(page) for page in onwards] == [names[:25], names[25:50], names[50:]]
    *_, last = re.findall(r'rel="prev" href="([^"]+)"', onwards[-1])
    assert [rows(page) for page in pages(site, unescape(last), rel="prev")] == [names[25:50], names[:25]]
    assert "Oldest first" in onwards[0] and "25 of 60" in text(site.get("/runs?text=account&order=run"))


def test_what_is_newer_than_was_searched_is_searched_on_demand(
    home: House, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SEARCHED_MAX", 2)
    for name in ("Other", "Other", "Other", "Account 1200"):
        new(home, name, start=False)

    page = site.get("/runs?text=1200&order=run").text
    assert rows(page) == []
    further = re.search(r'<a href="([^"]+)">Search newer ones', page)
    assert further
    assert rows(site.get(unescape(further[1])).text) == ["Account 1200"]


def test_the_header_of_runs_turns_the_order_and_the_filter_keeps_it(home: House, site: Site) -> None:
    for name in ("May", "June"):
        new(home, name, start=False)

    usual = site.get("/runs?status=waiting").text
    assert (header(usual, "Run"), rows(usual)) == (
        ("descending", "?status=waiting&order=run"), ["June", "May"],
    )  # fmt: skip
    turned = site.get("/runs?status=waiting&order=run").text
    assert (header(turned, "Run"), rows(turned)) == (("ascending", "?status=waiting"), ["May", "June"])
    assert '<input type="hidden" name="order" value="run">' in turned
    chips = re.findall(r'class="chip" href="([^"]+)"', turned)
    assert chips and all("order=run" in chip for chip in chips)
    # Nothing is new at the oldest end, and nobody is told that there is.
    assert "&amp;top=0&amp;" in turned


def test_the_file_of_runs_has_the_order_of_the_list(home: House, site: Site) -> None:
    for name in ("May", "June"):
        new(home, name, start=False)

    read = list(csv.reader(io.StringIO(site.get("/runs.csv?order=run").text.removeprefix("\ufeff"))))
    assert [row[0] for row in read[1:]] == ["pr-1", "pr-2"]


def test_processes_are_sorted_by_name_and_by_their_last_run(home: House, site: Site) -> None:
    for name in ("accruals", "Never run"):
        home.post("processes", content=PROCESS.replace("Month end", name).encode())
    ended(home, "May")
    later(home, days=1)
    home.post("processes/p-2/processruns", json={})

    by_name = site.sign_in().get("/processes").text
    assert (rows(by_name), header(by_name, "Name")) == (
        ["accruals", "Month end", "Never run"],
        ("ascending", "?order=-name"),
    )
    latest = site.get("/processes" + header(by_name, "Last run")[1]).text
    assert (rows(latest), header(latest, "Last run")) == (
        ["accruals", "Month end", "Never run"],
        ("descending", "?order=last"),
    )
    # What never ran is last either way.
    assert rows(site.get("/processes?order=last").text) == ["Month end", "accruals", "Never run"]


def test_tables_are_sorted_from_page_to_page(home: House, site: Site) -> None:
    for number in range(30):
        made = home.post("tables", json={"name": f"Rates {number:02}"})["id"]
        if number == 7:
            home.post(f"tables/{made}/columns", json={"name": "Rate", "dataType": "Number"})
            home.post(f"tables/{made}/rows", json={"rows": [{"Rate": 1}]})

    biggest = site.get("/tables?order=-rows").text
    # Those with as many come by name.
    assert rows(biggest)[:3] == ["Rates 07", "Rates 00", "Rates 01"]
    assert 'href="?order=-rows&amp;page=2"' in biggest
    assert rows(site.get("/tables?q=rates&order=-name").text)[0] == "Rates 29"


def test_rows_of_a_table_are_sorted_by_a_column(home: House, site: Site) -> None:
    home.post("tables", json={"name": "Rates"})
    for name, kind in (("Currency", "FixedLengthText"), ("Rate", "Number")):
        home.post("tables/mt-1/columns", json={"name": name, "dataType": kind})
    given = [{"Currency": f"X{number:03}", "Rate": number % 50 or None} for number in range(240)]
    home.post("tables/mt-1/rows", json={"rows": given})
    wanted = sorted((row for row in given if row["Rate"]), key=lambda row: -int(str(row["Rate"])))
    wanted += [row for row in given if not row["Rate"]]

    usual = site.get("/tables/mt-1").text
    assert (header(usual, "_Record_ID"), header(usual, "Rate")[1]) == (
        ("ascending", "?order=-_Record_ID"),
        "?order=-Rate",
    )
    found, path = list[str](), "/tables/mt-1?order=-Rate"
    while path:
        page = site.get(path).text
        found += rows(page)
        following = re.search(r'href="([^"]+)">Next', page)
        path = unescape(following[1]) if following else ""
    assert found == [row["Currency"] for row in wanted]
    assert "version=" in re.findall(r'href="([^"]+)">Next', site.get("/tables/mt-1?order=-Rate").text)[0]
    filtered = site.get("/tables/mt-1?order=Rate&column=Currency&is=holds&value=X00").text
    assert rows(filtered) == [*(f"X{number:03}" for number in range(1, 10)), "X000"]
    # A version that has not the column yet has the order of its records.
    assert site.get("/tables/mt-1?order=-Rate&version=2").status_code == 200


def test_a_column_may_be_called_like_an_order_the_other_way_round(home: House, site: Site) -> None:
    home.post("tables", json={"name": "Rates"})
    home.post("tables/mt-1/columns", json={"name": "-x", "dataType": "FixedLengthText"})
    home.post("tables/mt-1/rows", json={"rows": [{"-x": name} for name in ("b", "A", "c")]})

    upwards = site.get("/tables/mt-1?order=-x").text
    assert (rows(upwards), header(upwards, "-x")) == (["A", "b", "c"], ("ascending", "?order=--x"))
    assert rows(site.get("/tables/mt-1?order=--x").text) == ["c", "b", "A"]


@pytest.mark.parametrize(
    "path", ["/runs?order=took", "/processes?order=role", "/tables?order=--name", "/tables?order=-"]
)
def test_an_order_that_a_list_does_not_have_is_refused(site: Site, path: str) -> None:
    answer = site.get(path)

    assert answer.status_code == 400
    assert "cannot be sorted by" in text(answer)
