"""Workbooks that other readers got wrong, as people reported it: each kind of file is read right here."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from procession.actions.problems import Problem
from procession.actions.reading.sheets import quick
from tests.actions.reading import relation
from tests.actions.reading.workbooks import (
    MAIN,
    OFFICE,
    book,
    number,
    package,
    read,
    relations,
    sheet,
    styles,
    text,
)

STRICT = "http://purl.oclc.org/ooxml"


@pytest.mark.parametrize(
    ("code", "serial", "wanted"),
    [
        ("[$-en-US]dddd, mm/dd", "46031", "2026-01-09"),  # ClosedXML 113
        ("[$-4415749]m/d/yy h:mm AM/PM", "43035.875", "2017-10-27 21:00:00"),  # ClosedXML 566
        ("[$-804]yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;;@", "44087", "2020-09-13"),  # excelize 1112
        ("yyyy-mm-dd hh:mm:ss", "43970.4166666667", "2020-05-19 10:00:00"),  # EPPlus 111
        ("yyyy-mm-dd hh:mm:ss", "43971.4166666088", "2020-05-20 09:59:59.995000"),  # EPPlus 111
        ("m/d/yyyy h:mm:ss AM/PM", "45034.5416666667", "2023-04-18 13:00:00"),  # ClosedXML 2064
        ("m/d/yyyy h:mm:ss AM/PM", "45040.0416666667", "2023-04-24 01:00:00"),  # ClosedXML 2064
        ("[h]:mm:ss", "2.5", "60:00:00"),  # ClosedXML 849
        ("[h]:mm:ss", "2.5000115740740742", "60:00:01"),  # ClosedXML 849
        ("h:mm:ss AM/PM", "0.54166666666666663", "13:00:00"),  # ClosedXML 2492
        ("dd/mm/yyyy;@", "42752", "2017-01-17"),  # node-xlsx 82
    ],
)
def test_dates_and_times_are_what_the_program_showed(tmp_path, code, serial, wanted):
    parts = {"xl/styles.xml": styles("0", code)}

    assert read(package(tmp_path / "a.xlsx", sheet(text("a"), number(serial, 1)), parts=parts)).texts == [(wanted,)]


@pytest.mark.parametrize(
    "code",
    [
        "#,##0\\ &quot;Tsd&quot;",  # calamine 215
        "0.0&quot;h&quot;",
        "[&lt;=9999999]###\\-####;\\(###\\)\\ ###\\-####",  # exceljs 2899: telephone numbers
        "_([$$-409]* #,##0.00_);_([$$-409]* \\(#,##0.00\\);_([$$-409]* &quot;-&quot;??_);_(@_)",
        "[$-F400]0",
        "0.00%",
        "# ?/?",
        "##0.0E+0",
        "[Blue]+0;[Red]-0;[Color10]0",
    ],
)
def test_a_number_is_no_date_because_its_format_has_letters(tmp_path, code):
    parts = {"xl/styles.xml": styles("0", code)}

    reading = read(package(tmp_path / "a.xlsx", sheet(text("a"), number("41332", 1)), parts=parts))

    assert (reading.kinds, reading.texts) == (["NUMBER"], [("41332",)])


def test_a_workbook_may_define_a_standard_format_anew(tmp_path):
    """SheetJS 506: the file says that format 1 is a date."""
    sheet_styles = (
        f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="1" formatCode="MM/dd/yyyy"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="1"/></cellXfs></styleSheet>'
    )
    file = package(tmp_path / "a.xlsx", sheet(text("a"), number("40999", 1)), parts={"xl/styles.xml": sheet_styles})

    assert read(file).texts == [("2012-03-31",)]


def test_a_format_of_a_conditional_style_is_no_format_of_cells(tmp_path):
    sheet_styles = (
        f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs>'
        '<dxfs><dxf><numFmt numFmtId="170" formatCode="yyyy"/></dxf></dxfs></styleSheet>'
    )
    file = package(tmp_path / "a.xlsx", sheet(text("a"), number("40999", 1)), parts={"xl/styles.xml": sheet_styles})

    assert read(file).texts == [("40999",)]


def test_a_workbook_without_styles_is_read(tmp_path):
    """PyExcelerate 34, xlrd 241: no styles, and a workbook part of another name."""
    parts = {
        "_rels/.rels": relations(("officeDocument", "xl/workbook2.xml")),
        "xl/workbook.xml": "",
        "xl/workbook2.xml": book('<sheet name="Data" r:id="r0"/>'),
        "xl/_rels/workbook.xml.rels": "",
        "xl/_rels/workbook2.xml.rels": relations(("worksheet", "/xl/worksheets/sheet1.xml")),
    }

    assert read(package(tmp_path / "a.xlsx", sheet(text("a"), number("1", 3)), parts=parts)).texts == [("1",)]


@pytest.mark.parametrize("is_quick", [True, False])
def test_a_wrong_dimension_is_not_believed(tmp_path, monkeypatch, is_quick):
    """pandas 39001, dify 1039: programs write A1 for sheets of any size."""
    monkeypatch.setattr(quick, "SHEET_BYTES_MIN", 0 if is_quick else 1 << 40)
    rows = "".join(
        f'<row r="{row}">{"".join(f"<c r={chr(34)}{letter}{row}{chr(34)}><v>{row}</v></c>" for letter in "ABC")}</row>'
        for row in range(1, 6)
    )
    content = f'<worksheet xmlns="{MAIN}"><dimension ref="A1"/><sheetData>{rows}</sheetData></worksheet>'

    assert read(package(tmp_path / "a.xlsx", content)).texts == [(str(row),) * 3 for row in range(2, 6)]


def test_an_empty_style_and_an_empty_inline_string_are_no_errors(tmp_path):
    """xlrd 346, openxlsx2 1038."""
    cells = '<c s=""><v>1</v></c><c t="inlineStr"/><c t="inlineStr"><is/></c>' + text("x")

    assert read(package(tmp_path / "a.xlsx", sheet(text("a"), cells))).texts == [("1", None, None, "x")]


def test_prefixes_in_every_part_are_read(tmp_path):
    """spout 450, PhpSpreadsheet 500 and 860: parts by DocumentFormat.OpenXml and Navision."""
    parts = {
        "xl/workbook.xml": f'<x:workbook xmlns:x="{MAIN}" xmlns:q="{OFFICE}"><x:sheets><x:sheet name="Data" q:id="r0"/>'
        "</x:sheets></x:workbook>",
        "xl/sharedStrings.xml": f'<x:sst xmlns:x="{MAIN}" count="1" uniqueCount="9"><x:si><x:t>a</x:t></x:si></x:sst>',
        "xl/styles.xml": f'<ns0:styleSheet xmlns:ns0="{MAIN}"><ns0:cellXfs><ns0:xf numFmtId="0"/><ns0:xf numFmtId="14"/>'
        "</ns0:cellXfs></ns0:styleSheet>",
    }
    content = (
        f'<ns0:worksheet xmlns:ns0="{MAIN}"><ns0:sheetData><ns0:row><ns0:c t="s"><ns0:v>0</ns0:v></ns0:c></ns0:row>'
        '<ns0:row><ns0:c s="1"><ns0:v>46031</ns0:v></ns0:c></ns0:row></ns0:sheetData></ns0:worksheet>'
    )

    reading = read(package(tmp_path / "a.xlsx", content, parts=parts))

    assert (reading.headings, reading.texts) == (["a"], [("2026-01-09",)])


def test_a_strict_workbook_is_found_by_its_own_relations(tmp_path):
    """PhpSpreadsheet 2067."""
    strict = f"{STRICT}/officeDocument/relationships"
    parts = {
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")).replace(OFFICE, strict),
        "xl/workbook.xml": f'<workbook xmlns="{STRICT}/spreadsheetml/main" xmlns:r="{strict}" conformance="strict">'
        '<sheets><sheet name="Data" r:id="r0"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(("worksheet", "worksheets/sheet1.xml")).replace(OFFICE, strict),
    }
    content = sheet(text("a"), '<c t="d"><v>2019-02-01T21:00:00</v></c>').replace(MAIN, f"{STRICT}/spreadsheetml/main")

    assert read(package(tmp_path / "a.xlsx", content, parts=parts)).texts == [("2019-02-01 21:00:00",)]


@pytest.mark.parametrize("is_quick", [True, False])
def test_a_text_after_thousands_of_numbers_is_kept(tmp_path, monkeypatch, is_quick):
    """polars 23728: a sample of rows decided what a column was."""
    monkeypatch.setattr(quick, "SHEET_BYTES_MIN", 0 if is_quick else 1 << 40)
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as workbook:
        workbook.add_worksheet().write_column(0, 0, ["a", *[None] * 3, *range(3_000), "late"])

    reading = read(tmp_path / "a.xlsx")

    assert (reading.kinds, reading.texts[-1], len(reading.texts)) == (["mixed"], ("late",), 3_001)


def test_a_long_number_that_a_formula_gives_as_text_keeps_its_digits(tmp_path):
    """polars 19169."""
    cell = '<c t="str"><f>Sheet1!A2</f><v>-8086931554011838357</v></c>'

    assert read(package(tmp_path / "a.xlsx", sheet(text("a"), cell))).texts == [("-8086931554011838357",)]


def test_the_result_of_a_formula_is_a_date_by_its_style(tmp_path):
    """ClosedXML 1469, calamine 640."""
    file = package(
        tmp_path / "a.xlsx",
        sheet(text("a"), '<c s="1"><f>TODAY()+2</f><v>44016</v></c>'),
        parts={"xl/styles.xml": styles("0", "14")},
    )

    assert read(file).texts == [("2020-07-04",)]


def test_an_empty_cell_of_a_range_is_empty_whatever_lies_above(tmp_path):
    """duckdb-excel 49; duckdb-python 64: blank rows and columns end nothing."""
    rows = [text("x") + text("y") + text("z"), "", "", "", "", text("n") + text("o") + text("r"), text("1") + text("2")]

    assert read(package(tmp_path / "a.xlsx", sheet(*rows)), range="A6:C7").texts == [("1", "2", None)]


def test_an_open_range_ends_with_the_rows_of_the_sheet(tmp_path):
    """duckdb-excel 33: a range to the end of the columns gave 1,048,575 rows."""
    file = package(tmp_path / "a.xlsx", sheet(text("a"), number("1"), "", number("2")))

    assert read(file, range="A1:D").texts == [("1", None, None, None), ("2", None, None, None)]


def test_a_value_that_is_text_in_a_number_cell_is_refused(tmp_path):
    """EPPlus 402: an ISO date without its type was read as NaN."""
    file = package(tmp_path / "a.xlsx", sheet(text("a"), number("2019-02-01T21:00:00")))

    with pytest.raises(Problem, match=r'A2 \("2019-02-01T21:00:00" is not a number\)'):
        read(file)


def test_a_sheet_name_with_markup_and_blanks_is_found(tmp_path):
    parts = {"xl/workbook.xml": book('<sheet name=" P&amp;L &lt;Q1&gt; " r:id="r0"/>')}
    file = package(tmp_path / "a.xlsx", sheet(text("a")), parts=parts)

    assert read(file, sheet=" P&L <Q1> ").headings == read(file, sheet="p&l <q1>").headings == ["a"]


def test_external_links_and_other_relations_do_not_confuse_sheets(tmp_path):
    listing = relations(("theme", "theme.xml"), ("worksheet", "worksheets/sheet1.xml")).replace(
        "</Relationships>",
        f'<Relationship Id="x" Type="{OFFICE}/worksheet" Target="http://example.com/a" TargetMode="External"/></Relationships>',
    )
    parts = {"xl/_rels/workbook.xml.rels": listing, "xl/workbook.xml": book('<sheet name="Data" r:id="r1"/>')}

    assert read(package(tmp_path / "a.xlsx", sheet(text("a")), parts=parts)).headings == ["a"]


def test_a_part_that_climbs_out_of_the_package_is_looked_for_within(tmp_path):
    listing = relations(("worksheet", "../../../xl/worksheets/sheet1.xml"))

    file = package(tmp_path / "a.xlsx", sheet(text("a")), parts={"xl/_rels/workbook.xml.rels": listing})

    assert read(file).headings == ["a"]


def test_a_workbook_that_a_stream_wrote_is_read(tmp_path: Path):
    """openpyxl 18 and others: sizes after the data, and bytes before the archive's first part."""
    inner = package(tmp_path / "inner.xlsx", sheet(text("a"), number("1"))).read_bytes()
    (tmp_path / "a.xlsx").write_bytes(inner + b"\n\n")

    assert read(tmp_path / "a.xlsx").texts == [("1",)]


