"""excel_report: books that Excel opens without a question, and templates of which only what was asked for changes."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import fastexcel
import msgspec
import openpyxl
import pytest
import xlsxwriter
from openpyxl.chart import BarChart, Reference
from openpyxl.formatting.rule import CellIsRule
from openpyxl.workbook.defined_name import DefinedName

from procession.actions.contract import FileOutput, OutputTarget
from procession.actions.kinds import excel_report
from procession.actions.problems import Problem
from procession.actions.reporting import places, reporting, rule_values
from procession.actions.reporting.splicing import SheetArea, SheetPart
from procession.actions.run_facts import RunFacts
from procession.actions.writing.workbook_cells import column_letters
from procession.actions.writing.workbook_columns import SheetColumn
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
LINES = b"region,amount\nNorth,1.5\nSouth,2\n"
# ECMA-376, part 1, 18.3.1.99: the order in which the children of a sheet must come.
ORDER = [
    *("sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "sheetProtection", "autoFilter"),
    *("mergeCells", "conditionalFormatting", "dataValidations", "hyperlinks", "printOptions", "pageMargins"),
    *("pageSetup", "headerFooter", "drawing", "legacyDrawing", "tableParts", "extLst"),
]


def reported(folder, content=LINES, *, sheets=None, template=None, **settings):
    sheets = [{"sheet": "Lines", "source": "${f.lines}"}] if sheets is None else sheets
    given = {"sheets": sheets, "output": {"to": "${o.report}", "as": "r.xlsx"}, **settings}
    values = {"f.lines": content, "p.text": "=1+1", "p.day": "2026-07-31"}
    if template is not None:
        given["template"] = "${f.template}"
        values["f.template"] = template if isinstance(template, tuple) else ("t.xlsx", template)
    converted = msgspec.convert(given, excel_report.ACTION.settings)
    assert excel_report.ACTION.check(converted) == ()
    return play(excel_report.ACTION, folder, given, values)


def made(*given, status=StepStatus.SUCCESS, **options):
    played = reported(*given, **options)
    assert played.outcome.status is status, played.outcome.message
    content = played.outputs["o.report"]
    look_over(content)
    return content


def refused(*given, **options):
    played = reported(*given, **options)
    assert played.outcome.status is StepStatus.FAILED
    assert played.outputs == {}
    return played.outcome.message


def look_over(content):
    """What Excel asks of a book before it opens it without an offer to repair it; fastexcel and openpyxl read it."""
    fastexcel.read_excel(content)
    openpyxl.load_workbook(io.BytesIO(content))
    archive = zipfile.ZipFile(io.BytesIO(content))
    names = archive.namelist()
    assert len({name.lower() for name in names}) == len(names)
    types = archive.read("[Content_Types].xml").decode()
    book = tree(archive.read("xl/workbook.xml"))
    titles = [sheet.get("name", "") for sheet in book.iter(f"{MAIN}sheet")]
    assert len({title.lower() for title in titles}) == len(titles)
    assert len({sheet.get("sheetId") for sheet in book.iter(f"{MAIN}sheet")}) == len(titles)
    formats = len(next(tree(archive.read("xl/styles.xml")).iter(f"{MAIN}cellXfs")))
    for name in names:
        if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
            assert f"/{name}" in types
            look_over_sheet(tree(archive.read(name)), formats)


def tree(content):
    return ElementTree.fromstring(content)  # noqa: S314 - our own books


def look_over_sheet(sheet, formats):
    children = [ORDER.index(child.tag.removeprefix(MAIN)) for child in sheet]
    assert children == sorted(children)
    last, used = 0, []
    for row in sheet.iter(f"{MAIN}row"):
        number = int(row.get("r"))
        assert number > last
        last, column = number, 0
        for one in row:
            place = places.cell(one.get("r"))
            assert place is not None and place.row == number and place.column > column
            assert int(one.get("s", "0")) < formats
            column = place.column
            used.append(place)
    size = sheet.find(f"{MAIN}dimension").get("ref")
    whole = SheetArea.parse(size)
    assert whole is not None and all(place in whole for place in used)


def rows(content, sheet, **options):
    book: Any = openpyxl.load_workbook(io.BytesIO(content), **options)
    return [list(row) for row in book[sheet].iter_rows(values_only=True)]


def template(*, fill=None):
    """A book of the user's: data to fill, a chart over it, formulas, names, formats."""
    book: Any = openpyxl.Workbook()
    data = book.active
    data.title = "Data"
    data["A1"], data["A3"], data["B3"], data["D4"] = "Report", "Region", "Amount", "note"
    data["B4"].number_format = "0.000"
    data["A40"] = "the end"
    summary = book.create_sheet("Summary")
    summary["A1"], summary["A2"] = "Total", "=SUM(Data!B4:B30)"
    chart = BarChart()
    chart.add_data(Reference(data, min_col=2, min_row=3, max_row=9), titles_from_data=True)
    summary.add_chart(chart, "C1")
    book.defined_names["Start"] = DefinedName("Start", attr_text="Data!$A$4")
    book.defined_names["Month"] = DefinedName("Month", attr_text="Summary!$B$1")
    if fill is not None:
        fill(book)
    out = io.BytesIO()
    book.save(out)
    # openpyxl asks for a calculation by itself; most programs do not.
    return changed(out.getvalue(), **{"xl/workbook.xml": lambda old: re.sub(rb"<calcPr[^>]*/>", b"", old)})


