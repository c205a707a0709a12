"""Parquet as cells: its own types, nothing rounded, and words for what has no place in a table.

The files in parquet/ were written by pyarrow (parquet/README.md); DuckDB is the second writer.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.problems import Problem
from procession.actions.reading.cells import Kind
from tests.actions.reading.files import read_parquet
from tests.support import examples

FILES = Path(__file__).parent / "parquet"


def written(folder, select):
    path = folder / "written.parquet"
    duckdb.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


def natives(got):
    return [column.native for column in got.cells.columns]


def test_moments_keep_what_they_are_in_every_unit():
    got = read_parquet(FILES / "moments.parquet")

    assert natives(got) == ["TIMESTAMP"] * 4 + ["TIMESTAMP WITH TIME ZONE"] * 3
    assert got.rows == [
        (
            "2026-01-31 23:30:00",
            "2026-01-31 23:30:00.123",
            "2026-01-31 23:30:00.123456",
            "2026-01-31 23:30:00.123456",
            "2026-01-31 23:30:00.123456+00",
            "2026-01-31 23:30:00.123456+00",
            "2026-01-31 23:30:00.123+00",
        )
    ]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_the_zone_of_the_server_changes_nothing(zone):
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        assert read_parquet(FILES / "moments.parquet").rows[0][4] == "2026-01-31 23:30:00.123456+00"
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def test_numbers_keep_all_digits_and_binary_fractions_have_their_shortest_text():
    got = read_parquet(FILES / "numbers.parquet")

    assert [row[0] for row in got.rows] == [
        "0.1", "20000000.01", "10000000000000000000000", "0.0000001", "0", "1", "123456789012345680",
    ]  # fmt: skip
    assert [row[1] for row in got.rows][:3] == ["0.1", "10000000000", "1.5"]
    assert got.rows[0][2:] == (
        "1234567890123456789012345678.0123456789", "18446744073709551615", "5", "255", "-9223372036854775808", "1.10", None,
    )  # fmt: skip
    assert [column.is_binary for column in got.cells.columns[:3]] == [True, True, False]
    assert got.kinds[:2] == [Kind.NUMBER, Kind.NUMBER]
    assert natives(got)[5:8] == ["BIGINT", "BIGINT", "DECIMAL(5,2)"]


def test_other_types_are_texts_days_and_truths():
    got = read_parquet(FILES / "others.parquet")

    assert got.rows == [
        ("12:00:00", "12:00:00", "1899-12-31", "true", "é", "[1.10]", '{"b":1,"a":null}', "x", '{"k":1}')
    ]
    assert natives(got)[2:4] == ["DATE", "BOOLEAN"]


def test_names_are_those_of_the_file_also_where_they_are_alike():
    got = read_parquet(FILES / "names.parquet")

    assert got.headings == ["a", "A", "", 'q"x', "b.c", "a", "file_row_number"]
    assert got.rows == [tuple("1234567")]
    assert got.places[0][3] == 'row 1, "q"x"'


def test_a_file_without_rows_has_its_columns():
    got = read_parquet(FILES / "empty.parquet")

    assert (got.headings, got.rows) == (["a"], [])


def test_moments_of_the_old_kind_are_read_and_it_is_said():
    got = read_parquet(FILES / "int96.parquet")

    assert got.rows == [("2026-01-31 23:30:00.123456",), (None,)]
    assert got.cells.remarks[0].startswith("moments of the old kind INT96")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fine_moments", 'row 2, "at": "2026-01-31 23:30:00.123456789" has nanoseconds'),
        ("fine_moments_utc", 'row 2, "at": "2026-01-31 23:30:00.123456789+00" has nanoseconds'),
        ("wide_decimal", '"d" has decimals of 50 digits; at most 38 are read'),
        ("nan", 'row 3, "x": "nan" is not a number'),
        ("nested_nan", 'row 1, "x": "[1.5, nan]" holds what is not a number'),
        ("nested_bytes", "holds bytes inside of lists"),
        ("bytes", 'row 2, "x": "\\xAA\\xFF" holds bytes that are no text'),
        ("nothing", "it has no columns"),
    ],
)
def test_what_would_be_altered_is_refused(name, said):
    with pytest.raises(Problem, match=r"a\.parquet") as problem:
        read_parquet(FILES / f"{name}.parquet")

    assert said in str(problem.value)


@pytest.mark.parametrize(("kind", "said"), [("DATE", "day"), ("TIMESTAMP", "moment"), ("TIMESTAMPTZ", "moment")])
def test_a_day_without_end_is_no_day(tmp_path, kind, said):
    path = written(tmp_path, f"SELECT unnest(['2026-01-31'::{kind}, NULL, '-infinity'::{kind}]) AS at")

    with pytest.raises(Problem, match=f'row 3, "at": "-infinity" is no {said}'):
        read_parquet(path)


def test_a_damaged_file_is_told_without_a_path_of_the_server(tmp_path):
    path = written(tmp_path, "SELECT i, 'text ' || i AS t FROM range(100_000) r(i)")
    content = path.read_bytes()

    for damaged in (
        content[:500] + content[-8:],
        content[:2000] + content[2500:],
        content[:-8] + b"\xff\xff\xff\x7fPAR1",
    ):
        path.write_bytes(damaged)
        with pytest.raises(Problem) as problem:
            read_parquet(path)
        assert "it is damaged, or did not arrive whole" in str(problem.value)
        assert str(tmp_path) not in str(problem.value)


def test_an_encrypted_file_is_said_to_be_one(tmp_path):
    path = tmp_path / "secret.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET force_mbedtls_unsafe = 'true'")  # good enough for a test
        connection.execute("PRAGMA add_parquet_key('k', '0123456789112345')")
        connection.execute(f"COPY (SELECT 1 AS a) TO '{path}' (FORMAT parquet, ENCRYPTION_CONFIG {{footer_key: 'k'}})")

    with pytest.raises(Problem, match="it is encrypted; write it without encryption"):
        read_parquet(path)


def test_a_folder_whose_name_looks_like_a_partition_adds_no_column(tmp_path):
    folder = tmp_path / "year=2026"
    folder.mkdir()

    assert read_parquet(written(folder, "SELECT 1 AS a")).headings == ["a"]


@examples(8)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.decimals(-(10**9), 10**9, places=2).map(float)))
def test_a_binary_fraction_is_the_shortest_decimal_that_is_it(values):
    with tempfile.TemporaryDirectory() as place, duckdb.connect() as connection:
        path = Path(place) / "a.parquet"
        connection.execute(f"COPY (SELECT unnest(?::DOUBLE[]) AS a) TO '{path}' (FORMAT parquet)", [values])
        got = [row[0] for row in read_parquet(path).rows]

    assert [Decimal(text) for text in got] == [Decimal(repr(value)) for value in values]
    assert not any("e" in text or text.endswith(".0") for text in got)
    assert all(
        math.copysign(1, float(text)) == math.copysign(1, value) or value == 0
        for text, value in zip(got, values, strict=True)
    )


@pytest.mark.parametrize("depth", [10, 11, 40])
def test_lists_are_read_ten_deep(tmp_path, depth):
    file = written(tmp_path, "SELECT " + "[" * depth + "1" + "]" * depth + " AS a")

    if depth == 10:
        assert read_parquet(file).rows == [("[" * depth + "1" + "]" * depth,)]
    else:
        with pytest.raises(Problem, match='"a" is nested deeper than 10 levels'):
            read_parquet(file)
