"""Rows of tables: in and out as JSON, CSV and Parquet, all or nothing, and as of any version."""

from __future__ import annotations

import asyncio
import io
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.api.house import House
from tests.api.test_tables import new_table

CSV = {"content-type": "text/csv"}
NO_DATE = "is not Datetime (such as 2026-11-30 or 2026-11-30T22:40:19.123456Z)"


def table_of(home: House) -> str:
    table = new_table(home, amount="Number", paid="TrueFalse", at="Datetime", fee="Money")
    column = {"name": "name", "dataType": "FixedLengthText", "fieldLength": 10, "nullable": False}
    home.post(f"tables/{table}/columns", json=column)
    return table


def rows(home: House, table: str, query: str = "") -> Any:
    return home.get(f"tables/{table}/rows{query}")


def refused(home: House, table: str, **request: Any) -> str:
    before = home.get(f"tables/{table}")
    answer = home.ask("POST", f"tables/{table}/rows{request.pop('query', '')}", **request)
    assert answer.status_code == 400, answer.text
    assert home.get(f"tables/{table}") == before
    return str(answer.json()["message"])


def test_values_come_back_as_they_were_given(home: House) -> None:
    table = table_of(home)
    body = (b'[{"name": "a", "amount": 1234567890123456789012345678.0123456789, "paid": true, "fee": 0.10,'
            b' "at": "2025-02-05T22:40:19.923+02:00"}]')  # fmt: skip

    done = home.post(f"tables/{table}/rows", content=body)
    text = home.ask("GET", f"tables/{table}/rows").text

    assert (done["mode"], done["rowsGiven"], done["rowsAdded"], done["rows"], done["version"]) == ("append", 1, 1, 1, 8)
    assert '"amount":1234567890123456789012345678.0123456789' in text
    assert '"fee":0.1,' in text and '"at":"2025-02-05T20:40:19.923"' in text and '"paid":true' in text


def test_csv_goes_out_and_comes_back_the_same(home: House) -> None:
    table = table_of(home)
    home.post(f"tables/{table}/rows", json=[{"name": 'q"\n,', "amount": 1.5}, {"name": "", "paid": False},
                                            {"name": "=1+1", "fee": -3, "at": "2020-01-31"}])  # fmt: skip
    out = home.ask("GET", f"tables/{table}/rows", headers={"accept": "text/csv"})

    done = home.post(f"tables/{table}/rows?mode=upsert&key=_Record_ID", content=out.content, headers=CSV)

    assert (done["rowsUpdated"], done["rowsAdded"]) == (3, 0)
    assert home.ask("GET", f"tables/{table}/rows", headers={"accept": "text/csv"}).text == out.text
    assert "filename=" in out.headers["content-disposition"] and out.headers["content-type"].startswith("text/csv")


def test_csv_for_people_runs_no_formulas(home: House) -> None:
    table = table_of(home)
    home.post(f"tables/{table}/rows", json=[{"name": "=1+1"}, {"name": "-x", "amount": -1}])

    out = home.ask("GET", f"tables/{table}/rows?escape=true", headers={"accept": "text/csv"}).text

    assert "'=1+1" in out and "'-x" in out and ",-1," in out.replace("2,-1", ",-1")


def test_parquet_goes_out_and_comes_in(home: House, tmp_path: Path) -> None:
    table, path = table_of(home), tmp_path / "rows.parquet"
    duckdb.connect().sql("SELECT 'n' || i AS name, i * 1.5 AS amount, i / 4 AS fee, TIMESTAMP '2020-01-01' AS at"
               " FROM range(3) t(i)").write_parquet(str(path))  # fmt: skip
    home.post(f"tables/{table}/rows", content=path.read_bytes())

    out = home.ask("GET", f"tables/{table}/rows", headers={"accept": "application/vnd.apache.parquet"})

    assert [(row["amount"], row["fee"]) for row in rows(home, table)] == [(0, 0), (1.5, 0.25), (3, 0.5)]
    path.write_bytes(out.content)
    assert duckdb.connect().sql(f"SELECT count(*), max(_Record_ID) FROM '{path}'").fetchall() == [(3, 3)]


