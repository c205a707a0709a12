"""What Parquet outputs hold: the same values, in types that every reader of Parquet has."""

from __future__ import annotations

import duckdb
import pytest

from procession.actions.writing import parquet_columns
from tests.actions.writing import refused, written


def first(folder, content):
    """Type and text of the first cell."""
    (folder / "r.parquet").write_bytes(content)
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT typeof(v), v::VARCHAR FROM '{folder}/r.parquet'").fetchone()


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("(SELECT sum(n) FROM (VALUES (9007199254740993::BIGINT)) t(n))", "DECIMAL(38,0)", "9007199254740993"),
        ("12345678901234567890123456789012345678::UHUGEINT", "DECIMAL(38,0)", "12345678901234567890123456789012345678"),
        ("[-9007199254740993::HUGEINT, NULL]", "DECIMAL(38,0)[]", "[-9007199254740993, NULL]"),
        ("{'HUGEINT': 9007199254740993::HUGEINT}", 'STRUCT("HUGEINT" DECIMAL(38,0))', "{'HUGEINT': 9007199254740993}"),
        ("INTERVAL '1 day 00:00:00.000001'", "VARCHAR", "1 day 00:00:00.000001"),
        ("INTERVAL '-1 hour'", "VARCHAR", "-01:00:00"),
        ("INTERVAL '580063 hours 44 minutes'", "VARCHAR", "580063:44:00"),
        ("TIMETZ '10:00:00+05:30'", "VARCHAR", "10:00:00+05:30"),
        ("union_value(num := 2)", "VARCHAR", "2"),
        ("TIMESTAMP_NS '2026-01-31 23:59:59.123456789'", "TIMESTAMP_NS", "2026-01-31 23:59:59.123456789"),
        ("1.1::DECIMAL(38,9)", "DECIMAL(38,9)", "1.100000000"),
    ],
)
def test_a_value_is_in_the_file_as_it_is(tmp_path, value, kind, text):
    content = written(tmp_path, f"SELECT {value} AS v", name="r.parquet")

    found = first(tmp_path, content)
    assert (found[0].replace('"', ""), found[1]) == (kind.replace('"', ""), text)


def test_a_number_that_no_parquet_file_holds_is_refused_with_its_column(tmp_path):
    message = refused(tmp_path, "SELECT '170141183460469231731687303715884105727'::HUGEINT AS total", name="r.parquet")

    assert "to DECIMAL(38,0) when casting from source column total" in message
    assert message.endswith("Parquet holds no longer number: cast the column to VARCHAR")


def test_names_and_values_that_look_like_types_stay():
    kind = """STRUCT(interval VARCHAR, "HUGEINT)" ENUM('UNION(', 'HUGEINT'), h HUGEINT)"""

    assert parquet_columns.exact(kind) == kind[:-8] + "DECIMAL(38,0))"


def test_the_same_rows_give_the_same_file(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()

    assert len({written(folder, "SELECT range AS n FROM range(200000)", name="r.parquet") for folder in folders}) == 1
