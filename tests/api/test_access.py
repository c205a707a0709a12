"""Each endpoint, asked by everybody: owner, editor, executor by a group, reader, stranger, administrator."""

from __future__ import annotations

import re

import pytest

from tests.api.house import PROCESS, House

FILE = {"file": ("a.csv", b"x", "text/csv")}
READING = (
    "processes/{p}",
    "processes/{p}/definition",
    "processes/{p}/versions",
    "processes/{p}/steps",
    "processes/{p}/processruns",
    "processruns/{r}",
    "processruns/{r}/runstatus",
    "processruns/{r}/runstatus?since=0&wait=0",
    "processruns/{r}/history",
    "processruns/{r}/steps",
    "processruns/{r}/steps?include=all",
    "processruns/{r}/steps/{s}/runstatus",
    "processruns/{r}/steps/{s}/log",
    "steps/{s}",
    "steps/{s}/properties",
    "steps/{s}/properties/{q}",
    "files/{f}/metadata",
)
EXECUTING: tuple[tuple[str, dict[str, object]], ...] = (
    ("processes/{p}/processruns", {}),
    ("processruns/{r}/start", {}),
    ("processruns/{r}/cancel", {}),
    ("requests", {"request": "ProcessRun_CancelRq", "processRunId": "{r}"}),
    ("steps/{s}/properties/{q}", {"value": 11}),
    ("files/{f}/metadata", {"name": "b.csv"}),
)


def fill_in(home: House) -> dict[str, str]:
    run = home.new_run()
    step = home.step(run, "parameters")
    properties = home.get(f"steps/{step}/properties")
    return {"p": home.process, "r": run, "s": step, "q": properties[0]["id"], "f": properties[2]["file"]}


def put(ids: dict[str, str], text: str) -> str:
    return re.sub(r"\{(\w)\}", lambda found: ids[found[1]], text)


@pytest.mark.parametrize("path", READING)
def test_who_may_read(home: House, path: str) -> None:
    ids = fill_in(home)

    answers = {who: home.ask("GET", put(ids, path), who=who).status_code for who in home.users}

    assert answers == {"owner": 200, "editor": 200, "mate": 200, "reader": 200, "stranger": 404, "admin": 200}


@pytest.mark.parametrize(("path", "body"), EXECUTING)
def test_who_may_execute(home: House, path: str, body: dict[str, object]) -> None:
    ids = fill_in(home)
    body = {key: put(ids, value) if isinstance(value, str) else value for key, value in body.items()}

    answers = {who: home.ask("POST", put(ids, path), who=who, json=body).status_code for who in home.users}

    assert answers == {"owner": 200, "editor": 200, "mate": 200, "reader": 403, "stranger": 404, "admin": 200}


def test_who_may_upload(home: House) -> None:
    ids = fill_in(home)

    answers = {who: home.ask("POST", put(ids, "files/{f}"), who=who, files=FILE).status_code for who in home.users}

    assert answers == {"owner": 200, "editor": 200, "mate": 200, "reader": 403, "stranger": 404, "admin": 200}


def test_who_may_download(home: House) -> None:
    path = put(fill_in(home), "files/{f}")
    home.post(path, files=FILE)

    answers = {who: home.ask("GET", path, who=who).status_code for who in home.users}

    assert answers == {"owner": 200, "editor": 200, "mate": 200, "reader": 200, "stranger": 404, "admin": 200}


def test_who_may_restart_and_see_its_plan(home: House) -> None:
    run = home.new_run(start=True)
    home.post(f"processruns/{run}/cancel")
    path = f"processruns/{run}/steps/{home.step(run, 'settle')}"

    plans = {who: home.ask("GET", f"{path}/restartplan", who=who).status_code for who in home.users}
    refused = {who: home.ask("POST", f"{path}/restartfromhere", who=who).status_code for who in ("reader", "stranger")}

    assert plans == {"owner": 200, "editor": 200, "mate": 200, "reader": 200, "stranger": 404, "admin": 200}
    assert refused == {"reader": 403, "stranger": 404}
    assert home.ask("POST", f"{path}/restartfromhere", who="mate").status_code == 200


def test_who_may_publish(home: House) -> None:
    path = f"processes/{home.process}/definition"

    answers = {who: home.ask("PUT", path, who=who, content=PROCESS).status_code for who in home.users}

    assert answers == {"owner": 200, "editor": 200, "mate": 403, "reader": 403, "stranger": 404, "admin": 200}


def test_who_may_create_a_process(home: House) -> None:
    text = PROCESS.replace("Month end", "Year end")

    refused = home.ask("POST", "processes", who="mate", content=text)
    created = home.post("processes", who="stranger", content=text)

    assert refused.status_code == 403
    assert "Designer" in refused.json()["message"]
    assert home.ask("GET", f"processes/{created['id']}", who="owner").status_code == 404


@pytest.mark.parametrize("path", ["processes", "processruns"])
def test_lists_show_what_the_caller_may_see(home: House, path: str) -> None:
    home.new_run()

    shown = {who: len(home.get(path, who=who)) for who in home.users}

    assert shown == {"owner": 1, "editor": 1, "mate": 1, "reader": 1, "stranger": 0, "admin": 1}


@pytest.mark.parametrize("body", [{"name": "Sum"}, {"informationFlowType": "NONE"}])
def test_more_than_the_value_of_an_input_takes_an_editor(home: House, body: dict[str, str]) -> None:
    path = put(fill_in(home), "steps/{s}/properties/{q}")

    refused = home.ask("POST", path, who="mate", json=body)

    assert (refused.status_code, "editor" in refused.json()["message"]) == (403, True)
    assert home.ask("POST", path, who="editor", json=body).status_code == 200


def test_a_template_file_takes_an_editor(home: House) -> None:
    step = home.get(f"processes/{home.process}/steps")[0]["id"]
    file = home.get(f"steps/{step}/properties")[2]["file"]

    assert home.ask("POST", f"files/{file}", who="mate", files=FILE).status_code == 403
    assert home.ask("POST", f"files/{file}", who="editor", files=FILE).status_code == 200
    assert home.ask("GET", put(fill_in(home), "files/{f}")).content == b"x"