def test_a_part_that_lies_about_its_size_is_refused(tmp_path):
    file = package(tmp_path / "a.xlsx", sheet(text("a"), *(number(str(row)) for row in range(2_000))))
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    at = content.rfind(size.to_bytes(4, "little"))
    content[at : at + 4] = (100).to_bytes(4, "little")
    file.write_bytes(content)

    with pytest.raises(Problem, match="damaged"):
        read(file)


def test_a_stray_cell_in_the_last_column_is_named(tmp_path):
    """polars 27677: a reader took memory for all 16,384 columns between."""
    heading = '<c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="XFD1" t="inlineStr"><is><t>stray</t></is></c>'
    path = package(tmp_path / "a.xlsx", sheet(heading, *(number(str(value)) for value in range(300))))

    words = r'has something in column XFD \("stray"\), behind 16,382 empty columns; .* range: "A:A"'
    with pytest.raises(Problem, match=words):
        read(path)
    assert len(read(path, range="A:A").texts) == 300


def test_numbers_of_more_digits_than_a_sheet_keeps_are_told(tmp_path):
    """polars 22408: identifiers of twenty digits, whose last ones the sheet has lost."""
    values = ("123456789", "1.2345678901234567E+19", "4111111111111111")
    path = package(tmp_path / "a.xlsx", sheet(text("id"), *map(number, values)))

    found = relation.read(tmp_path / "step", path.read_bytes(), "a.xlsx")
    declared = relation.read(tmp_path / "step", path.read_bytes(), "a.xlsx", columns={"id": {"type": "Number"}})

    assert [row[0] for row in found.rows] == ["123456789", "12345678901234567000", "4111111111111111"]
    for one in (found, declared):
        assert 'the column "id": 2 numbers have more than 15 digits' in one.logged


def test_a_column_of_days_with_a_text_says_which(tmp_path):
    """simplexlsx 36: 19/19/2000 in a cell with a format of dates is a text, and the column with it."""
    cells = (number("43832", 0), text("19/19/2000"), number("43833", 0))
    path = package(tmp_path / "a.xlsx", sheet(text("d"), *cells), parts={"xl/styles.xml": styles("14")})

    found = relation.read(tmp_path / "step", path.read_bytes(), "a.xlsx")

    assert found.column("d") == ("VARCHAR", ["2020-01-02", "19/19/2000", "2020-01-03"])
    assert 'stays text, because of "19/19/2000" (cell A3 of' in found.logged
    assert "cells that are no days: 1" in found.logged


def test_the_reader_below_says_nothing_of_its_own(tmp_path, monkeypatch, caplog):
    """fastexcel 431: "column 1" of a column that the user knows by its heading."""
    monkeypatch.setattr(quick, "SHEET_BYTES_MIN", 0)
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        cells = workbook.add_worksheet("Data")
        for row, values in enumerate((("a", "b", "c"), (1, None, 2), (None, None, 3))):
            cells.write_row(row, 0, values)

    assert read(path).texts == [("1", None, "2"), (None, None, "3")]
    assert not caplog.records
