"""Sheets of Office workbooks are read as they are stored: every kind of cell, every way of writing one."""

from __future__ import annotations

from pathlib import Path

import pytest

from procession.actions.problems import Problem
from procession.actions.reading.options import ColumnOptions
from tests.actions.reading.workbooks import MAIN, book, number, package, read, relations, sheet, styles, text


def values(path: Path, *cells: str, codes: tuple[str, ...] = (), **parts: str) -> list[tuple[str, str | None]]:
    """Each cell read alone, under a heading: its kind and its text."""
    found = []
    for place, cell in enumerate(cells):
        file = package(path / f"{place}.xlsx", sheet(text("a"), cell), parts={"xl/styles.xml": styles("0", *codes)})
        reading = read(file, **parts)
        found.append((reading.kinds[0], reading.texts[0][0]))
    return found


def test_a_number_is_the_shortest_text_of_its_double(tmp_path):
    written = ["20000000.010000002", "1E-3", "1.5E+20", "-0", "5.0", "00012", "0.1", "9007199254740993", "1e-20"]

    found = values(tmp_path, *(number(text) for text in written))

    assert [text for _, text in found] == [
        "20000000.01", "0.001", "150000000000000000000", "0", "5", "12", "0.1", "9007199254740992",
        "0.00000000000000000001",
    ]  # fmt: skip
    assert {kind for kind, _ in found} == {"NUMBER"}


@pytest.mark.parametrize(
    ("code", "serial", "wanted"),
    [
        ("14", "46031", ("DATE", "2026-01-09")),
        ("22", "46031.13194444445", ("MOMENT", "2026-01-09 03:10:00")),
        ("dd\\.mm\\.yyyy", "46031", ("DATE", "2026-01-09")),
        ("[$-407]d/\\ mmmm\\ yyyy;@", "46031", ("DATE", "2026-01-09")),
        ("[Red]yyyy", "46031", ("DATE", "2026-01-09")),
        ("[&gt;40000]mmm\\-yy;0.00", "46031", ("DATE", "2026-01-09")),
        ("mmm", "46031", ("DATE", "2026-01-09")),
        ("aaaa", "46031", ("DATE", "2026-01-09")),
        ("yyyy-mm-dd\\Thh:mm:ss.000", "46031.0000115741", ("MOMENT", "2026-01-09 00:00:01")),
        ("31", "46031", ("DATE", "2026-01-09")),
        ("57", "46031", ("DATE", "2026-01-09")),
        ("hh:mm", "0.5", ("TEXT", "12:00:00")),
        ("mm:ss.0", "0.0000115741", ("TEXT", "00:00:01")),
        ("h:mm AM/PM", "0.75", ("TEXT", "18:00:00")),
        ("[h]:mm", "1.1041666666666667", ("TEXT", "26:30:00")),
        ("[mm]:ss", "-0.0625", ("TEXT", "-01:30:00")),
        ("46", "1.5", ("TEXT", "36:00:00")),
        ("14", "0.5", ("TEXT", "12:00:00")),
        ("h:mm", "46031.5", ("MOMENT", "2026-01-09 12:00:00")),
        ("14", "59", ("DATE", "1900-02-28")),
        ("14", "61", ("DATE", "1900-03-01")),
        ("14", "1", ("DATE", "1900-01-01")),
        ("14", "2958465", ("DATE", "9999-12-31")),
        ("14", "46030.999999999", ("DATE", "2026-01-09")),
        ("yyyy-mm-dd hh:mm", "46031.00000001", ("MOMENT", "2026-01-09 00:00:00.001000")),
        ('0.00" days"', "46031", ("NUMBER", "46031")),
        ('#,##0.00\\ "md"', "46031", ("NUMBER", "46031")),
        ("[$€-407]\\ #,##0", "46031", ("NUMBER", "46031")),
        ("_-* #,##0.00\\ _D_M_-", "46031", ("NUMBER", "46031")),
        ("0.00E+00", "46031", ("NUMBER", "46031")),
        ("General;[Red]\\-General", "46031", ("NUMBER", "46031")),
        ("[Yellow]0;[Magenta]0", "46031", ("NUMBER", "46031")),
        ("@", "46031", ("NUMBER", "46031")),
    ],
)  # fmt: skip
def test_a_number_format_decides_what_a_number_stands_for(tmp_path, code, serial, wanted):
    escaped = code.replace('"', "&quot;")

    assert values(tmp_path, number(serial, style=1), codes=(escaped,)) == [wanted]


