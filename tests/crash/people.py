"""An administrator makes users, groups and applications, gives roles, takes them away, and suspends who has left."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from procession.operations import letters
from procession.operations.alerts import Letter
from procession.operations.letters import Sending
from tests.api.house import ADDRESS
from tests.crash.client import Client
from tests.oauth.world import Browser

JILL = {"email": "jill@example.com", "firstName": "Jill", "lastName": "Watkin", "userRole": "Designer",
        "timezone": "(UTC) Coordinated Universal Time"}  # fmt: skip
MONA = {**JILL, "email": "mona@example.com", "firstName": "Mona"}
PASSWORD = "another horse battery"
MINUTE = 61


def script(client: Client) -> None:
    jill = _made(client, {**JILL, "password": PASSWORD})
    mona = _made(client, MONA)
    _invited(client, mona)
    _changed(client, jill)
    _grouped_and_granted(client, jill)
    _suspended(client)
    _given_a_new_password(client)
    _registered(client)


def _made(client: Client, wanted: dict[str, str]) -> str:
    """Once, however often it is asked for."""
    made = client.twice("users", who="admin", json=wanted)
    client.promise(wanted["email"], partial(_is_one, client, wanted["email"]))
    assert (made["firstName"], made["accountStatus"]) == (wanted["firstName"], "Active")
    return str(made["id"])


def _is_one(client: Client, email: str) -> None:
    assert client.rows("SELECT count(*) FROM user_account WHERE email = ?", email) == [(1,)]
    ways = (
        "SELECT password_hash IS NOT NULL OR EXISTS (SELECT 1 FROM user_link l WHERE l.user_id = u.id)"
        " OR EXISTS (SELECT 1 FROM outbox m WHERE m.user_id = u.id) FROM user_account u WHERE email = ?"
    )
    assert client.rows(ways, email) == [(1,)], "made, and no way in"


def _invited(client: Client, user: str) -> None:
    """The mail goes out at least once, and the link of the last one works, once."""
    client.act("mail", partial(_send_all, client))
    assert client.rows("SELECT 1 FROM outbox") == []
    client.promise("mail", partial(_has_mail, client))
    link = urlsplit(_outbox(client)[-1])
    browser = Browser(ADDRESS, client.request)
    browser.open(f"{link.path}?{link.query}")
    browser.submit(password=PASSWORD, again=PASSWORD)
    # Sent again after it was carried out, the link is used up: the user signs in with the password.
    assert browser.answer.status_code == 200 or (browser.answer.status_code == 404 and client.repeats)
    client.promise("password", partial(_has_password, client, user))


def _send_all(client: Client) -> None:
    clock = client.house.clock
    sending = Sending(
        database=client.house.database,
        send=lambda letter: _post(client, letter),
        public_url=ADDRESS,
        clock=clock.now,
        home_clock=client.house.resources.home_clock,
    )
    while client.rows("SELECT 1 FROM outbox"):
        if not letters.tick(sending):
            clock.advance(MINUTE)


def _post(client: Client, letter: Letter) -> None:
    with (client.home / "outbox").open("a") as file:
        file.write(f"{next(word for word in letter.text.split() if '/oauth/password?link=' in word)}\n")


def _outbox(client: Client) -> list[str]:
    return (client.home / "outbox").read_text().splitlines()


def _has_mail(client: Client) -> None:
    assert _outbox(client)


def _has_password(client: Client, user: str) -> None:
    sql = "SELECT password_hash IS NOT NULL FROM user_account WHERE id = ?"
    assert client.rows(sql, int(user[2:])) == [(1,)]
    assert client.rows("SELECT 1 FROM user_link WHERE user_id = ?", int(user[2:])) == []


def _changed(client: Client, user: str) -> None:
    client.promise("city", partial(_shows, client, f"users/{user}", "city", None, "Wellington"))
    assert client.twice(f"users/{user}", who="admin", json={"city": "Wellington"})["city"] == "Wellington"
    client.promise("city", partial(_shows, client, f"users/{user}", "city", "Wellington"))


def _shows(client: Client, path: str, field: str, *values: object) -> None:
    assert client.look(path, who="admin").json()[field] in values


def _grouped_and_granted(client: Client, user: str) -> None:
    group = client.twice("usergroups", who="admin", json={"name": "Accountants"})["id"]
    client.promise("group", partial(_shows, client, f"usergroups/{group}", "name", "Accountants"))
    client.once(f"usergroups/{group}/users", who="admin", json={"id": user})
    client.promise("member", partial(_lists, client, f"usergroups/{group}/users", [user]))

    for holder in (f"users/{user}", f"usergroups/{group}"):
        client.once(f"{holder}/permissions", json={"resourceId": "p-1", "role": "reader"})
        client.promise(holder, partial(_has_role, client, holder, "reader", "editor"))
        client.once(f"{holder}/permissions/p-1", json={"role": "editor"})
        client.promise(holder, partial(_has_role, client, holder, "editor"))
        client.forget(holder)
        client.delete(f"{holder}/permissions/p-1")
        client.promise(holder, partial(_has_role, client, holder))

    client.forget("member")
    client.delete(f"usergroups/{group}/users/{user}", who="admin")
    client.promise("member", partial(_lists, client, f"usergroups/{group}/users", []))
    client.forget("member", "group", f"usergroups/{group}")
    client.delete(f"usergroups/{group}", who="admin")


def _lists(client: Client, path: str, ids: list[str]) -> None:
    assert [item["id"] for item in client.look(path, who="admin").json()] == ids


def _has_role(client: Client, holder: str, *roles: str) -> None:
    found = [item["role"] for item in client.look(f"{holder}/permissions", who="admin").json()]
    assert len(found) <= 1
    assert set(found) <= set(roles) and bool(found) == bool(roles)


def _suspended(client: Client) -> None:
    """Every token ends with the account, and none comes back with it."""
    mate = f"users/u-{client.house.users['mate'].id.number}"
    client.promise("mate", partial(_opens, client, "mate", 200))
    client.done("GET", "processes", who="mate")
    client.forget("mate")
    client.twice(mate, who="admin", json={"accountStatus": "Suspended"})
    client.promise("mate", partial(_opens, client, "mate", 401))
    client.promise("status", partial(_shows, client, mate, "accountStatus", "Suspended", "Active"))
    client.once(mate, who="admin", json={"accountStatus": "Active"})
    client.promise("status", partial(_shows, client, mate, "accountStatus", "Active"))


def _given_a_new_password(client: Client) -> None:
    reader = f"users/u-{client.house.users['reader'].id.number}"
    client.twice(reader, who="admin", json={"password": PASSWORD})
    client.promise("reader", partial(_opens, client, "reader", 401))


def _opens(client: Client, token: str, status: int) -> None:
    assert client.look("processes", who=token).status_code == status


def _registered(client: Client) -> None:
    """Its secret is shown once; where that answer was lost, it is told so and sets another one."""
    key = {"Idempotency-Key": "register"}
    answer = client.ask("POST", "applications", json={"name": "Nightly"}, headers=key)
    if answer.status_code == 400:
        assert client.repeats and "was carried out before" in answer.json()["message"]
    found = [item for item in client.done("GET", "applications") if item["name"] == "Nightly"]
    assert len(found) == 1
    again = client.done("POST", f"applications/{found[0]['id']}/secret")
    fields = {
        "grant_type": "client_credentials",
        "client_id": again["clientId"],
        "client_secret": again["clientSecret"],
    }
    token = client.request("POST", "/oauth/token", data=fields).json()["access_token"]
    client.promise("application", partial(_opens, client, token, 200))
    client.forget("application")
    client.delete(f"applications/{found[0]['id']}")
    client.promise("application", partial(_opens, client, token, 401))
