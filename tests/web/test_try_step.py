"""One step of a draft tried from the designer: on the samples of the last try-out, with nothing kept of it."""

from __future__ import annotations

import pytest

from procession.model.ids import ProcessId, RunId
from procession.model.people import Role
from procession.store import files, permissions, steps
from procession.store.database import Transaction
from tests.api.house import House
from tests.web.account_site import Visitor, visitor, words

PROCESS = """
process: Reconciling
groups:
  - group: All
    steps:
      - data: Files
        properties:
          - {name: Books, type: File, flow: INPUT}
          - {name: Bank, type: File, flow: INPUT}
          - {name: Open, type: File, flow: OUTPUT}
          - {name: How many, key: many, type: Number, flow: OUTPUT}
      - action: reconcile
        name: Match
        with:
          left: "${files.books}"
          right: "${files.bank}"
          amount: amount
          key: id
          rules:
            - {name: Exact, equal: [ref]}
            - {name: Never, equal: [ref], where: {left: "amount > 1000"}}
            - {name: Cents, equal: [ref], tolerance: 0.5, outcome: suggested}
          outputs: {only_left: {to: "${files.open}", as: open.csv}, matched_count: "${files.many}"}
      - action: run_python
        name: Script
        with: {code: "print('seen')", outputs: {}}
"""
BOOKS = b"id,ref,amount\n1,A,10.00\n2,B,20.00\n3,C,30.00\n4,D,1.00\n"
BANK = b"id,ref,amount\n7,A,10.00\n8,B,20.00\n9,C,30.40\n"


@pytest.fixture
def visit(home: House) -> Visitor:
    return visitor(home)


def apply(home: House, text: str = PROCESS) -> str:
    return str(home.post("processes", content=text.encode(), headers={"content-type": "application/yaml"})["id"])


def edit_of(process: str) -> str:
    return f"/processes/{process}/edit"


def sample(home: House, visit: Visitor, process: str, given: dict[str, bytes]) -> None:
    """As a try-out that its author has filled in and started."""
    page = visit.ask("GET", f"{edit_of(process)}?step=1.2").text
    seen = page.split('name="seen" value="')[1].split('"')[0]
    run = RunId.parse(visit.does(f"{edit_of(process)}/try", step="1.2", seen=seen).removeprefix("/runs/"))

    def fill(tx: Transaction) -> None:
        rows = steps.by_reference(tx, run)
        for reference, data in given.items():
            sink = home.resources.blobs.sink()
            sink.write(data)
            row = rows[reference]
            assert row.file is not None
            files.fill(tx, row.file.id, name=f"{row.item.key}.csv", content=sink.finish())

    home.database.write(fill)
    visit.does(f"/runs/{run}/start")


def tries(visit: Visitor, process: str, step: str = "1.2") -> str:
    answer = visit.send(f"{edit_of(process)}/try-step", step=step)
    assert answer.status_code == 200, answer.text
    return visit_words(visit)


def visit_words(visit: Visitor) -> str:
    assert visit.page is not None
    return words(visit.page.text)


def test_each_rule_says_how_much_it_finds_in_the_samples_with_the_first_pairs(home: House, visit: Visitor) -> None:
    process = apply(home)
    sample(home, visit, process, {"files.books": BOOKS, "files.bank": BANK})

    said = tries(visit, process)

    assert "1 Exact 2 matched" in said and "2 Never nothing" in said and "3 Cents 1 suggested" in said
    assert "0 1 A 10 7 A 10" in said
    assert "-0.4 3 C 30 9 C 30.4" in said


def test_the_outputs_the_message_and_the_figures_are_shown_and_nothing_is_kept(home: House, visit: Visitor) -> None:
    process = apply(home)
    sample(home, visit, process, {"files.books": BOOKS, "files.bank": BANK})

    said = tries(visit, process)

    assert "2 matched, 2 only left, 1 only right, 1 suggested" in said
    assert "Nothing was published, written or sent." in said
    assert "How many 2" in said and "found_by_rules" not in said
    assert home.get(f"processes/{process}/processruns") == []


def test_without_samples_it_is_said_which_files_are_missing(home: House, visit: Visitor) -> None:
    answer = visit.send(f"{edit_of(apply(home))}/try-step", step="1.2")

    assert answer.status_code == 400
    assert "reads files.books, files.bank, and no file is given for them" in visit_words(visit)
    assert "they are the samples here" in visit_words(visit)


def test_a_script_is_tried_and_its_log_is_shown(home: House, visit: Visitor) -> None:
    said = tries(visit, apply(home), "1.3")

    assert "Trial of 1.3 Script" in said and "Log seen" in said and "It gives no output" in said


def test_a_draft_with_mistakes_is_not_tried(home: House, visit: Visitor) -> None:
    process = apply(home)
    headers = {"content-type": "application/yaml"}
    wrong = PROCESS.replace("equal: [ref]}", "equals: [ref]}").encode()
    assert home.ask("PUT", f"processes/{process}/draft", content=wrong, headers=headers).status_code == 200

    answer = visit.send(f"{edit_of(process)}/try-step", step="1.2")

    assert answer.status_code == 400 and "Mend the mistakes first" in visit_words(visit)


def test_a_table_that_its_designer_may_not_read_is_not_tried_on(home: House, visit: Visitor) -> None:
    home.post("tables", json={"name": "Secret"}, who="admin")
    home.post("tables/mt-1/columns", json={"name": "amount", "dataType": "Money"}, who="admin")
    text = PROCESS.replace('left: "${files.books}"', 'left: "${table:Secret}"')
    # Published by somebody who may; a designer who may edit the process learns no row by trying it.
    process = str(
        home.post("processes", content=text.encode(), headers={"content-type": "application/yaml"}, who="admin")["id"]
    )
    home.database.write(lambda tx: _make_editor(tx, home, process))

    answer = visit.send(f"{edit_of(process)}/try-step", step="1.2")

    assert answer.status_code == 400 and 'There is no table "Secret" that you may read' in visit_words(visit)


def _make_editor(tx: Transaction, home: House, process: str) -> None:
    permissions.give(tx, ProcessId.parse(process), Role.EDITOR, holder=home.users["owner"].id)
