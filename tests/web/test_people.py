"""People, groups and roles: what administrators and owners give and take, and what is refused with its reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from procession.clock import ManualClock
from procession.model.ids import GroupId, ProcessId, UserId
from procession.model.people import Role, UserRole
from procession.operations import people, permissions, rights
from procession.store import people as people_store
from tests.api.house import House, house
from tests.web.account_site import give_password, visitor

NEW = {
    "first_name": "Łukasz",
    "last_name": "Nowak",
    "email": "lukasz.nowak@example.com",
    "role": "Designer",
    "timezone": "(UTC) Coordinated Universal Time",
}


def role_of(home: House, who: str) -> Role | None:
    with home.database.read() as tx:
        return rights.role_of(tx, home.users[who], ProcessId(1))


def person(home: House, who: str) -> str:
    return str(home.users[who].id)


def test_an_administrator_sees_everybody_and_every_role(shared: House) -> None:
    shown = visitor(shared, "admin").open("/people")

    assert "editor on Month end: editor" not in shown  # an attribute, not a word
    for name in ("editor Test", "mate Test", "stranger Test", "Team"):
        assert name in shown
    assert "by Team" in shown


def test_an_owner_sees_whoever_has_a_role_on_what_they_own_and_nobody_else(shared: House) -> None:
    owner = visitor(shared, "owner")

    shown = owner.open("/people")

    assert "mate Test" in shown
    assert "reader Test" in shown
    assert "stranger Test" not in shown
    assert "admin Test" not in shown
    assert "You own no process yet" in visitor(shared, "editor").open("/people")


@pytest.mark.parametrize("role", [*Role])
def test_a_role_is_given_in_the_cell_and_told_in_the_log(home: House, role: Role) -> None:
    owner = visitor(home, "owner")
    opened = owner.open(f"/people?show=processes&holder={person(home, 'editor')}&on=p-1")
    assert "editor Test: which role on Month end?" in opened

    where = owner.does("/people/roles", holder=person(home, "editor"), on="p-1", role=role, back="show=processes")

    assert where == "/people?show=processes&said=role"
    assert role_of(home, "editor") is role
    told = [item["message"] for item in home.get("logs", who="owner")]
    wanted = f'made "editor" {role} of process "Month end"; was editor'
    assert told == ([] if role is Role.EDITOR else [wanted])


def test_a_role_is_taken_away(home: House) -> None:
    owner = visitor(home, "owner")

    owner.does("/people/roles", holder=person(home, "reader"), on="p-1", role="", back="")

    assert role_of(home, "reader") is None
    said = owner.does("/people/roles", holder=person(home, "reader"), on="p-1", role="", back="q=x")
    assert said == "/people?q=x&said=nothing"


def test_somebody_who_is_not_in_the_list_is_named_by_login_or_email(home: House) -> None:
    owner = visitor(home, "owner")

    owner.does("/people/roles", login=" STRANGER@example.com ", on="p-1", role="editor", back="")

    assert role_of(home, "stranger") is Role.EDITOR
    said = owner.refused("/people/roles", login="nobody@example.com", on="p-1", role="editor", back="")
    assert 'There is nobody with the login or email "nobody@example.com"' in said


def test_the_last_owner_stays_and_the_page_says_why(shared: House) -> None:
    owner = visitor(shared, "owner")

    said = owner.refused("/people/roles", holder=person(shared, "owner"), on="p-1", role="reader", back="")

    assert "is the last owner of process p-1; name another one first" in said
    assert "Nothing was changed" in said
    assert role_of(shared, "owner") is Role.OWNER


@pytest.mark.parametrize("who", ["editor", "mate", "stranger"])
def test_only_an_owner_gives_roles(shared: House, who: str) -> None:
    other = visitor(shared, who)

    answer = other.send("/people/roles", holder=person(shared, who), on="p-1", role="owner", back="")

    assert answer.status_code in {400, 404}
    assert role_of(shared, who) is not Role.OWNER
    assert "which role" not in other.open(f"/people?holder={person(shared, who)}&on=p-1")


def test_a_subscriber_made_owner_counts_as_executor_and_the_cell_says_so(home: House) -> None:
    admin = visitor(home, "admin")

    admin.does("/people/roles", holder=person(home, "mate"), on="p-1", role="owner", back="")

    assert "executor by Team" in admin.open("/people?q=mate")
    assert role_of(home, "mate") is Role.EXECUTOR


def test_more_than_twelve_columns_are_chosen(home: House) -> None:
    for number in range(1, 14):
        text = f"process: P{number:02}\ngroups:\n  - group: Work\n    steps:\n      - {{action: wait, name: A, with: {{seconds: 1}}}}\n"
        home.post("processes", who="owner", content=text.encode())
    owner = visitor(home, "owner")

    assert "12 of 14 processes are shown: choose" in owner.open("/people")

    assert owner.page is not None
    few = owner.ask("GET", "/people?c=p-2&c=p-14").text
    heads = re.findall(r'<th scope="col">([^<]+)', few.partition("</table>")[0])
    assert heads == ["Person or group", "P01", "P13"]


@pytest.mark.parametrize("query", ["page=0", "page=99999999", "show=nothing", "c=%01", "holder=u-1&on=mt-9", "page=9"])
def test_an_odd_address_shows_the_page_all_the_same(shared: House, query: str) -> None:
    visitor(shared, "admin").open(f"/people?{query}")


def test_a_person_is_added_and_their_link_shown_once(home: House) -> None:
    admin = visitor(home, "admin")

    answer = admin.send("/people/new", **NEW)

    assert answer.status_code == 200
    link = re.search(r"http://house\.example(/oauth/password\?link=[\w-]+)", answer.text)
    assert link is not None
    assert "Set your password" in visitor(home, "admin").open(link[1])
    with home.database.read() as tx:
        made = people.find_user(tx, "lukasz.nowak")
    assert (made.first_name, made.role) == ("Łukasz", UserRole.DESIGNER)


def test_where_mail_is_sent_no_link_is_shown(tmp_path: Path, clock: ManualClock) -> None:
    with house(tmp_path, clock, sends_mail=True) as home:
        admin = visitor(home, "admin")

        where = admin.does("/people/new", **NEW)

        assert "on its way by mail" in admin.open(where)
        assert admin.does(f"{where.partition('?')[0]}/link") == where


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": "nowhere"}, '"nowhere" is not an email address'),
        ({"email": "mate@example.com"}, "There is a user with the email mate@example.com already"),
        ({"first_name": ""}, "The first name must be one line"),
        ({"role": "Emperor"}, '"Emperor" is none of Subscriber'),
        ({"timezone": "Mars"}, '"Mars" is not a time zone'),
        ({"role": "SVXAdmin"}, "This needs the user role SVXAdmin; yours is ClientAdmin"),
    ],
)
def test_a_mistake_adds_nobody_and_keeps_what_was_typed(shared: House, wrong: dict[str, str], said: str) -> None:
    admin = visitor(shared, "admin")

    assert said in admin.refused("/people/new", **{**NEW, **wrong})

    assert admin.page is not None
    assert 'value="Nowak"' in admin.page.text
    with shared.database.read() as tx:
        assert len(people_store.users(tx)) == len(shared.users)


def test_a_suspended_person_is_signed_out_everywhere(home: House) -> None:
    admin, mate = visitor(home, "admin"), visitor(home, "mate")
    before = home.users["mate"]
    fields = {**NEW, "first_name": "Mona", "email": before.email, "role": "Subscriber", "status": "Suspended"}

    admin.does(f"/people/{before.id}", **fields)

    assert mate.ask("GET", "/account").status_code == 303
    assert "Suspended" in admin.open(f"/people/{before.id}")
    assert "make the account Active first" in admin.refused(f"/people/{before.id}/link")


def test_the_last_administrator_stays_one(shared: House) -> None:
    admin, own = visitor(shared, "admin"), shared.users["admin"]

    said = admin.refused(f"/people/{own.id}", **{**NEW, "email": own.email, "role": "Designer", "status": "Active"})

    assert "is the last active ClientAdmin; make somebody else a ClientAdmin first" in said


def test_what_the_form_has_not_stays(home: House) -> None:
    admin, before = visitor(home, "admin"), home.users["mate"]
    home.post(f"users/{before.id}", who="admin", json={"dateOfBirth": "1980-12-31", "city": "Linz"})

    admin.does(f"/people/{before.id}", **{**NEW, "email": before.email, "role": "Subscriber"})

    with home.database.read() as tx:
        user = people.user(tx, before.id)
    assert (str(user.born_on), user.city, user.login) == ("1980-12-31", "Linz", "mate")


def test_a_link_replaces_a_forgotten_password(home: House) -> None:
    give_password(home, "mate")
    admin = visitor(home, "admin")

    assert "/oauth/password?link=" in admin.send(f"/people/{person(home, 'mate')}/link").text


def test_groups_are_made_filled_given_roles_and_deleted(home: House) -> None:
    admin = visitor(home, "admin")

    where = admin.does("/groups/new", name="Auditors", description="look, and change nothing")
    group = where.partition("?")[0]
    number = group.rpartition("/")[2]
    admin.does(f"{group}/add", user=person(home, "stranger"))
    admin.does("/people/roles", holder=number, on="p-1", role="reader", back="")

    assert role_of(home, "stranger") is Role.READER
    assert "Auditors" in admin.open(f"/people/{person(home, 'stranger')}")
    admin.does(group, name="Audit", description="")
    admin.does(f"{group}/remove", user=person(home, "stranger"))
    assert role_of(home, "stranger") is None
    admin.does(f"/people/{person(home, 'stranger')}/join", group=number)
    assert role_of(home, "stranger") is Role.READER
    admin.does(f"/people/{person(home, 'stranger')}/leave", group=number)
    admin.does(f"{group}/delete")
    assert admin.ask("GET", group).status_code == 404


def test_a_group_is_refused_with_its_reason(shared: House) -> None:
    admin = visitor(shared, "admin")

    assert 'There is a user group "Team" already' in admin.refused("/groups/new", name="Team")
    assert "at most 4000 characters" in admin.refused("/groups/new", name="X", description="x" * 4001)
    assert "there is no user u-99" in admin.refused("/groups/ug-1/add", user="u-99").lower()


def test_everybody_may_read_a_group_and_nobody_but_administrators_change_it(shared: House) -> None:
    mate = visitor(shared, "mate")

    assert "mate Test" in mate.open("/groups/ug-1")

    assert mate.page is not None
    assert 'action="/groups' not in mate.page.text
    for path in ("/groups/ug-1", "/groups/ug-1/add", "/groups/ug-1/delete", "/groups/new", "/people/new"):
        assert mate.send(path, name="Mine", user=person(shared, "mate")).status_code == 403


@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_who_is_no_administrator_is_not_shown_a_person(shared: House, who: str) -> None:
    assert visitor(shared, who).ask("GET", f"/people/{person(shared, 'mate')}").status_code == 404
    assert visitor(shared, who).ask("GET", "/people/new").status_code == 403


def test_the_menu_has_people_for_whoever_can_own_a_process(shared: House) -> None:
    assert 'href="/people"' in visitor(shared, "owner").ask("GET", "/account").text
    assert 'href="/people"' not in visitor(shared, "mate").ask("GET", "/account").text


def test_a_list_of_many_people_has_pages(home: House) -> None:
    def fill(tx: object) -> None:
        for number in range(60):
            people.create_user(
                tx,  # type: ignore[arg-type]
                email=f"p{number}@example.com",
                first_name=f"P{number:02}",
                last_name="Many",
                role=UserRole.SUBSCRIBER,
                now=home.clock.now(),
            )

    home.database.write(fill)
    admin = visitor(home, "admin")

    assert "People 1 to 25 of 60" in admin.open("/people?q=many")
    assert "P59 Many" in admin.open("/people?q=many&page=3")
    with home.database.read() as tx:
        assert permissions.of_holder(tx, home.caller("admin"), UserId(1)) is not None
        assert people.group(tx, GroupId(1)).name == "Team"
