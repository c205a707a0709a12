"""CSV: what DuckDB reads fast is what the records say, and what is no CSV is refused with its line."""

from __future__ import annotations

import io

import duckdb
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.problems import Problem
from procession.actions.reading import delimited
from procession.actions.reading.records import Dialect, Unreadable
from procession.actions.reading.text import Text
from tests.actions.reading.relation import read, refusal
from tests.support import examples

PIECES = ['"', ",", "\n", "\r\n", "\r", "a", "1", " ", "\t", '""', '"x"', "\\", "#", "'", ";", "\u00e9"]
VALUES = ["", "a", "1", "x y", '"q"', '"a,b"', '"a\nb"', '"a\r\nb"', '"a""b"', '""', "'", "#c", '"\r"', "\u00e9"]


def outcome(folder, text):
    try:
        return read(folder, text, delimiter=",").rows
    except Problem as problem:
        return str(problem)


def assert_both_ways_agree(folder, text):
    fast = outcome(folder, text)
    known = delimited._scan
    delimited._scan = lambda *_: None  # the reference alone
    try:
        assert outcome(folder, text) == fast
    finally:
        delimited._scan = known


@examples(8)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=14))
def test_what_is_read_fast_is_what_the_records_say(tmp_path_factory, pieces):
    assert_both_ways_agree(tmp_path_factory.mktemp("csv"), "h,i\n" + "".join(pieces))


def told(folder, text):
    """The cells where "" is an empty text and nothing is none."""
    path = folder / "told.csv"
    path.write_bytes(text.encode())
    file = Text(path=path, folder=folder, start=0, lines_before=0)
    with duckdb.connect() as connection:
        try:
            delimited.take(connection, file, Dialect(delimiter=",", tells_empty=True), has_header=True)
        except Unreadable as error:
            return str(error)
        return connection.execute('SELECT * FROM "cells of a file" ORDER BY rowid').fetchall()


@examples(12)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=14), header=st.sampled_from(["h,i", "h", "h,i,j"]))
def test_an_empty_text_is_told_from_no_value_both_ways(tmp_path_factory, pieces, header):
    folder, text = tmp_path_factory.mktemp("csv"), f"{header}\n" + "".join(pieces)
    fast = told(folder, text)
    known = delimited._scan
    delimited._scan = lambda *_: None  # the reference alone
    try:
        assert told(folder, text) == fast
    finally:
        delimited._scan = known


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('h,i\n"",\n', [("", None)]),
        ('h,i\r\n,""\r\n', [(None, "")]),
        ('h,i\n"a""b",""\r"",x\r\n,\n', [('a"b', ""), ("", "x"), (None, None)]),
        ('h\n""\n\nx\n', [("",), (None,), ("x",)]),
        ('h,i\n"\n",\r"""",""', [("\n", None), ('"', "")]),
    ],
)
def test_an_empty_text_stands_in_quotes(tmp_path, text, rows):
    assert told(tmp_path, text) == rows


@examples(8)
@given(
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    rows=st.lists(st.lists(st.sampled_from(VALUES), min_size=1, max_size=3), max_size=6),
)
def test_each_kind_of_line_end_is_read_as_the_records_say(tmp_path_factory, end, rows):
    lines = end.join(["h,i", *(",".join(row) for row in rows)])

    assert_both_ways_agree(tmp_path_factory.mktemp("csv"), lines + end)


