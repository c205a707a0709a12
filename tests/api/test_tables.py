"""Tables: made, read, renamed, deleted, listed, and who may."""

from __future__ import annotations

from functools import partial

import pytest

from procession.model.ids import TableId
from procession.model.people import Role
from procession.store import permissions
from tests.api.golden import differences, example
from tests.api.house import House


def new_table(home: House, title: str = "Rates", **columns: str) -> str:
    """A table of `owner`'s; `editor` and `reader` have these roles. Columns are name=type."""
    table = str(home.post("tables", json={"name": title, "description": "as told"})["id"])
    for who in ("editor", "reader"):
        grant = partial(permissions.give, resource=TableId.parse(table), role=Role(who), holder=home.users[who].id)
        home.database.write(grant)
    for column, kind in columns.items():
        home.post(f"tables/{table}/columns", json={"name": column.replace("_", " "), "dataType": kind})
    return table


def test_a_new_table_is_at_version_two_and_empty(home: House) -> None:
    made = home.post("tables", json={"name": "Rates", "description": "daily"})

    assert (made["version"], made["sizeInBytes"], made["name"], made["description"]) == (2, 0.0, "Rates", "daily")
    assert isinstance(made["sizeInBytes"], float)
    assert home.get(f"tables/{made['id']}") == made


@pytest.mark.parametrize("title", ["Get a table", "Create a table", "Update a table"])
def test_a_table_is_answered_as_documented(home: House, title: str) -> None:
    documented = example(title)
    table = new_table(home)
    method, path = documented["method"], "tables" if title == "Create a table" else f"tables/{table}"

    answer = home.ask(method, path, json=documented["request"])

    assert answer.status_code == 200, answer.text
    assert differences(title, documented["response"], answer.json()) == []


def test_columns_are_answered_as_documented(home: House) -> None:
    table = new_table(home, colfixed="FixedLengthText")
    listed = home.get(f"tables/{table}/columns")
    created = example("Create a column")

    assert listed[:2] == example("Get columns of a table")["response"][:2]
    assert home.post(f"tables/{table}/columns/", json=created["request"]) == created["response"]
    updated = home.post(f"tables/{table}/columns/col4", json=example("Update a column")["request"])
    assert differences("Update a column", example("Update a column")["response"], updated) == []


def test_a_name_is_taken_once_in_any_case(home: House) -> None:
    new_table(home, "Rates")
    other = new_table(home, "Other")

    assert home.ask("POST", "tables", json={"name": "RATES"}).status_code == 400
    answer = home.ask("POST", f"tables/{other}", json={"name": "rates"})

    assert (answer.status_code, 'there is a table "Rates" already' in answer.json()["message"]) == (400, True)
    assert home.post(f"tables/{other}", json={"name": "OTHER"})["name"] == "OTHER"


def test_an_update_changes_what_it_names_and_no_version(home: House) -> None:
    table = new_table(home)

    got = home.post(f"tables/{table}", json={"description": "better"})

    assert (got["name"], got["description"], got["version"]) == ("Rates", "better", 2)


def test_a_deleted_table_is_gone_and_its_name_free(home: House) -> None:
    table = new_table(home)

    answer = home.ask("DELETE", f"tables/{table}")

    assert (answer.status_code, answer.content) == (200, b"")
    for method, path in (("GET", ""), ("GET", "/rows"), ("GET", "/columns"), ("GET", "/versions"), ("DELETE", "")):
        assert home.ask(method, f"tables/{table}{path}").status_code == 404
    assert home.ask("POST", f"tables/{table}/rows", json=[{}]).status_code == 404
    assert new_table(home) != table


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 5}, {"name": "a\nb"}, {"name": "x" * 256}, [1]])
def test_a_bad_table_is_refused(home: House, body: object) -> None:
    assert home.ask("POST", "tables", json=body).status_code == 400


@pytest.mark.parametrize(
    ("who", "got"),
    [("owner", "200 200 200 200"), ("admin", "200 200 200 200"), ("editor", "200 200 200 403"),
     ("reader", "200 403 403 403"), ("mate", "404 404 404 404"), ("stranger", "404 404 404 404")],
)  # fmt: skip
def test_readers_read_editors_change_owners_delete(home: House, who: str, got: str) -> None:
    table = new_table(home)
    asked = [("GET", f"tables/{table}/rows"), ("POST", f"tables/{table}"),
             ("POST", f"tables/{table}/rows"), ("DELETE", f"tables/{table}")]  # fmt: skip

    codes = [home.ask(method, path, who=who, json=_body(path)).status_code for method, path in asked]

    assert " ".join(map(str, codes)) == got


def _body(path: str) -> object:
    return [{}] if path.endswith("rows") else {"description": "x"}


def test_a_list_shows_what_the_caller_may_see(home: House) -> None:
    new_table(home, "Rates")
    new_table(home, "Fees")

    assert [item["name"] for item in home.get("tables", who="reader")] == ["Fees", "Rates"]
    assert [item["name"] for item in home.get("tables?name=rat", who="admin")] == ["Rates"]
    assert home.get("tables", who="stranger") == []


def test_a_subscriber_makes_no_table(home: House) -> None:
    answer = home.ask("POST", "tables", who="mate", json={"name": "Mine"})

    assert (answer.status_code, "Designer" in answer.json()["message"]) == (403, True)


def test_versions_say_who_did_what(home: House) -> None:
    table = new_table(home, rate="Number")
    home.post(f"tables/{table}/rows", who="editor", json=[{"rate": 1}, {"rate": 2}])

    rows = home.get(f"tables/{table}/versions")

    assert [(row["version"], row["operation"], row["rows"]) for row in rows] == [
        (4, "append", 2),
        (3, "addColumn", 0),
        (2, "create", 0),
    ]
    assert [row["author"] for row in rows] == [home.users[name].login for name in ("editor", "owner", "owner")]
    assert rows[0]["sizeInBytes"] > 0
