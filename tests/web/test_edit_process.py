"""The form of the process itself: its name, whom it alerts, its limits, its groups."""

from __future__ import annotations

import json
from typing import Any

import pytest

from procession.model.process_file import documents
from tests.web.site import Site, text
from tests.web.test_edit import EDIT, draft, open_step, press, send

FILE = """# The close
process: Month end  # of each month
alert: {email: close@example.com}
groups:
  - group: Inputs  # what people give
    steps:
      # first
      - {data: Parameters, properties: []}
      # second
      - {action: wait, name: Settle, with: {seconds: 1}}
      - {action: wait, name: Pay, with: {seconds: 1}}
concurrency: 2
"""


@pytest.fixture
def opened(site: Site) -> Site:
    press(site, "text", text=FILE)
    return site


def about(site: Site, **changed: str) -> Any:
    given = open_step(site, "about") | {name: [value] for name, value in changed.items()}
    return send(site, given)


def test_it_is_sent_back_unchanged_to_the_letter(opened: Site) -> None:
    assert about(opened).status_code == 303

    assert draft(opened) == FILE


def test_what_is_changed_is_on_its_own_line(opened: Site) -> None:
    about(opened, g0="Given", **{"with.process": "Year end", "with.concurrency": "3", "with.time_limit": "2h"})

    changed = FILE.replace("Month end", "Year end").replace("concurrency: 2", "concurrency: 3")
    changed = changed.replace("group: Inputs", "group: Given").replace("}\ngroups:", "}\ntime_limit: 2h\ngroups:")
    assert draft(opened) == changed


def test_an_alert_is_set_and_taken_away(opened: Site) -> None:
    about(opened, **{"with.alert.email": "", "with.description": "What it is for\nand why"})
    data = documents.read(draft(opened)).data
    assert "alert" not in data and data["description"] == "What it is for\nand why"

    about(opened, **{"with.alert.email": "a@example.com", "with.alert.when": "always"})
    assert documents.read(draft(opened)).data["alert"] == {"email": "a@example.com", "when": "always"}


@pytest.mark.parametrize(
    ("changed", "field", "label", "said"),
    [
        ({"with.process": ""}, "with.process", "process", 'A process file needs "process"'),
        ({"with.alert.email": "nobody"}, "with.alert", "email", "several are separated by commas"),
        ({"with.time_limit": "soon"}, "with.time_limit", "time limit", "must be a duration"),
        ({"with.concurrency": "many"}, "with.concurrency", "concurrency", "must be"),
        ({"g0": ""}, "g0", "group", "must have 1 to 255 characters"),
    ],
)
def test_a_mistake_leads_to_its_field(opened: Site, changed: dict[str, str], field: str, label: str, said: str) -> None:
    about(opened, **changed)

    page = opened.get(f"{EDIT}?step=about")
    assert f'href="{EDIT}?step=about#{field}">The process, {label}</a>' in page.text
    assert f'id="{field}"' in page.text and said in text(page)
    assert text(opened.get(f"{EDIT}?step=1.2")).count("The process, ") == 1


def test_a_group_begins_with_any_step_but_the_first(opened: Site) -> None:
    answer = press(opened, "split", "1.2")
    assert answer.headers["location"] == f"{EDIT}?step=2.1&moved=1"

    divided = FILE.replace("      # second\n", "  - group: Group 2\n    steps:\n      # second\n")
    assert draft(opened) == divided
    assert press(opened, "split", "2.1").status_code == 400
    about(opened, g1="Work")
    assert draft(opened) == divided.replace("Group 2", "Work")


def test_a_group_of_a_file_in_json_is_divided_too(site: Site) -> None:
    press(site, "text", text=json.dumps(documents.read(FILE).data))

    press(site, "split", "1.3")

    groups = documents.read(draft(site)).data["groups"]
    assert [(group["group"], len(group["steps"])) for group in groups] == [("Inputs", 2), ("Group 2", 1)]