def changed(content, **parts):
    """The book with parts replaced or added; a function is given what was there."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            given = parts.pop(name, None)
            new.writestr(name, given(old.read(name)) if callable(given) else given or old.read(name))
        for name, given in parts.items():
            new.writestr(name, given)
    return out.getvalue()


FILLED = {"sheet": "Data", "source": "${f.lines}", "at": "A4", "header": False}


def test_a_table_stands_where_it_is_asked_for_with_its_total(tmp_path):
    sheet = {"sheet": "Lines", "source": "${f.lines}", "at": "B3", "totals": ["amount"], "formats": {"amount": "0.0"}}

    content = made(tmp_path, sheets=[sheet], cells={"Lines!B1": "July", "Lines!G4": 7})

    assert rows(content, "Lines", data_only=True) == [
        [None, "July", *[None] * 5], [None] * 7, [None, "region", "amount", *[None] * 4],
        [None, "North", 1.5, None, None, None, 7], [None, "South", 2, *[None] * 4], [None, "Total", 3.5, *[None] * 4],
    ]  # fmt: skip
    book: Any = openpyxl.load_workbook(io.BytesIO(content))
    assert book["Lines"]["C6"].value == "=SUBTOTAL(9,C4:C5)"
    assert book["Lines"]["C4"].number_format == "0.0"
    assert book["Lines"].freeze_panes == "A4"
    assert book["Lines"].auto_filter.ref == "B3:C5"


def test_the_same_rows_make_the_same_bytes(tmp_path):
    options = {"sign_off": True, "cells": {"Lines!D1": "x"}}

    assert made(tmp_path / "a", **options) == made(tmp_path / "b", **options)
    assert made(tmp_path / "c", sheets=[FILLED], template=template(), sign_off=True) != b""


def test_no_text_becomes_a_formula_or_a_link(tmp_path):
    content = made(
        tmp_path, b"a,b\n=1+1,http://a.b\n@x,+1+1\n", cells={"Lines!D1": "${p.text}", "Lines!D2": "https://a.b/"}
    )

    cells: Any = openpyxl.load_workbook(io.BytesIO(content))["Lines"]
    assert [cells[place].data_type for place in ("A2", "B2", "A3", "B3", "D1", "D2")] == ["s"] * 6
    assert cells["D2"].hyperlink is None
    assert b"hyperlink" not in zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml")


def test_a_rule_cannot_break_out_of_its_text(tmp_path):
    rules = [
        {"column": "region", "equals": 'x"&CALL("a")&"'},
        {"column": "region", "contains": '"),HYPERLINK("'},
        {"column": "amount", "above": "${p.day}"},
    ]
    sheet = {"sheet": "Lines", "source": "${f.lines}", "rules": rules[:2]}

    content = made(tmp_path, sheets=[sheet])

    formulas = [
        rule.formula[0]
        for rules in openpyxl.load_workbook(io.BytesIO(content))["Lines"].conditional_formatting
        for rule in rules.rules
    ]
    assert formulas == ['EXACT(A2,"x""&CALL(""a"")&""")', 'ISNUMBER(SEARCH("""),HYPERLINK(""",A2))']
    assert "needs a number or a date" in refused(tmp_path / "text", sheets=[{**sheet, "rules": rules[2:]}])


