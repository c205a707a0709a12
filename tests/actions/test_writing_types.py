"""Every type that DuckDB has, written as CSV, XLSX and Parquet, and read back: by readers that are not ours, and by ours."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from decimal import Context, Decimal

import duckdb
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from procession.actions.database import literal, quote
from procession.actions.kinds import run_sql
from procession.model.lifecycle import StepStatus
from tests.actions.context import play
from tests.actions.writing import written
from tests.support import examples

ADDED = re.compile("^'(?='*[-=+@\t\r\n\uff1d\uff0b\uff0d\uff20])")
EXACT = Context(prec=80)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffe\uffff"), max_size=12) | st.sampled_from(
    [
        "=1+1",
        "'=1",
        "-",
        "+49 30 1",
        "@x",
        "\t",
        "007",
        " a ",
        "_x000D_",
        "a\r\nb",
        "<&>",
        "1e5",
        "true",
        "nan",
        "NULL",
        "",
    ]
)


def whole(bits, *, signed):
    return st.integers(-(2 ** (bits - 1)) if signed else 0, 2 ** (bits - signed) - 1).map(str)


def decimals(width, scale):
    return st.integers(-(10**width) + 1, 10**width - 1).map(lambda n: format(Decimal(n).scaleb(-scale, EXACT), "f"))


DAYS = st.dates().map(str) | st.sampled_from(["1899-12-31", "1900-02-28", "1900-03-01", "9999-12-31"])
MOMENTS = st.datetimes().map(str) | st.sampled_from(["2026-01-31 23:59:59.6", "1900-03-01 00:00:00"])
SOON = st.datetimes(datetime(1980, 1, 1), datetime(2200, 1, 1)).map(str)
KINDS = {
    "BOOLEAN": st.sampled_from(["true", "false"]),
    **{
        kind: whole(bits, signed=True)
        for kind, bits in [("TINYINT", 8), ("SMALLINT", 16), ("INTEGER", 32), ("BIGINT", 64)]
    },
    **{
        kind: whole(bits, signed=False)
        for kind, bits in [("UTINYINT", 8), ("USMALLINT", 16), ("UINTEGER", 32), ("UBIGINT", 64)]
    },
    "HUGEINT": st.integers(-(10**38) + 1, 10**38 - 1).map(str),
    "UHUGEINT": st.integers(0, 10**38 - 1).map(str),
    "BIGNUM": st.integers(-(10**60), 10**60).map(str),
    "DECIMAL(4,1)": decimals(4, 1),
    "DECIMAL(18,6)": decimals(18, 6),
    "DECIMAL(38,0)": decimals(38, 0),
    "DECIMAL(38,38)": decimals(38, 38),
    "DOUBLE": st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.sampled_from(["1e22", "-0.0", "1e-20", "0.1", "9007199254740993"]),
    "FLOAT": st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    "DATE": DAYS,
    "TIME": st.times().map(str),
    "TIME_NS": st.just("10:00:00.123456789"),
    "TIMETZ": st.times().map(lambda time: f"{time}+05:30"),
    "TIMESTAMP": MOMENTS,
    "TIMESTAMP_S": SOON,
    "TIMESTAMP_MS": SOON,
    "TIMESTAMP_NS": SOON.map(lambda text: text if "." in text else f"{text}.123456789"),
    "TIMESTAMPTZ": MOMENTS,
    "TIMESTAMPTZ_NS": SOON,
    "INTERVAL": st.sampled_from(["-1 hour", "14 months 3 days 1.000001 seconds", "0 seconds", "580063 hours"]),
    "VARCHAR": WORDS,
    "JSON": st.sampled_from(['{"a":1.10}', '["=1"]', '"x"', "-1"]),
    "UUID": st.uuids().map(str),
    "BLOB": st.sampled_from([r"\xAA=1", "=1+1", "", "plain"]),
    "BIT": st.text("01", min_size=1, max_size=70),
    "ENUM('=a', '-1', 'c')": st.sampled_from(["=a", "-1", "c"]),
    "INTEGER[]": st.sampled_from(["[1, NULL]", "[]"]),
    "HUGEINT[]": st.sampled_from(["[9007199254740993]", "[]"]),
    "INTEGER[2]": st.just("[1, 2]"),
    "STRUCT(a INTEGER, b VARCHAR)": st.sampled_from(["{'a': 1, 'b': 'x,y'}", "{'a': NULL, 'b': '=1'}"]),
    "MAP(VARCHAR, TIMETZ)": st.just("{k=10:00:00+05:30}"),
}


TABLES = st.fixed_dictionaries(
    {kind: st.lists(st.none() | some, min_size=5, max_size=5) for kind, some in KINDS.items()}
)


def table(given):
    """SQL of a column for each kind, and the texts of its values as DuckDB casts them."""
    given = {kind: given[kind] for kind in KINDS}
    lists = {kind: ", ".join("NULL" if t is None else literal(t) for t in texts) for kind, texts in given.items()}
    unnested = ", ".join(f"unnest([{texts}]::VARCHAR[]) AS {quote(kind)}" for kind, texts in lists.items())
    sql = (
        "SELECT "
        + ", ".join(f"CAST({quote(kind)} AS {kind}) AS {quote(kind)}" for kind in given)
        + f" FROM (SELECT {unnested})"
    )
    return sql, texts_of(f"({sql})")


def texts_of(relation):
    with utc() as connection:
        rows = connection.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {relation}").fetchall()
    return {kind: list(texts) for kind, texts in zip(KINDS, zip(*rows, strict=True), strict=True)}


def utc():
    connection = duckdb.connect(config={"autoload_known_extensions": "false"})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def is_number(kind):
    return kind.endswith(("INT", "INTEGER", "DOUBLE", "FLOAT")) or kind.startswith("DECIMAL")


def same(kind, found, text):
    """Equal as numbers, to the last digit, or as texts."""
    if not found or not text or not is_number(kind):
        return found == text
    return Decimal(found) == Decimal(text)


@examples(6)
@given(given=TABLES)
def test_csv_says_what_duckdb_says(given, tmp_path_factory):
    sql, texts = table(given)

    content = written(tmp_path_factory.mktemp("csv"), sql)

    headings, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    assert headings == list(KINDS)
    for kind, *found in zip(KINDS, *rows, strict=True):
        plain = [ADDED.sub("", text) for text in found]
        assert all(map(same, [kind] * 5, plain, [text or "" for text in texts[kind]])), (kind, plain, texts[kind])


@examples(6)
@given(given=TABLES)
def test_a_book_holds_what_duckdb_says(given, tmp_path_factory):
    sql, texts = table(given)

    content = written(tmp_path_factory.mktemp("book"), sql, name="r.xlsx")

    headings, *rows = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True)
    assert headings == tuple(KINDS)
    for kind, *found in zip(KINDS, *rows, strict=True):
        plain = [in_words(kind, value) for value in found]
        # A sheet knows no zones: what is there is the time in the zone of the output, here UTC.
        wanted = [text and text.removesuffix("+00") if kind.startswith("TIMESTAMPTZ") else text for text in texts[kind]]
        assert all(map(same, [kind] * 5, plain, wanted)), (kind, plain, wanted)


def in_words(kind, value):
    """The value of a cell as DuckDB writes it."""
    if isinstance(value, datetime):
        whole = f"{value:%Y-%m-%d}" if kind == "DATE" else f"{value:%Y-%m-%d %H:%M:%S}"
        return whole + (f".{value.microsecond:06d}".rstrip("0") if value.microsecond else "")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        plain = unescape(value)
        return plain.removesuffix("+00") if kind.startswith("TIMESTAMPTZ") else plain
    return None if value is None else repr(value)


@examples(6)
@given(given=TABLES)
def test_parquet_holds_what_duckdb_says(given, tmp_path_factory):
    sql, texts = table(given)
    folder = tmp_path_factory.mktemp("parquet")

    (folder / "r.parquet").write_bytes(written(folder, sql, name="r.parquet"))

    assert texts_of(literal(str(folder / "r.parquet"))) == texts


@pytest.mark.parametrize("name", ["r.csv", "r.xlsx", "r.parquet"])
@examples(6)
@given(rows=st.lists(st.tuples(WORDS, decimals(15, 6)), min_size=1, max_size=6))
def test_the_next_step_reads_what_was_written(name, rows, tmp_path_factory):
    values = ", ".join(f"({literal(word)}, {amount}::DECIMAL(18,6), {n})" for n, (word, amount) in enumerate(rows))
    folder = tmp_path_factory.mktemp("next")
    options = {"escape_formulas": False} if name == "r.csv" else {}
    content = written(folder, f"SELECT * FROM (VALUES {values}) t(v, a, n)", name=name, **options)
    kinds = {"v": {"type": "Text"}, "a": {"type": "Number"}}
    declared = {} if name == "r.parquet" else {"columns": kinds}

    played = play(
        run_sql.ACTION,
        tmp_path_factory.mktemp("again"),
        {
            "inputs": {"f": {"file": "${f.f}", **declared}},
            "sql": "SELECT coalesce(v, '') AS v, a::DECIMAL(18,6) AS a FROM f ORDER BY n",
            "outputs": {"result": {"to": "${o.r}", "as": "again.parquet"}},
        },
        {"f.f": (name, content)},
    )

    # A last row that happens to be the sum of those before it is told.
    assert played.outcome.status is not StepStatus.FAILED, played.outcome.message
    (folder / "again.parquet").write_bytes(played.outputs["o.r"])
    with utc() as connection:
        found = connection.execute(f"FROM '{folder}/again.parquet'").fetchall()
    assert [(word, amount) for word, amount in found] == [(word, Decimal(amount)) for word, amount in rows]
