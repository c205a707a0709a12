"""What operations ask besides the rule of their route, where the matrix has no column for it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.api.house import PROCESS
from tests.rights.asking import Question
from tests.rights.world import ALL, World, token


def post(path: str, who: str, scopes: str, body: object = None) -> Question:
    raw = b"" if body is None else json.dumps(body).encode()
    return Question(method="POST", path=f"/api/v1/{path}", token=token(who, scopes), body=raw)


def get(path: str, who: str) -> Question:
    return Question(method="GET", path=f"/api/v1/{path}", token=token(who, "all"))


def test_a_member_sees_what_the_group_was_granted_and_others_what_they_own(everybody: World) -> None:
    """Everybody of the matrix who has a role by a group is a member of a group of their own."""
    person = everybody.people["subscriber.reader.group"]
    (group,) = (item["id"] for item in everybody.ask(get(f"users/{person.id}/usergroups", person.name)).json())

    seen = {
        who: sorted(item["role"] for item in everybody.ask(get(f"usergroups/{group}/permissions", who)).json())
        for who in (
            person.name,
            "clientadmin.none",
            "designer.owner.directly",
            "subscriber.owner.directly",
            "designer.none",
        )
    }

    assert seen == {
        person.name: ["reader", "reader"],
        "clientadmin.none": ["reader", "reader"],
        "designer.owner.directly": ["reader", "reader"],
        "subscriber.owner.directly": ["reader"],  # of the table: no Subscriber owns a process
        "designer.none": [],
    }


def test_one_sees_what_one_was_granted_oneself(everybody: World) -> None:
    person = everybody.people["designer.editor.directly"]

    seen = everybody.ask(get(f"users/{person.id}/permissions", person.name)).json()

    assert [(item["resourceId"], item["role"]) for item in seen] == [
        (everybody.ids["process"], "editor"),
        (everybody.ids["table"], "editor"),
    ]


@pytest.mark.parametrize("verb", ["", "/secret"])
def test_an_application_is_controlled_only_with_all_of_its_scopes(everybody: World, verb: str) -> None:
    """Else a token could widen itself by way of an application that can do more."""
    owner = everybody.house.users["owner"]
    path = next(
        f"applications/{item['id']}{verb}"
        for item in everybody.ask(get("applications", "clientadmin.none")).json()
        if item["user"] == owner.login and set(item["scopes"]) == ALL
    )

    said = [everybody.ask(post(path, "clientadmin.none", scopes)) for scopes in ("application", "all")]

    assert [item.status for item in said] == [403, 200]
    assert "process_read" in said[0].message


def test_a_new_application_is_no_wider_than_the_token(everybody: World) -> None:
    body = {"name": "Robot", "scopes": ["process"]}

    said = [
        everybody.ask(post("applications", "designer.none", scopes, body))
        for scopes in ("application", "all but process", "all")
    ]

    assert [item.status for item in said] == [403, 403, 200]
    assert all("the scope process" in item.message for item in said[:2])


def test_the_last_owner_stays_one_but_for_administrators(everybody: World) -> None:
    """Several own the process of the matrix; the house's own person is the only owner of a new table."""
    table = everybody.house.post("tables", json={"name": "Alone"})["id"]
    me = everybody.house.users["owner"].id
    path = f"/api/v1/users/{me}/permissions/{table}"

    said = [everybody.ask(Question(method="DELETE", path=path, token=who)) for who in ("owner", "admin")]

    assert [item.status for item in said] == [400, 200]
    assert "last owner" in said[0].message


@pytest.mark.parametrize("kind", ["process", "run", "table"])
def test_a_missing_role_and_a_missing_thing_are_said_alike(everybody: World, kind: str) -> None:
    route = {"process": "processes", "run": "processruns", "table": "tables"}[kind]
    ids = (everybody.ids[kind], everybody.ids[f"no {kind}"])

    said = [everybody.ask(get(f"{route}/{thing}", "designer.none")).message.replace(thing, "*") for thing in ids]

    assert said[0] == said[1]


def test_a_file_that_names_an_existing_process_needs_the_editor_of_it(everybody: World) -> None:
    """POST processes publishes then. That the name is taken cannot be kept a secret: names are unique."""
    who = {"designer.none": 403, "designer.executor.group": 403, "designer.editor.group": 200, "svxadmin.none": 200}
    asked = {name: replace(post("processes", name, "process"), body=PROCESS.encode()) for name in who}

    said = {name: everybody.ask(question) for name, question in asked.items()}

    assert {name: item.status for name, item in said.items()} == who
    assert "needs the role editor" in said["designer.none"].message