@pytest.mark.parametrize("serial", ["0", "60", "-1", "2958466", "1e300"])
def test_a_date_that_never_was_is_refused_with_its_cell(tmp_path, serial):
    with pytest.raises(Problem, match=r'the sheet "Data" of "0.xlsx" has 1 cell without a value: A2 \(.* is none\)'):
        values(tmp_path, number(serial, style=1), codes=("14",))


def test_a_workbook_of_1904_counts_its_days_from_there(tmp_path):
    parts = {
        "xl/styles.xml": styles("0", "14"),
        "xl/workbook.xml": book('<sheet name="Data" r:id="r0"/>', '<workbookPr date1904="1"/>'),
    }

    reading = read(package(tmp_path / "a.xlsx", sheet(text("a"), number("44569", 1), number("0", 1)), parts=parts))

    assert reading.texts == [("2026-01-09",), ("1904-01-01",)]


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ('<c t="b"><v>1</v></c>', ("TRUTH", "TRUE")),
        ('<c t="b"><f>A1=2</f><v>0</v></c>', ("TRUTH", "FALSE")),
        ('<c t="str"><f>"a"&amp;"b"</f><v> a &amp; b </v></c>', ("TEXT", " a & b ")),
        ('<c t="n"><f>1+1</f><v>2</v></c>', ("NUMBER", "2")),
        ('<c t="inlineStr"><is><r><t>a</t></r><r><t xml:space="preserve"> b</t></r></is></c>', ("TEXT", "a b")),
        ('<c t="inlineStr"><is><t>x</t><rPh sb="0" eb="1"><t>spoken</t></rPh></is></c>', ("TEXT", "x")),
        (text("_x000D_\n_x005F_x000D_"), ("TEXT", "\r\n_x000D_")),
        (text("_xD83D__xDE00_"), ("TEXT", "\U0001f600")),
        (text("_xD83D_ alone"), ("TEXT", "_xD83D_ alone")),
        (text("<![CDATA[<1>]]>"), ("TEXT", "<1>")),
        (text('say "a, b"\nnext'), ("TEXT", 'say "a, b"\nnext')),
        (text("007"), ("TEXT", "007")),
        ('<c t="d"><v>2026-01-09</v></c>', ("DATE", "2026-01-09")),
        ('<c t="d"><v>2026-01-09T00:00:00.000Z</v></c>', ("DATE", "2026-01-09")),
        ('<c t="d"><v>2026-01-09T12:30:00.5</v></c>', ("MOMENT", "2026-01-09 12:30:00.500000")),
        ('<c t="d"><v>T12:30:00</v></c>', ("TEXT", "12:30:00")),
    ],
)
def test_a_cell_of_every_type_is_read(tmp_path, cell, wanted):
    assert values(tmp_path, cell) == [wanted]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ('<c t="e"><v>#N/A</v></c>', "#N/A"),
        ('<c t="e"><f>1/0</f><v>#DIV/0!</v></c>', "#DIV/0!"),
        ("<c><f>1+1</f></c>", "a formula without a stored value"),
        ("<c><f>1+1</f><v></v></c>", "a formula without a stored value"),
        ('<c><f t="shared" si="0"/><v/></c>', "a formula without a stored value"),
        ('<c t="str"><f>A1</f></c>', "a formula without a stored value"),
        ("<c><v>1,5</v></c>", '"1,5" is not a number'),
        ("<c><v>1_5</v></c>", '"1_5" is not a number'),
        ("<c><v>1E400</v></c>", '"1E400" is not a number'),
        ("<c><v>NaN</v></c>", '"NaN" is not a number'),
        ('<c t="d"><v>2026-02-30</v></c>', '"2026-02-30" is not a date'),
        ('<c t="b"><v>2</v></c>', '"2" is neither true nor false'),
        ('<c t="zz"><v>2</v></c>', 'a cell of the unknown type "zz"'),
    ],
)
def test_a_cell_without_a_value_is_refused_or_counted(tmp_path, cell, why):
    file = package(tmp_path / "a.xlsx", sheet(text("a") + text("b"), text("x") + cell))

    with pytest.raises(Problem) as refused:
        read(file)
    reading = read(file, errors="empty")

    assert f'the sheet "Data" of "a.xlsx" has 1 cell without a value: B2 ({why})' in str(refused.value)
    assert reading.texts == [("x", None)]
    assert reading.cells.warnings == (
        f'the sheet "Data" of "a.xlsx" has 1 cell without a value, read as empty: B2 ({why})',
    )


