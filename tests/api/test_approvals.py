"""What a step asks people, over HTTP: asked by those who may decide, and by everybody else."""

from __future__ import annotations

from typing import Any

import pytest

from procession.model.ids import RunId
from tests.api.house import House
from tests.approving import asked
from tests.support import wait_until


def path(home: House, run: str) -> str:
    return f"processruns/{run}/steps/{home.step(run, 'ok')}/approval"


def say(home: House, run: str, who: str, decision: str = "approved", **more: Any) -> Any:
    where = path(home, run)
    body = {"decision": decision, "signed": home.get(where)["signed"], **more}
    return home.ask("POST", where, who=who, json=body)


def test_it_says_what_is_asked_and_whether_the_caller_may_decide(home: House) -> None:
    run = asked(home, at_least=2)

    found = home.get(path(home, run), who="mate")

    assert (found["title"], found["isOpen"], found["needed"]) == ("Post the accruals?", True, 2)
    assert [(item["name"], item["text"]) for item in found["shown"]] == [("Amount", "10")]
    assert (found["mayDecide"], found["whyNot"]) == (True, "")
    assert home.get(path(home, run), who="editor")["whyNot"] == 'this is for "Controllers" to decide'


def test_a_reader_of_the_group_may_decide_and_it_is_kept_with_the_name(home: House) -> None:
    run = asked(home)
    home.told.clear()

    answer = say(home, run, "reader", comment="fits")

    assert answer.status_code == 200, answer.text
    assert (answer.json()["decision"], answer.json()["isOpen"]) == ("approved", False)
    (vote,) = answer.json()["votes"]
    assert (vote["user"], vote["comment"], vote["isVoid"]) == ("reader", "fits", False)
    wait_until(lambda: home.told == [RunId.parse(run)])
    events = home.get(f"processruns/{run}/history")["events"]
    assert [(row["user"], row["detail"]["decision"]) for row in events if row["kind"] == "approval"] == [
        ("reader", "approved")
    ]


@pytest.mark.parametrize(("who", "status"), [("editor", 403), ("admin", 403), ("stranger", 404)])
def test_whoever_is_not_named_or_sees_nothing_decides_nothing(home: House, who: str, status: int) -> None:
    """The stranger is in the group, and has no role on the process."""
    run = asked(home)

    assert say(home, run, who).status_code == status
    assert home.get(path(home, run))["isOpen"]


def test_the_starter_cannot_approve_though_named(home: House) -> None:
    run = asked(home, starter="owner")

    answer = say(home, run, "owner")

    assert (answer.status_code, "started or restarted" in answer.text) == (403, True)


def test_a_decision_needs_what_was_seen(home: House) -> None:
    run = asked(home)
    where = path(home, run)

    assert home.ask("POST", where, who="mate", json={"decision": "approved"}).status_code == 400
    stale = {"decision": "approved", "signed": "0" * 64}
    answer = home.ask("POST", where, who="mate", json=stale)

    assert (answer.status_code, "has changed" in answer.text) == (409, True)
    assert home.get(where)["isOpen"]


def test_a_second_decision_comes_too_late_and_the_same_again_is_heard(home: House) -> None:
    run = asked(home)
    assert say(home, run, "mate").status_code == 200

    assert say(home, run, "mate").status_code == 200
    answer = say(home, run, "reader", "rejected")

    assert (answer.status_code, "it was approved by mate" in answer.text) == (409, True)


def test_a_step_that_asks_nobody_has_no_approval(home: House) -> None:
    run = home.new_run(start=True)

    assert home.ask("GET", f"processruns/{run}/steps/{home.step(run, 'pay')}/approval").status_code == 404


def test_mail_goes_to_those_who_may_decide(home: House) -> None:
    asked(home, starter="owner")

    with home.database.read() as tx:
        rows = tx.all("SELECT target FROM outbox WHERE kind = 'approval' ORDER BY target")

    assert [target for (target,) in rows] == sorted(home.users[name].email for name in ("mate", "reader"))