@pytest.mark.parametrize(
    ("column", "kind", "value", "said"),
    [
        ("booked_on", "DATE", "2026-01-31", None),
        ("booked_on", "TIMESTAMP", "2026-01-31", None),
        ("booked_on", "DATE", "31.01.2026", "needs a number or a date, not 31.01.2026"),
        ("booked_on", "DATE", 20260131, "holds days"),
        ("amount", "DECIMAL(19,4)", "5", "needs a number or a date, not 5"),
        ("account", "VARCHAR", 4000, "holds texts"),
        ("account", "VARCHAR", "4000", None),
    ],
)
def test_a_rule_compares_with_what_its_column_holds(column, kind, value, said):
    sheet = SheetColumn(
        name=column, kind=kind, has_empty=False, odd=0, has_markup=False, has_edges=False, has_fractions=False
    )

    if said is None:
        day = date(2026, 1, 31)
        assert rule_values.fitting("equals", sheet, value) == (value if kind == "VARCHAR" else day)
    else:
        with pytest.raises(Problem, match=said):
            rule_values.fitting("equals", sheet, value)


def test_a_cell_that_a_table_would_cover_is_refused(tmp_path):
    assert "would cover A2" in refused(tmp_path, cells={"Lines!A2": "x"})


def test_a_text_longer_than_a_cell_is_cut_and_told(tmp_path):
    content = made(tmp_path, f"a\n{'x' * 40_000}\n{'😀' * 20_000}\nshort\n".encode(), status=StepStatus.WARNING)

    texts = [row[0] for row in rows(content, "Lines")[1:]]
    assert (texts[0], texts[2]) == ("x" * 32_767, "short")
    # Two of Excel's units for each; none is cut in the middle.
    assert set(texts[1]) == {"😀"} and 8_000 <= len(texts[1]) <= 32_767 // 2


def test_rows_beyond_a_sheet_go_on_in_another_and_the_total_is_of_all(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "ROWS_MAX", 5)
    sheet = {"sheet": "It's", "source": "${f.lines}", "totals": ["n"]}

    played = reported(tmp_path, b"n\n1\n2\n3\n4\n", sheets=[sheet])

    content = played.outputs["o.report"]
    assert played.outcome.message == (
        '4 rows written to r.xlsx; "It\'s" has 4 rows, more than a sheet holds; it goes on in "It\'s (2)"'
    )
    assert rows(content, "It's") == [["n"], [1], [2], [3]]
    assert rows(content, "It's (2)") == [["n"], [4], ["=SUBTOTAL(9,'It''s'!A2:A4,A2:A2)"]]
    assert rows(content, "It's (2)", data_only=True)[2] == [10]


def test_a_sheet_may_have_marks_of_xml_and_of_formulas_in_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "ROWS_MAX", 4)
    name = 'Tom\'s & <Co> "x"'
    chart = {"sheet": "Chart", "chart": {"kind": "pie", "source": name, "x": "n", "y": ["n"]}}
    sheets = [{"sheet": name, "source": "${f.lines}", "totals": ["n"]}, chart]

    content = made(tmp_path, b"n\n1\n2\n3\n", sheets=sheets, status=StepStatus.WARNING)

    assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames[0] == name
    assert rows(content, f"{name} (2)")[-1] == ["=SUBTOTAL(9,'Tom''s & <Co> \"x\"'!A2:A3,A2:A2)"]


