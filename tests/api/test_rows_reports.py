"""What people reported of rows that other software took: each is right here, or refused by line, column and value."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from tests.api.house import House
from tests.api.test_tables import new_table

CSV, JSON, LINES = "text/csv", "application/json", "application/x-ndjson"
TEXT, NUMBER, MONEY, AT, TRUE = "FixedLengthText", "Number", "Money", "Datetime", "TrueFalse"


def rows_of(home: House, table: str) -> list[list[Any]]:
    text = home.ask("GET", f"tables/{table}/rows").content
    found = msgspec.json.Decoder(float_hook=Decimal).decode(text)
    return [list(row.values())[1:] for row in found]


def post(home: House, table: str, body: bytes, kind: str, query: str = "") -> Any:
    return home.ask("POST", f"tables/{table}/rows{query}", content=body, headers={"content-type": kind})


@pytest.mark.parametrize(
    ("columns", "kind", "body", "rows"),
    [
        pytest.param([NUMBER, TEXT], CSV, b'a,b\n"1",""\n"2",\n', [[1, ""], [2, None]], id="yuniql#284"),
        pytest.param([TEXT, TEXT, NUMBER], CSV, b'a,b,c\n"A",,3\n"A","",3\n', [["A", None, 3], ["A", "", 3]], id="TablePlus#1523"),
        pytest.param([TEXT, TEXT, TEXT], CSV, b'a,b,c\n"",,""\n,"",""\n"","",\n',
                     [["", None, ""], [None, "", ""], ["", "", None]], id="dbeaver#4024"),
        pytest.param([TEXT, TEXT, TEXT, TEXT], CSV, b'a,b,c,d\n,,"",\n', [[None, None, "", None]], id="commons-csv#15"),
        pytest.param([AT, TEXT, TEXT], CSV, b'a\tb\tc\n2016-07-25 00:00:00\t"t"\t\n', [["2016-07-25T00:00:00.000", "t", None]], id="doris#12510"),
        pytest.param([NUMBER, AT, TRUE], CSV, b'a,b,c\n"","",""\n', [[None, None, None]], id="dolt#115"),
        pytest.param([NUMBER, AT, TRUE], CSV, b"a,b,c\n,,\n", [[None, None, None]], id="supabase#17835, nocodb#1537, strapi-import#17"),
        pytest.param([TEXT, TEXT], CSV, "a,b\n0600000,北海道\n".encode(), [["0600000", "北海道"]], id="supabase#12666"),
        pytest.param([TEXT, TEXT], CSV, b'a,b\n0010,"007"\n', [["0010", "007"]], id="teable#1880, teable#1828, bilig#28"),
        pytest.param([TEXT], CSV, b"a\n12345688900\n314e89\n", [["12345688900"], ["314e89"]], id="cartodb#2010, sqlitebrowser#160"),
        pytest.param([TEXT, TEXT, TEXT], CSV, b"a;b;c\nok;10,5;okey\n", [["ok", "10,5", "okey"]], id="nocodb#4145"),
        pytest.param([MONEY], CSV, b"a\n$90\n", [[90]], id="nocodb#3788"),
        pytest.param([TEXT, NUMBER], CSV, b'a,b\r\n"x\r\ny",1\r\n', [["x\r\ny", 1]], id="sqlitebrowser#94"),
        pytest.param([TEXT, TRUE], JSON, b'[{"a": "12 Rue Mont 80120 Ville", "b": true}]', [["12 Rue Mont 80120 Ville", True]], id="directus#25589"),
        pytest.param([NUMBER], JSON, b'[{"a": 111111.1111111111}]', [[Decimal("111111.1111111111")]], id="ClickHouse#21875"),
        pytest.param([NUMBER, NUMBER], CSV, b'a,b\n"1","1.50"\n', [[1, Decimal("1.5")]], id="ClickHouse#5221"),
        pytest.param([NUMBER, TEXT], CSV, b"a,b\n0.00000000,0.00000000\n", [[0, "0.00000000"]], id="ClickHouse#5584"),
        pytest.param([NUMBER, TEXT], LINES, b'{"a": 12345678901234567890, "b": "1"}\n\n{"b": "\\u00e9"}',
                     [[12345678901234567890, "1"], [None, "\u00e9"]], id="airbyte#12057"),
        pytest.param([NUMBER], LINES, b'{"a": 1884518522.1684267241}', [[Decimal("1884518522.1684267241")]], id="airbyte#31083"),
        pytest.param([TEXT], CSV, b"a\nnan\nNULL\n\\N\nN/A\n", [["nan"], ["NULL"], ["\\N"], ["N/A"]], id="python-bigquery#1737, bigquery-emulator#435"),
        pytest.param([TEXT, NUMBER], CSV, "sep=;\r\na;b\r\ná;1\r\n".encode("utf-16"), [["á", 1]], id="utf-16 of Excel"),
        pytest.param([TEXT, NUMBER], f"{CSV}; charset=iso-8859-1", "a,b\ná,1\n".encode("latin-1"), [["á", 1]], id="TablePlus#1523 latin-1"),
        pytest.param([TEXT, NUMBER], CSV, b'a,b,\n"x",1,\n', [["x", 1]], id="a delimiter at the end"),
        pytest.param([NUMBER, NUMBER], CSV, b"a,b\n+5,.50\n(45.10),7.00-\n", [[5, Decimal("0.5")], [Decimal("-45.1"), -7]], id="signs"),
    ],
)  # fmt: skip
def test_what_others_changed_is_kept(home: House, columns: list[str], kind: str, body: bytes, rows: list[Any]) -> None:
    table = new_table(home, **dict(zip("abcd", columns, strict=False)))

    answer = post(home, table, body, kind)

    assert answer.status_code == 200, answer.text
    assert rows_of(home, table) == rows
    assert answer.json()["remarks"] == []


@pytest.mark.parametrize(
    ("columns", "kind", "body", "words"),
    [
        pytest.param([NUMBER, TEXT], CSV, b"a,b\n1,x\n10.5.1,y\n", 'line 3, column "a": "10.5.1" is not Number', id="nocodb#9814"),
        pytest.param([NUMBER], CSV, b'a\n"1,234.5"\n', '"1,234.5" is not Number', id="nocodb#9814 groups"),
        pytest.param([TEXT, TEXT, TEXT], CSV, b"a,b,c\nvalue 1,foo 1\n", "line 2 has 2 values, not 3", id="baserow#3037"),
        pytest.param([TEXT, TEXT], CSV, b"a,b\n1,2,,\n", "line 2 has 4 values, not 2", id="letos#2467"),
        pytest.param([TEXT, TEXT], CSV, b"x,y\n1,2\n", 'no column "x"; it has _Record_ID, a, b', id="baserow#1086"),
        pytest.param([AT], CSV, b"a\n\"November 3, 2023\"\n", '"November 3, 2023" is not Datetime', id="nocodb#6917"),
        pytest.param([AT], CSV, b"a\n03-11-23\n", 'line 2, column "a": "03-11-23" is not Datetime', id="two-digit year"),
        pytest.param([TEXT, NUMBER], CSV, b"a,b\nx,1\nthis,is a string\n", 'line 3, column "b"', id="supabase#21063, supabase#17029"),
        pytest.param([TEXT], CSV, b"a\n" + b"x" * 10_241, "is not a text of at most 255 characters", id="supabase#29329"),
        pytest.param([NUMBER], LINES, b'{"a": 1}\n{"a": 99999999999999999999999999999}\n', 'row 2, column "a"', id="ClickHouse#7630"),
        pytest.param([NUMBER], JSON, b'[{"a": 1e400}]', "out of range", id="1e400"),
        pytest.param([NUMBER], JSON, b'[{"a": 0.30000000000000004}]', 'row 1, column "a": "0.30000000000000004" is not Number', id="0.1+0.2"),
        pytest.param([MONEY], CSV, b"a\n1.23456\n", '"1.23456" is not Money', id="airbyte#43436"),
        pytest.param([NUMBER], CSV, b"a\nNaN\n", '"NaN" is not Number', id="python-bigquery#1737 NaN"),
        pytest.param([NUMBER], CSV, b"a\n\\N\n", '"\\N" is not Number', id="bigquery-emulator#435"),
        pytest.param([TEXT], CSV, b"a\n" + b"z\n" * 99 + b"x\0y\n", "without NUL", id="edx-analytics-pipeline#493"),
        pytest.param([NUMBER, TEXT], LINES, b'{"a": 1, "b": "x"}\n{"a": 2, "b"', "line 2 is not valid JSON", id="half of a body"),
        pytest.param([NUMBER, TEXT], LINES, b'{"a": 1, "a": 2}\n', 'line 1 names the column "a" twice', id="twins"),
        pytest.param([NUMBER, TEXT], CSV, b"a,A\n1,2\n", 'names the column "a" twice', id="twin headings"),
        pytest.param([TEXT], f"{CSV}; charset=klingon", b"a\nx\n", 'the charset "klingon" is not known', id="charset"),
        pytest.param([TEXT], CSV, "a\nx\n".encode("utf-16-le"), "UTF-16", id="utf-16 without a mark"),
        pytest.param([TEXT], CSV, b"<!DOCTYPE html><html><title>Sign in</title>", 'a web page ("Sign in")', id="a page to sign in"),
        pytest.param([NUMBER], CSV, b"a\n 5\n", '" 5" is not Number', id="blanks"),
    ],
)  # fmt: skip
def test_what_others_lost_is_refused(home: House, columns: list[str], kind: str, body: bytes, words: str) -> None:
    table = new_table(home, **dict(zip("abcd", columns, strict=False)))
    before = home.get(f"tables/{table}")

    answer = post(home, table, body, kind)

    assert answer.status_code == 400, answer.text
    assert words in answer.json()["message"]
    assert home.get(f"tables/{table}") == before


def test_ten_misfits_are_named_and_all_are_counted(home: House) -> None:
    table = new_table(home, a=NUMBER, b=AT)
    body = b"a,b\n" + b"x,y\n" * 20

    message = post(home, table, body, CSV).json()["message"]

    assert message.count("is not") == 10 and message.endswith("; 40 values in all")
    assert message.startswith('line 2, column "a": "x" is not Number') and 'line 6, column "b": "y"' in message


def test_trim_takes_blanks_from_both_ends(home: House) -> None:
    table = new_table(home, a=NUMBER, b=TEXT)

    answer = post(home, table, b'a, b\n 5, "x"\n', CSV, "?trim=true")

    assert (answer.status_code, rows_of(home, table)) == (200, [[5, "x"]]), answer.text


def test_a_missing_key_is_the_default_and_null_is_null(home: House) -> None:
    """PostgREST#1567, postgrest-py#370, supabase-js#1223."""
    table = new_table(home, a=TEXT)
    home.post(f"tables/{table}/columns", json={"name": "b", "dataType": NUMBER, "defaultValue": 100})

    for kind, body in (
        (JSON, b'[{"a": "x"}, {"a": "y", "b": 15}, {"a": "z", "b": null}]'),
        (LINES, b'{"a": "x"}\n{"a": "y", "b": 15}\n{"a": "z", "b": null}\n'),
    ):
        post(home, table, body, f"{kind}", "?mode=replace")

        assert rows_of(home, table) == [["x", 100], ["y", 15], ["z", None]]


