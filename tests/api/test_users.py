"""Users over HTTP: who sees and changes whom, what is refused, and what a change ends."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from procession.model.errors import NotFound
from procession.operations import links, passwords
from procession.store import people as people_store
from tests.api.golden import differences, example
from tests.api.house import House

SYDNEY = "(UTC+10:00) Canberra, Melbourne, Sydney"
JILL = {"email": "jill@example.com", "firstName": "Jill", "lastName": "Watkin", "userRole": "Designer", "timezone": SYDNEY}  # fmt: skip


def make(home: House, **more: Any) -> dict[str, Any]:
    return dict(home.post("users", who="admin", json={**JILL, **more}))


def test_a_user_is_made_as_documented(home: House) -> None:
    documented = example("Create user")

    made = home.post("users", who="admin", json=documented["request"])

    assert differences("Create user", documented["response"], made) == []
    assert (made["loginName"], made["accountStatus"], made["lastSignInDate"]) == ("mona.benson", "Active", None)
    assert "setPasswordLink" not in made
    assert home.get(f"users/{made['id']}", who="admin") == made


def test_the_password_given_is_the_one_that_signs_in(home: House) -> None:
    made = make(home, password="correct horse battery")

    with home.database.read() as tx:
        user = people_store.user_by_login(tx, made["loginName"])
        assert user is not None
        stored = people_store.password_hash(tx, user.id)
    assert passwords.matches(stored, "correct horse battery")
    assert stored is not None and "correct" not in stored


def test_without_a_password_the_answer_has_a_link_that_sets_one(home: House) -> None:
    link = make(home)["setPasswordLink"]

    assert link.startswith("http://house.example/oauth/password?link=")
    page = home.ask("GET", "../../" + link.removeprefix("http://house.example/"))
    assert page.status_code == 200
    assert "Set password" in page.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"email": None}, "email: missing"),
        ({"email": "jill"}, '"jill" is not an email address'),
        ({"email": "admin@example.com"}, "there is a user with the email admin@example.com already"),
        ({"firstName": ""}, "firstName: missing"),
        ({"firstName": 3}, "firstName is 3, not a text"),
        ({"lastName": "Wat\nkin"}, "lastName must be a text of one line"),
        ({"userRole": "Boss"}, 'userRole is "Boss", but it can only be Subscriber, Designer'),
        ({"timezone": "Mars"}, '"Mars" is not a time zone'),
        ({"password": "short"}, "a password has 12 to 64 characters"),
        ({"password": "x" * 65}, "password is longer than 64 characters"),
        ({"dateOfBirth": "31/02/1980"}, 'dateOfBirth is "31/02/1980", not a date'),
        ({"city": ["Sydney"]}, 'city is ["Sydney"], not a text'),
    ],
)
def test_what_is_wrong_with_a_new_user_is_said(home: House, change: dict[str, Any], said: str) -> None:
    answer = home.ask("POST", "users", who="admin", json={**JILL, **change})

    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert len(home.get("users", who="admin")) == len(home.users)


def test_a_second_jill_gets_a_login_of_her_own(home: House) -> None:
    make(home)

    assert make(home, email="jill@other.example")["loginName"] == "jill2"


def test_an_update_is_answered_as_documented_and_leaves_the_rest(home: House) -> None:
    documented = example("Update user")
    user = make(home, city="Sydney", dateOfBirth="1980-12-31")["id"]

    changed = home.post(f"users/{user}", who="admin", json=documented["request"])

    assert differences("Update user", documented["response"], changed) == []
    assert (changed["lastName"], changed["accountStatus"]) == ("Jordan", "Suspended")
    assert (changed["firstName"], changed["city"], changed["dateOfBirth"]) == ("Jill", "Sydney", "31/12/1980")


def test_a_user_can_be_read_edited_and_posted_back(home: House) -> None:
    user = make(home, dateOfBirth="31/12/1980", city="Sydney")
    read = home.get(f"users/{user['id']}", who="admin")

    assert home.post(f"users/{user['id']}", who="admin", json=read) == read
    assert home.post(f"users/{user['id']}", who="admin", json={"city": "", "dateOfBirth": ""})["city"] is None


@pytest.mark.parametrize(("active", "status"), [(False, "Suspended"), ("false", "Suspended"), (True, "Active")])
def test_the_old_word_for_the_account_is_understood(home: House, active: object, status: str) -> None:
    user = make(home)["id"]

    assert home.post(f"users/{user}", who="admin", json={"accountActive": active})["accountStatus"] == status


def test_who_is_suspended_is_refused_at_once(home: House) -> None:
    home.get("processes", who="reader")

    home.post(f"users/{home.users['reader'].id}", who="admin", json={"accountStatus": "suspended"})

    assert home.ask("GET", "processes", who="reader").status_code == 401


def test_a_new_password_ends_every_token(home: House) -> None:
    home.post(f"users/{home.users['reader'].id}", who="admin", json={"password": "correct horse battery"})

    assert home.ask("GET", "processes", who="reader").status_code == 401


@pytest.mark.parametrize("change", [{"accountStatus": "Suspended"}, {"userRole": "Designer"}])
def test_the_last_administrator_stays(home: House, change: dict[str, str]) -> None:
    answer = home.ask("POST", f"users/{home.users['admin'].id}", who="admin", json=change)

    assert answer.status_code == 400
    assert "is the last active ClientAdmin" in answer.json()["message"]


def test_others_see_themselves_and_change_nobody(home: House) -> None:
    owner, mate = home.users["owner"].id, home.users["mate"].id

    assert home.get("users") == [{"id": str(owner), "loginName": "owner"}]
    assert home.get(f"users/{owner}")["loginName"] == "owner"
    assert home.ask("GET", f"users/{mate}").status_code == 404
    assert home.ask("POST", f"users/{mate}", json={"city": "Rome"}).status_code == 404
    refused = home.ask("POST", f"users/{owner}", json={"userRole": "ClientAdmin"})
    assert refused.status_code == 403
    assert "needs the user role ClientAdmin; yours is Designer" in refused.json()["message"]
    assert home.ask("POST", "users", json=JILL).status_code == 403


def test_an_administrator_makes_nobody_above_themselves(home: House) -> None:
    answer = home.ask("POST", "users", who="admin", json={**JILL, "userRole": "SVXAdmin"})

    assert answer.status_code == 403


def test_a_user_who_lost_the_password_is_given_a_new_link_and_the_old_one_is_dead(home: House) -> None:
    made = make(home)

    again = home.post(f"users/{made['id']}/passwordlink", who="admin")

    old, new = (urlsplit(each["setPasswordLink"]) for each in (made, again))
    with home.database.read() as tx:
        assert str(links.find(tx, parse_qs(new.query)["link"][0], home.clock.now()).id) == made["id"]
        with pytest.raises(NotFound):
            links.find(tx, parse_qs(old.query)["link"][0], home.clock.now())


def test_a_suspended_user_is_given_no_link(home: House) -> None:
    user = make(home)["id"]
    home.post(f"users/{user}", json={"accountStatus": "Suspended"}, who="admin")

    answer = home.ask("POST", f"users/{user}/passwordlink", who="admin")

    assert (answer.status_code, answer.json()["message"]) == (400, "jill is Suspended; make the account Active first")
