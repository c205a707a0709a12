"""What CSV and XLSX outputs hold: the values of the relation, exactly, in every reader."""

from __future__ import annotations

import csv
import io
import zipfile
from decimal import Decimal

import duckdb
import fastexcel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions import database, exports, run_sql, workbooks
from procession.actions.problems import Problem
from procession.model.lifecycle import StepStatus
from tests.actions.context import play
from tests.support import examples


def written(folder, sql, name="r.csv", **options):
    outputs = {"result": {"to": "${o.r}", "as": name, **options}}
    played = play(run_sql.ACTION, folder, {"sql": sql, "outputs": outputs})
    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    return played.outputs["o.r"]


def refused(folder, sql, name="r.csv", **options):
    played = play(run_sql.ACTION, folder, {"sql": sql, "outputs": {"result": {"to": "${o.r}", "as": name, **options}}})
    assert played.outcome.status is StepStatus.FAILED
    return played.outcome.message


# CSV


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("30.3000::DECIMAL(19,4)", "30.3"),
        ("5.0000::DECIMAL(19,4)", "5"),
        ("0.0000::DECIMAL(19,4)", "0"),
        ("-0.5000::DECIMAL(19,4)", "-0.5"),
        ("100::DECIMAL(19,0)", "100"),
        ("1200::BIGINT", "1200"),
        ("1e22::DOUBLE", "10000000000000000000000"),
        ("-1.5e-7::DOUBLE", "-0.00000015"),
        ("0.1::DOUBLE", "0.1"),
        ("3::DOUBLE", "3"),
        ("true", "true"),
        ("DATE '2026-01-31'", "2026-01-31"),
        ("TIMESTAMPTZ '2026-01-02 03:04:05+02'", "2026-01-02 01:04:05+00"),
    ],
)
def test_a_value_is_written_as_it_is(tmp_path, value, text):
    assert written(tmp_path, f"SELECT {value} AS v, 1 AS n") == f"v,n\n{text},1\n".encode()


@pytest.mark.parametrize(("decimals", "text"), [(2, "1.50"), (1, "1.5"), (6, "1.500000")])
def test_amounts_have_as_many_decimals_as_asked_for(tmp_path, decimals, text):
    content = written(tmp_path, "SELECT 1.5000 AS v, 7 AS id", decimals=decimals)

    assert content == f"v,id\n{text},7\n".encode()


def test_no_decimals_at_all(tmp_path):
    assert written(tmp_path, "SELECT 12.00 AS v, 1 AS n", decimals=0) == b"v,n\n12,1\n"


def test_an_amount_that_would_lose_digits_is_refused_with_its_place(tmp_path):
    message = refused(tmp_path, "SELECT * FROM (VALUES (1.50), (1.125)) t(fee)", decimals=2)

    assert message.startswith('row 2 of the column "fee" is 1.125, which 2 decimals cannot hold')


def test_a_file_for_excel_in_europe(tmp_path):
    content = written(tmp_path, "SELECT 1234.5 AS v, 'a;b' AS t", decimal=",", decimals=2, bom=True)

    assert content == b'\xef\xbb\xbfv;t\n1234,50;"a;b"\n'


def test_a_moment_is_written_in_the_zone_that_is_asked_for(tmp_path):
    content = written(tmp_path, "SELECT TIMESTAMPTZ '2026-07-01 23:30:00+00' AS v, 1 AS n", zone="Europe/Berlin")

    assert content == b"v,n\n2026-07-02 01:30:00,1\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("start", ["=", "+", "@", "-", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_cell_and_no_heading_begins_a_formula(tmp_path, delimiter, start):
    content = written(tmp_path, f"SELECT '{start}x' AS \"{start}h\", 1 AS n", delimiter=delimiter)

    rows = list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter))
    assert [row[0] for row in rows] == [f"'{start}h", f"'{start}x"]


def test_an_empty_cell_alone_in_its_row_is_no_empty_line(tmp_path):
    assert written(tmp_path, "SELECT * FROM (VALUES ('a'), (NULL), ('b')) t(v)") == b'v\na\n""\nb\n'


@pytest.mark.parametrize("option", [{"zone": "Mars/Base"}, {"delimiter": "x"}, {"delimiter": "."}, {"delimiter": '"'}])
def test_an_option_that_cannot_be_is_refused_before_a_run(option):
    settings_ = run_sql.Settings(sql="SELECT 1", outputs={"result": exports.OutputOptions(to="${o.r}", **option)})

    assert len(run_sql.check(settings_)) == 1


def test_a_step_has_no_zone_of_its_server(tmp_path):
    with database.connect(tmp_path, 1 << 30) as connection:
        for cursor in (connection, connection.cursor()):
            assert cursor.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)