def test_an_upsert_needs_no_value_for_what_it_does_not_change(home: House) -> None:
    """PostgREST#4046, baserow#3746."""
    table = new_table(home, a=TEXT, b=NUMBER)
    home.post(f"tables/{table}/columns", json={"name": "c", "dataType": NUMBER, "nullable": False})
    post(home, table, b"a,b,c\nx,1,2\n", CSV)

    answer = post(home, table, b"a,b\nx,9\n", CSV, "?mode=upsert&key=a")

    assert (answer.status_code, rows_of(home, table)) == (200, [["x", 9, 2]]), answer.text


def test_a_text_of_money_becomes_money_or_the_column_stays(home: House) -> None:
    """baserow#5286."""
    table = new_table(home, a=TEXT)
    post(home, table, b"a\n$5.50\nfive\n", CSV)

    answer = home.ask("POST", f"tables/{table}/columns/a", json={"dataType": MONEY})

    assert answer.status_code == 400 and 'has "five" in "a", which is not Money' in answer.json()["message"]
    assert rows_of(home, table) == [["$5.50"], ["five"]]


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("TIMESTAMP_NS '2020-01-01 00:00:00.123456789'", "has nanoseconds; microseconds are the most"),  # duckdb#9852
        ("DATE '2020-01-15'", "2020-01-15T00:00:00.000"),  # vtlengine#895
        ("'2020-01-15T10:30:00'", "2020-01-15T10:30:00.000"),
        ("TIMESTAMPTZ '2020-01-15 10:30:00+02'", "2020-01-15T08:30:00.000"),
        ("DATE 'infinity'", "is no day"),
        ("DATE '10000-01-01'", "is not Datetime"),
        ("DATE '0044-03-15 (BC)'", "is not Datetime"),
        ("5::BIGINT", '"5" is not Datetime'),
    ],
)
def test_a_moment_of_parquet_is_whole_or_refused(home: House, tmp_path: Path, value: str, got: str) -> None:
    table, path = new_table(home, a=AT), tmp_path / "rows.parquet"
    duckdb.connect().sql(f"SELECT {value} AS a").write_parquet(str(path))

    answer = post(home, table, path.read_bytes(), "application/vnd.apache.parquet")

    if answer.status_code == 200:
        assert rows_of(home, table) == [[got]]
    else:
        assert got in answer.json()["message"] and rows_of(home, table) == []


def test_what_a_sum_left_behind_is_rounded_and_said(home: House, tmp_path: Path) -> None:
    table, path = new_table(home, a=NUMBER, b=TEXT), tmp_path / "rows.parquet"
    duckdb.connect().sql("SELECT 0.1::DOUBLE + 0.2::DOUBLE AS a, true AS b").write_parquet(str(path))

    answer = post(home, table, path.read_bytes(), "application/vnd.apache.parquet")

    assert rows_of(home, table) == [[Decimal("0.3"), "true"]]
    (remark,) = answer.json()["remarks"]
    assert remark.startswith('the column "a": 1 number has more than 10 decimals and is rounded there, by at most ')


@pytest.mark.parametrize("value", ["'nan'::DOUBLE", "'-inf'::FLOAT"])
def test_what_is_no_number_is_no_text_either(home: House, tmp_path: Path, value: str) -> None:
    table, path = new_table(home, a=TEXT), tmp_path / "rows.parquet"
    duckdb.connect().sql(f"SELECT {value} AS a").write_parquet(str(path))

    answer = post(home, table, path.read_bytes(), "application/vnd.apache.parquet")

    assert answer.status_code == 400 and 'row 1, "a"' in answer.json()["message"]