def test_a_table_without_rows_has_its_headings_and_a_total_that_is_no_circle(tmp_path):
    sheet = {"sheet": "Lines", "source": "${f.lines}", "totals": ["n"], "group_by": "a"}
    given = {"file": "${f.lines}", "columns": {"a": {"type": "Text"}, "n": {"type": "Money"}}}

    content = made(tmp_path, b"a,n\n", sheets=[{**sheet, "source": given}], status=StepStatus.WARNING)

    assert rows(content, "Lines") == [["a", "n"], ["Total", 0]]


def test_groups_keep_the_order_in_which_they_come(tmp_path):
    sheet = {"sheet": "L", "source": "${f.lines}", "group_by": "r", "totals": ["n"]}

    content = made(tmp_path, b"n,r\n1,b\n2,a\n3,b\n4,\n", sheets=[sheet])

    assert rows(content, "L", data_only=True) == [
        ["n", "r"], [1, "b"], [3, "b"], [4, "Total b"], [2, "a"], [2, "Total a"], [4, None],
        [4, "Total (empty)"],
        [10, "Total"],
    ]  # fmt: skip
    levels: Any = openpyxl.load_workbook(io.BytesIO(content))["L"].row_dimensions
    assert [levels[row].outline_level for row in range(2, 10)] == [1, 1, 0, 1, 0, 1, 0, 0]


def test_a_chart_shows_the_columns_of_another_sheet(tmp_path):
    chart = {"sheet": "Chart", "chart": {"kind": "line", "source": "Lines", "x": "region", "y": ["amount"]}}

    content = made(tmp_path, sheets=[chart, {"sheet": "Lines", "source": "${f.lines}", "at": "C5"}])

    drawn = zipfile.ZipFile(io.BytesIO(content)).read("xl/charts/chart1.xml").decode()
    assert re.findall(r"<c:f>(.*?)</c:f>", drawn) == ["Lines!$C$6:$C$7", "Lines!$D$6:$D$7"]
    assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames == ["Chart", "Lines"]


def test_who_signs_sees_the_run_and_what_it_read_to_the_byte(tmp_path):
    settings = {
        "sheets": [{"sheet": "Lines", "source": "${f.lines}"}], "sign_off": True, "output": "${o.report}",
    }  # fmt: skip
    played = play(excel_report.ACTION, tmp_path, settings, {"f.lines": ("lines.csv", LINES)})
    context = played.context
    context.about = RunFacts(process="p-3", process_version=4, run="pr-7", run_name="July", started_by="ann")
    report = reporting.run(context).outputs["o.report"]

    assert isinstance(report, FileOutput)
    signed: dict[str, str] = {str(row[0]): str(row[1]) for row in rows(Path(report.path).read_bytes(), "Sign-off")}
    assert signed["Process"] == "p-3, version 4" and signed["Run"] == "pr-7: July" and signed["Started by"] == "ann"
    assert signed["SHA-256"] == hashlib.sha256(LINES).hexdigest()
    assert "Approved by" in signed


