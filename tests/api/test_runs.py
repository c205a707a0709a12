"""Runs through the API: created whole, started once, cancelled, waited for, restarted, listed and remembered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from procession.model.errors import Unavailable
from procession.model.ids import RunId, TableId, parse_step
from procession.operations import runs
from procession.store import history, step_tables
from procession.store import runs as run_store
from procession.store.database import Transaction
from procession.store.step_tables import TableRead
from tests.api.house import ADDRESS, PROCESS, House
from tests.support import PATIENCE_SECONDS, wait_until


def test_a_run_is_created_filled_and_started_at_once(home: House) -> None:
    body = {"namePrefix": "May", "inputs": {"parameters.amount": 7, "parameters.limit": "2.5"}, "start": True}
    run = home.post("processes/p-1/processruns", json=body)

    properties = home.get(f"steps/{home.step(run['id'], 'parameters')}/properties")
    assert run["name"] == "May : run #1"
    assert [item.get("value") for item in properties[:2]] == [7, 2.5]
    assert home.get(f"processruns/{run['id']}/runstatus")["status"] == "Scheduled"
    wait_until(lambda: home.told == [RunId(1)])


def test_starting_twice_is_starting_once(home: House) -> None:
    run = home.new_run(start=True)
    first = home.get(f"processruns/{run}/runstatus")

    assert home.post(f"processruns/{run}/start") == first


def test_who_acts_on_a_run_as_it_was_a_moment_ago_is_told_to_try_again(home: House) -> None:
    run, owner = RunId.parse(home.new_run()), home.users["owner"].id
    with home.database.read() as tx:
        before = runs.find(tx, run)
    home.post(f"processruns/{run}/start")

    with pytest.raises(Unavailable, match=r"changed at this moment, so nothing was saved; try again"):
        home.database.write(
            lambda tx: run_store.start(tx, before, owner, inputs_sha256="", author="owner", now=home.clock.now())
        )


def test_cancel_before_the_start_and_after_the_end_changes_nothing(home: House) -> None:
    run = home.new_run()
    assert home.post(f"processruns/{run}/cancel")["status"] == "NotStarted"
    home.post(f"processruns/{run}/start")
    home.take(run)
    home.finish(run)

    assert home.post(f"processruns/{run}/cancel")["status"] == "Finished"


def test_a_running_run_is_cancelled_with_its_steps_and_a_log_line(home: House) -> None:
    run = home.new_run(start=True)
    home.take(run)
    home.clock.advance(48.9)

    answer = home.post(f"processruns/{run}/cancel", json={"reason": "wrong month"})

    step = home.get(f"processruns/{run}/steps/{home.step(run, 'parameters')}/runstatus")
    with home.database.read() as tx:
        [(login, message)] = tx.all("SELECT user_login, message FROM log")
    assert (answer["status"], answer["runDurationInSec"]) == ("Cancelled", 48)
    assert (step["status"], step["dateFinished"], step["runDurationInSeconds"]) == ("Cancelled", None, None)
    assert login == "owner"
    assert message == (
        'Process run "Month end : run #1" has completed in 48 s with status "Cancelled" at 11/30/2026 09:00:48'
        ' for User "owner"'
    )


def test_what_is_running_shows_the_seconds_so_far(home: House) -> None:
    run = home.new_run(start=True)
    home.take(run)
    home.clock.advance(2.9)

    step = home.get(f"processruns/{run}/steps/{home.step(run, 'parameters')}/runstatus")

    assert home.get(f"processruns/{run}/runstatus")["runDurationInSeconds"] == 2
    assert (step["runDurationInSeconds"], step["completionMessage"]) == (2, "step is currently running")


def test_a_long_poll_ends_with_the_news(home: House) -> None:
    run = home.new_run()
    revision = home.get(f"processruns/{run}/runstatus")["revision"]

    async def wait_and_start() -> Any:
        polling = asyncio.create_task(home.ask_async("GET", f"processruns/{run}/runstatus?since={revision}&wait=60"))
        await home.ask_async("POST", f"processruns/{run}/start")
        return (await asyncio.wait_for(polling, PATIENCE_SECONDS)).json()

    news = asyncio.run(wait_and_start())

    assert (news["status"], news["revision"] > revision) == ("Scheduled", True)


def test_a_long_poll_without_news_answers_what_is(home: House) -> None:
    run = home.new_run()

    assert home.get(f"processruns/{run}/runstatus?since=99&wait=0")["status"] == "NotStarted"
    assert home.get(f"processruns/{run}/runstatus?since=99&wait=1")["status"] == "NotStarted"


def test_a_plan_lists_the_tables_that_steps_have_read_and_whether_they_have_changed(home: House) -> None:
    home.post("tables", json={"name": "Ledger"})
    home.post("tables/mt-1/columns", json={"name": "amount", "dataType": "Number"})
    run = home.new_run(start=True)
    home.take(run)
    home.finish(run)
    settle = home.step(run, "settle")
    version = home.get("tables/mt-1")["version"]

    def read(tx: Transaction) -> None:
        attempt = history.attempts_of_step(tx, parse_step(settle))
        step_tables.add_reads(tx, attempt[0].id, [TableRead("table:Ledger", TableId(1), version)])

    home.database.write(read)
    plans = [home.get(f"processruns/{run}/steps/{settle}/restartplan")]
    home.post("tables/mt-1/rows", json={"rows": [{"amount": 1}]})
    plans.append(home.get(f"processruns/{run}/steps/{settle}/restartplan"))

    before = {"step": settle, "table": "mt-1", "name": "Ledger", "version": version}
    assert [plan["tablesRead"] for plan in plans] == [
        [{**before, "presentVersion": version, "isChanged": False}],
        [{**before, "presentVersion": version + 1, "isChanged": True}],
    ]
    assert plans[1]["tablesTakenBack"] == []


def test_a_restart_resets_what_follows_and_is_remembered(home: House) -> None:
    run = home.new_run(start=True)
    home.take(run)
    home.finish(run)
    settle, pay = home.step(run, "settle"), home.step(run, "pay")

    plan = home.get(f"processruns/{run}/steps/{settle}/restartplan")
    home.post(f"processruns/{run}/steps/{settle}/restartfromhere", json={"reason": "late data"}, who="mate")

    history = home.get(f"processruns/{run}/history")
    states = [row["runStatus"]["status"] for row in home.get(f"processruns/{run}/steps?include=all")]
    assert [item["id"] for item in plan["runsAgain"]] == [settle, pay]
    assert states == ["Success", "NotStarted", "NotStarted"]
    first, second = history["attempts"]
    assert (second["attempt"], second["startedBy"], second["reason"]) == (2, "mate", "late data")
    assert (second["fromStep"], second["reset"]) == (settle, [settle, pay])
    assert [item["status"] for item in first["stepAttempts"]] == ["Success"] * 3
    assert {item["reference"]: item["value"] for item in first["writes"]} == {
        "parameters.amount": "10",
        "parameters.limit": "1.50",
    }


def test_a_step_declared_once_needs_a_release_by_name(home: House) -> None:
    text = PROCESS.replace("key: pay, ", "key: pay, effect: once, ")
    home.ask("PUT", "processes/p-1/definition", content=text)
    run = home.new_run(start=True)
    home.take(run)
    home.finish(run)
    path = f"processruns/{run}/steps/{home.step(run, 'settle')}/restartfromhere"

    refused = home.ask("POST", path)
    released = home.ask("POST", path, json={"release": ["pay"]})

    assert (refused.status_code, "release it by name" in refused.json()["message"]) == (400, True)
    assert released.status_code == 200


@pytest.mark.parametrize("app", ["close", "%E2%82%AC", "a%3E;b", "a%20b", "a%3Fb%23"])
def test_the_link_leads_to_the_next_page_whatever_stands_before_our_path(home: House, app: str) -> None:
    """The SDK writes `env` there; a character beyond Latin-1 was an error of ours, and `>` ended the address."""
    first, second = home.new_run(), home.new_run()
    headers = {"authorization": "Bearer owner"}
    url = f"/{app}.solvexia.com/api/v1/processruns?limit=1"

    answer = asyncio.run(home.request_async("GET", url, headers=headers))
    address = answer.headers["link"].partition(ADDRESS)[2].partition(">")[0]
    following = asyncio.run(home.request_async("GET", address, headers=headers))

    assert [row["id"] for row in (*answer.json(), *following.json())] == [second, first]


@pytest.mark.parametrize("cursor", ["AAAA", "%21", "cHIt", "cC0x"])
def test_a_cursor_that_nobody_gave_is_refused(home: House, cursor: str) -> None:
    answer = home.ask("GET", f"processruns?cursor={cursor}")

    assert answer.status_code == 400 and "the cursor is not one" in answer.json()["message"]


def test_pages_follow_the_link_without_gap_or_repetition(home: House) -> None:
    made = [home.new_run() for _ in range(5)]
    seen: list[str] = []
    path = "processruns?limit=2&name=month"
    while path:
        answer = home.ask("GET", path)
        seen += [item["id"] for item in answer.json()]
        path = answer.headers.get("link", "").partition("/api/v1/")[2].partition(">")[0]

    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("status=scheduled", 1),
        ("process=p-1", 2),
        ("startedBy=owner", 1),
        ("startedBy=u-2", 0),
        ("startedBy=nobody", 0),
        ("outcome=Failed", 0),
    ],
)
def test_runs_are_filtered(home: House, query: str, count: int) -> None:
    home.new_run()
    home.new_run(start=True)

    assert len(home.get(f"processruns?{query}")) == count


REQUIRED = PROCESS.replace(
    "key: orders, type: File, flow: INPUT", "key: orders, type: File, flow: INPUT, required: true"
)


def test_a_start_without_its_inputs_is_refused_with_all_of_them_and_nothing_is_queued(home: House) -> None:
    text = REQUIRED.replace(", value: 10", "")
    home.ask("PUT", "processes/p-1/definition", content=text)
    run = home.new_run()

    answer = home.ask("POST", f"processruns/{run}/start")

    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "the run cannot start: Parameters > Amount needs a value (parameters.amount); "
        "Parameters > Orders needs a file (parameters.orders)",
    )
    assert home.get(f"processruns/{run}/runstatus")["status"] == "NotStarted"
    assert home.told == []


def test_a_run_that_was_to_be_started_at_once_is_not_even_made_without_its_inputs(home: House) -> None:
    home.ask("PUT", "processes/p-1/definition", content=REQUIRED)

    answer = home.ask("POST", "processes/p-1/processruns", json={"start": True})

    assert (answer.status_code, "Parameters > Orders needs a file" in answer.json()["message"]) == (400, True)
    assert home.get("processruns") == []


def failed_run(home: House) -> tuple[str, str]:
    """Over, with one step that a restart may name."""
    run = home.new_run(start=True)
    home.take(run)
    home.finish(run)
    return run, f"processruns/{run}/steps/{home.step(run, 'pay')}"


def test_the_plan_says_that_a_newer_version_exists_and_what_differs(home: House) -> None:
    _, path = failed_run(home)
    assert (home.get(f"{path}/restartplan")["version"], home.get(f"{path}/restartplan")["newerVersion"]) == (1, None)
    text = PROCESS.replace("key: pay, with: {seconds: 1}", "key: pay, with: {seconds: 2}")
    home.ask("PUT", "processes/p-1/definition", content=text)
    assert home.get(f"{path}/restartplan")["newerVersion"] == {
        "version": 2,
        "changes": ['step 2.2 "Pay": its settings'],
        "obstacles": [],
    }

    home.ask("PUT", "processes/p-1/definition", content=text.replace("value: 10", "value: 11"))

    newer = home.get(f"{path}/restartplan")["newerVersion"]
    assert (newer["version"], newer["obstacles"]) == (3, ['step 1.1 "Parameters": property "amount" (value)'])


def test_a_restart_takes_the_latest_version_when_it_is_asked_to_and_the_history_tells(home: House) -> None:
    run, path = failed_run(home)
    text = PROCESS.replace("key: pay, with: {seconds: 1}", "key: pay, with: {seconds: 2}")
    home.ask("PUT", "processes/p-1/definition", content=text)

    answer = home.post(f"{path}/restartfromhere", json={"version": "latest"}, who="mate")

    assert answer["status"] == "Running"
    attempts = home.get(f"processruns/{run}/history")["attempts"]
    assert [attempt["version"] for attempt in attempts] == [1, 2]
    wait_until(lambda: home.told == [RunId(1), RunId(1)])


def test_a_latest_version_that_differs_before_the_step_is_refused_and_nothing_changes(home: House) -> None:
    run, path = failed_run(home)
    home.ask("PUT", "processes/p-1/definition", content=PROCESS.replace("value: 10", "value: 11"))
    before = home.get(f"processruns/{run}/history")

    answer = home.ask("POST", f"{path}/restartfromhere", json={"version": "latest"})

    assert answer.status_code == 400
    assert 'from step 2.2 "Pay": step 1.1 "Parameters": property "amount" (value). Restart' in answer.json()["message"]
    assert home.get(f"processruns/{run}/history") == before


@pytest.mark.parametrize("version", [2, "newest", "", True, ["latest"]])
def test_a_version_is_latest_or_nothing(home: House, version: object) -> None:
    _, path = failed_run(home)

    answer = home.ask("POST", f"{path}/restartfromhere", json={"version": version})

    assert (answer.status_code, 'version must be "latest"' in answer.json()["message"]) == (400, True)


def test_what_a_run_had_before_it_took_the_latest_version_can_still_be_read(home: House) -> None:
    run, _ = failed_run(home)
    gone, settle = home.step(run, "pay"), home.step(run, "settle")
    without = PROCESS[: PROCESS.index("      - {action: wait, name: Pay")]
    home.ask("PUT", "processes/p-1/definition", content=without)
    home.post(f"processruns/{run}/steps/{settle}/restartfromhere", json={"version": "latest"})

    assert gone not in [row["id"] for row in home.get(f"processruns/{run}/steps?include=all")]
    assert home.ask("GET", f"processruns/{run}/steps/{gone}/log").status_code == 200
    assert home.ask("GET", f"processruns/{run}/steps/{gone}/log", who="stranger").status_code == 404
