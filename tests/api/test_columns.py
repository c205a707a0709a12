"""Columns of tables: added, renamed, made another, dropped; refused by the first record in the way."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.house import House
from tests.api.test_tables import new_table


def column(home: House, table: str, name: str, **more: Any) -> Any:
    return home.post(f"tables/{table}/columns", json={"name": name, **more})


def rows(home: House, table: str, query: str = "") -> Any:
    return home.get(f"tables/{table}/rows{query}")


def refused(home: House, path: str, body: Any, method: str = "POST") -> str:
    answer = home.ask(method, path, json=body)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["message"])


def test_a_name_with_a_space_is_found_by_either_spelling(home: House) -> None:
    table = new_table(home, **{"Unit_price": "Money"})  # new_table makes the _ a space

    assert home.post(f"tables/{table}/columns/unit_PRICE", json={"nullable": True})["name"] == "Unit price"
    assert home.post(f"tables/{table}/columns/Unit%20price", json={"name": "Price"})["name"] == "Price"


def test_the_exact_name_wins_over_the_underscore_reading(home: House) -> None:
    table = new_table(home, **{"a_b": "Number"})
    column(home, table, "a_b", dataType="Number")

    assert home.ask("DELETE", f"tables/{table}/columns/a_b").status_code == 200
    assert [item["name"] for item in home.get(f"tables/{table}/columns")] == ["_Record_ID", "a b"]


def test_an_ambiguous_underscore_is_refused(home: House) -> None:
    table = new_table(home)
    column(home, table, "a b_c", dataType="Number")
    column(home, table, "a_b c", dataType="Number")

    assert 'can mean "a b_c" and "a_b c"' in refused(home, f"tables/{table}/columns/a_b_c", {"nullable": True})


def test_rows_that_are_there_get_the_default_of_a_not_null_column(home: House) -> None:
    table = new_table(home, name="FixedLengthText")
    home.post(f"tables/{table}/rows", json=[{"name": "a"}])
    column(home, table, "rate", dataType="Money", nullable=False, defaultValue=1.25)
    column(home, table, "note", dataType="FixedLengthText", defaultValue="-")
    home.post(f"tables/{table}/columns/rate", json={"defaultValue": 7})
    home.post(f"tables/{table}/rows", json=[{"name": "b"}])

    assert [(row["rate"], row["note"]) for row in rows(home, table)] == [(1.25, None), (7, "-")]


def test_a_not_null_column_needs_a_default_for_rows(home: House) -> None:
    table = new_table(home, name="FixedLengthText")
    home.post(f"tables/{table}/rows", json=[{"name": "a"}])

    message = refused(home, f"tables/{table}/columns", {"name": "x", "dataType": "Number", "nullable": False})

    assert "need a defaultValue" in message


def test_a_renamed_column_keeps_its_rows_and_a_dropped_one_goes(home: House) -> None:
    table = new_table(home, old="Number", gone="Number")
    home.post(f"tables/{table}/rows", json=[{"old": 1, "gone": 2}])

    home.post(f"tables/{table}/columns/old", json={"name": "new"})
    home.ask("DELETE", f"tables/{table}/columns/gone")
    column(home, table, "gone", dataType="Number")

    assert rows(home, table) == [{"_Record_ID": 1, "new": 1, "gone": None}]


def test_a_retype_converts_every_row(home: House) -> None:
    table = new_table(home, code="FixedLengthText")
    home.post(f"tables/{table}/rows", json=[{"code": "0012.50"}, {"code": None}])
    home.post(f"tables/{table}/rows", json=[{"code": "-3"}])

    got = home.post(f"tables/{table}/columns/code", json={"dataType": "decimal"})

    assert (got["dataType"], got["fieldLength"]) == ("Number", None)
    assert [row["code"] for row in rows(home, table)] == [12.5, None, -3]


def test_a_retype_names_the_first_record_that_does_not_convert(home: House) -> None:
    table = new_table(home, code="FixedLengthText")
    home.post(f"tables/{table}/rows", json=[{"code": "1"}, {"code": "n/a"}, {"code": "?"}])
    before = home.get(f"tables/{table}")

    message = refused(home, f"tables/{table}/columns/code", {"dataType": "Number"})

    said = 'the record 2 has "n/a" in "code", which is not Number (at most 28 digits and 10 decimals; decimal mark ".")'
    assert message == said
    assert home.get(f"tables/{table}") == before


@pytest.mark.parametrize(
    ("change", "words"),
    [({"fieldLength": 2}, 'the record 1 has "abc"'), ({"nullable": False}, "the record 2 has null")],
)
def test_a_narrower_column_names_the_record_in_the_way(home: House, change: Any, words: str) -> None:
    table = new_table(home, code="FixedLengthText")
    home.post(f"tables/{table}/rows", json=[{"code": "abc"}, {"code": None}])

    assert words in refused(home, f"tables/{table}/columns/code", change)
    assert home.get(f"tables/{table}")["version"] == 4


def test_what_changes_nothing_makes_no_version(home: House) -> None:
    table = new_table(home, code="FixedLengthText")
    present = home.get(f"tables/{table}/columns")[1]

    assert home.post(f"tables/{table}/columns/code", json=present) == present
    assert home.get(f"tables/{table}")["version"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"dataType": "Number"},
        {"name": "x", "dataType": "blob"},
        {"name": "_record_id", "dataType": "Number"},
        {"name": "a/b", "dataType": "Number"},
        {"name": ".", "dataType": "Number"},
        {"name": " .. ", "dataType": "Number"},
        {"name": "x", "dataType": "Number", "defaultValue": "five"},
        {"name": "x", "dataType": "Number", "defaultValue": 1e30},
        {"name": "x", "dataType": "TrueFalse", "defaultValue": 1},
        {"name": "x", "dataType": "Datetime", "defaultValue": "31/02/2020"},
        {"name": "x", "dataType": "FixedLengthText", "fieldLength": 0},
        {"name": "x", "dataType": "FixedLengthText", "fieldLength": 3, "defaultValue": "abcd"},
        {"name": "x", "dataType": "Number", "nullable": "perhaps"},
    ],
)
def test_a_bad_column_is_refused(home: House, body: Any) -> None:
    table = new_table(home)

    refused(home, f"tables/{table}/columns", body)

    assert home.get(f"tables/{table}")["version"] == 2


@pytest.mark.parametrize("name", [".", ".."])
def test_no_column_is_renamed_to_what_an_address_cannot_hold(home: House, name: str) -> None:
    table = new_table(home, code="Number")

    # A client makes `columns/..` the table's own address, and a DELETE would delete the table.
    assert '"." or ".."' in refused(home, f"tables/{table}/columns/code", {"name": name})
    assert home.post(f"tables/{table}/columns/code", json={"name": "..."})["name"] == "..."


def test_the_record_id_is_the_servers_own(home: House) -> None:
    table = new_table(home)

    assert "cannot be changed" in refused(home, f"tables/{table}/columns/_Record_ID", {"name": "x"})
    assert "cannot be changed" in refused(home, f"tables/{table}/columns/_record_id", {}, method="DELETE")


def test_a_missing_column_is_not_found(home: House) -> None:
    assert home.ask("DELETE", f"tables/{new_table(home)}/columns/x").status_code == 404


@pytest.mark.parametrize("name", ["it's", 'say "x"', "a;b--", "$1", "сумма", "filename", "select"])
def test_a_hostile_name_is_only_a_name(home: House, name: str) -> None:
    table = new_table(home)
    column(home, table, name, dataType="FixedLengthText", defaultValue="';--")
    home.post(f"tables/{table}/rows", json=[{name: "1"}, {}])
    home.post(f"tables/{table}/columns/{name}", json={"fieldLength": 5})

    assert [row[name] for row in rows(home, table)] == ["1", "';--"]


def test_editors_change_columns_and_readers_do_not(home: House) -> None:
    table = new_table(home)
    body = {"name": "x", "dataType": "Number"}

    codes = [home.ask("POST", f"tables/{table}/columns", who=who, json=body).status_code
             for who in ("editor", "reader", "stranger")]  # fmt: skip

    assert codes == [200, 403, 404]