def test_a_template_keeps_all_that_it_has(tmp_path):
    given = template()

    content = made(tmp_path, sheets=[FILLED], template=given, cells={"Summary!B2": "July", "Month": "${p.day}"})

    old, new = zipfile.ZipFile(io.BytesIO(given)), zipfile.ZipFile(io.BytesIO(content))
    assert old.namelist() == new.namelist()
    kept = [name for name in old.namelist() if old.read(name) == new.read(name)]
    assert set(old.namelist()) - set(kept) == {
        "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml", "xl/workbook.xml", "xl/styles.xml",
    }  # fmt: skip
    book: Any = openpyxl.load_workbook(io.BytesIO(content))
    data = book["Data"]
    assert [data[place].value for place in ("A1", "A3", "A4", "B4", "D4", "A5", "B5", "A40")] == [
        "Report", "Region", "North", 1.5, "note", "South", 2, "the end",
    ]  # fmt: skip
    # The format of the template's first row is that of all rows.
    assert [data[place].number_format for place in ("B4", "B5")] == ["0.000", "0.000"]
    assert book["Summary"]["A2"].value == "=SUM(Data!B4:B30)"
    assert book["Summary"]["B2"].value == "July" and book["Summary"]["B1"].value == "2026-07-31"
    assert book.calculation.fullCalcOnLoad
    assert len(book["Summary"]._charts) == 1


def test_each_sheet_of_a_template_has_its_own_rows(tmp_path):
    sheets = [FILLED, {**FILLED, "sheet": "Summary", "at": "D9", "columns": {"amount": "amount"}}]
    content = made(tmp_path, sheets=sheets, template=template())

    assert [row[:2] for row in rows(content, "Data")[3:5]] == [["North", 1.5], ["South", 2]]
    assert [row[3] for row in rows(content, "Summary")[8:10]] == [1.5, 2]
    assert not list(tmp_path.rglob("*.rows"))


def test_formulas_are_calculated_where_the_template_says_how(tmp_path):
    given = changed(
        template(),
        **{"xl/workbook.xml": lambda old: old.replace(b"</workbook>", b'<calcPr calcMode="manual"/></workbook>')},
    )

    content = made(tmp_path, sheets=[FILLED], template=given)

    assert b'<calcPr calcMode="manual" fullCalcOnLoad="1"/>' in zipfile.ZipFile(io.BytesIO(content)).read(
        "xl/workbook.xml"
    )


def test_a_template_is_filled_by_the_names_that_it_defines(tmp_path):
    content = made(tmp_path, sheets=[{**FILLED, "at": "start"}], template=template(), sign_off=True)

    assert rows(content, "Data")[3][:2] == ["North", 1.5]
    assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames == ["Data", "Summary", "Sign-off"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sheets": [{**FILLED, "sheet": "Dta"}]}, 'has no sheet "Dta" (it has Data, Summary)'),
        ({"sheets": [{**FILLED, "at": "Begin"}]}, 'has no cell or name "Begin" (it has Start, Month)'),
        ({"sheets": [{**FILLED, "at": "Month"}]}, 'lies on the sheet "Summary", not on "Data"'),
        ({"sheets": [{**FILLED, "at": "A3"}]}, "would cover A3"),
        ({"sheets": [{**FILLED, "at": "C4"}]}, "would cover D4"),
        ({"sheets": [], "cells": {"Summary!A2": 1}}, "A2 holds a formula"),
        ({"sheets": [], "cells": {"Nowhere!A2": 1}}, 'has no sheet "Nowhere"'),
        ({"sheets": [FILLED], "cells": {"Data!B4": 1}}, "B4 lies in the table from A4"),
    ],
)
def test_a_place_that_a_template_lacks_or_needs_is_refused(tmp_path, settings, said):
    assert said in refused(tmp_path, template=template(), **settings)


def test_rows_do_not_run_over_what_stands_below_them(tmp_path):
    content = b"a\n" + b"x\n" * 40

    assert "would cover A40" in refused(tmp_path, content, sheets=[FILLED], template=template())


def test_joined_cells_are_not_torn_apart(tmp_path):
    given = template(fill=lambda book: book["Data"].merge_cells("B5:C6"))

    assert "joined cells B5:C6" in refused(tmp_path, sheets=[FILLED], template=given)