@pytest.mark.parametrize(
    ("value", "amount", "fee"),
    [
        ("12345678901.12::DOUBLE", "12345678901.12", "12345678901.12"),
        ("1234567.89::DOUBLE", "1234567.89", "1234567.89"),
        ("987654321.05::DOUBLE", "987654321.05", "987654321.05"),
        ("1e14::DOUBLE", "100000000000000", "100000000000000"),
        ("-0.1::FLOAT", "-0.1", "-0.1"),
        ("1234567.9::FLOAT", "1234567.9", "1234567.9"),
        ("0.1::DOUBLE + 0.2::DOUBLE", "0.3", "0.3"),
        ("1e-5::DOUBLE", "0.00001", None),
        ("1e20::DOUBLE", "100000000000000000000", None),
    ],
)
def test_a_binary_amount_becomes_its_shortest_decimal(
    home: House, tmp_path: Path, value: str, amount: str, fee: str | None
) -> None:
    table, path = table_of(home), tmp_path / "rows.parquet"
    fees = "NULL" if fee is None else value
    duckdb.connect().sql(f"SELECT 'a' AS name, {value} AS amount, {fees} AS fee").write_parquet(str(path))

    home.post(f"tables/{table}/rows", content=path.read_bytes())

    got = home.ask("GET", f"tables/{table}/rows", headers={"accept": "text/csv"}).text.splitlines()[1]
    assert got == f"1,{amount},,,{fee or ''},a"


@pytest.mark.parametrize("value", ["'inf'::DOUBLE", "'nan'::DOUBLE", "1e28::DOUBLE", "1e38::FLOAT", "1e-11::DOUBLE"])
def test_a_binary_amount_that_no_number_holds_is_refused(home: House, tmp_path: Path, value: str) -> None:
    path = tmp_path / "rows.parquet"
    duckdb.connect().sql(f"SELECT 'a' AS name, {value} AS amount").write_parquet(str(path))

    assert re.search("is not (a number|Number)", refused(home, table_of(home), content=path.read_bytes()))


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("2025-02-05T22:40:19.1230000Z", "2025-02-05T22:40:19.123"),
        ("2025-02-05T22:40:19.1234560", "2025-02-05T22:40:19.123456"),
        ("2025-02-05 22:40+0200", "2025-02-05T20:40:00.000"),
        ("2025-02-05T22:40:19 +02:00", "2025-02-05T20:40:19.000"),
        (" 2025-02-05", NO_DATE),
        ("2025-02-05", "2025-02-05T00:00:00.000"),
        ("2025-02-05T22:40:19.1234567Z", NO_DATE),
        ("20250205", NO_DATE),
        ("2025-W06-3", NO_DATE),
        ("20250205T224019Z", NO_DATE),
        ("2025-02-05T22", NO_DATE),
        ("2025-02-05T24:00:00", NO_DATE),
        ("2025-02-05T22:40:19+25:00", NO_DATE),
        ("2025-02-29T22:40:19.1234567Z", NO_DATE),
        ("0000-01-01", NO_DATE),
        ("0001-01-01T00:00:00+05:00", NO_DATE),
        ("9999-12-31T23:59:59-05:00", NO_DATE),
    ],
)
def test_csv_and_json_take_the_same_dates(home: House, text: str, got: str) -> None:
    table = table_of(home)
    asked: list[dict[str, Any]] = [{"json": [{"name": "a", "at": text}]},
                                   {"content": f"name,at\na,{text}\n".encode(), "headers": CSV}]  # fmt: skip
    if got == NO_DATE:
        said = {refused(home, table, **more) for more in asked}
        assert said == {f'{place}, column "at": "{text}" {got}' for place in ("row 1", "line 2")}
        return

    for more in asked:
        home.post(f"tables/{table}/rows", **more)

    assert [row["at"] for row in rows(home, table)] == [got, got]


def test_an_upsert_keeps_ids_and_what_it_does_not_name(home: House) -> None:
    table = table_of(home)
    home.post(f"tables/{table}/rows", json=[{"name": "a", "amount": 1, "fee": 1}, {"name": "b", "amount": 2}])
    body = {"mode": "Upsert", "key": ["NAME"], "rows": [{"name": "a", "amount": 10}, {"name": "c", "amount": 3}]}

    done = home.post(f"tables/{table}/rows", json=body)

    assert (done["rowsUpdated"], done["rowsAdded"], done["rows"]) == (1, 1, 3)
    got = [(row["_Record_ID"], row["name"], row["amount"], row["fee"]) for row in rows(home, table)]
    assert got == [(1, "a", 10, 1), (2, "b", 2, None), (3, "c", 3, None)]


