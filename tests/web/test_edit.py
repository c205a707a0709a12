"""The designer: forms and text are one draft, which is one's own until it is published."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from procession import actions
from procession.model.ids import RunId
from procession.model.process_file import documents
from procession.store import files, retention, steps
from procession.store.database import Transaction
from procession.store.retention import RetentionRule
from procession.web import edit_fields
from procession.web.edit_fields import ConditionRow
from procession.web.forms import Form
from tests.api.house import PROCESS
from tests.web import sent
from tests.web.site import Site, text

EDIT = "/processes/p-1/edit"


def fields(answer: httpx2.Response) -> dict[str, list[str]]:
    """What a browser would send of the form of the step, nothing changed."""
    return {**sent.fields(answer.text, "form"), "do": ["step"]}


def open_step(site: Site, order: str, place: str = EDIT) -> dict[str, list[str]]:
    return fields(site.get(f"{place}?step={order}"))


def send(site: Site, given: dict[str, Any], place: str = EDIT) -> httpx2.Response:
    return site.ask("POST", place, data=given)


def press(site: Site, do: str, order: str = "1.1", place: str = EDIT, **more: str) -> httpx2.Response:
    given = open_step(site, order, place)
    return send(site, {"form": given["form"], "seen": given["seen"], "step": order, "do": do, **more}, place)


def draft(site: Site, place: str = EDIT) -> Any:
    shown = site.get(f"{place}?as=text").text
    found = re.search(r'<textarea[^>]*id="text"[^>]*>\n(.*?)</textarea>', shown, re.S)
    assert found
    return unescape(found[1])


def publish(site: Site, comment: str = "because", place: str = EDIT, **more: str) -> httpx2.Response:
    page = site.get(f"{place}/changes").text
    hidden = dict(re.findall(r'name="(form|seen|over)" value="([^"]*)"', page))
    return site.ask("POST", f"{place}/publish", data={**hidden, "comment": comment, **more})


def test_a_step_kept_as_it_is_changes_nothing_that_is_said(site: Site) -> None:
    before = documents.read(PROCESS).data
    for order in ("1.1", "2.1", "2.2"):
        assert send(site, open_step(site, order)).headers["location"] == f"{EDIT}?step={order}#form"

    assert documents.read(draft(site)).data == before


def test_a_step_is_changed_by_its_form_and_published_with_a_reason(site: Site) -> None:
    given = open_step(site, "2.1")
    given |= {
        "name": ["Settle all"],
        "with.seconds": ["3"],
        "needs_mode": ["steps"],
        "needs": ["parameters"],
        "time_limit": ["10m"],
        "tries": ["2"],
    }
    send(site, given)

    page = text(site.get(f"{EDIT}?step=2.1"))
    answer = publish(site, "three seconds, as the bank asks")

    assert "Runs use version 1 until you publish" in page and "Draft of version 2" in page
    assert (answer.status_code, answer.headers["location"]) == (303, "/processes/p-1")
    step = next(item for item in _definition(site)["groups"][1]["steps"] if item["name"] == "Settle all")
    assert step["with"] == {"seconds": 3} and step["needs"] == ["parameters"]
    assert step["time_limit"] == "10m" and step["retry"] == {"times": 2}
    with site.house.database.read() as tx:
        assert tx.one("SELECT comment FROM process_version WHERE number = 2") == ("three seconds, as the bank asks",)
    assert "Draft" not in text(site.get(EDIT))


def _definition(site: Site) -> Any:
    return site.house.ask("GET", "processes/p-1/definition", headers={"accept": "application/json"}).json()


def test_a_property_is_added_changed_and_taken_away(site: Site) -> None:
    given = open_step(site, "1.1")
    assert given["p0.name"] == ["Amount"] and given["p0.value"] == ["10"] and given["p1.decimal_points"] == ["2"]
    given |= {
        "p0.value": ["1000"],
        "p3.delete": ["on"],
        "p4.name": ["Period end"],
        "p4.type": ["Datepicker"],
        "p4.required": ["on"],
    }
    send(site, given)

    items = {item["name"]: item for item in documents.read(draft(site)).data["groups"][0]["steps"][0]["properties"]}

    assert list(items) == ["Amount", "Limit", "Orders", "Period end"]
    assert items["Amount"]["value"] == 1000 and items["Amount"]["mouseover"] == "how much"
    assert items["Period end"] == {"name": "Period end", "type": "Datepicker", "flow": "INPUT", "required": True}


def test_a_condition_is_built_of_rows(site: Site) -> None:
    given = open_step(site, "2.2")
    send(
        site, given | {"when_join": ["any"], "when_step": ["settle", "parameters"], "when_atom": ["failed", "skipped"]}
    )

    step = documents.read(draft(site)).data["groups"][1]["steps"][1]

    assert step["when"] == {"any": [{"failed": "settle"}, {"skipped": "parameters"}]}
    again = open_step(site, "2.2")
    assert again["when_step"][:2] == ["settle", "parameters"] and again["when_join"] == ["any"]


@pytest.mark.parametrize(
    ("condition", "rows", "is_text"),
    [
        (None, 0, False),
        ({"failed": "a"}, 1, False),
        ({"all": [{"failed": "a"}, {"skipped": "b"}]}, 2, False),
        ({"not": {"failed": "a"}}, 0, True),
        ({"all": [{"failed": "a"}, {"equals": {"property": "a.b", "value": 1}}]}, 0, True),
        ({"any": {"failed": "a"}}, 0, True),
        ("nonsense", 0, True),
        ({"failed": ["a"]}, 0, True),
    ],
)
def test_what_rows_cannot_say_is_shown_as_text(condition: Any, rows: int, is_text: bool) -> None:
    shown = edit_fields.when_of(condition)

    assert (len(shown.rows), bool(shown.text)) == (rows, is_text)
    if is_text:
        form = Form(f"when_text={shown.text}".replace(" ", "+").replace("\n", "%0A").encode())
        assert edit_fields._read_when(form, "when") == condition
    elif rows:
        assert all(isinstance(row, ConditionRow) for row in shown.rows)


def test_a_mistake_is_told_at_its_step_with_the_nearest_name_and_keeps_one_from_publishing(site: Site) -> None:
    broken = PROCESS.replace("{seconds: 1}", "{secnds: 1}", 1)
    press(site, "text", text=broken)

    page = text(site.get(f"{EDIT}?step=2.1"))
    shown = site.get(f"{EDIT}/changes")
    hidden = open_step(site, "2.1")
    answer = site.ask(
        "POST", f"{EDIT}/publish", data={"form": hidden["form"], "seen": hidden["seen"], "over": "1", "comment": "x"}
    )

    assert "to mend first" in text(shown) and "/publish" not in shown.text
    assert "1 mistake to mend" in page or "2 mistakes to mend" in page
    assert 'no "secnds"; did you mean "seconds"' in page.lower() or "seconds" in page
    assert "step 2.1" in page
    assert answer.status_code == 400 and "Mend the mistakes first" in text(answer)
    assert site.house.get("processes/p-1/versions")[0]["version"] == 1


def test_a_text_that_cannot_be_read_is_kept_and_shown_as_text(site: Site) -> None:
    press(site, "text", text="process: [")

    page = site.get(EDIT)

    assert "This is not YAML" in text(page)
    assert draft(site) == "process: ["


def test_a_setting_that_cannot_be_read_keeps_what_was_typed(site: Site) -> None:
    press(site, "add", "2.2", kind="run_python")
    given = open_step(site, "2.3")
    answer = send(site, given | {"when_text": ["{a: [1"], "with.code": ["x = 1"]})

    assert answer.status_code == 400
    assert "Nothing was changed" in text(answer) and "x = 1" in answer.text


@pytest.mark.parametrize("kind", ["data", *sorted(actions.registry())])
def test_a_step_of_each_kind_can_be_added_and_kept(site: Site, kind: str) -> None:
    press(site, "add", "2.2", kind=kind)
    before = documents.read(draft(site)).data

    assert send(site, open_step(site, "2.3")).status_code == 303

    assert documents.read(draft(site)).data == before
    assert len(before["groups"][1]["steps"]) == 3


def test_steps_move_are_copied_and_deleted(site: Site) -> None:
    assert press(site, "up", "2.2").headers["location"] == f"{EDIT}?step=2.1&moved=1"
    assert press(site, "copy", "2.1").headers["location"] == f"{EDIT}?step=2.2#form"
    press(site, "delete", "2.3")

    assert [item["name"] for item in documents.read(draft(site)).data["groups"][1]["steps"]] == ["Pay", "Pay 2"]
    press(site, "drop")
    assert draft(site) == site.house.ask("GET", "processes/p-1/definition").text


def test_a_three_step_process_is_built_from_nothing_and_runs(site: Site) -> None:
    new = "/processes/new"
    press(site, "add", "1.1", new, kind="wait")
    given = open_step(site, "1.2", new)
    send(site, given | {"name": ["First"], "with.seconds": ["1"]}, new)
    press(site, "copy", "1.2", new)
    press(site, "text", "1.1", new, text=draft(site, new).replace("process: New process", "process: Built by hand"))

    answer = publish(site, "", new)

    assert answer.status_code == 303, text(answer)
    process = answer.headers["location"].removeprefix("/processes/")
    steps = site.house.get(f"processes/{process}/steps?include=all")
    assert [step["name"] for step in steps] == ["Parameters", "First", "First 2"]
    assert site.house.post(f"processes/{process}/processruns", json={})["id"]
    assert "New process" in draft(site, new)


def test_a_new_process_takes_no_name_that_there_is(site: Site) -> None:
    press(site, "text", "1.1", "/processes/new", text=PROCESS)

    answer = publish(site, "", "/processes/new")

    assert answer.status_code == 400 and 'a process "Month end" already' in text(answer)
    assert site.house.get("processes/p-1/versions")[0]["version"] == 1


def test_what_somebody_else_published_is_seen_before_it_is_taken_back(site: Site) -> None:
    press(site, "text", text=PROCESS.replace("Closes a month", "mine"))
    theirs = PROCESS.replace("Closes a month", "theirs")
    page = site.get(f"{EDIT}/changes").text
    assert site.house.ask("PUT", "processes/p-1/definition", who="admin", content=theirs).status_code == 200

    hidden = dict(re.findall(r'name="(form|seen|over)" value="([^"]*)"', page))
    late = site.ask("POST", f"{EDIT}/publish", data={**hidden, "comment": "x"})

    assert late.status_code == 400 and "has published version 2 meanwhile" in text(late)
    assert "description: theirs" in late.text and "Version 2 was published since you began" in text(late)
    assert publish(site, "mine counts").status_code == 303
    assert _definition(site)["description"] == "mine"


def test_another_tab_writes_over_nothing_unseen(site: Site) -> None:
    early = open_step(site, "2.1")
    press(site, "text", text=PROCESS.replace("Closes a month", "in another tab"))

    answer = send(site, early | {"with.seconds": ["7"]})

    assert answer.status_code == 409 and "Your draft was changed in another tab" in text(answer)
    assert "<mark>+      - {action: wait, name: Settle, key: settle, with: {seconds: 7}}</mark>" in answer.text
    assert "seconds: 7" not in draft(site)
    mine = re.findall(r'<form class="row".*?</form>', answer.text, re.S)[0].replace("<form", '<form id="mine"')
    assert send(site, sent.fields(mine, "mine")).status_code == 303
    assert "seconds: 7" in draft(site) and "in another tab" in draft(site)


def test_another_tab_that_took_the_step_away_is_told(site: Site) -> None:
    early = open_step(site, "2.2")
    press(site, "delete", "2.2")

    answer = send(site, early)

    assert answer.status_code == 409 and "changed in another tab or window; reload the page" in text(answer)


def test_a_form_of_one_step_is_never_put_over_another(site: Site) -> None:
    early = open_step(site, "2.1")
    press(site, "text", text=PROCESS.replace("name: Settle, key: settle", "name: New, key: new"))

    answer = send(site, early)

    assert answer.status_code == 409 and "reload the page" in text(answer)
    assert "key: new" in draft(site)


def test_what_others_published_since_is_shown_while_one_edits(site: Site) -> None:
    press(site, "text", text=PROCESS.replace("seconds: 1", "seconds: 2"))
    theirs = PROCESS.replace("Closes a month", "theirs")
    assert site.house.ask("PUT", "processes/p-1/definition", who="admin", content=theirs).status_code == 200

    page = site.get(EDIT).text

    assert "<mark>+description: theirs</mark>" in page and "seconds: 2</mark>" not in page


def test_throwing_a_draft_away_asks_first_and_brings_the_version_back(site: Site) -> None:
    press(site, "text", text=PROCESS.replace("Closes a month", "mine"))
    page = site.get(EDIT).text

    assert 'command="show-modal" commandfor="drop"' in page and "Throw your draft away?" in page
    dialog = re.findall(r'<dialog id="drop".*?</dialog>', page, re.S)[0].replace("<form", '<form id="f"')
    assert send(site, sent.fields(dialog, "f")).status_code == 303
    assert "Closes a month" in draft(site) and "Throw your draft away" not in site.get(EDIT).text


def test_a_draft_is_ones_own(site: Site) -> None:
    press(site, "text", text=PROCESS.replace("Closes a month", "a secret of mine"))
    editor = Site(house=site.house, who="editor").sign_in()

    assert "a secret of mine" not in editor.get(f"{EDIT}?as=text").text
    for who, status in (("reader", 403), ("mate", 403), ("stranger", 404)):
        assert Site(house=site.house, who=who).sign_in().get(EDIT).status_code == status


@pytest.mark.parametrize("comment", ["", "  ", "x" * 1_001])
def test_a_version_needs_a_reason_of_its_size(site: Site, comment: str) -> None:
    press(site, "text", text=PROCESS.replace("Closes a month", "other"))

    assert publish(site, comment).status_code == 400
    assert publish(site, over="x").status_code == 400


def test_markup_in_a_process_is_text(site: Site) -> None:
    evil = '</textarea><script>alert(1)</script><img src=x onerror="alert(1)">'
    press(site, "text", text=PROCESS.replace("Closes a month", f"'{evil}'").replace("name: Pay,", f"name: '{evil}',"))

    for path in (EDIT, f"{EDIT}?step=2.2", f"{EDIT}?as=text", f"{EDIT}/changes"):
        page = site.get(path).text
        assert "<script>alert" not in page and "<img src=x" not in page, path


@pytest.mark.parametrize("do", ["", "nonsense", "step", "up", "delete", "copy", "add"])
def test_a_button_that_a_page_never_had_changes_nothing(site: Site, do: str) -> None:
    given = open_step(site, "1.1")

    answer = send(site, {"form": given["form"], "seen": given["seen"], "step": "9.9", "do": do})

    assert answer.status_code == 400 and "Nothing was changed" in text(answer)


def try_out(site: Site, order: str) -> httpx2.Response:
    given = open_step(site, order)
    return site.ask("POST", f"{EDIT}/try", data={"form": given["form"], "seen": given["seen"], "step": order})


def test_a_draft_is_tried_up_to_a_step_and_seen_by_no_list(site: Site) -> None:
    press(site, "text", text=PROCESS.replace("{seconds: 1}", "{seconds: 2}"))

    answer = try_out(site, "2.1")

    run = answer.headers["location"].removeprefix("/runs/")
    steps = {step["name"]: step for step in site.house.get(f"processruns/{run}/steps?include=all")}
    assert list(steps) == ["Parameters", "Settle", "Pay"]
    assert site.house.get("processruns") == [] and site.house.get("processes/p-1/processruns") == []
    assert [version["version"] for version in site.house.get("processes/p-1/versions")] == [1]
    assert site.get(f"/runs/{run}").status_code == 200
    site.house.post(f"processruns/{run}/start", json={})
    with site.house.database.read() as tx:
        assert tx.all("SELECT name, enabled FROM step WHERE run_id = ? ORDER BY position", int(run[3:]))[1:] == [
            ("Settle", 1),
            ("Pay", 0),
        ]
        assert tx.one("SELECT version, alert_email FROM run WHERE id = ?", int(run[3:])) == (-1, "")
    assert try_out(site, "2.2").status_code == 303


def test_the_samples_of_a_try_out_are_given_once(site: Site) -> None:
    first = RunId.parse(try_out(site, "2.1").headers["location"].removeprefix("/runs/"))
    sink = site.house.resources.blobs.sink()
    sink.write(b"a;b\n1;2\n")
    content = sink.finish()

    def give(tx: Transaction) -> None:
        rows = steps.by_reference(tx, first)
        file = rows["parameters.orders"].file
        assert file is not None
        files.fill(tx, file.id, name="sample.csv", content=content)
        steps.update_property(tx, rows["parameters.amount"].id, replace(rows["parameters.amount"].item, value=77))

    site.house.database.write(give)
    site.house.post(f"processruns/{first}/start", json={})

    again = text(site.get(try_out(site, "2.2").headers["location"]))

    assert f"Filled in as your last try-out {first}" in again and "sample.csv" in again
    # Those of another designer are his own.
    editor = Site(house=site.house, who="editor").sign_in()
    page = editor.get(f"{EDIT}?step=2.1").text
    hidden = dict(re.findall(r'name="(form|seen)" value="([^"]*)"', page))
    theirs = editor.ask("POST", f"{EDIT}/try", data={**hidden, "step": "2.1"})
    assert "sample.csv" not in text(editor.get(theirs.headers["location"]))


@pytest.mark.parametrize(
    ("step", "said"),
    [("effect: once", "must happen only once"), ("with: {code: x = 1, network: true}", "uses the network")],
)
def test_what_reaches_outside_is_not_tried(site: Site, step: str, said: str) -> None:
    kind = "run_python" if "code" in step else "wait"
    rest = step if "with" in step else f"with: {{seconds: 1}}, {step}"
    press(site, "text", text=PROCESS + f"      - {{action: {kind}, name: Outside, {rest}}}\n")

    refused = try_out(site, "2.3")

    assert refused.status_code == 400 and said in text(refused)
    assert try_out(site, "2.2").status_code == 303


@pytest.mark.parametrize(
    ("content", "said"), [("process: [", "Mend the mistakes first"), (PROCESS, "there is no step 9.9")]
)
def test_what_cannot_be_tried_is_told(site: Site, content: str, said: str) -> None:
    press(site, "text", text=content)

    page = site.get(EDIT).text
    hidden = dict(re.findall(r'name="(form|seen)" value="([^"]*)"', page))
    answer = site.ask("POST", f"{EDIT}/try", data={**hidden, "step": "9.9"})

    assert answer.status_code == 400 and said.lower() in text(answer).lower()


def ended_try_out(site: Site) -> RunId:
    run = RunId.parse(try_out(site, "2.1").headers["location"].removeprefix("/runs/"))
    site.house.database.write(
        lambda tx: tx.run("UPDATE run SET status = 'Cancelled', finished_at = created_at WHERE id = ?", run.number)
    )
    return run


def test_try_outs_use_up_nothing_of_what_is_kept_of_real_runs(site: Site) -> None:
    real = RunId.parse(site.house.new_run(start=True))
    site.house.post(f"processruns/{real}/cancel", json={})
    tried = [ended_try_out(site) for _ in range(2)]

    with site.house.database.read() as tx:
        gone = [item.id for item in retention.runs(tx, RetentionRule(keep=1))]

    assert real not in gone and tried[0] in gone and tried[1] not in gone


def test_a_try_out_never_becomes_a_run_of_a_published_version(site: Site) -> None:
    run = ended_try_out(site)
    press(site, "text", text=PROCESS.replace("Closes a month", "newer"))
    publish(site)
    step = site.house.step(str(run), "settle")

    plan = site.house.get(f"processruns/{run}/steps/{step}/restartplan")

    assert "newer" not in str(plan.get("latest") or "")
    site.house.post(f"processruns/{run}/steps/{step}/restartfromhere", json={"version": "latest"})
    with site.house.database.read() as tx:
        assert tx.one("SELECT version FROM run WHERE id = ?", run.number) == (-1,)