# XLSX


def book(folder, sql, zone="UTC", title="Data"):
    """The written workbook's bytes, and what its writer had to say."""
    with database.connect(folder, 1 << 30) as connection:
        connection.execute(f"CREATE TABLE t AS {sql}")
        notes = workbooks.write(connection, folder / "export" / "t.xlsx", {title: "t"}, zone)
    return (folder / "export" / "t.xlsx").read_bytes(), notes


def cells(content, number=1):
    return zipfile.ZipFile(io.BytesIO(content)).read(f"xl/worksheets/sheet{number}.xml").decode()


def read(content, dtypes="string"):
    """The rows below the header as fastexcel, a reader that is not ours, sees them."""
    loaded = fastexcel.read_excel(content).load_sheet(0, header_row=0, dtypes=dtypes)
    with duckdb.connect() as connection:
        connection.register("sheet", loaded)
        return connection.execute("SELECT * FROM sheet").fetchall()


def test_dates_that_excel_cannot_show_are_text_and_said(tmp_path):
    content, notes = book(tmp_path, "SELECT * FROM (VALUES (DATE '1899-12-31'), ('1900-03-01')) v(d)")

    assert "<v>-" not in cells(content)
    assert [row[0] for row in read(content)] == ["1899-12-31", "1900-03-01 00:00:00"]
    assert "1 dates outside of 1900-03-01 to 9999-12-31" in notes.remarks[0]


def test_a_moment_with_a_zone_needs_no_further_module(tmp_path):
    content, _ = book(tmp_path, "SELECT TIMESTAMPTZ '2026-07-01 23:30:00+00' AS m", "Europe/Berlin")

    assert read(content) == [("2026-07-02 01:30:00",)]


def test_numbers_beyond_fifteen_digits_are_whole_and_text(tmp_path):
    content, notes = book(tmp_path, "SELECT 12345678901234.5600::DECIMAL(38,4) AS v, 1234567890123456::BIGINT AS n")

    assert read(content) == [("12345678901234.5600", "1234567890123456")]
    assert len(notes.remarks) == 2


def test_a_text_that_no_cell_holds_is_refused_with_its_place(tmp_path):
    with pytest.raises(Problem, match='row 2 of the column "v" has a text of 32,768 characters'):
        book(tmp_path, "SELECT * FROM (VALUES ('a'), (repeat('😀', 16384))) t(v)")


def test_more_rows_than_a_sheet_holds_go_on_in_another_one(tmp_path):
    content, notes = book(tmp_path, f"SELECT range AS n FROM range({workbooks.ROWS_MAX + 2})", title="Pairs")

    assert fastexcel.read_excel(content).sheet_names == ["Pairs", "Pairs (2)"]
    assert cells(content, 2).count("<row ") == 3
    assert f'<c r="A3" s="2"><v>{workbooks.ROWS_MAX + 1}</v>' in cells(content, 2)
    assert notes.warnings == ('"Pairs" has 1,048,577 rows, more than a sheet holds; it goes on in "Pairs (2)"',)


def test_a_book_needs_no_temporary_folder_of_the_server(tmp_path, monkeypatch):
    # As in the sandbox of a step, where none of the usual folders can be written to.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not there"))

    content, _ = book(tmp_path, "SELECT 1 AS a")

    assert read(content) == [("1",)]


def test_a_relation_without_rows_is_a_sheet_with_its_header(tmp_path):
    content, _ = book(tmp_path, "SELECT 1 AS a WHERE false")

    assert read(content) == []
    assert '<dimension ref="A1"/>' in cells(content) or '<dimension ref="A1:A1"/>' in cells(content)


# The reader leaves U+FFFE and U+FFFF escaped, which no XML may hold.
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\ufffe\uffff"), min_size=1, max_size=20
) | st.sampled_from(
    ["_x0041_", "_x0041_x0042_", "a_xyz", " a ", "\r\n", "<&>\"'", "=1+1", "\x00", "\x1f", "007", "#N/A"]
)
AMOUNTS = st.decimals(min_value=-(10**10), max_value=10**10, places=4)


@examples(60)
@given(rows=st.lists(st.tuples(TEXTS, AMOUNTS), min_size=1, max_size=8))
def test_a_book_gives_back_what_was_written(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    with database.connect(folder, 1 << 30) as connection:
        connection.execute("CREATE TABLE t (v VARCHAR, a DECIMAL(19,4))")
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        workbooks.write(connection, folder / "t.xlsx", {"Data": "t"})

    found = read((folder / "t.xlsx").read_bytes(), {0: "string", 1: "float"})

    assert [(text, Decimal(repr(amount))) for text, amount in found] == rows