def test_a_table_of_excel_grows_with_its_rows(tmp_path):
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    page = book.add_worksheet("Data")
    page.add_table("A3:B4", {"columns": [{"header": "Region"}, {"header": "Amount"}], "name": "Facts"})
    book.close()

    content = made(tmp_path, sheets=[FILLED], template=out.getvalue())

    table: Any = openpyxl.load_workbook(io.BytesIO(content))["Data"].tables["Facts"]
    assert table.ref == "A3:B5" and table.autoFilter.ref == "A3:B5"
    assert "would lie over the Excel table" in refused(
        tmp_path / "beside", sheets=[{**FILLED, "at": "B4"}], template=out.getvalue()
    )


def test_a_pivot_table_that_stays_behind_is_told(tmp_path):
    given = changed(template(), **{"xl/pivotCache/pivotCacheDefinition1.xml": f'<p xmlns="{MAIN[1:-1]}"/>'})

    content = made(tmp_path, sheets=[FILLED], template=given, status=StepStatus.WARNING)

    assert content
    fresh = changed(
        template(), **{"xl/pivotCache/pivotCacheDefinition1.xml": f'<p xmlns="{MAIN[1:-1]}" refreshOnLoad="1"/>'}
    )
    made(tmp_path / "fresh", sheets=[FILLED], template=fresh)


@pytest.mark.parametrize(
    ("sheet", "cell", "formula", "said"),
    [
        ("Summary", "A5", "=SUM(Data!B4:B20)", "Summary!A5 (B4:B20)"),
        ("Summary", "A5", "=SUM('Data'!$B$4:$B$20)/2", "Summary!A5 (B4:B20)"),
        ("Data", "D4", "=SUM(B4:B20)", "Data!D4 (B4:B20)"),
        ("Data", "D4", "=B4*2", "formulas beside them end before: D4:D4"),
        ("Summary", "A5", "=SUM(Data!B:B)+SUM(Data!B4:B40)", ""),
        ("Summary", "A5", '=IF(A1="B4:B20",SUM(B4:B20),Data!B4)', ""),  # a text; its own sheet; one cell
        ("Data", "D4", "=SUM(B$4:B4)+B$4", ""),
    ],
)
def test_what_refers_to_the_first_rows_only_is_told(tmp_path, sheet, cell, formula, said):
    def fill(book):
        book["Data"]["A40"] = None
        book["Summary"]["A2"] = "=SUM(Data!B4:B40)"
        book["Summary"]._charts.clear()
        book[sheet][cell] = formula

    many = b"region,amount\n" + b"North,1.5\n" * 37
    played = reported(tmp_path, many, sheets=[FILLED], template=template(fill=fill))

    if not said:
        assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    else:
        assert played.outcome.status is StepStatus.WARNING
        assert said in played.outcome.message and "go on to row 40" in played.outcome.message


def test_a_chart_a_name_and_a_format_of_the_first_rows_are_told(tmp_path):
    def fill(book):
        book["Data"]["A40"] = None
        book.defined_names["Rows"] = DefinedName("Rows", attr_text="Data!$B$4:$B$6")
        book["Data"].conditional_formatting.add("B4:B9", CellIsRule(operator="lessThan", formula=["0"]))

    many = b"region,amount\n" + b"North,1.5\n" * 20
    message = reported(tmp_path, many, sheets=[FILLED], template=template(fill=fill)).outcome.message

    assert 'a conditional format of Data (B4:B9), the name "Rows" (B4:B6), a chart (B4:B9)' in message
    # Two rows are within all of them.
    assert reported(tmp_path / "few", sheets=[FILLED], template=template()).outcome.status is StepStatus.SUCCESS


def prefixed(sheet):
    """As some libraries write sheets: every element with a prefix."""
    text = sheet.decode().replace(f'xmlns="{MAIN[1:-1]}"', f'xmlns:x="{MAIN[1:-1]}"')
    return re.sub(r"<(/?)(?=[a-zA-Z])", r"<\1x:", text).encode()


