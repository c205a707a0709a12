"""User groups over HTTP, and the roles that users and groups are given."""

from __future__ import annotations

import pytest

from tests.api.golden import differences, example
from tests.api.house import House


@pytest.fixture
def team(home: House) -> str:
    """The group of which mate is the only member, and which is an executor of the process."""
    return str(home.get("usergroups")[0]["id"])


def test_a_member_is_added_by_the_path_or_by_the_body_and_the_path_wins(home: House, team: str) -> None:
    documented = example("Add a user to a user group")
    reader, editor = str(home.users["reader"].id), str(home.users["editor"].id)

    by_path = home.post(f"usergroups/{team}/users/{reader}", who="admin", json={"id": editor})
    by_body = home.post(f"usergroups/{team}/users", who="admin", json={"id": editor.upper()})

    assert by_path == {"id": reader, "loginName": "reader"}
    assert by_body == {"id": editor, "loginName": "editor"}
    assert differences("Add a user to a user group", documented["response"], by_path) == []
    assert [user["loginName"] for user in home.get(f"usergroups/{team}/users")] == ["editor", "mate", "reader"]


def test_who_leaves_a_group_loses_what_it_gave(home: House, team: str) -> None:
    mate = home.users["mate"].id
    assert home.ask("GET", f"processes/{home.process}", who="mate").status_code == 200

    answer = home.ask("DELETE", f"usergroups/{team}/users/{mate}", who="admin")

    assert (answer.status_code, answer.content) == (200, b"")
    assert home.ask("GET", f"processes/{home.process}", who="mate").status_code == 404
    assert home.ask("DELETE", f"usergroups/{team}/users/{mate}", who="admin").status_code == 404


def test_groups_are_made_renamed_and_deleted_with_what_they_were_given(home: House, team: str) -> None:
    made = home.post("usergroups", who="admin", json={"name": "Sales Team", "description": "sells"})
    taken = home.ask("POST", f"usergroups/{made['id']}", who="admin", json={"name": "team"})
    renamed = home.post(f"usergroups/{made['id']}", who="admin", json={"name": "Sales"})

    assert home.ask("POST", "usergroups", who="admin", json={"name": "Team"}).status_code == 400
    assert taken.status_code in {200, 400}
    assert (renamed["name"], renamed["description"]) == ("Sales", "sells")
    assert home.ask("DELETE", f"usergroups/{team}", who="admin").status_code == 200
    assert home.ask("GET", f"processes/{home.process}", who="mate").status_code == 404
    assert [group["name"] for group in home.get("usergroups")] == ["Sales"]


def test_only_administrators_change_groups(home: House, team: str) -> None:
    reader = home.users["reader"].id
    for method, path in (
        ("POST", "usergroups"),
        ("POST", f"usergroups/{team}"),
        ("DELETE", f"usergroups/{team}"),
        ("POST", f"usergroups/{team}/users/{reader}"),
        ("DELETE", f"usergroups/{team}/users/{reader}"),
    ):
        answer = home.ask(method, path, json={"name": "Mine"})
        assert answer.status_code == 403, path
        assert "ClientAdmin" in answer.json()["message"]


@pytest.mark.parametrize("noun", ["user", "user group"])
def test_permissions_are_answered_as_documented(home: House, team: str, noun: str) -> None:
    holder = f"users/{home.users['mate'].id}" if noun == "user" else f"usergroups/{team}"
    added = f"Add {noun} permission for a given resource"
    updated = f"Update {noun} permission for a given resource"

    first = home.post(f"{holder}/permisions", json={"resourceId": home.process, "role": "Reader"})
    second = home.post(f"{holder}/permissions/{home.process}", json={"role": "editor"})

    assert differences(added, example(added)["response"], first) == []
    assert differences(updated, example(updated)["response"], second) == []
    assert (first["role"], second["role"]) == ("reader", "editor")
    assert home.get(f"{holder}/permissions") == [second]


def test_a_role_that_was_taken_away_is_gone_at_once(home: House) -> None:
    reader = home.users["reader"].id

    answer = home.ask("DELETE", f"users/{reader}/permissions/{home.process}")

    assert (answer.status_code, answer.content) == (200, b"")
    assert home.ask("GET", f"processes/{home.process}", who="reader").status_code == 404
    assert home.ask("DELETE", f"users/{reader}/permissions/{home.process}").status_code == 404


@pytest.mark.parametrize(("who", "status"), [("stranger", 404), ("editor", 403), ("reader", 403), ("admin", 200)])
def test_only_an_owner_or_an_administrator_grants(home: House, who: str, status: int) -> None:
    mate = home.users["mate"].id
    body = {"resourceId": home.process, "role": "owner"}

    assert home.ask("POST", f"users/{mate}/permissions", who=who, json=body).status_code == status
    by_path = home.ask("POST", f"users/{mate}/permissions/{home.process}", who=who, json={"role": "reader"})
    assert by_path.status_code == status


def test_the_last_owner_stays_unless_an_administrator_says_otherwise(home: House) -> None:
    owner = home.users["owner"].id
    path = f"users/{owner}/permissions/{home.process}"

    refused = [home.ask("DELETE", path), home.ask("POST", path, json={"role": "reader"})]

    assert [answer.status_code for answer in refused] == [400, 400]
    assert "is the last owner of process" in refused[0].json()["message"]
    assert home.ask("DELETE", path, who="admin").status_code == 200


@pytest.mark.parametrize("heir", ["subscriber", "suspended", "empty group"])
def test_an_owner_who_cannot_act_as_one_is_no_owner_to_leave_it_to(home: House, heir: str) -> None:
    holder = f"users/{home.users['mate' if heir == 'subscriber' else 'editor'].id}"
    if heir == "empty group":
        holder = f"usergroups/{home.post('usergroups', json={'name': 'Nobody'}, who='admin')['id']}"
    home.post(f"{holder}/permissions", json={"resourceId": home.process, "role": "owner"})
    if heir == "suspended":
        home.post(holder, json={"accountStatus": "Suspended"}, who="admin")

    answer = home.ask("DELETE", f"users/{home.users['owner'].id}/permissions/{home.process}")

    assert answer.status_code == 400 and "is the last owner" in answer.json()["message"]


def test_others_see_of_a_user_s_permissions_what_they_own(home: House) -> None:
    reader = home.users["reader"].id

    assert [item["resourceId"] for item in home.get(f"users/{reader}/permissions")] == [home.process]
    assert len(home.get(f"users/{reader}/permissions", who="reader")) == 1
    assert home.ask("GET", f"users/{reader}/permissions", who="stranger").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "name what the permission is for"),
        ({"resourceId": "u-1", "role": "reader"}, 404, 'their ids begin with "p-" or "mt-"'),
        ({"resourceId": "p-1", "role": "boss"}, 400, 'role is "boss", but it can only be reader'),
        ({"resourceId": "p-1"}, 400, "role is missing"),
    ],
)
def test_what_is_wrong_with_a_permission_is_said(home: House, body: dict[str, str], status: int, said: str) -> None:
    answer = home.ask("POST", f"users/{home.users['mate'].id}/permissions", json=body)

    assert answer.status_code == status
    assert said in answer.json()["message"]