def test_record_ids_are_never_given_twice(home: House) -> None:
    table = table_of(home)
    home.post(f"tables/{table}/rows", json=[{"name": "a"}, {"name": "b"}])

    home.post(f"tables/{table}/rows", json={"mode": "replace", "rows": [{"name": "c"}]})
    home.post(f"tables/{table}/rows", json={"mode": "replace", "rows": []})
    home.post(f"tables/{table}/rows", json=[{"name": "d"}])

    assert [(row["_Record_ID"], row["name"]) for row in rows(home, table)] == [(4, "d")]


def test_a_version_shows_its_rows_and_its_columns(home: House) -> None:
    table = table_of(home)
    home.post(f"tables/{table}/rows", json=[{"name": "a", "amount": 1}])
    version = home.get(f"tables/{table}")["version"]
    home.post(f"tables/{table}/rows", json={"mode": "replace", "rows": [{"name": "b"}]})
    home.post(f"tables/{table}/columns/amount", json={"name": "sum"})
    home.ask("DELETE", f"tables/{table}/columns/fee")

    then = rows(home, table, f"?version={version}")

    assert then == [{"_Record_ID": 1, "amount": 1, "paid": None, "at": None, "fee": None, "name": "a"}]
    assert [item["name"] for item in home.get(f"tables/{table}/columns?version={version}")][-2:] == ["fee", "name"]
    assert rows(home, table, "?version=2") == []
    for wrong in ("1", "999", "x", "-1"):
        assert home.ask("GET", f"tables/{table}/rows?version={wrong}").status_code == 400


def test_pages_follow_their_links_in_one_version(home: House) -> None:
    table = table_of(home)
    home.post(f"tables/{table}/rows", json=[{"name": f"n{i}", "amount": i} for i in range(7)])
    found, path = [], f"tables/{table}/rows?limit=3&amount.gte=1"

    while path:
        page = home.ask("GET", path)
        home.post(f"tables/{table}/rows", json=[{"name": "late", "amount": 99}])
        found += [row["name"] for row in page.json()]
        path = page.headers.get("link", "").partition("/api/v1/")[2].partition(">")[0]

    assert found == ["n1", "n2", "n3", "n4", "n5", "n6"]


@pytest.mark.parametrize(
    ("query", "names"),
    [("name=a", "a"), ("NAME=a", "a"), ("amount.gt=1", "bc"), ("amount.lte=2&name.ne=a", "b"), ("paid=true", "b"),
     ("at.gte=2020-06-01", "c"), ("name.contains=b", "b"), ("fee.null=true", "ab"), ("fee.null=false", "c"),
     ("_Record_ID=2", "b"), ("name=%27%20OR%20true--", ""), ("amount=1.00", "a")],
)  # fmt: skip
def test_filters_choose_rows(home: House, query: str, names: str) -> None:
    table = table_of(home)
    home.post(f"tables/{table}/rows", json=[{"name": "a", "amount": 1}, {"name": "b", "amount": 2, "paid": True},
                                            {"name": "c", "amount": 3, "fee": 1, "at": "2020-07-01"}])  # fmt: skip

    assert "".join(row["name"] for row in rows(home, table, f"?{query}")) == names
    csv = home.ask("GET", f"tables/{table}/rows?{query}", headers={"accept": "text/csv"}).text
    assert len(csv.splitlines()) == len(names) + 1


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("mod=replace", 'no parameter "mod"; there are mode, key'),
        ("mode=replace&name=a", 'no parameter "name"'),
        ("mode=replace&Mode=append", 'names "mode" twice'),
        ("mode=upsert&key=name&key=fee", 'names "key" twice'),
    ],
)
def test_a_parameter_of_rows_is_never_ignored(home: House, query: str, words: str) -> None:
    assert words in refused(home, table_of(home), query=f"?{query}", json=[{"name": "a"}])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("name=a&name=b", 'names "name" twice'),
        ("amount.gte=1&AMOUNT.GTE=2", 'names "amount.gte" twice'),
        ("amount%2Egte=1&amount.gte=2", 'names "amount.gte" twice'),
        ("limit=1&limit=2", 'names "limit" twice'),
        ("amount.null=banana", 'amount.null is "banana", neither true nor false'),
        ("amount.null=", 'amount.null is "", neither true nor false'),
    ],
)
def test_a_filter_is_never_ignored(home: House, query: str, words: str) -> None:
    answer = home.ask("GET", f"tables/{table_of(home)}/rows?{query}")

    assert (answer.status_code, words in answer.json()["message"]) == (400, True), answer.text


