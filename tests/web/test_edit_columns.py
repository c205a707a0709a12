"""Columns of a step's sources in the designer: offered where a setting names one, and told where no source has it."""

from __future__ import annotations

import re

import pytest

from procession.model.ids import ProcessId
from procession.model.people import Role
from procession.store import permissions
from procession.store.database import Transaction
from tests.api.house import House
from tests.support import wait_until
from tests.web import sent
from tests.web.account_site import Visitor, visitor
from tests.web.test_try_step import BANK, BOOKS, apply, edit_of, sample

HEADED = """
process: Adding
groups:
  - group: All
    steps:
      - data: Files
        properties:
          - {name: Ledger, type: File, flow: INPUT}
          - {name: Rows, type: File, flow: OUTPUT}
          - {name: Least, type: Decimal, flow: INPUT}
      - action: transform
        name: Add up
        with:
          source: {file: "${files.ledger}", delimiter: ";", skip: 1, columns: {Konto: {name: account, type: Text}}}
          steps:
            - {derive: {net: "Betrag - 1"}}
            - {group: {by: [account], sum: [net, betrag], count: lines}}
            - {sort: [-net, lines]}
          inputs: {least: "${files.least}"}
          output: {to: "${files.rows}", as: rows.csv}
"""
SOURCE = '{file: "${files.ledger}", delimiter: ";", skip: 1, columns: {Konto: {name: account, type: Text}}}'
YAML = {"content-type": "application/yaml"}
LEDGER = b"Ledger of July\nKonto;Betrag;Sch\xc3\xb6ner Text\n0042;10.00;x\n"


@pytest.fixture
def visit(home: House) -> Visitor:
    return visitor(home)


def page_of(visit: Visitor, process: str) -> str:
    return visit.ask("GET", f"{edit_of(process)}?step=1.2").text


def looked(visit: Visitor, process: str, *settings: str) -> str:
    """The form once the samples of these settings were looked at: a page waits for that only a moment."""

    def page_with_lists() -> str:
        page = page_of(visit, process)
        return page if all(listed(page, at) for at in settings) else ""

    return wait_until(page_with_lists)


def listed(page: str, at: str = "") -> list[str]:
    found = re.search(rf'<datalist id="columns-{at}">(.*?)</datalist>', page)
    return re.findall(r'value="([^"]*)"', found[1]) if found else []


def doubts(page: str) -> dict[str, str]:
    return {
        name: re.sub("<[^>]*>", "", said).strip()
        for name, said in re.findall(r'<span class="err warn" id="d-([^"]*)">(.*?)</span></span>', page)
    }


def keep(visit: Visitor, process: str, text: str) -> None:
    seen = page_of(visit, process).split('name="seen" value="')[1].split('"')[0]
    visit.does(edit_of(process), do="text", text=text, seen=seen)


def test_columns_of_each_side_are_offered_from_the_samples_of_ones_own_try_out(home: House, visit: Visitor) -> None:
    process = apply(home)
    sample(home, visit, process, {"files.books": BOOKS, "files.bank": BANK.replace(b"ref", b"Reference no")})

    page = looked(visit, process, "left", "right")

    assert listed(page, "left") == ["id", "ref", "amount"]
    assert listed(page, "right") == ["id", "Reference no", "amount"]
    assert listed(page) == ["id", "ref", "amount", "Reference no"]
    assert re.search(r'name="with.rules.0.equal.0.v" value="ref" list="columns-"', page)


def test_what_others_have_tried_is_not_offered(home: House, visit: Visitor) -> None:
    process = apply(home)
    sample(home, visit, process, {"files.books": BOOKS, "files.bank": BANK})
    home.database.write(lambda tx: _make_editor(tx, home, process))

    page = page_of(visitor(home, "editor"), process)

    assert not listed(page) and not listed(page, "left") and not doubts(page)


