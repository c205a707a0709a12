"""The log that users read, over HTTP."""

from __future__ import annotations

import re
from datetime import timedelta

from procession.store import history
from tests.api.golden import differences, example
from tests.api.house import House


def note(home: House, login: str, message: str) -> None:
    home.database.write(lambda tx: history.add_log(tx, login, message, home.clock.now()))


def test_it_is_answered_as_documented(home: House) -> None:
    note(home, "owner", "Process run done")

    (item,) = home.get("logs")

    assert differences("Get list of logs", example("Get list of logs")["response"], [item]) == []
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00", item["timeStamp"])


def test_the_time_is_the_reader_s(home: House) -> None:
    home.post(
        f"users/{home.users['owner'].id}",
        who="admin",
        json={"timezone": "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi"},
    )
    note(home, "owner", "Process run done")

    assert home.get("logs")[0]["timeStamp"].endswith("+05:30")


def test_everybody_reads_their_own_and_administrators_all(home: House) -> None:
    note(home, "owner", "one")
    note(home, "reader", "two")

    assert [item["message"] for item in home.get("logs")] == ["one"]
    assert [item["message"] for item in home.get("logs", who="admin")] == ["two", "one"]
    assert home.get("logs", who="stranger") == []


def test_without_bounds_the_latest_fifty(home: House) -> None:
    for number in range(52):
        note(home, "owner", str(number))
        home.clock.advance(60)

    answer = home.ask("GET", "logs")
    assert [item["message"] for item in answer.json()] == [str(number) for number in range(51, 1, -1)]
    rest = home.ask("GET", answer.headers["link"].split(">")[0].removeprefix("<http://house.example/api/v1/"))
    assert [item["message"] for item in rest.json()] == ["1", "0"]
    assert "link" not in rest.headers
    start = (home.clock.now() - timedelta(days=1)).isoformat()
    assert len(home.ask("GET", "logs", params={"startDate": start}).json()) == 52


def test_bounds_are_strict(home: House) -> None:
    at = home.clock.now()
    for number in range(3):
        note(home, "owner", str(number))
        home.clock.advance(60)

    bounds = {"startDate": at.isoformat(), "endDate": (at + timedelta(minutes=2)).isoformat()}
    assert [item["message"] for item in home.ask("GET", "logs", params=bounds).json()] == ["1"]
    refused = home.ask("GET", "logs", params={"startDate": "yesterday"})
    assert refused.status_code == 400
    assert 'startDate is "yesterday", not a date' in refused.json()["message"]