@pytest.mark.parametrize("query", ["x=1", "amount=abc", "amount.like=1", "limit=0", "limit=x", "cursor=%21", "at=32"])
def test_a_bad_question_is_refused(home: House, query: str) -> None:
    assert home.ask("GET", f"tables/{table_of(home)}/rows?{query}").status_code == 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            [{"name": "a"}, {"name": "12345678901"}],
            'row 2, column "name": "12345678901" is not a text of at most 10 characters',
        ),
        ([{"name": "a"}, {"name": None}], 'row 2, column "name": it is empty, and a value is required'),
        ([{"amount": 1}], 'row 1, column "name": must not be null, and has no default'),
        ([{"name": "a", "x": 1}], 'has no column "x"'),
        ([{"name": "a", "amount": "abc"}], 'row 1, column "amount": "abc" is not Number'),
        ([{"name": "a", "amount": 1e28}], "is not Number (at most 28 digits"),
        ([{"name": "a", "fee": 0.12345}], "is not Money (at most 15 digits and 4 decimals"),
        ([{"name": "a", "paid": "yes"}], "is not TrueFalse (true or false)"),
        ([{"name": "a", "at": "2020-02-31"}], NO_DATE),
        ([{"name": "a", "at": "2020-02-01T10:00:00.1234567"}], NO_DATE),
        ([{"name": "a", "NAME": "b"}], 'row 1 names the column "name" twice'),
        ([{"name": "a\0"}], "NUL"),
        ([{"name": ["a"]}], "is a list or an object"),
        ([{"name": "a", "_Record_ID": 1}], "is given by the server"),
        ([1], "row 1 is 1"),
        ("rows", "the body must be"),
        ({"rows": {}}, "rows must be a list"),
        ({"mode": "merge", "rows": []}, "append, replace, upsert"),
        ({"mode": "upsert", "rows": [{"name": "a"}]}, "needs a key"),
        ({"mode": "append", "key": ["name"], "rows": []}, "belongs to an upsert"),
        ({"mode": "upsert", "key": ["x"], "rows": []}, 'key: the table has no column "x"'),
        ({"mode": "upsert", "key": ["name"], "rows": [{"name": "a"}, {"name": "a"}]}, "row 2 has the same key"),
        ({"mode": "upsert", "key": ["name"], "rows": [{"name": "dup"}]}, "several rows of the table"),
        ({"mode": "upsert", "key": ["_Record_ID"], "rows": [{"_Record_ID": 9, "name": "a"}]}, "does not have"),
        ({"mode": "upsert", "key": ["name"], "rows": [{"name": "a", "fee": 1}, {"name": "b"}]}, 'row 2 has no "fee"'),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(home: House, body: Any, words: str) -> None:
    table = table_of(home)
    home.post(f"tables/{table}/rows", json=[{"name": "dup"}, {"name": "dup"}])

    assert words in refused(home, table, json=body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"x\n1\n", 'no column "x"'),
        (b"name,name\na,b\n", "twice"),
        (b"name,amount\na,1\nb,1.2.3\n", 'line 3, column "amount": "1.2.3" is not Number'),
        (b"name,amount\na,1,2\n", "the body cannot be read: line 2 has 3 values, not 2"),
        (b"name,amount\na,1\nx\n", "line 3 has 1 value, not 2"),
        (b'name\n"a\n', 'line 2 has a quote (") that is not closed'),
        (b"name\n\xff\xfe\n", "it is not UTF-8 (the byte 0xFF in line 2)"),
        (
            "name,amount\na,1\nCaf\xe9,2\n".encode("cp1252"),
            'byte 0xE9 in line 3); say its encoding, such as cp1252, or in Excel, save it as "CSV UTF-8"',
        ),
        ("nam\xe9,amount\r\na,1\r\n".encode("cp1252"), "byte 0xE9 in line 1"),
        (b"name\ra\r\xe9\r", "byte 0xE9 in line 3"),
        (b"name,at\na,10:00\n", 'line 2, column "at"'),
        (b"name,amount\na,1e5\n", "is not Number"),
        (b"amount,name\n1,\n", 'line 2, column "name": it is empty, and a value is required'),
    ],
)
def test_a_bad_csv_is_refused(home: House, body: bytes, words: str) -> None:
    message = refused(home, table_of(home), content=body, headers=CSV)

    assert words in message
    assert not re.search(r"Error|Possible|ignore_errors|/", message)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'"Amount, net";Code\n1;x\n', ["Amount, net", "Code"]),
        (b"a;b;c,Code\n1,x\n", ["a;b;c", "Code"]),
        (b"a;b;c\n1\n", ["a;b;c"]),
        (b'"Line\nof; two",Code\n1,x\n', ["Line of; two", "Code"]),
        (b"Code|a;b;c\nx|1\n", ["Code", "a;b;c"]),
        (b'5" pipe;Code\n1;"x"\n', ['5" pipe', "Code"]),
    ],
)
def test_the_delimiter_is_what_makes_the_header_names_of_columns(home: House, body: bytes, names: list[str]) -> None:
    table = new_table(home, Code="FixedLengthText")
    for name in [name for name in names if name != "Code"]:
        home.post(f"tables/{table}/columns", json={"name": name, "dataType": "Number"})

    home.post(f"tables/{table}/rows", content=body.replace(b"\nof", b" of"), headers=CSV)

    assert [rows(home, table)[0][name] for name in names] == ["x" if name == "Code" else 1 for name in names]