def test_the_first_ten_cells_without_a_value_are_named_and_all_are_counted(tmp_path):
    file = package(tmp_path / "a.xlsx", sheet(text("a"), *['<c t="e"><v>#REF!</v></c>'] * 12))

    with pytest.raises(Problem, match=r"has 12 cells without a value: A2 \(#REF!\), .*, A11 \(#REF!\), \.\.\.; mend"):
        read(file)


@pytest.mark.parametrize("errors", ["refuse", "empty"])
def test_a_fault_in_a_column_that_is_dropped_refuses_nothing_and_is_told(tmp_path, errors):
    broken = '<c t="e"><v>#REF!</v></c>'
    file = package(tmp_path / "a.xlsx", sheet(text("a") + text("b"), text("x") + broken, text("y") + broken))

    reading = read(file, errors=errors, others="drop", columns={"a": ColumnOptions(type="Text")})
    with pytest.raises(Problem, match=r"has 2 cells without a value: B2 \(#REF!\), B3 \(#REF!\); mend"):
        read(file, others="drop", columns={"b": ColumnOptions(type="Text")})

    assert reading.cells.warnings == ()
    assert reading.cells.remarks == (
        'the sheet "Data" of "a.xlsx" has 2 cells without a value in columns that are dropped: B2 (#REF!), B3 (#REF!)',
    )


def test_a_fault_in_a_heading_is_told_before_the_column_is_missed(tmp_path):
    file = package(tmp_path / "a.xlsx", sheet('<c t="e"><v>#REF!</v></c>' + text("b"), text("x") + text("y")))

    with pytest.raises(Problem, match=r"1 cell without a value: A1 \(#REF!\)"):
        read(file, others="drop", columns={"a": ColumnOptions(type="Text")})


def test_texts_come_through_the_table_as_they_are(tmp_path):
    texts = [
        "a\nb",
        "a\r\nb",
        "\r",
        "\n",
        '"',
        '""',
        'a"b',
        "a,b",
        "'",
        "\\",
        "\\n",
        ",",
        " ",
        "\t",
        "\u2028",
        ".",
        "NULL",
    ]
    rows = [text(value.replace("\r", "_x000D_")) + text("x") for value in ["a", *texts, *reversed(texts)]]

    reading = read(package(tmp_path / "a.xlsx", sheet(*rows)))

    assert [value for value, _ in reading.texts] == [*texts, *reversed(texts)]


def test_a_formula_of_an_empty_text_is_empty_and_no_error(tmp_path):
    cells = '<c t="str"><f>""</f><v></v></c>' + number("1")

    assert read(package(tmp_path / "a.xlsx", sheet(text("a") + text("b"), cells))).texts == [(None, "1")]


