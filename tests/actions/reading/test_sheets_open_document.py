"""OpenDocument spreadsheets are read as they are stored: runs of cells and rows, values by their types, texts whole."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from procession.actions.problems import Problem
from procession.actions.reading.sheets import tables
from tests.actions.reading.workbooks import read

NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in [
        ("office", "office"),
        ("table", "table"),
        ("text", "text"),
        ("style", "style"),
        ("draw", "drawing"),
    ]
)
CALC_EXT = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
HIDDEN = (
    '<style:style style:name="ta2" style:family="table"><style:table-properties table:display="false"/></style:style>'
)


def document(path: Path, tables: str, manifest: str = "", before: str = "") -> Path:
    content = (
        f"<office:document-content {NAMES} {CALC_EXT}><office:automatic-styles>{HIDDEN}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{before}{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return path


def table(*rows: str, name: str = "Data", style: str = "ta1", before: str = "") -> str:
    listed = "".join(
        row if row.startswith("<table:table-row") else f"<table:table-row>{row}</table:table-row>" for row in rows
    )
    return f'<table:table table:name="{name}" table:style-name="{style}">{before}{listed}</table:table>'


def text(value: str) -> str:
    return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'


def number(value: str, attributes: str = "") -> str:
    return f'<table:table-cell office:value-type="float" office:value="{value}" {attributes}><text:p>~</text:p></table:table-cell>'


@pytest.mark.parametrize(
    ("attributes", "shown", "wanted"),
    [
        ('office:value-type="float" office:value="20000000.01"', "20 Mio", ("NUMBER", "20000000.01")),
        ('office:value-type="float" office:value="1E-3"', "0", ("NUMBER", "0.001")),
        ('office:value-type="currency" office:currency="EUR" office:value="-5.0"', "-5,00 EUR", ("NUMBER", "-5")),
        ('office:value-type="percentage" office:value="0.19"', "19%", ("NUMBER", "0.19")),
        ('office:value-type="date" office:date-value="2026-01-31"', "31.01.26", ("DATE", "2026-01-31")),
        ('office:value-type="date" office:date-value="1899-12-31"', "x", ("DATE", "1899-12-31")),
        ('office:value-type="date" office:date-value="2026-01-31T12:30:00"', "x", ("MOMENT", "2026-01-31 12:30:00")),
        (
            'office:value-type="date" office:date-value="2026-01-31T12:30:00.123456789"',
            "x",
            ("MOMENT", "2026-01-31 12:30:00.123456"),
        ),
        ('office:value-type="time" office:time-value="PT12H00M00S"', "x", ("TEXT", "12:00:00")),
        ('office:value-type="time" office:time-value="PT26H30M00S"', "02:30", ("TEXT", "26:30:00")),
        ('office:value-type="time" office:time-value="-PT1H00M00.5S"', "x", ("TEXT", "-01:00:00.500000")),
        ('office:value-type="time" office:time-value="P1DT2H"', "x", ("TEXT", "26:00:00")),
        ('office:value-type="boolean" office:boolean-value="true"', "WAHR", ("TRUTH", "TRUE")),
        ('office:value-type="string" office:string-value="a  b"', "a b", ("TEXT", "a  b")),
        ('office:value-type="string"', "007", ("TEXT", "007")),
        ('office:value-type="string"', "#N/A", ("TEXT", "#N/A")),
        ('office:value-type="float" office:value="3" table:formula="of:=1+2"', "3", ("NUMBER", "3")),
    ],
)
def test_a_cell_of_every_type_is_read(tmp_path, attributes, shown, wanted):
    cell = f"<table:table-cell {attributes}><text:p>{shown}</text:p></table:table-cell>"

    reading = read(document(tmp_path / "a.ods", table(text("a"), cell)))

    assert (reading.kinds[0], reading.texts[0][0]) == wanted


@pytest.mark.parametrize(
    ("attributes", "shown", "why"),
    [
        ('table:formula="of:=1/0" office:value-type="string" office:string-value="" calcext:value-type="error"', "#DIV/0!",
         "#DIV/0!"),
        ('table:formula="of:=1/0" office:value-type="float" office:value="0"', "#DIV/0!", "#DIV/0!"),
        ('table:formula="of:=X" office:value-type="float" office:value="0"', "Err:508", "Err:508"),
        ('table:formula="of:=1+1"', "", "a formula without a stored value"),
        ('office:value-type="float" office:value="1,5"', "1,5", '"1,5" is not a number'),
        ('office:value-type="date" office:date-value="2026-02-30"', "x", '"2026-02-30" is not a date'),
        ('office:value-type="time" office:time-value="noon"', "x", '"noon" is not a time'),
        ('office:value-type="boolean" office:boolean-value="fals"', "FALSE", '"fals" is neither true nor false'),
        ('office:value-type="boolean"', "TRUE", '"" is neither true nor false'),
        ('office:value="5"', "5", "a value without a type"),
        ('office:value-type="flo" office:value="5"', "5", 'a value of the unknown type "flo"'),
    ],
)  # fmt: skip
def test_a_cell_without_a_value_is_refused_or_counted(tmp_path, attributes, shown, why):
    cell = f"<table:table-cell {attributes}>{f'<text:p>{shown}</text:p>' if shown else ''}</table:table-cell>"
    file = document(tmp_path / "a.ods", table(text("a"), text("x"), cell))

    with pytest.raises(Problem) as refused:
        read(file)
    reading = read(file, errors="empty")

    assert f'the sheet "Data" of "a.ods" has 1 cell without a value: A3 ({why})' in str(refused.value)
    assert len(reading.cells.warnings) == 1


def test_a_formula_of_an_empty_text_is_empty_and_no_error(tmp_path):
    """What LibreOffice writes for =IF(A1="";"";A1)."""
    cell = '<table:table-cell table:formula="of:=&quot;&quot;"><text:p/></table:table-cell>'

    reading = read(document(tmp_path / "a.ods", table(text("a") + text("b"), cell + text("x"))))

    assert reading.texts == [(None, "x")]


def test_repeated_cells_and_rows_are_all_there(tmp_path):
    rows = [
        text("a") + text("b") + text("c") + text("d"),
        '<table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="2"/>'
        + number("7", 'table:number-columns-repeated="2"') + "</table:table-row>",
        '<table:table-row table:number-rows-repeated="5"><table:table-cell table:number-columns-repeated="9"/></table:table-row>',
        number("1"),
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/>'
        "</table:table-row>",
    ]  # fmt: skip

    reading = read(document(tmp_path / "a.ods", table(*rows)))

    assert reading.texts == [(None, None, "7", "7")] * 3 + [("1", None, None, None)]
    assert reading.cells.place(3, 0) == 'cell A10 of the sheet "Data" of "a.ods"'


@pytest.mark.parametrize(
    ("markup", "wanted"),
    [
        ('4<text:s text:c="4"/>spaces', "4    spaces"),
        ("<text:s/>one", " one"),
        ("one<text:tab/>two<text:line-break/>three", "one\ttwo\nthree"),
        ("\n   pretty\n   printed", "pretty printed"),
        ("one</text:p><text:p/><text:p>three", "one\n\nthree"),
        ("a <text:span>b</text:span> <text:a>c</text:a>", "a b c"),
        ("x<text:ruby><text:ruby-base>y</text:ruby-base><text:ruby-text>spoken</text:ruby-text></text:ruby>", "xy"),
        ("x<office:annotation><text:p>a comment</text:p></office:annotation>", "x"),
    ],
)
def test_the_text_of_a_cell_keeps_its_blanks_and_lines(tmp_path, markup, wanted):
    assert read(document(tmp_path / "a.ods", table(text("a"), text(markup)))).texts == [(wanted,)]


def test_comments_and_drawings_are_no_text(tmp_path):
    cell = (
        '<table:table-cell office:value-type="string"><office:annotation><text:p>no</text:p></office:annotation>'
        "<text:p>yes</text:p><draw:frame><draw:text-box><text:p>no</text:p></draw:text-box></draw:frame></table:table-cell>"
    )

    assert read(document(tmp_path / "a.ods", table(text("a"), cell))).texts == [("yes",)]


def test_a_covered_cell_that_has_a_value_is_read(tmp_path):
    covered = '<table:covered-table-cell office:value-type="float" office:value="42"/>'
    spanning = number("1", 'table:number-columns-spanned="2"')

    reading = read(document(tmp_path / "a.ods", table(text("a") + text("b"), spanning + covered)))

    assert reading.texts == [("1", "42")]
    assert "1 merged area" in reading.cells.remarks[0]


def test_hidden_rows_and_columns_are_remarked(tmp_path):
    hidden = f'<table:table-row table:visibility="filter">{number("1")}</table:table-row>'
    columns = '<table:table-column table:visibility="collapse"/>'

    reading = read(document(tmp_path / "a.ods", table(text("a"), hidden, before=columns)))

    assert [remark.partition(" has ")[2] for remark in (*reading.cells.cautions, *reading.cells.remarks)] == [
        "1 hidden row, read like the others",
        "hidden columns, read like the others",
    ]


def test_hidden_tables_deleted_cells_and_tables_inside_of_cells_are_passed_over(tmp_path):
    deleted = f"<table:tracked-changes><table:deletion>{text('deleted')}</table:deletion></table:tracked-changes>"
    nested = f'<table:table-cell office:value-type="string"><text:p>x</text:p>{table(text("inner"))}</table:table-cell>'
    content = table(text("old"), name="Old", style="ta2") + table(text("a"), nested) + table(text("b"), name="More")
    file = document(tmp_path / "a.ods", content, before=deleted)

    assert (read(file).headings, read(file).texts) == (["a"], [("x",)])
    assert [read(file, sheet=sheet).headings for sheet in ("Old", 1, 2)] == [["old"], ["a"], ["b"]]


def test_a_document_with_a_password_is_refused(tmp_path):
    manifest = "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"

    with pytest.raises(Problem, match=r'"a.ods" is protected with a password'):
        read(document(tmp_path / "a.ods", table(text("a")), manifest))


@pytest.mark.parametrize("count", ["0", "-1", "x", "99999999999", "1048577"])
def test_a_run_that_no_sheet_can_hold_is_refused(tmp_path, count):
    row = f'<table:table-row table:number-rows-repeated="{count}">{number("1")}</table:table-row>'

    with pytest.raises(Problem, match=r'the sheet "Data" of "a.ods" (is damaged|has more than 1,048,576 rows)'):
        read(document(tmp_path / "a.ods", table(text("a"), row)))


def test_a_run_of_many_cells_in_many_rows_is_refused_within_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "CELLS_MAX", 100_000)
    cells = number("1", 'table:number-columns-repeated="16384"')
    row = f'<table:table-row table:number-rows-repeated="1000000">{cells}</table:table-row>'

    with pytest.raises(Problem, match="has more than 100,000 cells"):
        read(document(tmp_path / "a.ods", table(text("a"), row)))


def test_no_entity_is_expanded(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as archive:
        archive.writestr("content.xml", '<!DOCTYPE a [<!ENTITY a "x">]><a>&a;</a>')

    with pytest.raises(Problem, match="document type declaration"):
        read(tmp_path / "a.ods")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (text("a") + number("1").replace("table-cell", "table-celll"), "row 1 holds table-celll, which is no cell"),
        (text("a") + number("1").replace("office:value-type", "ofice:value-type"), "unbound prefix"),
        (text("a") + number("1").replace("office:value-type", "office:va:value-type"), "not well-formed"),
    ],
)
def test_a_cell_that_cannot_be_told_is_refused(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(Problem, match=f"is damaged: .*{words}"):
        read(document(tmp_path / "a.ods", table(row)))
