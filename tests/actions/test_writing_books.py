"""What XLSX outputs hold: the values of the relation, exactly, in every reader."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from datetime import datetime
from decimal import Decimal

import fastexcel
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from procession.actions import database
from procession.actions.problems import Problem
from procession.actions.writing import workbooks
from tests.actions.writing import book, cells, read
from tests.support import examples


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
    assert re.search(f'<c r="A3" s="\\d+"><v>{workbooks.ROWS_MAX + 1}</v>', cells(content, 2))
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


@examples(8)
@given(rows=st.lists(st.tuples(TEXTS, AMOUNTS), min_size=1, max_size=8))
def test_a_book_gives_back_what_was_written(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    with database.connect(folder, 1 << 30) as connection:
        connection.execute("CREATE TABLE t (v VARCHAR, a DECIMAL(19,4))")
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        workbooks.write(connection, folder / "t.xlsx", {"Data": "t"})

    found = read((folder / "t.xlsx").read_bytes(), {0: "string", 1: "float"})

    assert [(text, Decimal(repr(amount))) for text, amount in found] == rows


# A heading, and texts that are markup for XML or for Excel.
NAMES = ["_x0041_x0042_", "<r><t>x</t></r>", "SKU_x0041\r", "&amp;", "=1", " a "]


def test_headings_are_the_texts_that_they_are(tmp_path):
    content, _ = book(tmp_path, "SELECT " + ", ".join(f"1 AS {database.quote(name)}" for name in NAMES))

    assert fastexcel.read_excel(content).load_sheet(0, header_row=0).available_columns is not None
    assert [unescape(str(cell.value)) for cell in openpyxl.load_workbook(io.BytesIO(content))["Data"][1]] == NAMES


def test_no_part_of_a_book_is_zip64_that_need_not_be(tmp_path):
    content, _ = book(tmp_path, "SELECT range AS n FROM range(1000)")

    # Excel for the web refuses a book whose local headers have the extra field of zip64.
    for part in zipfile.ZipFile(io.BytesIO(content)).infolist():
        version, extra = struct.unpack_from("<H22xH", content, part.header_offset + 4)
        assert (version, extra) == (20, 0), part.filename


def test_a_moment_is_never_rounded_into_the_next_day(tmp_path):
    content, notes = book(
        tmp_path,
        "SELECT * FROM (VALUES (TIMESTAMP '2026-01-31 23:59:59.6'), ('2026-01-31 23:59:59.999999'), (NULL)) v(m)",
    )

    shown = openpyxl.load_workbook(io.BytesIO(content))["Data"]
    assert shown["A2"].number_format == "yyyy-mm-dd hh:mm:ss.000"
    assert shown["A2"].value == datetime(2026, 1, 31, 23, 59, 59, 600_000)
    assert shown["A3"].value == "2026-01-31 23:59:59.999999"
    assert notes.remarks == (
        'sheet "Data", column "m": 1 moments outside of 1900-03-01 to 9999-12-31, or finer than a millisecond,'
        " written as text",
    )


@pytest.mark.parametrize(
    ("value", "shows"), [("0.000001", "#,##0.00####"), ("1.5", "#,##0.00"), ("2.125", "#,##0.00#")]
)
def test_an_amount_is_shown_with_all_its_decimals(tmp_path, value, shows):
    content, _ = book(tmp_path, f"SELECT {value} AS rate")

    cell = openpyxl.load_workbook(io.BytesIO(content))["Data"]["A2"]
    assert (cell.value, cell.number_format) == (float(value), f"{shows};[Red]-{shows}")


def test_values_that_are_no_numbers_are_text_and_said(tmp_path):
    content, notes = book(tmp_path, "SELECT * FROM (VALUES ('nan'::DOUBLE), ('-inf'), (1.5)) v(n)")

    assert read(content) == [("nan",), ("-inf",), ("1.5",)]
    assert notes.remarks == ('sheet "Data", column "n": 2 numbers that are infinite or NaN, written as text',)


def test_a_book_may_have_thousands_of_columns(tmp_path):
    content, _ = book(tmp_path, "SELECT " + ", ".join(f"{number} AS c{number}" for number in range(3000)))

    row = next(
        openpyxl.load_workbook(io.BytesIO(content), read_only=True)["Data"].iter_rows(min_row=2, values_only=True)
    )
    assert row == tuple(range(3000))


@pytest.mark.parametrize(
    "title", ["😀" * 20, "a" * 30 + "😀", "'" + "b" * 40, "Max's", "HISTORY", "[]:*?/\\", "x" * 30 + " '"]
)
def test_any_name_makes_a_sheet_that_excel_takes(tmp_path, title):
    content, _ = book(tmp_path, "SELECT 1 AS a", title=title)

    (name,) = fastexcel.read_excel(content).sheet_names
    assert 0 < len(name.encode("utf-16-le")) <= 62 and name.lower() != "history" and name.strip(" '") == name