def test_shared_strings_are_put_in_with_all_their_runs(tmp_path):
    strings = f"""<sst xmlns="{MAIN}"><si><t>a</t></si><si><r><rPr><b/></rPr><t>b</t></r><r><t xml:space="preserve"> c</t></r>
        <rPh sb="0" eb="1"><t>no</t></rPh><phoneticPr fontId="1"/></si><si><t/></si><si/></sst>"""
    rows = ['<c t="s"><v>0</v></c>', '<c t="s"><v>1</v></c><c t="s"><v>2</v></c><c t="s"><v>3</v></c><c t="s"/>']

    reading = read(package(tmp_path / "a.xlsx", sheet(*rows), parts={"xl/sharedStrings.xml": strings}))

    assert (reading.headings, reading.texts) == (["a"], [("b c",)])


@pytest.mark.parametrize("index", ["7", "-1", "x"])
def test_a_text_that_the_workbook_lacks_is_refused_with_its_cell(tmp_path, index):
    file = package(tmp_path / "a.xlsx", sheet(text("a"), f'<c t="s"><v>{index}</v></c>'))

    with pytest.raises(Problem, match=r'the sheet "Data" of "a.xlsx" is damaged: A2 has the text'):
        read(file)


def test_headings_of_any_kind_give_their_text(tmp_path):
    heads = text("a") + number("46053", 1) + number("2026") + '<c t="b"><v>1</v></c>' + text(" b \n c") + text("")
    parts = {"xl/styles.xml": styles("0", "14")}

    reading = read(package(tmp_path / "a.xlsx", sheet(heads, number("1") * 6), parts=parts))

    assert reading.headings == ["a", "2026-01-31", "2026", "TRUE", " b \n c", ""]


def test_columns_of_several_kinds_say_the_kind_of_each_cell(tmp_path):
    rows = [text("a"), number("12.5"), text("12.5"), '<c t="b"><v>1</v></c>', number("46053", 1), number("46053.5", 1)]
    parts = {"xl/styles.xml": styles("0", "14")}

    reading = read(package(tmp_path / "a.xlsx", sheet(*rows), parts=parts))

    assert reading.table == [("12.5", 1), ("12.5", 0), ("TRUE", 4), ("2026-01-31", 2), ("2026-01-31 12:00:00", 3)]


def test_dates_and_moments_in_one_column_are_moments(tmp_path):
    parts = {"xl/styles.xml": styles("0", "14")}
    file = package(tmp_path / "a.xlsx", sheet(text("a"), number("46053", 1), number("46053.5", 1)), parts=parts)

    reading = read(file)

    assert reading.kinds == ["MOMENT"]
    assert reading.table == [("2026-01-31 00:00:00",), ("2026-01-31 12:00:00",)]


def test_blank_rows_are_no_rows_and_places_still_count_them(tmp_path):
    rows = ["", text("a") + text("b"), "<c/><c/>", number("1"), text(""), "", "<c/>" + number("2"), ""]

    reading = read(package(tmp_path / "a.xlsx", sheet(*rows)))

    assert reading.texts == [("1", None), (None, "2")]
    assert reading.cells.place(1, 1) == 'cell B7 of the sheet "Data" of "a.xlsx"'


def test_rows_may_be_shorter_or_longer_than_the_headings(tmp_path):
    rows = [text("a") + text("b") + text("c"), number("1"), number("1") * 4]

    reading = read(package(tmp_path / "a.xlsx", sheet(*rows)))

    assert (reading.headings, reading.texts) == (["a", "b", "c", ""], [("1", None, None, None), ("1",) * 4])


def cell(place: str, value: str) -> str:
    return f'<c r="{place}"><v>{value}</v></c>'


