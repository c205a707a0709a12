"""The quick way gives what the exact way gives, or leaves the sheet to it; two programs' files read back equal."""

from __future__ import annotations

import random
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import xlsxwriter

from procession.actions.problems import Problem
from procession.actions.reading import binary_values
from procession.actions.reading.sheets import containers, cuts, office, quick
from procession.actions.reading.sheets.values import double_text
from tests.actions.reading import relation
from tests.actions.reading.workbooks import MAIN, Reading, book, package, read, sheet, styles

DECADES = range(10)
AMOUNTS, AMOUNTS_THOROUGH = 2_000, 10_000
DAY, MOMENT = "dd.mm.yyyy", "yyyy-mm-dd hh:mm:ss"


@pytest.fixture(params=["quick", "exact"])
def way(request, monkeypatch):
    """Sheets of any size are read this way."""
    monkeypatch.setattr(quick, "SHEET_BYTES_MIN", 0 if request.param == "quick" else 1 << 40)
    return request.param


@pytest.fixture
def taken(monkeypatch):
    """What the quick way gives for each sheet that it is asked for."""
    monkeypatch.setattr(quick, "SHEET_BYTES_MIN", 0)
    found: list[Any] = []
    read_quickly = quick.QuickSheet.read

    def reading(sheet: quick.QuickSheet) -> Any:
        found.append(read_quickly(sheet))
        return found[-1]

    monkeypatch.setattr(quick.QuickSheet, "read", reading)
    return found


def by_xlsxwriter(path: Path, rows: list[list[Any]]) -> Path:
    with xlsxwriter.Workbook(path, {"strings_to_numbers": False, "strings_to_formulas": False}) as workbook:
        sheet = workbook.add_worksheet("Data")
        formats = {
            date: workbook.add_format({"num_format": DAY}),
            datetime: workbook.add_format({"num_format": MOMENT}),
        }
        for row, values in enumerate(rows):
            for column, value in enumerate(values):
                if isinstance(value, str):
                    sheet.write_string(row, column, value)
                elif isinstance(value, date):
                    sheet.write_datetime(row, column, value, formats[type(value)])
                elif value is not None:
                    sheet.write(row, column, value)
    return path


def by_openpyxl(path: Path, rows: list[list[Any]]) -> Path:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    sheet = workbook.create_sheet("Data")
    for row, values in enumerate(rows, 1):
        for column, value in enumerate(values, 1):
            if value is not None:
                sheet.cell(row, column, value).number_format = {date: DAY, datetime: MOMENT}.get(type(value), "General")
    workbook.save(path)
    return path


@pytest.mark.parametrize("write", [by_xlsxwriter, by_openpyxl])
def test_cent_amounts_of_ten_decades_come_back_equal(tmp_path, write, is_thorough):
    choose = random.Random(1)  # noqa: S311 - amounts, no secrets
    count = AMOUNTS_THOROUGH if is_thorough else AMOUNTS
    cents = [[choose.randrange(10**decade, 10 ** (decade + 1)) * 10 + 1 for decade in DECADES] for _ in range(count)]
    texts = [tuple(f"{amount // 100}.{amount % 100:02}" for amount in row) for row in cents]
    file = write(tmp_path / "a.xlsx", [list("abcdefghij"), *([float(text) for text in row] for row in texts)])

    reading = read(file)

    wanted = [tuple(text.rstrip("0").rstrip(".") for text in row) for row in texts]
    assert reading.kinds == ["NUMBER"] * 10
    assert reading.texts == wanted


def mixture(seed: int) -> list[list[Any]]:
    """Rows of columns of one kind, with gaps: numbers of every size, texts, days, moments and truths."""
    choose = random.Random(seed)  # noqa: S311 - values, no secrets
    texts = ["007", " 1.5 ", "a\nb", 'x"y', "ä€😀", "TRUE", "2026-01-31", "_x000D", "x,y"]
    start = datetime(1901, 1, 1)

    def row() -> list[Any]:
        return [
            float(f"{choose.uniform(-1, 1) * 10 ** choose.randrange(-9, 21):.15g}"),  # both write 16 digits or 17
            choose.choice(texts),
            (start + timedelta(days=choose.randrange(60_000))).date(),
            start + timedelta(days=choose.randrange(60_000), milliseconds=choose.choice([0, 1, 86_399_999, 4_711_000])),
            choose.choice([True, False]),
            round(choose.random(), choose.randrange(12)),
        ]

    rows = [[value if choose.random() < 0.9 else None for value in row()] for _ in range(300)]
    return [["number", "text", "day", "moment", "truth", "share"], row(), *rows, row()]


