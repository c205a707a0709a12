"""What the samples say beside a form: what each rule finds, which rows of an import fit, what its columns may be."""

from __future__ import annotations

import re
from html import unescape

import pytest

from procession.model.process_file import documents
from tests.api.house import House
from tests.web import sent
from tests.web.account_site import Visitor, visitor, words
from tests.web.test_edit_columns import HEADED
from tests.web.test_try_step import BANK, BOOKS, apply, edit_of, sample

IMPORT = """
process: Bringing in
groups:
  - group: All
    steps:
      - data: Files
        properties:
          - {name: Ledger, type: File, flow: INPUT}
          - {name: Rows, type: File, flow: OUTPUT}
          - {name: Rejects, type: File, flow: OUTPUT}
      - action: import_table
        name: Bring in
        with:
          source: {file: "${files.ledger}", delimiter: ";"}
          columns:
            Konto: {name: account, type: Text}
          output: {to: "${files.rows}", as: rows.parquet}
          rejects: {to: "${files.rejects}", at_most: 5}
"""
LEDGER = (
    "Konto;Betrag;Valuta\n" + "".join(f"{n:04};{n},50;{n % 28 + 1:02}.07.2026\n" for n in range(1, 40)) + "7;n/a;\n"
)


@pytest.fixture
def visit(home: House) -> Visitor:
    return visitor(home)


def form_at(visit: Visitor, location: str) -> sent.Sent:
    return sent.fields(visit.ask("GET", location).text, "form")


def test_each_rule_says_beside_its_card_what_it_finds_and_what_it_leaves(home: House, visit: Visitor) -> None:
    process = apply(home)
    sample(home, visit, process, {"files.books": BOOKS, "files.bank": BANK})
    given = form_at(visit, f"{edit_of(process)}?step=1.2")

    page = visit.ask("GET", visit.does(edit_of(process), **{**given, "do": ["finds"]})).text
    cards = [
        words(card)
        for card in re.findall(r'<div class="found">(.*?)</details>|<div class="found">.*?</div>', page, re.S)
    ]

    said = words(page)
    assert "2 matched 2 left and 1 right still open" in said
    assert "finds nothing 2 left and 1 right still open" in said
    assert "1 suggested 2 left and 1 right still open" in said
    assert any("-0.4 3 C 30 9 C 30.4" in card for card in cards)
    # A rule that is dragged to another place says at once what it finds there.
    again = visit.does(edit_of(process), **{**sent.fields(page, "form"), "do": ["move with.rules.2 0"]})
    assert "finds=1" in again and "focus=with.rules.0" in again
    assert words(visit.ask("GET", again).text).index("Cents") < words(visit.ask("GET", again).text).index("Exact")


def test_rows_that_do_not_fit_are_told_while_columns_are_typed_and_nothing_is_kept(home: House, visit: Visitor) -> None:
    process = apply(home, IMPORT)
    sample(home, visit, process, {"files.ledger": LEDGER.encode()})
    here = edit_of(process)
    given = form_at(visit, f"{here}?step=1.2")
    typed = {"with.columns.1.key": ["Betrag"], "with.columns.1.v.type": ["Money"], "with.columns.1.v.decimal": [","]}

    plain = words(visit.send(f"{here}/fit", **given).text)
    live = words(visit.send(f"{here}/fit", **{**given, **typed}).text)
    ambiguous = words(visit.send(f"{here}/fit", **{**given, "with.source.v.skip": ["1,000"]}).text)

    assert "All 40 rows fit." in plain and "Valuta 02.07.2026" in plain
    assert "1 of 40 rows does not fit. All of ledger.csv was read." in live
    assert "41 Betrag n/a is not Money" in live and "Konto 0001" in live
    assert "“1,000” can be" in ambiguous
    assert "Betrag" not in home.ask("GET", f"processes/{process}/definition").text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"with.source.v.encoding": ["klingon"]}, "“klingon” is not a known encoding"),
        ({"with.source.v.delimiter": ["abc"]}, "Delimiter: Expected str of length <= 1"),
        ({"with.others": ["all"]}, "Others: “all” is none of the words that it can be"),
        ({"with.columns.0.v.pattern": ["%d"]}, "pattern means nothing for Text"),
    ],
)
def test_what_is_wrong_with_the_form_is_said_as_keeping_it_would_say_it(
    home: House, visit: Visitor, typed: sent.Sent, said: str
) -> None:
    process = apply(home, IMPORT)
    sample(home, visit, process, {"files.ledger": LEDGER.encode()})
    given = form_at(visit, f"{edit_of(process)}?step=1.2")

    live = words(visit.send(f"{edit_of(process)}/fit", **{**given, **typed}).text)

    assert said.replace("“", '"').replace("”", '"') in live and "no sample" not in live