def test_a_file_is_read_as_the_step_reads_it_and_called_as_the_step_calls_it(home: House, visit: Visitor) -> None:
    process = apply(home, HEADED)
    sample(home, visit, process, {"files.ledger": LEDGER})

    page = looked(visit, process, "source")

    assert listed(page) == ["account", "Betrag", "Schöner Text"]
    assert listed(page, "headings") == ["Konto", "Betrag", "Schöner Text"]
    # What the step makes itself is right, and case is no mistake in SQL.
    assert not doubts(page)


@pytest.mark.parametrize(
    ("before", "after", "name", "offer"),
    [
        ("by: [account]", "by: [acount]", "with.steps.1.group.by.0", "account"),
        ("sort: [-net, lines]", "sort: [-betrg]", "with.steps.2.sort.0", "-Betrag"),
        ("{Konto:", "{konto:", "with.source.v.columns.0.key", "Konto"),
        ("sum: [net, betrag]", 'sum: [net, "Schoner Text"]', "with.steps.1.group.sum.1", "Schöner Text"),
    ],
)
def test_a_name_that_no_source_has_is_told_at_its_field_with_the_nearest(
    home: House, visit: Visitor, before: str, after: str, name: str, offer: str
) -> None:
    process = apply(home, HEADED)
    sample(home, visit, process, {"files.ledger": LEDGER})
    keep(visit, process, HEADED.replace(before, after))

    page = looked(visit, process, "source")

    assert list(doubts(page)) == [name], doubts(page)
    assert f'value="use {name} {offer}">Use {offer}</button>' in page
    assert re.search(rf'name="{re.escape(name)}"[^>]* aria-describedby="d-', page)


def _make_editor(tx: Transaction, home: House, process: str) -> None:
    permissions.give(tx, ProcessId.parse(process), Role.EDITOR, holder=home.users["editor"].id)


def test_the_nearest_name_is_taken_over_by_its_button(home: House, visit: Visitor) -> None:
    process = apply(home, HEADED)
    sample(home, visit, process, {"files.ledger": LEDGER})
    keep(visit, process, HEADED.replace("{Konto:", "{konto:").replace("by: [account]", "by: [acount]"))
    page = looked(visit, process, "source")

    for button in ("with.source.v.columns.0.key Konto", "with.steps.1.group.by.0 account"):
        given = sent.fields(page, "form")
        assert f'value="use {button}"' in page
        answer = visit.send(edit_of(process), **{**given, "do": [f"use {button}"]})
        page = visit.ask("GET", answer.headers["location"]).text

    assert not doubts(page)
    assert "Konto: {name: account" in page and "by: [account]" in page


def test_where_a_source_is_unknown_no_name_is_called_wrong(home: House, visit: Visitor) -> None:
    process = apply(home, HEADED)
    more = HEADED.replace('source: {file: "${files.ledger}"', 'source: ["${files.rows}", {file: "${files.ledger}"')
    sample(home, visit, process, {"files.ledger": LEDGER})
    keep(visit, process, more.replace("type: Text}}}", "type: Text}}}]").replace("by: [account]", "by: [other]"))

    page = looked(visit, process, "source")

    assert listed(page, "source") == ["account", "Betrag", "Schöner Text"] and not doubts(page)


def test_the_columns_of_a_table_are_offered_to_those_who_may_read_it(home: House, visit: Visitor) -> None:
    home.post("tables", json={"name": "Ledger"}, who="admin")
    home.post("tables/mt-1/columns", json={"name": "amount", "dataType": "Money"}, who="admin")
    text = HEADED.replace(SOURCE, '"${table:Ledger}"')
    process = str(home.post("processes", content=text.encode(), headers=YAML, who="admin")["id"])
    home.database.write(lambda tx: _make_editor(tx, home, process))

    assert listed(page_of(visitor(home, "admin"), process), "source") == ["_Record_ID", "amount"]
    assert not listed(page_of(visitor(home, "editor"), process), "source")