def test_a_header_that_names_no_column_is_split_by_what_it_holds_most_of(home: House) -> None:
    assert 'no column "x"' in refused(home, table_of(home), content=b'x;"1,2,3";y\n1;2;3\n', headers=CSV)


@pytest.mark.parametrize("body", [b"name\ra\rb\r", b"name\r\na\r\nb\r\n", b"\xef\xbb\xbfname\na\nb"])
def test_lines_of_a_csv_end_in_any_way(home: House, body: bytes) -> None:
    table = table_of(home)

    home.post(f"tables/{table}/rows", content=body, headers=CSV)

    assert [row["name"] for row in rows(home, table)] == ["a", "b"]


@pytest.mark.parametrize(
    "body", [b"{", b"[" * 90_000, b"\x00\xff", b"PAR1" + b"\xff" * 400 + b"PAR1", b'[{"name": 1e999999999}]', b"[NaN]"]
)
def test_a_broken_body_is_refused(home: House, body: bytes) -> None:
    refused(home, table_of(home), content=body)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "application/octet-stream", ""])
@pytest.mark.parametrize("body", [b"name,amount\na,1\n", b'"name"\na\n', b"1;2\n", b"truename\nx\n"])
def test_csv_that_does_not_say_so_is_told_how(home: House, kind: str, body: bytes) -> None:
    message = refused(home, table_of(home), content=body, headers={"content-type": kind} if kind else {})

    assert "rows as CSV need the header Content-Type: text/csv" in message


def test_a_form_with_a_file_is_told_to_be_the_file(home: House) -> None:
    message = refused(home, table_of(home), files={"file": ("rows.csv", b"name\na\n", "text/csv")})

    assert "the rows themselves must be the body, not a form" in message


def test_json_is_read_whatever_its_type(home: House) -> None:
    table = table_of(home)
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        home.post(f"tables/{table}/rows", content=b' \n[{"name": "a"}]', headers={"content-type": kind})

    assert len(rows(home, table)) == 2


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_an_export_that_is_posted_back_is_told_how(home: House, mode: str) -> None:
    table = table_of(home)
    home.post(f"tables/{table}/rows", json=[{"name": "a"}])
    out = home.ask("GET", f"tables/{table}/rows", headers={"accept": "text/csv"})

    message = refused(home, table, query=f"?mode={mode}", content=out.content, headers=CSV)

    assert "leave the column out" in message and "mode=upsert&key=_Record_ID" in message


def test_an_export_with_a_new_row_is_told_how(home: House) -> None:
    table = table_of(home)
    home.post(f"tables/{table}/rows", json=[{"name": "a"}])

    message = refused(
        home, table, query="?mode=upsert&key=_Record_ID", content=b"_Record_ID,name\n1,b\n,c\n", headers=CSV
    )

    assert message == "line 3: a new row has no _Record_ID; send new rows by themselves, without this column"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'[{"name": "a"}, {"name": "b", "amount": 1, "amount": 2}]', 'row 2 names the column "amount" twice'),
        (b'{"rows": [{"name": "a", "n\\u0061me": "b"}]}', 'row 1 names the column "name" twice'),
        (b'{"rows": [], "rows": [{"name": "a"}]}', 'the body names "rows" twice'),
        (b'{"rows": [{"name": "a"}], "ROWS": []}', 'the body names "rows" twice'),
        (b'[{"name": {"a": 1, "a": 2}}]', "is a list or an object"),
    ],
)
def test_a_name_twice_in_json_is_refused(home: House, body: bytes, words: str) -> None:
    assert words in refused(home, table_of(home), content=body)


