"""How a file writes dates and numbers, said by `date`, `decimal`, `trim`: it holds for texts, and never for cells that
are dates or numbers by their file's word."""

from __future__ import annotations

import io
import json
from datetime import date, datetime

import duckdb
import openpyxl
import pytest

from procession.actions import relations
from procession.actions.reading.options import FileOptions
from tests.actions.reading.relation import read, refusal


def sheet(*values):
    book = openpyxl.Workbook()
    for value in ("v", *values):
        book.worksheets[0].append([value])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize("write", [sheet, lambda *values: json.dumps([{"v": value} for value in values])])
def test_a_number_cell_has_a_point_whatever_the_texts_beside_it_have(tmp_path, write):
    kind, rows = read(tmp_path, write(1.234, "2.345"), decimal=",", thousands=".").column("v")

    assert kind == "DECIMAL(19,4)"
    assert rows == ["1.2340", "2345.0000"]


@pytest.mark.parametrize("pattern", ["%d.%m.%Y", "%Y-%d-%m"])
@pytest.mark.parametrize("cell", [date(2024, 3, 4), datetime(2024, 3, 4, 5, 6)])
def test_a_pattern_says_nothing_of_cells_that_are_dates(tmp_path, pattern, cell):
    kind, rows = read(tmp_path, sheet(cell), date=pattern).column("v")

    assert (kind, rows) == ("DATE" if type(cell) is date else "TIMESTAMP", [str(cell)])


def test_dates_and_texts_of_the_pattern_are_one_column(tmp_path):
    kind, rows = read(tmp_path, sheet(date(2024, 3, 4), "05.03.2024"), date="%d.%m.%Y").column("v")

    assert (kind, rows) == ("DATE", ["2024-03-04", "2024-03-05"])


def test_a_pattern_with_a_time_keeps_the_time(tmp_path):
    found = read(tmp_path, "v,w\n31.01.2024 23:30,x\n", date="%d.%m.%Y %H:%M")

    assert found.column("v") == ("TIMESTAMP", ["2024-01-31 23:30:00"])


def test_the_day_of_a_pattern_with_a_zone_is_taken_in_the_zone_of_the_file(tmp_path):
    options = {"type": "Date", "pattern": "%Y-%m-%d %H:%M%z"}

    found = read(tmp_path, "v,w\n2024-01-31 23:30+0000,x\n", columns={"v": options}, zone="Europe/Berlin")

    assert found.column("v")[1] == ["2024-02-01"]


@pytest.mark.parametrize(
    ("pattern", "text"), [("%d%m%y", "11124"), ("%Y%m%d", "2024111"), ("%d%m%Y", "1112024"), ("%d.%m.%Y", "1.2.24")]
)
def test_a_date_that_lost_a_zero_is_refused(tmp_path, pattern, text):
    said = refusal(tmp_path, f"v,w\n{text},x\n", columns={"v": {"type": "Date", "pattern": pattern}})

    assert f'line 2, column "v": "{text}" is not Date ({pattern})' in said


@pytest.mark.parametrize("pattern", ["%d.%m.%Y", "%-d.%-m.%Y"])
def test_a_day_needs_no_zero_where_a_mark_follows(tmp_path, pattern):
    found = read(tmp_path, "v,w\n1.2.2024,x\n", columns={"v": {"type": "Date", "pattern": pattern}})

    assert found.column("v")[1] == ["2024-02-01"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"date": "%e.%m.%Y"}, 'holds "%e"'),
        ({"date": "DD.MM.YYYY"}, "must hold a day, a month and a year"),
        ({"date": "%d.%m.%Y %"}, 'holds "%"'),
        ({"encoding": "base64"}, "is not a known encoding"),
        ({"encoding": "undefined"}, "is not a known encoding"),
    ],
)
def test_what_no_file_can_be_read_by_is_told_when_it_is_applied(options, said):
    (mistake,) = relations.check("inputs.t", FileOptions(file="${f.t}", **options))

    assert said in mistake


@pytest.mark.parametrize("options", [{"trim": True}, {"columns": {"v": {"type": "Text", "trim": True}}}])
def test_blanks_are_taken_from_texts_of_parquet_too(tmp_path, options):
    path = tmp_path / "t.parquet"
    duckdb.execute(f"COPY (SELECT ' a ' AS v) TO '{path}' (FORMAT parquet)")

    assert read(tmp_path, path.read_bytes(), **options).column("v")[1] == ["a"]