def shown(rows: list[list[Any]]) -> list[tuple[str | None, ...]]:
    """What the rows must read as, made without the reader."""
    return [tuple(map(as_text, row)) for row in rows if any(value is not None for value in row)]


def as_text(value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return str(value).upper()
        case datetime():
            return value.isoformat(" ")
        case date():
            return value.isoformat()
    text = format(Decimal(repr(float(value) or 0.0)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@pytest.mark.parametrize("write", [by_xlsxwriter, by_openpyxl])
@pytest.mark.parametrize("seed", range(3))
def test_a_table_comes_back_as_it_was_written(tmp_path, way, write, seed):
    rows = mixture(seed)

    reading = read(write(tmp_path / "a.xlsx", rows))

    assert reading.kinds == ["NUMBER", "TEXT", "DATE", "MOMENT", "TRUTH", "NUMBER"]
    assert reading.texts == shown(rows[1:])


def same_by_both_ways(path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Reading:
    monkeypatch.setattr(quick, "SHEET_BYTES_MIN", 0)
    first = read(path, **options)
    monkeypatch.setattr(quick, "SHEET_BYTES_MIN", 1 << 40)
    second = read(path, **options)
    assert (first.cells.columns, first.table) == (second.cells.columns, second.table)
    assert (first.cells.remarks, first.cells.warnings) == (second.cells.remarks, second.cells.warnings)
    for row in (0, len(first.table) - 1):
        assert first.cells.place(row, 0) == second.cells.place(row, 0)
    return first


ANY = 5, 0.1 + 0.2, 1e20, 1e-7, "007", "", "x", date(2026, 1, 31), datetime(2026, 1, 31, 12, 0, 0, 1000), True, None
MIXED = [[ANY[(row * step) % len(ANY)] for step in (1, 2, 3, 5)] for row in range(1, 3 * len(ANY))]


@pytest.mark.parametrize(
    "rows",
    [
        [list("abcd"), *MIXED],
        [list("abcd"), ["x", "y", "z", 1], *MIXED],
        [["a", "b"], [date(2026, 1, 1), "x"], [datetime(2026, 1, 1, 5), "y"]],
        [["title"], [None], [None, "a", None, "b"], [None, 1, None, "x"], [], [None, 2, None, "y"], [None, None, "z"]],
        [["a", "b"], [1, "x"], [2.5, "y"], ["total", "z"]],
        [["a", "b", "c"], [1, 1, date(2026, 1, 1)], [2, 2, 5]],
        [["a"], [1e-20], [1e20], [0.0001], [123456789012345.6]],
        [["a", "", "b"], [1, None, 2], [3, None, 4]],
        [["a", "b"], [1, "x"], [2, "y"], [3, "z", "more"]],
    ],
)
@pytest.mark.parametrize("write", [by_xlsxwriter, by_openpyxl])
def test_both_ways_give_the_same_of_a_sheet(tmp_path, monkeypatch, write, rows):
    file = write(tmp_path / "a.xlsx", rows)

    for options in ({}, {"header": False}, {"skip": 2}):
        if options.get("skip", 0) < len(rows) - 1:
            same_by_both_ways(file, monkeypatch, **options)


@pytest.mark.parametrize("declared", [{}, {"a": {"type": "Text"}, "b": {"type": "Text"}}])
def test_columns_of_several_kinds_are_read_quickly(tmp_path, monkeypatch, taken, declared):
    """They took six times as long, and a ledger whose account is a number here and a text there is a common one."""
    path = by_xlsxwriter(tmp_path / "a.xlsx", [list("abcd"), *MIXED])
    found = []
    for least in (0, 1 << 40):
        monkeypatch.setattr(quick, "SHEET_BYTES_MIN", least)
        found.append(relation.read(tmp_path / f"{least}", path.read_bytes(), "a.xlsx", columns=declared))

    assert found[0] == found[1]
    assert taken[0] is not None


@pytest.mark.parametrize("days", ["0", "0.5", "60", "-1", "43830.25", "2957003", "2957003.99999", "2957004", "1"])
def test_days_that_are_counted_from_1904_are_read_quickly(tmp_path, monkeypatch, taken, days):
    rows = "".join(f'<row r="{row}"><c r="A{row}" s="0"><v>{days}</v></c></row>' for row in (2, 3))
    workbook = book('<sheet name="Data" sheetId="1" r:id="r0"/>', before='<workbookPr date1904="1"/>')
    parts = {"xl/styles.xml": styles("yyyy-mm-dd hh:mm:ss"), "xl/workbook.xml": workbook}
    path = package(tmp_path / "a.xlsx", whole(rows), parts=parts)

    found = found_by(0, path, monkeypatch)

    assert found == found_by(1 << 40, path, monkeypatch)
    assert (taken[0] is None) == isinstance(found, str) or days == "2957003.99999"


TIMES = "0", "0.5", "0.99999999", "0.999999999", "1.25", "365.9", "0.000001", "1E-2", "0.041666666666666664"


@pytest.mark.parametrize("style", [0, 1])
@pytest.mark.parametrize("times", [TIMES, (*TIMES, "-0.5"), (*TIMES, "366"), (*TIMES, "x")])
def test_times_of_day_are_read_quickly(tmp_path, monkeypatch, taken, style, times):
    rows = "".join(
        f'<row r="{row}"><c r="A{row}" s="{style}"><v>{one}</v></c></row>' for row, one in enumerate(times, 2)
    )
    path = package(tmp_path / "a.xlsx", whole(rows), parts={"xl/styles.xml": styles("hh:mm", "[h]:mm")})

    found = found_by(0, path, monkeypatch)

    assert found == found_by(1 << 40, path, monkeypatch)
    assert (taken[0] is None) == (times != TIMES)


@pytest.mark.parametrize("length", [32_767, 32_768, 1_500_000])
@pytest.mark.parametrize("write", [by_xlsxwriter, None])
def test_a_text_longer_than_any_of_excel_is_whole(tmp_path, monkeypatch, length, write):
    text = "ä" * (length - 1) + "z"
    path = tmp_path / "a.xlsx"
    if write is None or length > 32_767:  # as other programs write it, in the cell or shared
        parts = {"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>{text if write else ""}</t></si></sst>'}
        cell = f't="str"><v>{text}' if write is None else 't="s"><v>0'
        package(path, whole(f'<row r="2"><c r="A2" {cell}</v></c></row>'), parts=parts)
    else:
        write(path, [["a"], [text]])

    assert same_by_both_ways(path, monkeypatch).texts[0][0] == text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_parts_in_utf_16_are_the_same_by_both_ways(tmp_path, monkeypatch, encoding):
    """XML may be: 1.0, 4.3.3 asks for a byte order mark."""
    mark = b"" if encoding == "utf-16" else "\ufeff".encode(encoding)
    top = '<?xml version="1.0" encoding="UTF-16"?>'
    texts = f'{top}<sst xmlns="{MAIN}"><si><t>Größe €😀</t></si></sst>'
    content = whole('<row r="2"><c r="A2" t="s"><v>0</v></c></row>', top=top)
    for of_sheet, of_texts in ((True, True), (False, True), (True, False)):
        parts: dict[str, str | bytes] = {
            "xl/sharedStrings.xml": mark + texts.encode(encoding) if of_texts else texts.replace("-16", "-8")
        }
        sheet_part = mark + content.encode(encoding) if of_sheet else content.replace("-16", "-8").encode()
        path = package(tmp_path / "a.xlsx", sheet_part, parts=parts)

        assert same_by_both_ways(path, monkeypatch).texts[0][0] == "Größe €😀"


def test_where_the_folder_has_no_room_for_lines_the_exact_way_is_taken(tmp_path, monkeypatch, taken):
    path = by_xlsxwriter(tmp_path / "a.xlsx", [["a", "b"], *([number, "x"] for number in range(100))])
    write = cuts.Cut.write

    def to_a_full_disk(cut: cuts.Cut, lines: Path, *arguments: Any, **options: Any) -> None:
        lines.unlink(missing_ok=True)
        lines.symlink_to("/dev/full")
        write(cut, lines, *arguments, **options)

    monkeypatch.setattr(cuts.Cut, "write", to_a_full_disk)

    assert len(read(path).texts) == 100
    assert taken == [None]


def test_the_quick_way_is_taken_for_a_plain_sheet(tmp_path, taken):
    """Otherwise the tests of this file would compare the exact way with itself."""
    for seed, write in enumerate([by_xlsxwriter, by_openpyxl]):
        read(write(tmp_path / f"{seed}.xlsx", mixture(seed)))

    assert len(taken) == 2 and None not in taken


@pytest.mark.parametrize(
    ("end", "told"),
    [("</si></sst>", ""), ("</si><si>", "is damaged"), ("</t></si></sst>", "is damaged")],
    ids=["whole", "cut off", "mixed up"],
)
def test_texts_behind_those_that_are_looked_at_are_sound(tmp_path, way, end, told):
    """The first rows need few of a workbook's texts; the quick way makes sure of the others all the same."""
    texts = "".join(f"<si><t>text {number}</t></si>" for number in range(9_999))
    parts: dict[str, str | bytes] = {"xl\\SharedStrings.XML": f'<sst xmlns="{MAIN}">{texts}<si><t>last</t>{end}'}
    rows = [f'<c t="s"><v>{number}</v></c>' for number in (0, 1, 9_999)]
    path = package(tmp_path / "a.xlsx", sheet(*rows), parts=parts)

    if told:
        with pytest.raises(Problem, match=f'the texts of "a.xlsx" {told}'):
            read(path)
    else:
        assert read(path).texts == [("text 1",), ("last",)]


NUMBERS = {
    "whole": [0, -0.0, 5, -17, 10**14],
    "cents": [0.1, -1234.56, 99_999_999_999.99, 7.0000000000000007e-2, 68.400000000000006],
    "wide": [123_456_789_012.34, 1e15, -1e16, 1e22, 0.5],
    "long": [0.1 + 0.2, 1 / 3, 12.34567, -1e-7, 5e-324],
    "gaps": [None, 1.5, None, 2, None],
}
DECLARED = {name: {"type": "Number"} for name in NUMBERS}
MONEY = {"whole": {"type": "Money"}, "cents": {"type": "Money", "required": True}, "gaps": {"type": "Text"}}


@pytest.mark.parametrize("options", [{}, {"columns": DECLARED}, {"columns": MONEY}])
def test_numbers_become_the_same_columns_by_both_ways(tmp_path, monkeypatch, options):
    """By their binary values where that is exact, by their texts elsewhere: values, types and remarks are the same."""
    rows = list(zip(*NUMBERS.values(), strict=True))
    path = by_openpyxl(tmp_path / "a.xlsx", [list(NUMBERS), *map(list, rows * 3)])

    found: list[relation.Read | str] = []
    for least in (0, 1 << 40):
        monkeypatch.setattr(quick, "SHEET_BYTES_MIN", least)
        try:
            found.append(relation.read(tmp_path / f"{least}", path.read_bytes(), "a.xlsx", **options))
        except Problem as problem:
            found.append(str(problem))

    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("declared", "wanted"),
    [
        ({}, {"day": "DATE", "at": "TIMESTAMP"}),
        ({"columns": {"day": {"type": "Datetime"}, "at": {"type": "Date"}}}, {"day": "TIMESTAMP", "at": "DATE"}),
        ({"columns": {"day": {"type": "Text"}, "at": {"type": "Text"}}}, {"day": "VARCHAR", "at": "VARCHAR"}),
    ],
)
def test_days_and_moments_become_the_same_columns_by_both_ways(tmp_path, monkeypatch, declared, wanted):
    rows: list[list[Any]] = [
        [date(2024, 2, 29), datetime(2024, 2, 29, 23, 59, 59)],
        [None, datetime(1901, 1, 1)],
        [date(9999, 1, 1)],
    ]
    path = by_openpyxl(tmp_path / "a.xlsx", [["day", "at"], *rows])

    found = []
    for least in (0, 1 << 40):
        monkeypatch.setattr(quick, "SHEET_BYTES_MIN", least)
        found.append(relation.read(tmp_path / f"{least}", path.read_bytes(), "a.xlsx", **declared))

    assert found[0] == found[1]
    assert found[0].types == wanted


def test_the_text_of_a_double_is_its_shortest(tmp_path):
    choose = random.Random(3)  # noqa: S311 - values, no secrets
    doubles = [choose.uniform(-1, 1) * 10.0**power for power in range(-300, 300) for _ in range(5)]
    doubles += [round(choose.uniform(-1e10, 1e10), choose.randrange(6)) for _ in range(3_000)]
    doubles += [0.0, -0.0, 1e15, 1e16, 5e-324, 1.7976931348623157e308, 1e-4, 9e-5, 1234567890123456.5]

    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT unnest(?::DOUBLE[]) AS v", [doubles])
        short = f"CASE WHEN {binary_values.is_short('v')} THEN v::{binary_values.SHORT}::VARCHAR END"
        whole = f"CASE WHEN {binary_values.is_whole('v')} THEN v::{binary_values.WHOLE}::VARCHAR END"
        found = connection.execute(f"SELECT v, {binary_values.text('v', '')}, {short}, {whole} FROM t").fetchall()

    for value, text, as_short, as_whole in found:
        wanted = double_text(value)
        assert wanted is not None
        assert text == wanted
        assert as_short is None or Decimal(as_short) == Decimal(wanted)
        assert as_whole is None or as_whole == wanted
    assert sum(row[2] is not None for row in found) > 1_000


@pytest.mark.parametrize("is_quick", [True, False])
def test_a_part_that_is_not_what_the_list_of_parts_says_is_refused(tmp_path, monkeypatch, is_quick):
    """Its bytes are unpacked by us: the sum over them is checked as zipfile does it."""
    monkeypatch.setattr(quick, "SHEET_BYTES_MIN", 0 if is_quick else 1 << 40)
    path = by_xlsxwriter(tmp_path / "a.xlsx", [["a"], *([number] for number in range(500))])
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("xl/worksheets/sheet1.xml")
    content = bytearray(path.read_bytes())
    at = content.rfind(b"xl/worksheets/sheet1.xml") - 46 + 16  # APPNOTE 4.3.12: where the list has the sum
    content[at] ^= 1
    path.write_bytes(content)

    assert member.CRC
    with pytest.raises(Problem, match="is damaged and cannot be unpacked"):
        read(path)


def test_a_formula_of_a_data_table_is_a_formula(tmp_path, monkeypatch):
    """It has no text: a look for written formulas alone would miss it."""
    rows = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
        '<row r="2"><c r="A2"><f t="dataTable" ref="A2:A3" r1="B1"/><v>1</v></c></row>'
    )
    parts = {
        "xl/workbook.xml": book('<sheet name="Data" sheetId="1" r:id="r0"/>', after='<calcPr fullCalcOnLoad="1"/>')
    }
    content = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'

    reading = same_by_both_ways(package(tmp_path / "a.xlsx", content, parts=parts), monkeypatch)

    assert "not computed yet" in reading.cells.warnings[0]


def test_the_pieces_of_a_sheet_are_looked_at_like_the_whole(tmp_path, monkeypatch):
    """A hidden row, far behind: it may begin in one piece of the file and end in the next."""
    monkeypatch.setattr(containers, "CHUNK_BYTES", 97)
    cells = [f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in range(2, 400)]
    cells[300] = cells[300].replace("<row ", '<row hidden="1" ')
    head = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
    content = f'<worksheet xmlns="{MAIN}"><sheetData>{head}{"".join(cells)}</sheetData></worksheet>'

    monkeypatch.setattr(quick, "SHEET_BYTES_MIN", 0)
    reading = read(package(tmp_path / "a.xlsx", content))

    assert reading.cells.cautions == ('the sheet "Data" of "a.xlsx" has 1 hidden row, read like the others',)
    assert len(reading.texts) == 398


HEADS = "".join(f'<c r="{letter}1" t="inlineStr"><is><t>{letter.lower()}</t></is></c>' for letter in "ABC")
SHARED = (
    "<si><t>one</t></si>",
    "<si><t/></si>",
    '<si><t xml:space="preserve"> a\nb </t></si>',
    "<si><t>x&amp;#65;</t></si>",
)
RICH = ("<si><r><t>ri</t></r><r><t>ch</t></r></si>", '<si><t>項目</t><rPh sb="0" eb="2"><t>コウモク</t></rPh></si>')
REPORTED = {
    "calamine 607": ('<c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v/></c>', '<c r="A3" t="s"><v>0</v></c>'),
    "fast-excel-reader 10": (
        '<c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c>',
        '<c r="B3" t="s"><v>0</v></c>',
    ),
    "exceljs 584": (
        '<c r="A2" t="str"><v>a_x000D_&#10;b</v></c>',
        '<c r="A3" t="str"><v>_x005F_x000D_</v></c>',
    ),
    "spreadsheet-parsexlsx 72": ('<c r="A2" t="s"><v>4</v></c>', '<c r="A3" t="s"><v>5</v></c>'),
    "SheetJS 14": ('<c r="A2" t="str"><v>&#228;&#x1F600;&lt;</v></c>', '<c r="A3" t="s"><v>3</v></c>'),
    "xlsx-format 58": ('<c r="A2"><v>1</v></c><c r="B2" s="0"/><c r="C2"><v>2</v></c>', '<c r="B3" s="0"/>'),
    "npoi 1326": (
        '<c r="A2"><v>1</v></c>' + "".join(f'<c r="{c}2" s="0"/>' for c in "BCDEFGH"),
        '<c r="A3"><v>2</v></c>',
    ),
    "duckdb-excel 69": ('<c r="A2" t="str"><v>x</v></c>', '<c r="B3" t="str"><v>1.0.1</v></c><c r="C3"><v>5</v></c>'),
    "calamine 261": ("<c><v>1</v></c><c><v>2</v></c>", "<c><v>3</v></c>"),
    "formulas, one shared": ('<c r="A2"><f>B2&lt;1</f><v>1</v></c>', '<c r="A3"><f t="shared" si="0"/><v>2</v></c>'),
    "a shared text that is not there": ('<c r="A2" t="s"><v>0</v></c>', '<c r="A3" t="s"><v>6</v></c>'),
    "a place twice": ('<c r="A2"><v>1</v></c>', '<c r="A3"><v>1</v></c><c r="A3"><v>2</v></c>'),
    "a place of another row": ('<c r="A2"><v>1</v></c>', '<c r="A2"><v>1</v></c>'),
    "places out of order": ('<c r="A2"><v>1</v></c>', '<c r="B3"><v>1</v></c><c r="A3"><v>2</v></c>'),
    "what no number is": ('<c r="A2"><v>1</v></c>', '<c r="A3"><v>1_000</v></c>'),
    "what DuckDB alone takes for a number": ('<c r="A2"><v>1</v></c>', '<c r="A3"><v> +-5</v></c>'),
    "a style that is not there": ('<c r="A2"><v>1</v></c>', '<c r="A3" s="7"><v>1</v></c>'),
    "an error": ('<c r="A2"><v>1</v></c>', '<c r="A3" t="e"><v>#N/A</v></c>'),
    "a formula without a value": ('<c r="A2"><v>1</v></c>', '<c r="A3"><f>1</f></c>'),
    "a comment": ('<c r="A2"><v>1</v></c>', '<c r="A3"><v>1</v></c><!-- </c><c r="B3"><v>2</v></c> -->'),
    "a section of text": ('<c r="A2" t="str"><v>a</v></c>', '<c r="A3" t="str"><v><![CDATA[a>\n<c ]]></v></c>'),
    "an element of its own": ('<c r="A2"><v>1</v></c>', '<c r="A3"><v>1</v><extLst/></c>'),
    "what is no XML": ('<c r="A2" t="str"><v>a</v></c>', '<c r="A3" t="str"><v>&foo;</v></c>'),
    "a character that is none": ('<c r="A2" t="str"><v>a</v></c>', '<c r="A3" t="str"><v>&#1;</v></c>'),
    "line ends of two kinds": ('<c r="A2" t="str"><v>a\r\nb</v></c>', '<c r="A3" t="str"><v>c\rd</v></c>'),
}


def raw_sheet(*rows: str, tag: str = "", end: str = "") -> str:
    listed = "".join(f'<row r="{number}"{tag}>{end}{row}</row>{end}' for number, row in enumerate((HEADS, *rows), 1))
    return f'<worksheet xmlns="{MAIN}"><sheetData>{listed}</sheetData></worksheet>'


def found_by(least: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...] | str:
    monkeypatch.setattr(quick, "SHEET_BYTES_MIN", least)
    try:
        found = read(path)
    except Problem as problem:
        return str(problem)
    places = [found.cells.place(row, 0) for row in range(len(found.table))]
    return found.cells.columns, found.table, found.cells.remarks, found.cells.warnings, found.cells.cautions, places


@pytest.mark.parametrize("rows", REPORTED.values(), ids=REPORTED)
@pytest.mark.parametrize("sample", [1, 500])
def test_what_other_readers_got_wrong_is_the_same_by_both_ways(tmp_path, monkeypatch, rows, sample):
    """Also where it is met behind the rows that are looked at first."""
    monkeypatch.setattr(cuts, "SAMPLE_ROWS", sample)
    parts = {"xl\\SharedStrings.XML": f'<sst xmlns="{MAIN}">{"".join((*SHARED, *RICH))}</sst>'}
    path = package(tmp_path / "a.xlsx", raw_sheet(*rows), parts=parts)

    assert found_by(0, path, monkeypatch) == found_by(1 << 40, path, monkeypatch)


@pytest.mark.parametrize(
    ("rows", "tag", "end", "wanted"),
    [
        (("n<v>1</v>", "n<v>2.50</v>"), ' ht="12.8" hidden="false"', "", [("1",), ("2.5",)]),
        (("n<v>1</v>", "n<v>2</v>"), "", "\n", [("1",), ("2",)]),
        (("s<v>2</v>", "s<v>3</v>", "s<v>4</v>"), "", "", [(" a\nb ",), ("x&#65;",), ("rich",)]),
        (('str"><f aca="false">A1</f><v>y</v>', "n<v/>"), "", "", [("y",)]),
        (("s<v/>", "s<v>0</v>"), "", "", [("one",)]),
    ],
    ids=["LibreOffice: LargeXlsx 17", "POI: line ends", "shared texts", "formulas", "calamine 607"],
)
def test_what_programs_write_is_read_quickly(tmp_path, taken, rows, tag, end, wanted):
    """Files of LibreOffice say of each row that it is not hidden, and those that POI streams have a line each row."""
    cells = []
    for number, row in enumerate(rows, 2):
        type_, _, rest = row.partition('">') if '">' in row else row.partition("<")
        cells.append(f'<c r="A{number}" t="{type_}">{rest if rest.startswith("<") else "<" + rest}</c>')
    parts = {"xl\\SharedStrings.XML": f'<sst xmlns="{MAIN}">{"".join((*SHARED, *RICH))}</sst>'}

    reading = read(package(tmp_path / "a.xlsx", raw_sheet(*cells, tag=tag, end=end), parts=parts))

    assert [row[:1] for row in reading.texts] == wanted
    assert len(taken) == 1 and None not in taken


PLAIN = '<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="str"><v>x</v></c></row>'
UNSOUND = {
    "an attribute without a value": '<row r="3" a><c r="A3"><v>1</v></c></row>',
    "an attribute twice": '<row r="3" hidden="0" hidden="1"><c r="A3"><v>1</v></c></row>',
    "an attribute with quotes in it": '<row r="3" a="&#34; hidden=&#34;1"><c r="A3"><v>1</v></c></row>',
    "an attribute in other quotes": """<row r="3" a=' hidden="0"' hidden="1"><c r="A3"><v>1</v></c></row>""",
    "cells behind the end of their row": '<row r="3"/><c r="A3"><v>1</v></c></row>',
    "a blank row before the one before it": '<row r="1"/><row r="3"><c r="A3"><v>1</v></c></row>',
    "a blank row before it, last": '<row r="2"/>',
    "a row behind the last of any sheet": '<row r="1048577"><c r="A1048577"><v>1</v></c></row>',
    "a blank row behind the last of any sheet": '<row r="1048577"/>',
    "a cell without an end": '<row r="3"><c r="A3"><v>1</v></row>',
    "a cell with two ends": '<row r="3"><c r="A3"><v>1</v></c></c></row>',
    "a cell with two ends, in a gap": '<row r="3"><c r="A3"><v>1</v></c></c><c r="C3"><v>1</v></c></row>',
    "a blank cell with two ends": '<row r="3"><c r="A3"/></c><c r="B3" t="str"><v>y</v></c></row>',
    "a blank cell that is no XML": '<row r="3"><c r="A3" s="0" s="0"/></row>',
    "a formula that is no XML": '<row r="3"><c r="A3"><f>&foo;</f><v>1</v></c></row>',
    "a control character": '<row r="3"><c r="B3" t="str"><v>a\1</v></c></row>',
    "a character that no XML has": '<row r="3"><c r="B3" t="str"><v>\ufffe</v></c></row>',
    "a reference to one": '<row r="3"><c r="B3" t="str"><v>&#xFFFF;</v></c></row>',
    "the end of a section of text": '<row r="3"><c r="B3" t="str"><v>]]></v></c></row>',
}


def whole(*rows: str, head: str = f'<row r="1">{HEADS}</row>', top: str = "") -> str:
    return f'{top}<worksheet xmlns="{MAIN}"><sheetData>{head}{"".join(rows)}</sheetData></worksheet>'


@pytest.mark.parametrize("row", UNSOUND.values(), ids=UNSOUND)
@pytest.mark.parametrize("sample", [1, pytest.param(500, marks=pytest.mark.thorough)])
def test_what_is_no_sound_sheet_is_the_same_by_both_ways(tmp_path, monkeypatch, row, sample):
    monkeypatch.setattr(cuts, "SAMPLE_ROWS", sample)
    monkeypatch.setattr(office, "_PIECE", 16)  # so that the first rows are read without those behind them
    for first in (PLAIN, PLAIN.replace("</row>", '<c r="C2"/></row>')):
        path = package(tmp_path / "a.xlsx", whole(first, row))

        assert found_by(0, path, monkeypatch) == found_by(1 << 40, path, monkeypatch)


def test_blank_rows_without_an_end_are_read_quickly(tmp_path, taken):
    rows = '<row r="3"/><row r="5" ht="3"/>', '<row r="6"><c r="B6" t="str"><v>y</v></c></row><row r="9"/><row r="10"/>'

    reading = read(package(tmp_path / "a.xlsx", whole(PLAIN, *rows)))

    assert [row[1] for row in reading.texts] == ["x", "y"]
    assert reading.cells.place(1, 1).startswith("cell B6 ")
    assert None not in taken


def test_a_column_of_empty_texts_without_a_heading_is_none(tmp_path, monkeypatch):
    head = '<row r="1"><c r="B1" t="str"><v>b</v></c></row>'
    row = '<row r="2"><c r="A2" t="str"><v></v></c><c r="B2"><v>1</v></c><c r="C2" t="str"><v></v></c></row>'
    path = package(tmp_path / "a.xlsx", whole(row, head=head))

    assert same_by_both_ways(path, monkeypatch).headings == ["b"]


def test_a_heading_far_behind_is_refused_by_both_ways(tmp_path, monkeypatch):
    head = f'<row r="1">{HEADS}<c r="BAA1" t="str"><v>far</v></c></row>'
    path = package(tmp_path / "a.xlsx", whole(PLAIN, head=head))

    for least in (0, 1 << 40):
        assert 'column BAA ("far")' in str(found_by(least, path, monkeypatch))


@pytest.mark.parametrize("days", ["2958465.999999999", "2958465.99999999", "2958465.9999", "61.000000001"])
def test_the_edges_of_the_days_are_the_same_by_both_ways(tmp_path, monkeypatch, days):
    row = f'<row r="2"><c r="A2" s="0"><v>{days}</v></c></row>'
    row += row.replace("2", "3", 2).replace(days, "45000") + row.replace("2", "4", 2)
    path = package(tmp_path / "a.xlsx", whole(row), parts={"xl/styles.xml": styles("yyyy-mm-dd hh:mm:ss")})

    assert found_by(0, path, monkeypatch) == found_by(1 << 40, path, monkeypatch)


@pytest.mark.parametrize("blanks", ["", " " * 300])
def test_another_encoding_is_seen_however_it_is_said(tmp_path, monkeypatch, blanks):
    """Bytes of Latin-1 may be UTF-8 as well: other text."""
    top = f'<?xml version="1.0" {blanks}encoding = "ISO-8859-1"?>'
    content = whole(PLAIN.replace("x<", "Ã¤<"), top=top).encode("latin-1")
    path = package(tmp_path / "a.xlsx", content)

    assert [row[1] for row in same_by_both_ways(path, monkeypatch).texts] == ["Ã¤"]


def test_damaged_texts_that_a_sheet_does_not_need_are_no_fault(tmp_path, monkeypatch):
    parts: dict[str, str | bytes] = {"xl\\SharedStrings.XML": "<sst><si>"}

    assert len(same_by_both_ways(package(tmp_path / "a.xlsx", whole(PLAIN), parts=parts), monkeypatch).texts) == 1


def test_a_part_that_ends_just_behind_a_piece_is_whole(tmp_path, monkeypatch):
    """All its packed bytes may be taken while some of what they become is still to come."""
    monkeypatch.setattr(containers, "CHUNK_BYTES", 50)
    for length in range(100, 600):
        content = ("<a>" + "text 12345 " * (length // 11 + 1)).encode()[: length + 3]
        path = package(tmp_path / "a.xlsx", content)
        with containers.unpacked(path, "a.xlsx") as container:
            assert b"".join(container.chunks("xl/worksheets/sheet1.xml")) == content