@pytest.mark.parametrize(
    ("options", "headings", "texts"),
    [
        ({}, ["1", "", "2"], [("3", None, "4"), (None, "5", None), ("6", "7", "8")]),
        ({"skip": 3}, ["3", "", "4"], [(None, "5", None), ("6", "7", "8")]),
        ({"header": False, "skip": 5}, ["", "", ""], [("6", "7", "8")]),
        ({"range": "B:C"}, ["1", ""], [("3", None), (None, "5"), ("6", "7")]),
        ({"range": "c5:D6"}, ["5", ""], [("7", "8")]),
        ({"range": "B3:D4", "header": False}, ["", "", ""], [("3", None, "4")]),
        (
            {"range": "B2:F", "skip": 1},
            ["3", "", "4", "", ""],
            [(None, "5", None, None, None), ("6", "7", "8", None, None)],
        ),
    ],
)
def test_skip_header_and_range_choose_a_part_of_the_sheet(tmp_path, options, headings, texts):
    rows = {2: {"B": "1", "D": "2"}, 4: {"B": "3", "D": "4"}, 5: {"C": "5"}, 6: {"B": "6", "C": "7", "D": "8"}}
    listed = "".join(
        f'<row r="{row}">{"".join(cell(f"{column}{row}", value) for column, value in cells.items())}</row>'
        for row, cells in rows.items()
    )
    file = package(tmp_path / "a.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData>{listed}</sheetData></worksheet>')

    reading = read(file, **options)

    assert (reading.headings, reading.texts) == (headings, texts)


@pytest.mark.parametrize("given", ["D4:B", "B20:C4", "ZZZ1:ZZZ2", "A0:B2", "A1:B9999999"])
def test_a_range_that_is_none_is_refused(tmp_path, given):
    with pytest.raises(Problem, match=f"the range {given}"):
        read(package(tmp_path / "a.xlsx", sheet(text("a"))), range=given)


def test_hidden_rows_and_columns_and_merged_areas_are_remarked(tmp_path):
    content = (
        f'<worksheet xmlns="{MAIN}"><cols><col min="1" max="1" hidden="1"/></cols><sheetData><row>{text("a")}</row>'
        f'<row hidden="1">{number("1")}</row></sheetData><mergeCells><mergeCell ref="A1:B1"/></mergeCells></worksheet>'
    )

    reading = read(package(tmp_path / "a.xlsx", content))

    assert reading.texts == [("1",)]
    cells = reading.cells
    assert [remark.partition(" has ")[2] for remark in (*cells.cautions, *cells.remarks)] == [
        "1 hidden row, read like the others",
        "hidden columns, read like the others",
        "1 merged area; the first cell of each has its value",
    ]


@pytest.mark.parametrize(
    ("area", "options", "told"),
    [
        ("A2:A4", {}, 'the sheet "Data" of "a.xlsx" has 1 merged area over several rows (A2:A4)'),
        ("A2:B2", {}, ""),
        ("A1:A2", {}, "(A1:A2)"),  # a heading of two rows: the second is read as the first row
        ("A1:A2", {"skip": 1}, ""),
        ("A2:A4", {"range": "B1:B4"}, ""),
        ("A9:A12", {}, ""),
        ("x", {}, ""),
    ],
)
def test_a_merged_area_over_rows_of_the_table_is_a_caution(tmp_path, area, options, told):
    rows = "".join(f"<row>{text(one)}{number(str(n))}</row>" for n, one in enumerate(("north", "", "", "south")))
    content = (
        f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData><mergeCells><mergeCell ref="{area}"/></mergeCells>'
    )

    cautions = read(package(tmp_path / "a.xlsx", f"{content}</worksheet>"), **options).cells.cautions

    assert len(cautions) == bool(told) and all(told in caution for caution in cautions)


def test_formulas_that_were_never_computed_are_warned_about(tmp_path):
    parts = {"xl/workbook.xml": book('<sheet name="Data" r:id="r0"/>', after='<calcPr fullCalcOnLoad="1"/>')}
    rows = sheet(text("a"), "<c><f>1+1</f><v>0</v></c>")

    reading = read(package(tmp_path / "a.xlsx", rows, parts=parts))

    assert "are not computed yet" in reading.cells.warnings[0]


def several(tmp_path: Path) -> Path:
    names = [("Chart", "chartsheet", ""), ("Old", "worksheet", ' state="veryHidden"'), ("Beta", "worksheet", ""),
             ("Alpha ", "worksheet", "")]  # fmt: skip
    listed = "".join(f'<sheet name="{name}" r:id="r{place}"{state}/>' for place, (name, _, state) in enumerate(names))
    targets = [(kind, f"/xl/worksheets/s{9 - place}.xml") for place, (_, kind, _) in enumerate(names)]
    parts: dict[str, str | bytes] = {
        "xl/workbook.xml": book(listed),
        "xl/_rels/workbook.xml.rels": relations(*targets),
        "xl/worksheets/sheet1.xml": "",
        **{f"xl/worksheets/s{9 - place}.xml": sheet(text(name)) for place, (name, _, _) in enumerate(names)},
    }
    return package(tmp_path / "a.xlsx", "", parts=parts)


@pytest.mark.parametrize(
    ("wanted", "heading"),
    [(None, "Beta"), (2, "Beta"), (3, "Alpha "), ("Beta", "Beta"), ("alpha", "Alpha "), ("Old", "Old")],
)
def test_a_sheet_is_chosen_by_name_or_by_its_number_among_those_shown(tmp_path, wanted, heading):
    assert read(several(tmp_path), sheet=wanted).headings == [heading]


@pytest.mark.parametrize(("wanted", "words"), [(1, "is a chart"), (4, "has no sheet 4"), ("Gamma", 'no sheet "Gamma"')])
def test_a_sheet_that_has_no_cells_or_is_not_there_is_refused(tmp_path, wanted, words):
    with pytest.raises(Problem, match=words):
        read(several(tmp_path), sheet=wanted)


def test_prefixes_and_strict_namespaces_are_read_like_the_usual_ones(tmp_path):
    strict = "http://purl.oclc.org/ooxml/spreadsheetml/main"
    content = (
        f'<x:worksheet xmlns:x="{strict}"><x:sheetData><x:row r="1"><x:c r="A1" t="inlineStr"><x:is><x:t>a</x:t></x:is>'
        '</x:c></x:row><x:row r="2"><x:c r="A2" t="d"><x:v>2026-01-31T00:00:00</x:v></x:c></x:row></x:sheetData>'
        "</x:worksheet>"
    )

    assert read(package(tmp_path / "a.xlsx", content)).texts == [("2026-01-31",)]


def test_part_names_are_found_without_case_and_with_either_slash(tmp_path):
    strings = f'<sst xmlns="{MAIN}"><si><t>a</t></si></sst>'
    parts: dict[str, str | bytes] = {"xl\\SharedStrings.XML": strings}

    reading = read(package(tmp_path / "a.xlsx", sheet('<c t="s"><v>0</v></c>', number("1")), parts=parts))

    assert reading.headings == ["a"]


def test_a_sheet_in_utf_16_is_read(tmp_path):
    content = '<?xml version="1.0" encoding="UTF-16"?>' + sheet(text("ä"), number("1"))

    assert read(package(tmp_path / "a.xlsx", content.encode("utf-16"))).headings == ["ä"]


def test_a_sheet_without_a_cell_is_refused(tmp_path):
    with pytest.raises(Problem, match=r'the sheet "Data" of "a.xlsx" has no cells'):
        read(package(tmp_path / "a.xlsx", sheet("", "<c/>")))


def test_a_sheet_of_headings_has_no_rows(tmp_path):
    reading = read(package(tmp_path / "a.xlsx", sheet(text("a") + text("b"))))

    assert (reading.headings, reading.kinds, reading.texts) == (["a", "b"], ["TEXT", "TEXT"], [])


@pytest.mark.parametrize("area", ["A3:B", "A3:B20", "C1:D"])
@pytest.mark.parametrize("header", [True, False])
def test_a_range_beside_all_cells_is_refused(tmp_path, area, header):
    with pytest.raises(Problem, match=r'the sheet "Data" of "a.xlsx" has no cells in that range'):
        read(package(tmp_path / "a.xlsx", sheet(text("a") + text("b"), number("1"))), range=area, header=header)
