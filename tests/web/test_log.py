"""The log as a page and as a file: whose it shows, what it finds, and that nothing in it can do harm."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from procession.model.ids import RunId, TableId, UserId
from procession.store import history
from procession.store.database import Transaction
from tests.api.house import House
from tests.web.account_site import Visitor, visitor

LINE = 'Process run "Close: May" has completed in 14 s with status "Finished" at 05/31/2026 for User "owner"'


@pytest.fixture(scope="module")
def lines(shared: House) -> House:
    """Three entries of two people, two days apart; tests that write more have a home of their own."""
    now = shared.clock.now()

    def fill(tx: Transaction) -> None:
        history.add_log(tx, "owner", LINE, now - timedelta(days=2), about=RunId(41))
        history.add_log(tx, "owner", 'Made the table "Rates"', now, about=TableId(1))
        history.add_log(tx, "mate", 'Changed the person "x"', now, about=UserId(2))

    shared.database.write(fill)
    return shared


def test_an_administrator_reads_everybodys_with_names_and_links(lines: House) -> None:
    admin = visitor(lines, "admin")

    shown = admin.open("/log")

    assert "owner Test" in shown
    assert "mate Test" in shown
    assert admin.page is not None
    html = admin.page.text
    for link in ('"<a href="/runs/pr-41">Close: May</a>"', '"<a href="/tables/mt-1">Rates</a>"', 'href="/people/u-2"'):
        assert link in html
    assert html.count('class="grp"') == 2


def test_others_read_their_own_and_are_told_so(lines: House) -> None:
    owner = visitor(lines, "owner")

    shown = owner.open("/log?who=mate")

    assert "Only administrators see what others did" in shown
    assert "Rates" in shown
    assert "Changed the person" not in shown
    assert "Nothing yet" in visitor(lines, "stranger").open("/log")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=RATES", ["Rates"]),
        ("about=runs", ["Close"]),
        ("about=tables", ["Rates"]),
        ("about=people", ["person"]),
        ("who=mate", ["person"]),
        ("q=%25", []),
        ("q=_", []),
    ],
)
def test_filters_stand_in_the_address(lines: House, query: str, found: list[str]) -> None:
    shown = visitor(lines, "admin").open(f"/log?{query}")

    every = {"Close": "completed in 14 s", "Rates": "Made the table", "person": "Changed the person"}
    assert [name for name, words in every.items() if words in shown] == found
    assert ("No entry fits" in shown) == (not found)


def test_days_are_those_of_the_reader(lines: House) -> None:
    admin = visitor(lines, "admin")
    day = lines.clock.now().date()

    assert "Made the table" not in admin.open(f"/log?to={day - timedelta(days=1)}")
    assert "completed in 14 s" not in admin.open(f"/log?from={day}")
    assert "completed in 14 s" in admin.open(f"/log?from={day - timedelta(days=2)}&to={day - timedelta(days=2)}")


@pytest.mark.parametrize(
    "query", ["from=yesterday", "to=0001-01-01", "about=aliens", "cursor=x", "cursor=9999999999999999"]
)
def test_an_address_that_makes_no_sense_is_told_so(shared: House, query: str) -> None:
    assert visitor(shared, "admin").ask("GET", f"/log?{query}").status_code == 400


def test_long_logs_have_pages(home: House) -> None:
    def fill(tx: Transaction) -> None:
        for number in range(60):
            history.add_log(tx, "admin", f"entry {number:02}", home.clock.now())

    home.database.write(fill)
    admin = visitor(home, "admin")

    first = admin.open("/log?q=entry")
    assert "entry 59" in first
    assert "entry 09" not in first
    assert admin.page is not None
    older = admin.page.text.partition('">Older')[0].rpartition('href="')[2].replace("&amp;", "&")
    assert "entry 09" in admin.open(older)
    assert "q=entry" in older


def write(home: House, *messages: str, about: RunId | None = None) -> None:
    def fill(tx: Transaction) -> None:
        for message in messages:
            history.add_log(tx, "admin", message, home.clock.now(), about=about)

    home.database.write(fill)


def rows(visit: Visitor, path: str) -> list[list[str]]:
    answer = visit.ask("GET", path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))


HARMFUL = (
    ("=1+1", "'=1+1"),
    ("+1", "'+1"),
    ("-1", "'-1"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\t=1", "' =1"),
    ("two\r\nlines\x1b[31m", "two  lines [31m"),
    ('"quoted", and a comma', '"quoted", and a comma'),
    ("Zoë 漢字", "Zoë 漢字"),
)


def test_no_cell_of_the_file_does_harm(home: House) -> None:
    write(home, *(message for message, _ in HARMFUL))

    found = rows(visitor(home, "admin"), "/log.csv")[1:]

    assert [row[3] for row in reversed(found)] == [cell for _, cell in HARMFUL]


def test_the_file_has_what_the_filter_finds_and_only_ones_own(lines: House) -> None:
    assert len(rows(visitor(lines, "admin"), "/log.csv")) == 4
    assert [row[3] for row in rows(visitor(lines, "admin"), "/log.csv?about=tables")[1:]] == ['Made the table "Rates"']
    assert len(rows(visitor(lines, "mate"), "/log.csv")) == 2


def test_a_message_is_only_ever_a_text(home: House) -> None:
    write(home, *('<script>alert(1)</script> "<b>x</b>"', '" onmouseover="x', "{{ 7 * 7 }}"), about=RunId(1))
    admin = visitor(home, "admin")

    admin.open("/log")

    assert admin.page is not None
    assert "<script>alert" not in admin.page.text
    assert "<b>" not in admin.page.text
    assert 'onmouseover="x' not in admin.page.text
    assert "{{ 7 * 7 }}" in admin.page.text