def test_a_colon_in_a_text_is_no_name(home: House) -> None:
    body = b'\xef\xbb\xbf{"mode" : "append", "rows" :\n[{"name" : "a\\":"}, {"name":"\\\\"}]}'

    assert home.post(f"tables/{table_of(home)}/rows", content=body)["rowsAdded"] == 2


@pytest.mark.parametrize("body", [b"", b"PAR1", b"junk" * 100, b"PAR1" + b"\xff" * 400 + b"PAR1", b"name\na\n"])
def test_a_broken_parquet_file_is_refused_without_a_word_of_our_disk(home: House, body: bytes) -> None:
    headers = {"content-type": "application/vnd.apache.parquet"}

    message = refused(home, table_of(home), content=body, headers=headers)

    assert message.startswith("the body cannot be read as Parquet")
    assert "/" not in message and "Error" not in message


def test_a_lost_file_of_a_table_is_told_without_its_place(home: House) -> None:
    table = table_of(home)
    home.post(f"tables/{table}/rows", json=[{"name": "a"}])
    for path in home.database.path.parent.joinpath("files").rglob("*"):
        if path.is_file():
            path.unlink()

    message = home.ask("GET", f"tables/{table}/rows").json()["message"]

    assert "the rows were not read" in message and "/" not in message


def test_a_parquet_column_of_lists_is_refused(home: House, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    duckdb.connect().sql("SELECT [1, 2] AS amount, 'a' AS name").write_parquet(str(path))

    assert "only numbers, texts" in refused(home, table_of(home), content=path.read_bytes())


def test_a_parquet_bomb_is_refused_by_its_footer(home: House, tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    duckdb.connect().sql("SELECT 'a' AS name FROM range(20000001)").write_parquet(str(path), row_group_size=10**7)

    assert path.stat().st_size < 100_000
    assert "20,000,001 rows, more than" in refused(home, table_of(home), content=path.read_bytes())


def test_writers_at_the_same_time_lose_nothing(home: House) -> None:
    table = table_of(home)

    async def append() -> list[int]:
        asked = [home.ask_async("POST", f"tables/{table}/rows", json=[{"name": f"n{i}"}]) for i in range(8)]
        return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert asyncio.run(append()) == [200] * 8
    got = rows(home, table)
    assert sorted(row["name"] for row in got) == [f"n{i}" for i in range(8)]
    assert [row["_Record_ID"] for row in got] == list(range(1, 9))


def test_small_appends_do_not_pile_up_files(home: House) -> None:
    table = table_of(home)
    for number in range(12):
        home.post(f"tables/{table}/rows", json=[{"name": f"n{number}"}])

    parts = home.database.write(lambda tx: tx.one("SELECT count(*) FROM table_part WHERE until_version IS NULL"))

    assert parts is not None and parts[0] <= 4
    assert len(rows(home, table)) == 12
    assert io.StringIO(home.ask("GET", f"tables/{table}/rows", headers={"accept": "text/csv"}).text).readline()


def test_rows_of_the_keys_that_are_sent_are_replaced(home: House) -> None:
    table = new_table(home, month="FixedLengthText", amount="Money")
    home.post(f"tables/{table}/rows", json=[{"month": "05", "amount": 1}, {"month": "06", "amount": 2}])

    body = {"mode": "replace_where", "key": ["month"], "rows": [{"month": "06", "amount": n} for n in (8, 9)]}
    for _ in range(2):
        home.post(f"tables/{table}/rows", json=body)

    assert [row["amount"] for row in home.get(f"tables/{table}/rows")] == [1, 8, 9]
    assert home.get(f"tables/{table}/versions")[0]["operation"] == "replaceWhere"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"mode": "replace_where", "rows": [{"month": "06"}]}, "replace_where needs a key"),
        ({"mode": "replace_where", "key": ["month"], "rows": [{"month": None}]}, "month"),
        ({"mode": "replace_where", "key": ["_Record_ID"], "rows": [{"_Record_ID": 1}]}, "gives new records"),
    ],
)
def test_a_replacement_by_key_without_one_is_refused(home: House, body: object, said: str) -> None:
    table = new_table(home, month="FixedLengthText")
    home.post(f"tables/{table}/rows", json=[{"month": "05"}])

    answer = home.ask("POST", f"tables/{table}/rows", json=body)

    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert len(home.get(f"tables/{table}/rows")) == 1
