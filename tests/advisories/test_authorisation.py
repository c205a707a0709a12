"""Missing checks, foreign ids, fields that nobody may set: what workflow servers were attacked by."""

from __future__ import annotations

import asyncio
import json

import pytest

from procession.api.routes import ROUTES
from procession.door.contract import Space
from procession.model.people import UTC_NAME
from procession.model.rights import PUBLIC
from tests.api.house import House

CLOSED = [route for route in ROUTES if route.rule is not PUBLIC]
SUFFIXES = (
    "/health",
    "health",
    "/ready",
    "/configs",
    "/openapi.json",
    ";/health",
    "%2fhealth",
    "?/health",
    "/../health",
)
# By these, another program in front of a server tells it who asks, or what.
INNER_HEADERS = {
    "x-middleware-subrequest": "middleware:middleware:middleware:middleware:middleware",
    "x-original-url": "/health",
    "x-rewrite-url": "/health",
    "x-forwarded-user": "admin",
    "x-remote-user": "admin",
    "remote-user": "admin",
    "x-http-method-override": "GET",
    "x-forwarded-for": "127.0.0.1",
    "forwarded": "for=127.0.0.1;host=localhost",
}
# What a body must not decide, by every name that it might have.
SERVER_CONTROLLED = {
    **dict.fromkeys(("id", "Id", "processId", "runId", "resource"), "p-99"),
    **dict.fromkeys(("user", "userId", "owner", "ownerId", "createdBy", "startedBy", "login", "loginName"), "admin"),
    **dict.fromkeys(("clientId", "client_id", "clientSecret", "client_secret", "secretHash", "passwordHash"), "mine"),
    **dict.fromkeys(
        ("status", "outcome", "attempt", "epoch", "version", "dateCreated", "lastSignInDate"), "2020-01-01"
    ),
    **dict.fromkeys(("isAdmin", "is_admin", "isPublished", "workspaceId", "setPasswordLink"), True),
}


def paths() -> list[tuple[str, str]]:
    filled = {"process": "p-1", "run": "pr-1", "file": "f-1", "user": "u-1", "group": "ug-1", "table": "t-1"}
    found = []
    for route in CLOSED:
        path = route.pattern
        for part in path.split("/"):
            if part.startswith("{"):
                path = path.replace(part, filled.get(part[1:-1], "1"))
        found.append((route.method, f"/api/v1/{path}" if route.space is Space.API else f"/{path}"))
    return found


Asked = list[tuple[str, str, dict[str, str]]]


async def _statuses(home: House, requests: Asked) -> dict[str, int]:
    answers = {}
    for method, url, headers in requests:
        answer = await home.request_async(method, url, headers=headers)
        answers[f"{method} {url}"] = answer.status_code
    return answers


def test_no_end_of_a_path_opens_it_without_a_token(home: House) -> None:
    asked: Asked = [(method, path + suffix, {}) for method, path in paths() for suffix in SUFFIXES]

    answers = asyncio.run(_statuses(home, asked))

    opened = {request for request, status in answers.items() if status not in {400, 401, 404, 405}}
    assert opened == set()


def test_no_header_of_another_program_opens_a_path_without_a_token(home: House) -> None:
    asked = [(method, path, INNER_HEADERS) for method, path in paths()]

    assert set(asyncio.run(_statuses(home, asked)).values()) == {401}


def test_no_header_turns_one_request_into_another(home: House) -> None:
    run = home.new_run()

    home.ask("GET", f"processruns/{run}", headers={"x-http-method-override": "DELETE", "x-rewrite-url": "/health"})

    assert home.get(f"processruns/{run}/runstatus")["status"] == "NotStarted"


@pytest.mark.parametrize("who", ["stranger", "reader"])
def test_who_may_only_read_starts_cancels_and_restarts_nothing(home: House, who: str) -> None:
    waiting, finished = home.new_run(), home.new_run(start=True)
    home.take(finished)
    home.finish(finished)
    step = home.step(finished, "settle")
    before = [home.get(f"processruns/{run}/runstatus") for run in (waiting, finished)]

    answers = [
        home.ask("POST", f"processruns/{waiting}/start", who=who),
        home.ask("POST", f"processruns/{waiting}/cancel", who=who),
        home.ask("POST", f"processruns/{finished}/steps/{step}/restartfromhere", who=who),
        home.ask("POST", "requests", who=who, json={"processRunId": waiting, "requestType": "start"}),
        home.ask("POST", "requests", who=who, json={"processRunId": waiting, "requestType": "cancel"}),
        home.ask("POST", f"processes/{home.process}/processruns", who=who, json={"start": True}),
    ]

    assert {answer.status_code for answer in answers} <= {400, 403, 404}
    assert [home.get(f"processruns/{run}/runstatus") for run in (waiting, finished)] == before


def test_lists_show_a_stranger_nothing_of_others(home: House) -> None:
    run = home.new_run(start=True)
    table = home.post("tables", json={"name": "Salaries"})["id"]
    home.ask("POST", "processes", content="process: [broken\n")

    lists = ["processes", "processruns", "tables", "logs", "users", "applications", "usergroups"]
    shown = {path: home.get(path, who="stranger") for path in lists}

    text = json.dumps(shown)
    assert not [word for word in (run, table, "Month end", "Salaries", "broken", "owner@", '"owner"') if word in text]
    assert [user["loginName"] for user in shown["users"]] == ["stranger"]