def test_a_template_with_prefixes_is_filled_as_well(tmp_path):
    given = changed(template(), **{"xl/worksheets/sheet1.xml": prefixed})

    content = made(tmp_path, sheets=[FILLED], template=given)

    assert [row[:2] for row in rows(content, "Data")[3:5]] == [["North", 1.5], ["South", 2]]


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'
LINK = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" Target="http://a.b/x.png" '
    b'TargetMode="External"/></Relationships>'
)


@pytest.mark.parametrize(
    ("part", "content", "said"),
    [
        ("xl/vbaProject.bin", b"x", "has macros"),
        ("xl/macrosheets/sheet1.xml", b"<x/>", "has macros of Excel 4.0"),
        ("xl/externalLinks/externalLink1.xml", b"<x/>", "has links to other workbooks"),
        ("xl/connections.xml", b"<x/>", "has connections to other data"),
        ("xl/drawings/_rels/drawing9.xml.rels", LINK, "takes something from elsewhere (http://a.b/x.png)"),
        ("xl/worksheets/sheet1.xml", BOMB, "declares a document type"),
        ("docProps/more.xml", BOMB, "declares a document type"),
        ("docProps/more.xml", "\ufeff<!DOCTYPE x>".encode("utf-16"), "declares a document type"),
        ("../../outside.xml", b"<x/>", "a part with a path of its own"),
        ("xl/worksheets/sheet1.xml", b"<a>" * 300 + b"</a>" * 300, "nested deeper than 256"),
        ("xl/worksheets/sheet1.xml", b"<worksheet><sheetData>", "is no XML"),
        ("xl/worksheets/sheet1.xml", b"<worksheet/>", "has no cells"),
        ("xl/worksheets/sheet1.xml", b"<w><sheetData><row/></sheetData></w>", "its rows have no numbers"),
        ("xl/worksheets/sheet1.xml", '<?xml version="1.0" encoding="UTF-16"?><w/>'.encode("utf-16"), "not written in UTF-8"),
        ("xl/worksheets/sheet1.xml", b'<?xml version="1.0" encoding="latin-1"?><w/>', "not written in UTF-8"),
        ("xl/media/zeros.bin", b"\0" * (64 << 20), "looks like a bomb"),
    ],
)  # fmt: skip
def test_a_template_is_hostile_until_it_has_been_looked_over(tmp_path, part, content, said):
    given = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(template())) as old, zipfile.ZipFile(given, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != part:
                new.writestr(name, old.read(name))
        new.writestr(part, content)

    assert said in refused(tmp_path, sheets=[FILLED], template=given.getvalue())


def test_a_name_that_several_sheets_have_is_that_of_the_sheet_or_none(tmp_path):
    def two_sheets():
        out = io.BytesIO()
        with xlsxwriter.Workbook(out) as book:
            for name, cell in (("Lines", "$C$9"), ("Second", "$C$7")):
                book.add_worksheet(name).write("A1", "x")
                book.define_name(f"{name}!Start", f"={name}!{cell}")
        return out.getvalue()

    sheet = {"sheet": "Lines", "source": "${f.lines}", "at": "Start", "header": False}
    content = made(tmp_path / "a", sheets=[sheet], template=two_sheets())
    said = refused(tmp_path / "b", sheets=[{**sheet, "at": "A20"}], template=two_sheets(), cells={"Start": "x"})

    assert openpyxl.load_workbook(io.BytesIO(content))["Lines"]["C9"].value == "North"
    assert 'has the name "Start" on several sheets (Lines, Second); name a cell' in said


def test_a_wide_row_of_a_template_is_looked_through_in_one_pass(tmp_path):
    cells = "".join(f'<c r="{column_letters(number)}1"/>' for number in range(16_000))
    part = SheetPart.read(f"<w><sheetData><row r='1'>{cells}</row></sheetData></w>".encode(), "it")
    twice = cells.replace('"C1"', '"B1"', 1)

    assert len(part.rows[1].cells) == 16_000
    with pytest.raises(Problem, match="a cell of row 1 does not say where it is"):
        SheetPart.read(f"<w><sheetData><row r='1'>{twice}</row></sheetData></w>".encode(), "it")


def test_a_template_with_macros_is_refused_by_its_name_and_by_its_types(tmp_path):
    assert "may hold macros" in refused(tmp_path / "a", sheets=[FILLED], template=("t.xlsm", template()))
    given = changed(
        template(),
        **{"[Content_Types].xml": lambda old: old.replace(b"sheet.main+xml", b"sheet.macroEnabled.main+xml")},
    )
    assert "may hold macros" in refused(tmp_path / "b", sheets=[FILLED], template=given)


def test_a_template_that_is_no_workbook_is_refused(tmp_path):
    assert "not a workbook" in refused(tmp_path / "a", sheets=[FILLED], template=b"a,b\n1,2\n")
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
    assert "is no workbook of Excel" in refused(tmp_path / "b", sheets=[FILLED], template=empty.getvalue())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sheets": [{"sheet": "a/b"}]}, 'sheets.1.sheet: "a/b" has one of []:*?/\\'),
        ({"sheets": [{"sheet": "History"}]}, "is kept by Excel"),
        ({"sheets": [{"sheet": "A"}, {"sheet": "a"}]}, "is the name of two sheets"),
        ({"sheets": [{"sheet": "Sign-off"}], "sign_off": True}, "is the name of two sheets"),
        ({"sheets": [{"sheet": "A", "source": "${f.x}", "at": "XFE1"}]}, 'sheets.1.at: "XFE1" is no cell'),
        ({"sheets": [{"sheet": "A", "totals": ["x"]}]}, "sheets.1.totals: means nothing without a source"),
        ({"sheets": [{"sheet": "A", "source": "${f.x}", "formats": {"x": '0"'}}]}, "is no format that Excel reads"),
        ({"sheets": [{"sheet": "A", "source": "${f.x}", "rules": [{"column": "x"}]}]}, "needs exactly one of below"),
        ({"sheets": [{"sheet": "A", "chart": {"kind": "pie", "source": "B", "x": "x", "y": ["y"]}}]}, '"B" is no sheet'),
        ({"sheets": [{"sheet": "A", "source": "${f.x}", "freeze": 1}], "template": "${f.t}"}, "in a template"),
        ({"sheets": [], "sign_off": False}, "the book would be empty"),
        ({"sheets": [{"sheet": "A"}], "cells": {"B1": 1}}, 'cells: "B1" is no cell of a sheet'),
        ({"sheets": [{"sheet": "A"}], "cells": {"B!A1": 1}}, 'cells: there is no sheet "B"'),
        ({"sheets": [{"sheet": "A"}], "output": {"to": "${o.r}", "as": "a.xls"}}, "must end in .xlsx"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_when_the_file_is_applied(settings, said):
    given = msgspec.convert({"output": "${o.r}", **settings}, excel_report.ACTION.settings)

    assert any(said in one for one in excel_report.ACTION.check(given)), excel_report.ACTION.check(given)


@pytest.mark.parametrize(
    "text",
    [
        "#,##0.00;[Red]-#,##0.00",
        "yyyy-mm-dd hh:mm",
        '0.0" t"',
        "[$€-407] #,##0",
        "@",
        "General",
        "[<100]0;0.0",
        "_-* #,##0_-",
    ],
)
def test_a_format_of_excel_is_known(text):
    assert places.is_number_format(text)


@pytest.mark.parametrize("text", ["", "0;0;0;0;0", '"open', "[Rot]0", "foo", "0]", "\\", "0" * 256])
def test_a_format_that_excel_would_repair_is_not(text):
    assert not places.is_number_format(text)


def test_a_report_goes_to_a_file_property(tmp_path):
    played = play(
        excel_report.ACTION, tmp_path, {"sheets": [{"sheet": "A"}], "output": "${o.n}"},
        targets={"o.n": OutputTarget(type="Number")},
    )  # fmt: skip

    assert played.outcome.message == "the output goes to a Number, and a report is a file"
