"""What clients get wrong: each the right status, and a message that a person understands."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.house import PROCESS, House


def refused(home: House, method: str, path: str, status: int, words: str, **more: Any) -> None:
    answer = home.ask(method, path, **more)
    body = answer.json()
    assert (answer.status_code, words in body["message"]) == (status, True), answer.text
    assert body["supportId"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("processruns/p-1", 'ids of a process run begin with "pr-"'),
        ("processruns/pr-999", "there is no process run pr-999"),
        ("processes/pr-1", 'begin with "p-"'),
        ("processes/p-99999999999999999999", "there is no process"),
        ("steps/x-1", 'begin with "ds-" or "as-"'),
        ("files/f-0", "there is no file f-0"),
        ("processruns/pr-1/steps/ds-1/runstatus", "there is no step ds-1 in process run pr-1"),
        ("processruns?process=x-1", "there is no process x-1"),
    ],
)
def test_an_id_of_nothing(home: House, path: str, words: str) -> None:
    home.new_run()

    refused(home, "GET", path, 404, words)


def test_an_action_step_is_no_data_step(home: House) -> None:
    step = home.step(home.new_run(), "settle")

    refused(home, "GET", f"steps/{step}", 400, "Supplied step id is not of type Data Step")
    refused(home, "GET", f"steps/{step}/properties", 400, "Supplied step id is not of type Data Step")


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("requests", b'{"request": "ProcessRun_StartRq"}', "processRunId is missing"),
        ("requests", b"{}", "request is missing, but it can only be ProcessRun_StartRq"),
        ("processes/{p}/processruns", b'{"namePrefix": 5}', "namePrefix is 5, not a text"),
        ("processes/{p}/processruns", b'{"namePrefix": true}', "namePrefix is true, not a text"),
        ("processes/{p}/processruns", b'{"inputs": {"a.b": 1, "a.b": 2}}', 'the body names "a.b" twice'),
        ("processes/{p}/processruns", b'{"start": true, "start": false}', 'the body names "start" twice'),
        ("tables", b"{}", "name is missing"),
        ("usergroups", b'{"name": null}', "name is missing"),
        ("users", b'{"email": "a@x.org", "firstName": "A", "lastName": "B", "userRole": "Designer", "timezone":'
         b' "(UTC+10:00) Canberra, Melbourne, Sydney", "password": "            "}', "cannot be all blanks"),
    ],
)  # fmt: skip
def test_a_body_is_refused_in_the_words_in_which_it_was_written(
    home: House, path: str, content: bytes, words: str
) -> None:
    refused(home, "POST", path.replace("{p}", home.process), 400, words, content=content, who="admin")


@pytest.mark.parametrize("host", ["a b", "evil.example/x?y", 'evil"<>', "[x]", "x.example:port"])
def test_a_host_that_is_none_is_refused(home: House, host: str) -> None:
    refused(home, "GET", "processes", 400, "the header Host does not name one host", headers={"host": host})


def test_a_message_names_the_whole_path(home: House) -> None:
    refused(home, "GET", "nothing", 404, "there is nothing at /api/v1/nothing;")
    refused(home, "PATCH", "processes", 405, "/api/v1/processes does not know PATCH")


def test_words_that_mean_nothing_are_refused_though_nobody_waits_for_them(home: House) -> None:
    run = home.new_run()
    step = home.step(run, "settle")

    refused(home, "GET", f"processruns/{run}/runstatus?since=-1", 400, "since is")
    refused(home, "GET", f"processruns/{run}/steps/{step}/log?follow=perhaps", 400, "follow is")
    nothings: list[Any] = [{}, "", 0, False]
    for wrong in nothings:
        refused(
            home,
            "POST",
            f"processruns/{run}/steps/{step}/restartfromhere",
            400,
            "release must be a list",
            json={"release": wrong},
        )


def test_malformed_json_changes_nothing(home: House) -> None:
    refused(home, "POST", "processes/p-1/processruns", 400, "not valid JSON", content=b"{")

    assert home.get("processruns") == []


def test_a_finished_run_cannot_be_started(home: House) -> None:
    run = home.new_run(start=True)
    home.take(run)
    home.finish(run)

    refused(home, "POST", f"processruns/{run}/start", 400, "already ran; restart a step or create a new run")


def test_a_run_under_way_cannot_be_restarted(home: House) -> None:
    run = home.new_run(start=True)
    step = home.step(run, "settle")

    refused(home, "POST", f"processruns/{run}/steps/{step}/restartfromhere", 400, "is Scheduled; cancel it or wait")
    home.take(run)
    refused(home, "POST", f"processruns/{run}/steps/{step}/restartfromhere", 400, "is Running; cancel it or wait")


def test_a_run_that_never_started_cannot_be_restarted(home: House) -> None:
    run = home.new_run()

    refused(home, "POST", f"processruns/{run}/steps/{home.step(run, 'pay')}/restartfromhere", 400, "never started")


def test_every_wrong_input_is_named_and_no_run_is_created(home: House) -> None:
    inputs = {"parameters.amuont": 1, "parameters.amount": "ten", "parameters.report": "x", "parameters.orders": "y"}
    answer = home.ask("POST", "processes/p-1/processruns", json={"inputs": inputs, "start": True})

    message = answer.json()["message"]
    assert answer.status_code == 400
    assert 'did you mean "parameters.amount"' in message
    assert 'property "Amount" must be a number' in message
    assert 'property "parameters.report" is not an INPUT' in message
    assert "upload its content" in message
    assert home.get("processruns") == []


def test_a_process_file_tells_all_its_mistakes_with_their_places(home: House) -> None:
    text = PROCESS.replace("type: Number", "type: Nmuber").replace("action: wait", "action: wiat")
    body = home.ask("POST", "processes", content=text).json()

    assert [(item["line"], "expected" in item or item["column"] > 1) for item in body["mistakes"]] == [
        (10, True),
        (16, True),
        (17, True),
    ]


def test_a_mistake_in_the_sql_of_a_step_is_told_with_its_place(home: House) -> None:
    sql = PROCESS + "      - {action: run_sql, name: Totals, with: {sql: SELCT 1}}\n"
    body = home.ask("POST", "processes", content=sql).json()

    [mistake] = body["mistakes"]
    assert 'Totals": the SQL of this step, line 1: syntax error at or near "SELCT"' in mistake["message"]


def test_a_file_of_another_process_is_refused(home: House) -> None:
    home.post("processes", content=PROCESS.replace("Month end", "Year end"))
    text = PROCESS.replace("Month end", "Year end").replace("Closes a month", "x")

    refused(home, "PUT", "processes/p-1/definition", 400, "which is another one", content=text)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("processruns?limit=501", "limit"),
        ("processruns?limit=0", "limit"),
        ("processruns?cursor=zzz!", "cursor"),
        ("processruns?status=Done", "NotStarted, Scheduled"),
        ("processruns?createdAfter=yesterday", "createdAfter"),
        ("processruns/pr-1/runstatus?wait=61", "wait"),
        ("processruns/pr-1/runstatus?wait=1&since=x", "since"),
        ("processruns/pr-1/steps?include=some", "include"),
    ],
)
def test_a_wrong_query_is_named(home: House, path: str, words: str) -> None:
    home.new_run()

    refused(home, "GET", path, 400, words)


def test_an_unknown_deprecated_request_is_refused(home: House) -> None:
    body = {"request": "ProcessRun_DeleteRq", "processRunId": home.new_run()}

    refused(home, "POST", "requests", 400, "ProcessRun_StartRq, ProcessRun_CancelRq", json=body)
