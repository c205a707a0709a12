"""What users of other designers and editors have reported, tried on ours; the source is named with each."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from procession.model.process_file import documents
from tests.web import sent
from tests.web.site import Site, text
from tests.web.test_edit import EDIT, draft, open_step, press, send
from tests.web.test_edit_settings import FILE

RULES = FILE[FILE.index("          rules:\n") : FILE.index("          outputs:\n")]


@pytest.fixture
def opened(site: Site) -> Site:
    press(site, "text", text=FILE)
    return site


def kept(site: Site, place: int, do: str = "step", **changed: Any) -> Any:
    """The settings after this was typed and a button pressed."""
    given = open_step(site, f"2.{place + 1}") | {name: [value] for name, value in changed.items()}
    answer = send(site, given | {"do": [do]})
    assert answer.status_code == 303, text(answer)
    return documents.read(draft(site)).data["groups"][1]["steps"][place]["with"]


def test_a_list_that_was_emptied_is_filled_on_lines_again(opened: Site) -> None:
    """kestra-io/kestra#11236: what was added to `tasks: []` came as one line of brackets."""
    press(opened, "text", text=FILE.replace(RULES, "          rules: []\n"))

    kept(opened, 0, "add with.rules")
    kept(opened, 0, **{"with.rules.0.name": "Any", "with.rules.0.equal.0.v": "account"})

    assert "          rules:\n          - name: Any\n            equal:\n            - account\n" in draft(opened)


@pytest.mark.parametrize(
    "content",
    [
        "  - id: hello\n    message: hi \U0001f44b\n",
        "",
        "\n",
        "process:",
        "- a\n- b",
        "groups: [",
        "{}",
        "\ta: 1",
        "groups:\n- 5",
    ],
)
def test_a_text_that_is_no_process_stays_in_the_editor(opened: Site, content: str) -> None:
    """kestra-io/kestra#3217, #3536: the editor went blank, and the text with it."""
    assert press(opened, "text", text=content).status_code == 303

    page = opened.get(f"{EDIT}?as=text")
    assert page.status_code == 200 and draft(opened) == content and "mend before you can publish" in text(page)
    for step in ("about", "1.1", "9.9"):
        assert opened.get(f"{EDIT}?step={step}").status_code == 200


def test_a_value_that_is_wrong_costs_no_other(opened: Site) -> None:
    """rundeck/rundeck#5495: a wrong crontab entry deleted all options of the job."""
    found = kept(opened, 0, **{"with.rules.0.days.v": "soon", "with.rules.1.name": "Close"})

    assert found["rules"][0] == {
        "name": "Exact",
        "equal": [{"left": "invoice", "right": "reference"}, "account"],
        "days": "soon",
    }
    assert found["rules"][1]["name"] == "Close" and found["outputs"] == {"only_left": "${files.unpaid}"}
    assert "Step 2.1, rule 1, days" in text(opened.get(EDIT))


@pytest.mark.parametrize("typed", ["10:30", "0001234", "1e3", "on", "null", "0o17", "1_000", "2026-01-31", "~"])
def test_a_text_that_looks_like_something_else_stays_text(opened: Site, typed: str) -> None:
    """dagster-io/dagster#19668, #8610: "10:30" became 630, and "0001234" a number to base eight."""
    found = kept(opened, 1, **{"with.inputs.0.v.v": typed})

    assert found["inputs"]["ledger"] == typed
    assert open_step(opened, "2.2")["with.inputs.0.v.v"] == [typed]


@pytest.mark.parametrize(("typed", "value"), [("0", 0), ("0.00", "0.00"), ("-1.25", "-1.25"), ("1000", 1000)])
def test_zero_and_fractions_are_numbers_that_a_form_can_say(opened: Site, typed: str, value: Any) -> None:
    """apache/airflow#31930, #33923: 0 was shown as nothing, and 0.25 refused."""
    found = kept(opened, 1, **{"with.inputs.1.v.v": typed})

    assert str(found["inputs"]["least"]) == str(value)
    assert open_step(opened, "2.2")["with.inputs.1.v.v"] == [typed]


@pytest.mark.parametrize("said", ["{}", "[]", "null", '""', "{rows: {}}"])
def test_empty_and_nothing_are_not_the_same(opened: Site, said: str) -> None:
    """apache/airflow#47104, #41019: an empty object became nothing, and an empty list was refused."""
    wanted = FILE.replace("          sql:", f"          expect: {said}\n          sql:")
    press(opened, "text", text=wanted)

    kept(opened, 1)

    assert draft(opened) == wanted


def test_a_kind_is_changed_there_and_back_as_often_as_one_likes(opened: Site) -> None:
    """node-red/node-red#3222; rjsf-team/react-jsonschema-form#3922: a text became an object of its letters."""
    for kind, value in (("1", {"left": "account", "right": "account"}), ("0", "account")) * 2:
        found = kept(opened, 0, "kind with.rules.1.equal.0", **{"with.rules.1.equal.0.kind": kind})

        assert found["rules"][1]["equal"] == [value]


def test_nothing_of_the_kind_before_is_left(opened: Site) -> None:
    """rjsf-team/react-jsonschema-form#4821: fields of the option before stayed in the data."""
    assert kept(opened, 0, **{"with.right.kind": "0"})["right"] == "${files.bank}"


def test_a_row_that_is_renamed_keeps_its_place_and_its_value(opened: Site) -> None:
    """windmill-labs/windmill#8447: a field that was renamed went to the end."""
    text_ = FILE.replace(
        'inputs: {ledger: "${files.ledger}", least: 5}',
        "inputs:\n            ledger: ${files.ledger}\n            least: 5",
    )
    press(opened, "text", text=text_)

    kept(opened, 1, **{"with.inputs.0.key": "book"})

    assert draft(opened) == text_.replace("            ledger:", "            book:")


def test_a_field_can_be_emptied_again(opened: Site) -> None:
    """bpmn-io/bpmn-js-properties-panel#928: a value that was set could not be taken away."""
    kept(opened, 0, **{"with.rules.1.tolerance": ""})

    assert draft(opened) == FILE.replace("              tolerance: ${files.tolerance}\n", "")


def test_a_conflict_that_is_solved_late_is_a_conflict_again(opened: Site) -> None:
    """node-red/node-red#2039: while one conflict was looked at, another change was dropped."""
    early = open_step(opened, "2.2") | {"name": ["Mine"], "do": ["step"]}
    press(opened, "text", text=FILE.replace("name: Match", "name: Second"))
    first = send(opened, early)
    form = re.findall(r'<form class="row".*?</form>', first.text, re.S)[0].replace("<form", '<form id="mine"')
    press(opened, "text", text=FILE.replace("name: Match", "name: Third"))

    late = send(opened, sent.fields(form, "mine"))

    assert late.status_code == 409 and "name: Third" in draft(opened)
    assert '<mark class="bad">-        name: Third</mark>' in unescape(late.text)
