"""What people do is told in the log, in the transaction of what it tells, with a name that leads there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from procession.clock import ManualClock
from procession.model.people import LogItem
from procession.operations import log_items, telling
from procession.store.log_items import LogFilter
from tests.api.house import House, house


@pytest.fixture
def home(tmp_path: Path, clock: ManualClock) -> Any:
    with house(tmp_path, clock) as made:
        yield made


def told(home: House, who: str = "admin") -> list[LogItem]:
    """Newest first."""
    everything = LogFilter(login=None, after_at=None, before_at=None, before=None)
    with home.database.read() as tx:
        return log_items.page(tx, home.caller(who), everything, 100)


PERSON = {
    "email": "mona@example.com",
    "firstName": "Mona",
    "lastName": "B",
    "userRole": "Designer",
    "timezone": "(UTC) Coordinated Universal Time",
}

Act = Callable[[House], Any]
ACTS: list[tuple[str, Act, str, str]] = [
    ("added", lambda h: h.post("users", who="admin", json=PERSON), 'added the person "mona" as Designer', "u-7"),
    (
        "suspended",
        lambda h: h.post("users/u-3", who="admin", json={"accountStatus": "Suspended"}),
        'changed the person "mate"; account was Active, is Suspended',
        "u-3",
    ),
    (
        "raised",
        lambda h: h.post("users/u-3", who="admin", json={"userRole": "Designer", "email": "m@example.com"}),
        'changed the person "mate"; user role was Subscriber, is Designer; email was mate@example.com, is m@example.com',
        "u-3",
    ),
    (
        "password",
        lambda h: h.post("users/u-3", who="admin", json={"password": "a password of some length"}),
        'changed the person "mate"; set a password for them',
        "u-3",
    ),
    (
        "link",
        lambda h: h.ask("POST", "users/u-3/passwordlink", who="admin"),
        'made a link by which "mate" can set a password',
        "u-3",
    ),
    ("group", lambda h: h.post("usergroups", who="admin", json={"name": "G"}), 'made the group "G"', "ug-2"),
    (
        "renamed",
        lambda h: h.post("usergroups/ug-1", who="admin", json={"name": "H"}),
        'renamed a group: "Team" is now called "H"',
        "ug-1",
    ),
    (
        "member",
        lambda h: h.post("usergroups/ug-1/users/u-1", who="admin"),
        'added "owner" to the group "Team"',
        "ug-1",
    ),
    (
        "no member",
        lambda h: h.ask("DELETE", "usergroups/ug-1/users/u-3", who="admin"),
        'removed "mate" from the group "Team"',
        "ug-1",
    ),
    (
        "no group",
        lambda h: h.ask("DELETE", "usergroups/ug-1", who="admin"),
        'deleted the group "Team", with what it was given',
        "ug-1",
    ),
    (
        "role",
        lambda h: h.post("usergroups/ug-1/permissions", json={"resourceId": "p-1", "role": "reader"}),
        'made the group "Team" reader of process "Month end"; was executor',
        "p-1",
    ),
    (
        "no role",
        lambda h: h.ask("DELETE", "users/u-2/permissions/p-1"),
        'took the role editor away from "editor" on process "Month end"',
        "p-1",
    ),
    (
        "application",
        lambda h: h.post("applications", json={"name": "A", "scopes": ["file"]}),
        'registered the application "A", which may file',
        "c-7",
    ),
    (
        "fewer scopes",
        lambda h: h.post("applications/c-2", who="editor", json={"scopes": ["file"]}),
        'changed the application "editor", which may file',
        "c-2",
    ),
    (
        "secret",
        lambda h: h.ask("POST", "applications/c-2/secret", who="editor"),
        'reset the secret of the application "editor"',
        "c-2",
    ),
    (
        "no application",
        lambda h: h.ask("DELETE", "applications/c-2", who="editor"),
        'deleted the application "editor"',
        "c-2",
    ),
    ("table", lambda h: h.post("tables", json={"name": "T"}), 'made the table "T"', "mt-1"),
]


@pytest.mark.parametrize(("act", "sentence", "about"), [item[1:] for item in ACTS], ids=[item[0] for item in ACTS])
def test_what_is_done_is_told_once_by_whom_and_about_what(home: House, act: Act, sentence: str, about: str) -> None:
    act(home)

    (item,) = told(home)
    assert (item.message, item.about) == (sentence, about)
    assert item.login in home.users


@pytest.mark.parametrize(
    "act",
    [
        lambda h: h.post("users/u-3", who="admin", json={"accountStatus": "Active"}),
        lambda h: h.post("usergroups/ug-1/users/u-3", who="admin"),
        lambda h: h.post("usergroups/ug-1", who="admin", json={"description": "x"}),
        lambda h: h.post("users/u-2/permissions", json={"resourceId": "p-1", "role": "editor"}),
        lambda h: h.ask("DELETE", "users/u-1/permissions/p-1"),
        lambda h: h.ask("POST", "users", who="admin", json={**PERSON, "email": "mate@example.com"}),
        lambda h: h.ask("POST", "users/u-6", json={"userRole": "Subscriber"}),
    ],
    ids=["as it was", "again", "described", "same role", "last owner", "taken", "not allowed"],
)
def test_what_changes_nothing_or_is_refused_is_not_told(home: House, act: Act) -> None:
    act(home)

    assert told(home) == []


def test_a_line_stays_a_line_of_a_bounded_length(home: House) -> None:
    def operation(tx: Any) -> None:
        telling.tell(home.act(tx), "two\nlines\x1b" + "x" * 2_000, home.users["owner"].id)

    home.database.write(operation)

    (item,) = told(home)
    assert item.message.startswith("two lines x")
    assert len(item.message) == 500