@pytest.mark.parametrize(
    ("text", "options", "rows"),
    [
        ("sep=;\r\na;b\r\n1;x\r\n", {}, [("1", "x")]),
        ("\n\na,b\n1,x\n", {}, [("1", "x")]),
        ('x "y\n\na,b\n1,x\n', {"skip": 1}, [("1", "x")]),
        ("a,b\r\n1,x\n3,y\r\n5,z\n", {}, [("1", "x"), ("3", "y"), ("5", "z")]),
        ("a;b\r1;x\r3;y", {}, [("1", "x"), ("3", "y")]),
        ('a,b\n1, "x"\n', {}, [("1", ' "x"')]),
        ('a,b\n1, "x,y"\n', {"trim": True}, [("1", "x,y")]),
        ("a,b,\n1,x,\n", {}, [("1", "x")]),
        ("name,n\nM\u00fcller,1\n".encode("utf-16"), {}, [("M\u00fcller", "1")]),
        ("Konto;Text\n1;a,b\n2;c\n", {}, [("1", "a,b"), ("2", "c")]),
        ("1;x\n2;y\n", {"header": False}, [("1", "x"), ("2", "y")]),
        ("a;b;c\n1;x;y\n2;x;y\n(2 rows)\n", {"total_row": "skip"}, [("1", "x", "y"), ("2", "x", "y")]),
        ("a;b\nx;1\nTotal;1;;\n", {"total_row": "check"}, [("x", "1")]),
        # JuliaData/CSV.jl#418: a footer that is left out says nothing of the types
        ("a;b\n1;2\n3;4\nSum of both\n", {"total_row": "skip"}, [("1", "2"), ("3", "4")]),
        ("\ufeff\ufeffa;b\n1;x\n", {"columns": {"a": {"type": "Text"}}}, [("1", "x")]),
    ],
)
def test_a_table_is_found_in_its_file(tmp_path, text, options, rows):
    assert read(tmp_path, text, **options).rows == rows


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b\n1,2\n3\n", {}, "line 3 has 1 value, not 2"),
        ("a,b\n1,2,\n", {}, "line 2 has 3 values, not 2"),
        ("a,b,c\n1,2,3\nTotal,3\n\n", {}, "line 3 has 2 values, not 3; where its last line is a total, or a note, say"),
        ("a,b,c\n1,2\n4,5,6\n", {"total_row": "skip"}, "line 2 has 2 values, not 3"),
        ("a,b\n1,2\nTotal,2,9\n", {"total_row": "skip"}, "line 3 has 3 values, not 2"),
        ("a,b,c\n1,2,3\nTotal,3\n", {"total_row": "check"}, 'the total of "b" is 3 in line 3, and the rows before'),
        ('a,b\n1,"2\n', {}, 'line 2 has a quote (") that is not closed'),
        ('a,b\n1,"x"y\n', {}, "line 2 has something between a closing quote"),
        ("\ufeffa,b\n1,2\n", {"encoding": "cp1252"}, "begins with the mark of UTF-8, and encoding says cp1252"),
        ("sep=;\na;b\n1;2\n", {"delimiter": ","}, "its first line says"),
        ("a,A\n1,2\n", {}, 'two columns of one name: "a" (column 1) and "A" (column 2)'),
        ("\n \n", {}, "nothing but blanks"),
        ("Kontoauszug\nDatum;Betrag\n2026-01-31;5\n", {}, "line 2 has 2 values, not 1; where a title stands"),
        ("sep=\\t\na\tb\n1\t2\n", {}, 'line 1 ("sep=\\t") names no single character'),
        ("sep = ;\na;b\n1;2\n", {}, 'line 1 ("sep = ;") names no single character'),
        ("a,b\n1,2\n".encode("utf-16-be"), {}, "if it is UTF-16 without a mark"),
        ("a,b\n1,2\n".encode("utf-16-le"), {"encoding": "cp1252"}, "if it is UTF-16 without a mark"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(tmp_path, text, options, said):
    assert said in refusal(tmp_path, text, **options)


@pytest.mark.parametrize(
    ("text", "rows", "said"),
    [
        ("a;b\n1;x\n;\n2;y\n;\n;\n", [("1", "x"), ("2", "y")], "3 rows without a value are left out"),
        ('a;b\r\n1;"x"\r\n"";""\r\n', [("1", "x")], "1 row without a value is left out"),
        ('a;b\n"x\n;\ny";1\n', [("x\n;\ny", "1")], ""),
        ("a;b\n1;\n ;\n", [("1", None), (" ", None)], ""),
        ("a\n\n1\n", [(None,), ("1",)], ""),
        ("a;b\n;\n", [], "1 row without a value is left out"),
    ],
)
def test_a_row_without_a_value_is_none_as_in_a_sheet(tmp_path, text, rows, said):
    found = read(tmp_path, text)

    assert found.rows == rows
    assert ("left out" in found.logged) is bool(said)
    assert said in found.logged


def test_what_a_spreadsheet_writes_as_csv_is_read_as_its_sheet(tmp_path):
    rows: list[list[str | int | None]] = [
        ["Invoice", "Amount"],
        ["A1", 10],
        [None, None],
        ["A2", 20],
        ["A3", 30],
        [None, None],
        [None, None],
    ]
    book = io.BytesIO()
    with xlsxwriter.Workbook(book) as made:
        # A format keeps a cell in the file that has no value, as a coloured or framed row does.
        sheet, framed = made.add_worksheet(), made.add_format({"bottom": 1})
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row, framed)
    lines = "".join(";".join("" if value is None else str(value) for value in row) + "\r\n" for row in rows)

    as_csv, as_sheet = read(tmp_path, lines), read(tmp_path, book.getvalue(), "t.xlsx")

    assert as_csv.rows == as_sheet.rows == [("A1", "10"), ("A2", "20"), ("A3", "30")]
    assert as_csv.types == as_sheet.types


