"""An action's nested settings in the designer: cards and rows by plain forms, mistakes where they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from procession.model.process_file import documents, outlines
from tests.web import sent
from tests.web.site import Site, text
from tests.web.test_edit import EDIT, draft, open_step, press, send

EXAMPLE = (Path(__file__).parents[2] / "examples" / "standing-orders" / "process.yaml").read_text("utf-8")
FILE = """process: Standing orders check
groups:
  - group: Inputs
    steps:
      - data: Files
        properties:
          - {name: Tolerance, type: Decimal, decimal_points: 2, flow: INPUT, value: 0.01}
          - {name: Ledger, type: File, flow: INPUT}
          - {name: Bank, type: File, flow: INPUT}
          - {name: Unpaid, type: File, flow: OUTPUT}
  - group: Check
    steps:
      # the heart
      - action: reconcile
        name: Match
        with:
          left: ${files.ledger}
          right: {file: "${files.bank}", delimiter: ";"}
          amount: {left: amount, right: paid}  # in EUR
          rules:
            - name: Exact  # the best
              equal: [{left: invoice, right: reference}, account]
            # what is left
            - name: Near
              equal: [account]
              tolerance: ${files.tolerance}
          outputs:
            only_left: ${files.unpaid}
      - action: run_sql
        name: Sums
        when: {succeeded: match}
        with:
          inputs: {ledger: "${files.ledger}", least: 5}
          sql: SELECT 1
