"""The list of runs through the API: why each is as it is, found by text, counted, and seen."""

from __future__ import annotations

from typing import Any

import pytest

from procession.model.lifecycle import Outcome
from procession.operations import run_lists
from procession.store import run_lists as store
from procession.store.database import Transaction
from tests.api.house import House
from tests.web.lists_site import NO_COLUMN, ended, new, timed_out


def ids(home: House, query: str, *, who: str = "owner") -> list[str]:
    return [item["id"] for item in home.get(f"processruns?{query}", who=who)]


def test_a_row_says_of_which_process_by_whom_how_long_and_why(home: House) -> None:
    run = ended(home, "May")

    row = home.get("processruns")[0]
    assert (row["id"], row["processName"], row["startedBy"]) == (run, "Month end", "owner")
    assert row["runDurationInSeconds"] == 60
    assert row["needsPerson"] is True
    assert row["firstProblem"] == {"step": home.step(run, "pay"), "name": "Pay", "message": NO_COLUMN}


def test_what_has_not_begun_has_no_starter_and_no_problem(home: House) -> None:
    new(home, start=False)

    row = home.get("processruns")[0]
    assert (row["startedBy"], row["firstProblem"], row["runDurationInSeconds"]) == (None, None, None)


def test_a_cancelled_run_says_why_and_needs_nobody(home: House) -> None:
    run = new(home)
    home.post(f"processruns/{run}/cancel", json={"reason": "wrong period"})

    row = home.get("processruns")[0]
    assert row["firstProblem"] == {"step": None, "name": None, "message": "wrong period"}
    assert row["needsPerson"] is False


def test_a_text_finds_the_name_the_process_the_message_and_the_id(home: House) -> None:
    first, second = ended(home, "Account 1200"), ended(home, "Umsatz Österreich", outcome=Outcome.SUCCESS)

    assert ids(home, "text=ACCOUNT") == [first]
    assert ids(home, "text=no column") == [first]
    assert ids(home, "text=month END") == [second, first]
    assert ids(home, f"text={first.upper()}") == [first]
    assert ids(home, "text=ÖSTERREICH") == [second]
    assert ids(home, "text=nothing like it") == []


def test_a_text_is_looked_for_page_by_page_and_nothing_is_left_out(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by a dotted path: the bound is a number of the store, and twenty thousand runs take long to make."""
    monkeypatch.setattr(store, "SEARCHED_MAX", 2)
    wanted = ended(home, "Account 1200")
    for _ in range(4):
        new(home, "Other", start=False)

    found: list[str] = []
    address = "processruns?text=1200"
    for _ in range(5):
        answer = home.ask("GET", address)
        found += [item["id"] for item in answer.json()]
        if "link" not in answer.headers:
            break
        address = answer.headers["link"].partition("/api/v1/")[2].partition(">")[0]

    assert found == [wanted]
    assert "link" not in answer.headers


def test_runs_are_counted_by_status_for_whoever_may_see_them(home: House) -> None:
    ended(home, "a")
    ended(home, "b", outcome=Outcome.WARNING)
    timed_out(home)
    new(home, start=False)

    found = {(row["status"], row["outcome"]): row["count"] for row in home.get("processruns/counts")}
    expected = {("Finished", "Failed"): 1, ("Finished", "Warning"): 1, ("TimedOut", None): 1, ("NotStarted", None): 1}
    assert found == expected
    assert home.get("processruns/counts", who="reader") == home.get("processruns/counts")
    assert home.get("processruns/counts", who="stranger") == []
    assert [row["count"] for row in home.get("processruns/counts?text=a : run")] == [1]


def test_more_than_a_hundred_are_not_counted(home: House) -> None:
    def operation(tx: Transaction) -> None:
        tx.run(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 130) INSERT INTO run (process_id,"
            " version, name, description, alert_email, alert_sms, created_at, modified_at, modified_by)"
            " SELECT 1, 1, 'x', '', '', '', 0, 0, 'owner' FROM n"
        )

    home.database.write(operation)

    only = [{"status": "NotStarted", "outcome": None, "count": run_lists.COUNTED_MAX, "isMore": True}]
    assert home.get("processruns/counts") == only
    # Also where no index answers.
    assert home.get("processruns/counts?text=x") == only


def test_a_seen_run_needs_nobody_and_its_history_says_who_looked(home: House) -> None:
    run = ended(home)

    answer = home.post(f"processruns/{run}/seen", who="mate")

    assert (answer["status"], answer["outcome"]) == ("Finished", "Failed")
    assert home.get("processruns?needsPerson=true") == []
    last = home.get(f"processruns/{run}/history")["events"][-1]
    assert (last["kind"], last["user"], last["revision"]) == ("seen", "mate", answer["revision"])
    # A second look is no event.
    assert home.post(f"processruns/{run}/seen")["revision"] == answer["revision"]


def test_who_may_not_run_a_process_cannot_see_it_away(home: House) -> None:
    run = ended(home)

    assert home.ask("POST", f"processruns/{run}/seen", who="reader").status_code == 403
    assert home.ask("POST", f"processruns/{run}/seen", who="stranger").status_code == 404
    assert ids(home, "needsPerson=true") == [run]


def test_a_run_that_has_not_ended_cannot_be_seen(home: House) -> None:
    run = new(home)

    answer = home.ask("POST", f"processruns/{run}/seen")
    assert answer.status_code == 400
    assert "there is no result yet" in answer.json()["message"]


def test_a_restart_makes_it_unseen_once_it_fails_again(home: House) -> None:
    run = ended(home)
    home.post(f"processruns/{run}/seen")
    home.post(f"processruns/{run}/steps/{home.step(run, 'pay')}/restartfromhere", json={"reason": "again"})
    assert home.get("processruns")[0]["firstProblem"] is None

    home.post(f"processruns/{run}/cancel")
    assert ids(home, "needsPerson=true") == []


@pytest.mark.parametrize(
    ("first", "then", "is_solved"),
    [
        # Another account's success says nothing of this one's failure.
        ({"name": "Account 1200", "amount": 1}, {"name": "Account 1210", "amount": 2}, False),
        ({"amount": 1}, {"amount": 2}, False),
        ({"name": "Account 1200", "amount": 1}, {"name": "Account 1200", "amount": 2}, True),
        ({"name": "Account 1200", "amount": 1}, {"name": "Second try", "amount": 1}, True),
        ({"amount": 1}, {"amount": 1}, True),
        ({"name": "Account 12"}, {"name": "Account 1", "amount": 3}, False),
    ],
)
def test_a_later_success_of_the_same_makes_good_what_failed(
    home: House, first: dict[str, Any], then: dict[str, Any], is_solved: bool
) -> None:
    failed = ended(home, **first)
    ended(home, **then, outcome=Outcome.SUCCESS)

    assert ids(home, "needsPerson=true") == ([] if is_solved else [failed])


def test_a_later_failure_makes_nothing_good(home: House) -> None:
    first, second = ended(home, "May"), ended(home, "May")

    assert ids(home, "needsPerson=true") == [second, first]


def test_an_earlier_success_makes_nothing_good(home: House) -> None:
    ended(home, "May", outcome=Outcome.SUCCESS)
    failed = ended(home, "May")

    assert ids(home, "needsPerson=true") == [failed]