def test_a_place_below_an_empty_row_is_the_line_that_an_editor_shows(tmp_path):
    said = refusal(tmp_path, "a;n\n;\nx;1\n;\ny;two\n", columns={"n": {"type": "Number"}})

    assert 'line 5, column "n": "two" is not Number' in said


def test_an_encoding_that_is_wrong_in_all_likelihood_is_a_warning(tmp_path):
    found = read(tmp_path, "name,n\nM\u00fcller \u00e9\u00e8,1\n", encoding="cp1252")

    assert found.warnings == ('the file "t.csv" is UTF-8, and encoding says cp1252: 3 letters may be wrong',)


@pytest.mark.parametrize(
    ("text", "options"), [("a,b\n1,2\n", {"delimiter": ";"}), ("sep=;\na,b\n1,2\n", {}), ("a,b\n", {"delimiter": ";"})]
)
def test_a_delimiter_that_separates_nothing_is_a_warning(tmp_path, text, options):
    found = read(tmp_path, text, **options)

    assert found.warnings == ('"t.csv" has one column by the delimiter ";", and 2 by ","',)


def test_a_place_is_the_line_that_an_editor_shows(tmp_path):
    text = 'head\n\na,n\n"x\ny",1\n\nz,two\n'

    said = refusal(tmp_path, text, skip=1, columns={"n": {"type": "Number"}})

    assert 'line 7, column "n": "two" is not Number' in said


@pytest.mark.parametrize("behind", ["", "\n3,4\n"])
def test_a_line_longer_than_what_is_read_at_once_is_not_left_out(tmp_path, behind):
    assert "line 3 has a value of more than 4,194,304 characters" in refusal(
        tmp_path, "a,b\n1,2\n" + "x" * (65 << 20) + behind
    )


def test_a_row_of_many_long_values_is_refused_in_words(tmp_path):
    row = ",".join(["y" * 100_000] * 50)

    assert "more than 4,194,304 characters" in refusal(tmp_path, f"{','.join(map(str, range(50)))}\n{row}\n")


def test_letters_of_windows_in_a_file_said_to_be_latin_1_are_told(tmp_path):
    content = "k,v\n1,\u201eM\u00fcller\u201c \u20ac\n".encode("cp1252")

    told = read(tmp_path, content, encoding="latin-1").warnings

    assert told == ('the file "t.csv" holds 3 characters of cp1252, such as quotes and €, that iso8859-1 has not',)
    assert read(tmp_path, content, encoding="cp1252").warnings == ()


def test_a_heading_that_looks_like_the_one_that_is_wanted_is_told(tmp_path):
    said = refusal(tmp_path, "k,Amount\u00a0\nx,1\n", columns={"amount": {"type": "Number"}})

    assert said.endswith("""; 'Amount\\xa0' differs in blanks or case alone""")


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        ("a,b\nx,y\na,b\nz,w\n", {}, "line 3 of t.csv says the headings again"),  # ckan/datapusher#74
        ("a,b\nx,1\n\ufeffa,b\nz,2\na,b\n", {}, "2 rows say the headings again"),  # whitfin/s3-concat#3
        ("a,b\nx,y\na,b\n", {"columns": {"a": {"name": "c", "type": "Text"}}}, "line 3 of t.csv says"),
        ("a,b\nx,y\nA,b\n", {}, ""),
        ("a,b\na,b\na,b\n", {"header": False}, ""),
        ("a\nx\na\n", {}, ""),
        ("a,b\nx,1\ny,2\n", {}, ""),
    ],
)
def test_headings_that_come_again_are_told(tmp_path, rows, options, told):
    warnings = read(tmp_path, rows, **options).warnings

    assert bool(warnings) is bool(told)
    assert all(told in one for one in warnings)