NEW_USER = {
    "email": "new@example.com",
    "firstName": "N",
    "lastName": "N",
    "userRole": "Subscriber",
    "timezone": UTC_NAME,
}
# What differs between two things of one kind because they are two.
OWN = {"id", "name", "email", "loginName", "setPasswordLink", "clientId", "clientSecret"}


@pytest.mark.parametrize("path", ["applications", "tables", "processes/p-1/processruns", "users", "usergroups"])
def test_a_new_thing_takes_nothing_from_the_body_that_the_server_decides(home: House, path: str) -> None:
    first, second = {**NEW_USER, "name": "One"}, {**NEW_USER, "name": "Two", "email": "other@example.com"}

    plain = home.post(path, who="admin", json=first)
    extra = home.post(path, who="admin", json={**SERVER_CONTROLLED, **second})

    assert {name for name in plain if plain[name] != extra[name]} <= OWN
    assert "mine" not in extra.values()


def test_an_application_acts_as_who_registers_it_whatever_the_body_says(home: House) -> None:
    made = home.post("applications", who="stranger", json={"name": "Mine", **SERVER_CONTROLLED})

    assert made["user"] == "stranger"
    assert "mine" not in (made["clientId"], made["clientSecret"])
    changed = home.post(f"applications/{made['id']}", who="stranger", json={"name": "Mine", **SERVER_CONTROLLED})
    assert {name: changed[name] for name in ("id", "user", "clientId")} == {
        name: made[name] for name in ("id", "user", "clientId")
    }


def test_a_run_is_of_who_started_it_whatever_the_body_says(home: House) -> None:
    run = home.post(f"processes/{home.process}/processruns", who="mate", json={**SERVER_CONTROLLED, "start": True})[
        "id"
    ]

    assert "admin" not in json.dumps(home.get(f"processruns/{run}/history"))
    assert home.get(f"processruns/{run}/runstatus")["status"] == "Scheduled"


@pytest.mark.parametrize("role", ["SvxAdmin", "SVXAdmin", "SvxAdministrator"])
def test_nobody_is_raised_above_who_changes_them(home: House, role: str) -> None:
    stranger = str(home.users["stranger"].id)

    answers = [
        home.ask("POST", f"users/{stranger}", who="admin", json={"userRole": role}),
        home.ask("POST", f"users/{stranger}", who="stranger", json={"userRole": "ClientAdmin"}),
        home.ask("POST", f"users/{stranger}", who="owner", json={"userRole": "ClientAdmin"}),
        home.ask("POST", f"users/{home.users['owner'].id}", who="owner", json={"userRole": "ClientAdmin"}),
    ]

    assert {answer.status_code for answer in answers} <= {400, 403, 404}
    assert home.get(f"users/{stranger}", who="admin")["userRole"] == home.users["stranger"].role


def test_a_file_property_leads_to_no_file_of_another_run(home: House) -> None:
    foreign, own = home.new_run(), home.new_run()
    step = home.step(foreign, "parameters")
    file = next(row["file"] for row in home.get(f"steps/{step}/properties") if row["name"] == "Orders")
    home.post(f"files/{file}", files={"file": ("salaries.csv", b"secret\n")})
    mine = home.step(own, "parameters")
    place = next(row for row in home.get(f"steps/{mine}/properties") if row["name"] == "Orders")

    for body in ({"value": file}, {"file": file}, {"value": "salaries.csv", "file": file}, {"sha256": "0" * 64}):
        home.ask("POST", f"steps/{mine}/properties/{place['id']}", who="mate", json=body)

    after = next(row for row in home.get(f"steps/{mine}/properties") if row["name"] == "Orders")
    assert after["file"] == place["file"] != file
    assert b"secret" not in home.ask("GET", f"files/{place['file']}", who="mate").content


def test_a_secret_is_told_once_and_to_nobody_else(home: House) -> None:
    made = home.post("applications", who="admin", json={"name": "Nightly"})
    link = home.post(f"users/{home.users['stranger'].id}/passwordlink", who="admin").get("setPasswordLink", "none")

    shown = [
        home.get(path, who="admin")
        for path in (
            "applications",
            f"applications/{made['id']}",
            "logs",
            "users",
            f"users/{home.users['stranger'].id}",
        )
    ]

    text = json.dumps(shown)
    assert made["clientSecret"] not in text and link not in text
    assert not [name for name in ("clientSecret", "ecretHash", "asswordHash", "setPasswordLink") if name in text]


@pytest.mark.parametrize("who", ["stranger", "reader", "owner"])
def test_only_an_administrator_is_given_a_link_that_sets_a_password(home: House, who: str) -> None:
    links = [home.ask("POST", f"users/{user.id}/passwordlink", who=who) for user in home.users.values()]

    assert {answer.status_code for answer in links} <= {403, 404}
    assert not any("link=" in answer.text for answer in links)