def test_a_form_is_kept_by_enter_and_a_press_of_nonsense_moves_nothing(home: House, visit: Visitor) -> None:
    """The first button of a form is what Enter presses: it made a try-out."""
    process = apply(home, IMPORT)
    page = visit.ask("GET", f"{edit_of(process)}?step=1.2").text
    given = sent.fields(page, "form")
    buttons = re.findall(r'<button[^>]* form="form"[^>]*>', page)

    assert 'value="step"' in buttons[0]
    assert "focus=down-with.columns.0" in visit.does(
        edit_of(process), **{**given, "with.columns.n": ["many"], "do": ["down with.columns.0"]}
    )


def test_columns_are_proposed_from_the_sample_beside_those_that_are_declared(home: House, visit: Visitor) -> None:
    """airbytehq/airbyte#3206, #4295: to look at the source again wiped out what had been set."""
    process = apply(home, IMPORT)
    sample(home, visit, process, {"files.ledger": LEDGER.encode()})
    here = edit_of(process)
    given = form_at(visit, f"{here}?step=1.2")

    page = visit.ask("GET", visit.does(here, **{**given, "do": ["propose"]})).text
    visit.does(here, **{**sent.fields(page, "form"), "do": ["step"]})

    assert "2 columns are proposed from ledger.csv; keep these changes to write them down" in words(page)
    text = visit.ask("GET", f"{here}?as=text&step=1.2").text
    found = re.search(r'<textarea[^>]*id="text"[^>]*>\n(.*?)</textarea>', text, re.S)
    assert found
    kept = documents.read(unescape(found[1]))
    assert kept.data["groups"][0]["steps"][1]["with"]["columns"] == {
        "Konto": {"name": "account", "type": "Text"},
        "Betrag": {"type": "Money", "decimal": ","},
        "Valuta": {"type": "Date", "pattern": "%d.%m.%Y"},
    }


def test_how_the_file_is_written_is_proposed_and_what_somebody_has_said_of_it_stays(
    home: House, visit: Visitor
) -> None:
    plain = IMPORT.replace("""{file: "${files.ledger}", delimiter: ";"}""", '"${files.ledger}"')
    process = apply(home, plain.replace("          columns:\n            Konto: {name: account, type: Text}\n", ""))
    rows = "".join(f"{n:04};{n},50;B\u00e4r\n" for n in range(1, 40))
    sample(home, visit, process, {"files.ledger": f"Auszug\n{rows}".encode("cp1252")})
    here = edit_of(process)

    page = visit.ask("GET", visit.does(here, **{**form_at(visit, f"{here}?step=1.2"), "do": ["propose"]})).text
    given = {**sent.fields(page, "form"), "with.source.v.delimiter": ["|"]}
    again = visit.ask("GET", visit.does(here, **{**given, "do": ["propose"]})).text

    said = words(page)
    for told in ("Source, encoding: “cp1252” (the bytes", "skip: “1” (the line above", "header: no (its first row"):
        assert told in said
    assert "Source, delimiter: “;”" in said and "3 columns are proposed from ledger.csv" in said
    assert given["with.source.v.skip"] == ["1"] and given["with.columns.1.key"] == ["2"]
    assert sent.fields(again, "form")["with.source.v.delimiter"] == ["|"]


def test_what_was_typed_is_kept_before_a_step_is_tried(home: House, visit: Visitor) -> None:
    process = apply(home, IMPORT)
    sample(home, visit, process, {"files.ledger": LEDGER.encode()})
    given = form_at(visit, f"{edit_of(process)}?step=1.2")

    said = words(visit.send(f"{edit_of(process)}/try-step", **{**given, "name": ["Anew"], "do": ["try"]}).text)

    assert "Trial of 1.2 Anew" in said
    assert form_at(visit, f"{edit_of(process)}?step=1.2")["name"] == ["Anew"]


def test_each_step_of_a_transform_shows_the_first_rows_before_and_after_it(home: House, visit: Visitor) -> None:
    process = apply(home, HEADED)
    sample(home, visit, process, {"files.ledger": b"July\nKonto;Betrag\n0042;10.00\n0042;5.00\n"})
    given = form_at(visit, f"{edit_of(process)}?step=1.2")

    said = words(visit.ask("GET", visit.does(edit_of(process), **{**given, "do": ["finds"]})).text)

    assert "2 rows of 2 before it" in said and "1 row of 2 before it" in said
    assert "Before account Betrag 0042 10" in said and "After account net Betrag lines 0042 13" in said