"""


@pytest.fixture
def opened(site: Site) -> Site:
    press(site, "text", text=FILE)
    assert draft(site) == FILE
    return site


def settings(site: Site, place: int = 0) -> Any:
    return documents.read(draft(site)).data["groups"][1]["steps"][place]["with"]


def pushed(site: Site, do: str, order: str = "2.1", **changed: str) -> httpx2.Response:
    """With all that the form says, as a browser sends it along with any of its buttons."""
    given = open_step(site, order) | {name: [value] for name, value in changed.items()}
    return send(site, given | {"do": [do]})


def shown(site: Site, answer: httpx2.Response) -> str:
    assert answer.status_code == 303, text(answer)
    page: str = site.get(answer.headers["location"]).text
    return page


def focused(page: str) -> list[str]:
    return [re.findall(r'id="([^"]+)"', tag)[0] for tag in re.findall(r"<[^>]* autofocus[^>]*>", page) if "id=" in tag]


@pytest.mark.parametrize("file", [EXAMPLE, FILE])
def test_every_step_sent_back_unchanged_leaves_the_file_to_the_letter(site: Site, file: str) -> None:
    press(site, "text", text=file)

    for step in [step for group in outlines.outline(file) for step in group.steps]:
        assert send(site, open_step(site, step.order)).status_code == 303

        assert draft(site) == file, step.order


def test_a_field_deep_in_a_card_changes_its_own_line(opened: Site) -> None:
    pushed(opened, "step", **{"with.rules.0.name": "Same"})

    assert draft(opened) == FILE.replace("name: Exact  # the best", "name: Same  # the best")


def test_a_card_is_added_filled_in_moved_and_taken_away(opened: Site) -> None:
    page = shown(opened, pushed(opened, "add with.rules"))
    assert focused(page) == ["with.rules.2"] and settings(opened)["rules"][2] == {}

    changed = {"with.rules.2.name": "Any", "with.rules.2.equal.0.v": "account",
               "with.rules.2.days.kind": "0", "with.rules.2.days.v": "3"}  # fmt: skip
    page = shown(opened, pushed(opened, "up with.rules.2", **changed))
    assert focused(page) == ["up-with.rules.1"]
    assert [rule["name"] for rule in settings(opened)["rules"]] == ["Exact", "Any", "Near"]
    assert settings(opened)["rules"][1] == {"name": "Any", "equal": ["account"], "days": 3}

    page = shown(opened, pushed(opened, "take with.rules.1"))
    assert focused(page) == ["with.rules"] and draft(opened) == FILE


def test_a_card_moves_with_its_comment_and_not_beyond_the_ends(opened: Site) -> None:
    assert focused(shown(opened, pushed(opened, "up with.rules.0"))) == ["up-with.rules.0"]
    assert focused(shown(opened, pushed(opened, "down with.rules.1"))) == ["down-with.rules.1"]
    assert draft(opened) == FILE

    pushed(opened, "down with.rules.0")
    assert sorted(draft(opened).split("\n")) == sorted(FILE.split("\n"))
    assert draft(opened).index("# what is left") < draft(opened).index("Near") < draft(opened).index("Exact")


def test_a_value_becomes_one_of_another_kind_and_keeps_what_was_typed(opened: Site) -> None:
    column = {"with.rules.1.equal.0.kind": "1"}
    page = shown(opened, pushed(opened, "kind with.rules.1.equal.0", **column))
    assert settings(opened)["rules"][1]["equal"] == [{"left": "account", "right": "account"}]
    assert focused(page) == ["with.rules.1.equal.0.kind"]

    pushed(opened, "step", **{"with.amount.kind": "0", "with.left.kind": "1"})
    assert settings(opened)["amount"] == "amount" and settings(opened)["left"] == {"file": "${files.ledger}"}


def test_rows_are_names_with_values(opened: Site) -> None:
    more = {"with.inputs.2.key": "most", "with.inputs.2.v.kind": "2", "with.inputs.1.v.v": "1,000.50"}
    pushed(opened, "step", "2.2", **more)
    assert settings(opened, 1)["inputs"] | {"most": ""} == {"ledger": "${files.ledger}", "least": 1000.50, "most": ""}

    page = shown(opened, pushed(opened, "take with.inputs.1", "2.2"))
    assert "least" not in settings(opened, 1)["inputs"] and focused(page) == ["with.inputs"]
    assert focused(shown(opened, pushed(opened, "more with.inputs", "2.2"))) == ["with.inputs.2.key"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"with.inputs.2.key": "ledger", "with.inputs.2.v.v": "x"}, "“ledger” is there twice"),
        ({"with.inputs.2.v.v": "Kept"}, "give “Kept” a name"),
        ({"with.inputs.1.v.v": "1,234"}, "can be 1234 or 1.234"),
    ],
)
def test_what_cannot_be_meant_is_asked_back_and_stays_typed(opened: Site, changed: dict[str, str], said: str) -> None:
    answer = pushed(opened, "step", "2.2", **changed)

    assert answer.status_code == 400 and said in text(answer)
    kept = sent.fields(answer.text, "form")
    assert {name: kept[name] for name in changed} == {name: [value] for name, value in changed.items()}
    assert draft(opened) == FILE


def test_a_setting_may_be_only_a_property_that_the_process_has(opened: Site) -> None:
    page = opened.get(f"{EDIT}?step=2.1").text

    options = {
        name: re.findall(r'<option value="(\$[^"]+)"', body)
        for name, body in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', page, re.S)
    }
    assert options["with.outputs.matched_count"] == ["${files.unpaid}"]
    # What may be a table too is typed, with the properties offered.
    assert re.search(r'name="with.left.v"[^>]* list="names"', page)
    assert re.search(r'name="with.outputs.only_left.v"[^>]* list="writable"', page)
    assert "Ledger, File" in text(opened.get(f"{EDIT}?step=2.1"))


@pytest.mark.parametrize(
    ("before", "after", "field", "label", "said"),
    [
        (
            "tolerance: ${files.tol",
            "tolerance: ${files.tool",
            "with.rules.1.tolerance",
            "rule 2, tolerance",
            "tolerance",
        ),
        ("equal: [account]", "equl: [account]", "with.rules.1.-0", "rule 2, equl", 'did you mean "equal"?'),
        ("${files.ledger}", "${files.leger}", "with.left.v", "left", 'did you mean "files.ledger"?'),
        ("delimiter", "delimeter", "with.right.v.-0", "right, delimeter", 'did you mean "delimiter"?'),
        ("name: Near", "name: ''", "with.rules.1.name", "rule 2, name", "length"),
    ],
)
def test_a_mistake_is_shown_at_its_field(
    opened: Site, before: str, after: str, field: str, label: str, said: str
) -> None:
    press(opened, "text", text=FILE.replace(before, after, 1))

    page = opened.get(f"{EDIT}?step=2.1")

    assert f'href="{EDIT}?step=2.1#{field}">Step 2.1, {label}</a>' in page.text
    (tag,) = re.findall(rf'<\w+[^>]* id="{re.escape(field)}"[^>]*>', page.text)
    assert 'aria-invalid="true"' in tag and f'aria-describedby="e-{field}' in tag
    (error,) = re.findall(rf'<span class="err" id="e-{re.escape(field)}">(.*?)</a>', page.text, re.S)
    assert said in re.sub("&#34;", '"', error)
    # Every other step shows its own form as usual.
    assert 'aria-invalid="true"' not in opened.get(f"{EDIT}?step=2.2").text


def test_a_condition_is_read_back_in_words_whatever_is_wrong_elsewhere(opened: Site) -> None:
    press(opened, "text", text=FILE.replace("tolerance: $", "toleranze: $"))

    assert "This step runs when 2.1 succeeded." in text(opened.get(f"{EDIT}?step=2.2"))


def test_a_button_of_a_row_that_is_gone_changes_nothing(opened: Site) -> None:
    for do in ("take with.rules.9", "up with.rules.x", "down with", "take with.left", "add with.left", "kind nowhere"):
        pushed(opened, do)

        assert draft(opened) == FILE, do


def test_a_list_longer_than_a_form_is_kept_as_text(opened: Site) -> None:
    columns = ", ".join(f"c{number}" for number in range(700))
    many = FILE.replace("equal: [account]", f"equal: [{columns}]")
    press(opened, "text", text=many)

    page = opened.get(f"{EDIT}?step=2.1")
    pushed(opened, "step", **{"with.rules.0.name": "Same"})

    assert "too many settings for one form" in text(page)
    assert draft(opened) == many.replace("name: Exact", "name: Same")


def test_a_new_step_is_an_example_that_names_only_what_the_process_has(opened: Site) -> None:
    press(opened, "add", "2.2", kind="reconcile")

    new = settings(opened, 2)
    assert new["left"] == "${files.ledger}" and new["right"] == {"file": "${files.bank}", "delimiter": ";"}
    assert new["outputs"] == {"only_left": "${files.unpaid}"}
    assert "tolerance" not in new["rules"][1]
    assert not re.findall(r'aria-invalid="true"', opened.get(f"{EDIT}?step=2.3").text)


@pytest.mark.parametrize(
    ("kind", "field"),
    [("excel_report", "with.output.v.to"), ("import_table", "with.rejects.to"), ("decide", "with.output")],
)
def test_what_a_step_writes_is_chosen_among_what_it_may_write(opened: Site, kind: str, field: str) -> None:
    press(opened, "add", "2.2", kind=kind)

    page = opened.get(f"{EDIT}?step=2.3").text

    (options,) = re.findall(rf'<select[^>]* name="{field}"[^>]*>(.*?)</select>', page, re.S)
    assert re.findall(r'<option value="(\$[^"]+)"', options) == ["${files.unpaid}"]


@pytest.mark.parametrize(
    ("before", "after", "name", "offer"),
    [
        ("${files.ledger}", "${files.leger}", "with.left.v", "${files.ledger}"),
        ("tolerance: ${files.tol", "tolerance: ${files.tool", "with.rules.1.tolerance", "${files.tolerance}"),
        ("equal: [account]", "equal: [account], choose: neerest", "with.rules.1.choose", "nearest"),
    ],
)
def test_what_was_probably_meant_is_taken_over_by_a_button(
    opened: Site, before: str, after: str, name: str, offer: str
) -> None:
    wrong = FILE.replace(before, after, 1).replace("[account], choose", "[account]\n              choose")
    right = wrong.replace("neerest", "nearest") if "neerest" in wrong else FILE
    press(opened, "text", text=wrong)
    page = opened.get(f"{EDIT}?step=2.1").text
    assert f'value="use {name} {offer}">Use {offer}</button>' in page

    answer = pushed(opened, f"use {name} {offer}")

    assert focused(shown(opened, answer)) == [name]
    assert draft(opened) == right
