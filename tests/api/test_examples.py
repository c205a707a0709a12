"""Every example of the public documentation, replayed through the real application: same fields, types and formats.

The request is the documented one, its ids exchanged for those of things that are in the documented state.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from procession.model.ids import ApplicationId
from procession.operations import consents
from procession.store import consents as consent_store
from procession.store import history
from procession.store.database import Transaction
from tests.api.golden import EXAMPLES, differences, example
from tests.api.house import House

FILE = {"file": ("uploadfile.xlsx", b"a;b\n", "text/csv")}
SENDS_A_FILE = {"Upload a file", "Upload chunk"}
ID = re.compile(r"\b(dsprop|pr|ds|as|mt|ug|p|f|u)-\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The example's address leaves the column out; its title and its path name it.
ADDRESSES = {"Update a column": "/api/v1/tables/mt-8239/columns/col4"}
# What an update normalises is not echoed as it was written.
NOT_ECHOED = {"Update a column": {"dataType"}}


def prepare(home: House, title: str) -> dict[str, str]:
    """Things in the state that the example was taken in: an id for each prefix."""
    run = home.new_run(start="ancel" in title or "status" in title or "estart" in title)
    if "status" in title or "estart" in title:
        home.take(run)
        home.clock.advance(2.5)
    if "estart" in title:
        home.finish(run)
    data = home.step(run, "parameters")
    properties = home.get(f"steps/{data}/properties")
    file = properties[2]["file"]
    home.database.write(lambda tx: history.add_log(tx, "owner", 'Process run "a" has completed', home.clock.now()))
    table = table_of(home, title)
    user, group = str(home.users["mate"].id), home.get("usergroups")[0]["id"]
    for holder in (f"users/{user}", f"usergroups/{group}"):
        home.post(f"{holder}/permissions", who="admin", json={"resourceId": table, "role": "reader"})
    session = ""
    if title in {"Upload chunk", "Commit upload session"}:
        session = home.post(f"files/{file}/uploadsessions", who="admin")["uploadSessionId"]
    if title == "Commit upload session":
        home.post(f"files/{file}/uploadsessions/{session}/chunks/1", who="admin", files=FILE)
    return {
        "p": home.process, "pr": run, "ds": data, "as": home.step(run, "settle"), "dsprop": properties[0]["id"],
        "f": file, "mt": table, "u": user, "ug": group, "": session,
    }  # fmt: skip


def table_of(home: House, title: str) -> str:
    table = str(home.post("tables", json={"name": "Rates"})["id"])
    kinds = {"Get columns of a table": ("colfixed", "colcreate"), "Update a column": ("col4",)}
    for name in kinds.get(title, ()):
        home.post(f"tables/{table}/columns", json={"name": name, "dataType": "FixedLengthText", "fieldLength": 252})
    return table


def exchanged(text: str, ids: dict[str, str]) -> str:
    return ID.sub(lambda found: ids[found[1] or ""], text)


@pytest.mark.parametrize("title", [item["title"] for item in EXAMPLES if item["path"] != "/oauth/token"])
def test_the_example_is_answered_as_documented(home: House, title: str) -> None:
    documented = example(title)
    ids = prepare(home, title)
    path = exchanged(ADDRESSES.get(title, documented["example_path"]), ids)
    body: dict[str, Any] = {"files": FILE} if title in SENDS_A_FILE else {}
    sent = documented["request"]
    if sent is not None:
        sent = {key: exchanged(value, ids) if isinstance(value, str) else value for key, value in sent.items()}
        body = {"json": sent}

    answer = home.ask(documented["method"], f"../..{path}", who="admin", **body)

    assert answer.status_code == 200, answer.text
    ours = answer.json()
    if title == "Get data step properties":  # the example shows a Number; other types have other fields
        ours = [item for item in ours if item["dataType"] == "Number"]
    assert differences(title, documented["response"], ours) == []
    for key in (sent or {}).keys() & (ours if isinstance(ours, dict) else {}).keys() - NOT_ECHOED.get(title, set()):
        assert ours[key] == sent[key]
    if isinstance(documented["response"], dict) and "status" in documented["response"]:
        wanted = {"Get process run status": "Running", "Get a run status of a step in a process run": "NotStarted"}
        assert ours["status"] == wanted.get(title, documented["response"]["status"])


@pytest.mark.parametrize("title", [item["title"] for item in EXAMPLES if item["path"] == "/oauth/token"])
def test_tokens_are_answered_as_documented(home: House, title: str) -> None:
    made = home.post("applications", json={"name": "web", "redirectUris": ["https://app.example/cb"]})
    documented = example(title)
    known = {"client_id": made["clientId"], "client_secret": made["clientSecret"]}
    if "refresh_token" in documented["request"]:
        known["refresh_token"] = refresh_token(home, made["id"])

    answer = home.ask(
        "POST", "../../oauth/token", headers={"authorization": ""}, json={**documented["request"], **known}
    )

    assert answer.status_code == 200, answer.text
    assert differences(title, documented["response"], answer.json()) == []


def refresh_token(home: House, application: str) -> str:
    """One that came of the owner's consent."""
    scopes, user = frozenset({"process_read"}), home.users["owner"].id

    def operation(tx: Transaction) -> str:
        now = home.clock.now()
        consent = consent_store.add(tx, ApplicationId.parse(application), user, scopes, now)
        return consents.issue_refresh_token(tx, consent, scopes, now)

    return home.database.write(operation)


def test_there_are_forty_eight() -> None:
    assert len(EXAMPLES) == 48
    assert len({item["title"] for item in EXAMPLES}) == 48


def test_a_restart_is_answered_as_the_seed_shows(home: House) -> None:
    ids = prepare(home, "Restart a step")

    got = home.post(f"processruns/{ids['pr']}/steps/{ids['as']}/restartfromhere")

    assert (got["status"], got["completionMessage"]) == ("Running", "step is currently running")
    assert home.get(f"processruns/{ids['pr']}/runstatus")["status"] == "Scheduled"
