"""Files that are no workbooks, damaged or made to do harm: refused in words, within bounds."""

from __future__ import annotations

import posixpath
import zipfile
from pathlib import Path

import pytest

from procession.actions.problems import Problem
from procession.actions.reading.sheets import containers, tables
from tests.actions.reading.workbooks import MAIN, number, package, read, relations, sheet, styles, text

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xlsx", b"<html><table></table></html>", "is not a workbook"),
        ("a.xlsx", b"PK\x03\x04 and no more", "is damaged"),
        ("a.xlsx", COMPOUND + b"\0" * 600, "is protected with a password"),
        ("a", COMPOUND + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "is protected with a password"),
        (
            "a.xls",
            COMPOUND + b"\0" * 600 + "Workbook".encode("utf-16-le"),
            r"Excel 97-2003 \(\.xls\), which is not read",
        ),
    ],
)
def test_what_is_no_workbook_is_said_for_what_it_is(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(Problem, match=f'"{name}" .*{words}'):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("word/document.xml", "a Word document"),
        ("a.csv", "without a workbook"),
        ("Index/Document.iwa", "Apple Numbers"),
    ],
)
def test_another_zip_is_said_for_what_it_is(tmp_path, part, words):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr(part, "x")

    with pytest.raises(Problem, match=words):
        read(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"]
)
def test_no_entity_is_expanded_in_any_part(tmp_path, part):
    bomb = '<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><worksheet><sheetData><row><c t="s"><v>0</v></c>&b;</row></sheetData></worksheet>'
    file = package(tmp_path / "a.xlsx", sheet('<c t="s"><v>0</v></c>'), parts={part: bomb})

    with pytest.raises(Problem, match="document type declaration"):
        read(file)


BLANK = " " * (containers.RATIO_FREE_BYTES + 1)
ROWS = "".join(f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in range(1, 40_000))  # fastexcel's way


@pytest.mark.parametrize(
    "target", ["cells.xml", "../elsewhere/cells.bin", "/cells", "../../../cells.xml", "./a/../cells.xml"]
)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            f'<!DOCTYPE a [<!ENTITY b "x">]><worksheet xmlns="{MAIN}"><sheetData/></worksheet>',
            "document type declaration",
        ),
        (f'<!DOCTYPE a [<!ENTITY b "x">]>{sheet(text("a"))}<!--{BLANK[: 2 << 20]}-->', "document type declaration"),
        (
            f'<!DOCTYPE a []><worksheet xmlns="{MAIN}"><sheetData>{ROWS}</sheetData></worksheet>',
            "document type declaration",
        ),
        (sheet(text(BLANK)), "looks like a bomb"),
        (f'<worksheet xmlns="{MAIN}"><sheetData><row r="1048577"/></sheetData></worksheet>', "is damaged"),
    ],
    ids=["dtd", "large dtd", "dtd of many rows", "bomb", "row"],
)
def test_a_sheet_is_checked_wherever_it_lies(tmp_path, target, content, words):
    parts = {"xl/_rels/workbook.xml.rels": relations(("worksheet", target)), "xl/worksheets/sheet1.xml": ""}
    place = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")

    with pytest.raises(Problem, match=words):
        read(package(tmp_path / "a.xlsx", "", parts={**parts, place: content}))


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="2"/><row r="2"/>',
        '<row r="2"/><row r="1"/>',
        '<row r="1048577"/>',
        '<row r="1"><c r="B1"/><c r="A1"/></row>',
        '<row r="1"><c r="A1"/><c r="A1"/></row>',
        '<row r="1"><c r="A2"/></row>',
        '<row r="1"><c r="XFE1"/></row>',
        '<row r="1"><c r="??"/></row>',
        "<row>",
        "<row>&nbsp;</row>",
        "\x00",
    ],
)
def test_a_damaged_sheet_is_refused(tmp_path, rows):
    file = package(tmp_path / "a.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>')

    with pytest.raises(Problem, match=r'the sheet "Data" of "a.xlsx" is damaged'):
        read(file)


def test_a_container_whose_parts_lie_before_its_beginning_is_refused(tmp_path):
    file = package(tmp_path / "a.xlsx", sheet(text("a")))
    content = bytearray(file.read_bytes())
    at = content.rfind(b"PK\x05\x06") + 16  # where its list of parts begins, says the end of the file
    content[at : at + 4] = (int.from_bytes(content[at : at + 4], "little") + 100).to_bytes(4, "little")
    file.write_bytes(content)

    with pytest.raises(Problem, match="is damaged"):
        read(file)


def test_a_sheet_that_is_missing_is_refused(tmp_path):
    with pytest.raises(Problem, match="its cells are missing"):
        read(package(tmp_path / "a.xlsx", ""))


def test_a_file_that_unpacks_to_a_hundred_times_its_size_is_not_unpacked(tmp_path):
    file = package(tmp_path / "a.xlsx", sheet(text(" " * (containers.RATIO_FREE_BYTES + 1))))

    with pytest.raises(Problem, match="looks like a bomb"):
        read(file)


def test_a_file_of_many_parts_is_refused(tmp_path):
    parts: dict[str, str | bytes] = {f"xl/{number}": "x" for number in range(containers.MEMBERS_MAX)}

    with pytest.raises(Problem, match="parts inside"):
        read(package(tmp_path / "a.xlsx", sheet(text("a")), parts=parts))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_with_two_parts_of_one_name_is_refused(tmp_path):
    file = package(tmp_path / "a.xlsx", sheet(text("a")))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("XL/worksheets/sheet1.xml", sheet(text("b")))

    with pytest.raises(Problem, match="two parts of the same name"):
        read(file)


def test_a_part_that_is_damaged_inside_is_refused(tmp_path):
    file = package(tmp_path / "a.xlsx", sheet(text("a"), *(number(str(row * 7919)) for row in range(3_000))))
    content = bytearray(file.read_bytes())
    at = content.find(b"xl/worksheets/sheet1.xml") + 600
    content[at : at + 40] = b"\xff" * 40
    file.write_bytes(content)

    with pytest.raises(Problem, match="damaged"):
        read(file)


def test_a_cell_far_out_in_many_rows_is_refused_before_it_fills_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "CELLS_MAX", 100_000)
    rows = "".join(f'<row r="{row}"><c r="XFD{row}"><v>1</v></c></row>' for row in range(1, 20))
    file = package(tmp_path / "a.xlsx", f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>')

    with pytest.raises(Problem, match=r"has more than 100,000 cells \(row 8\)"):
        read(file)


def test_one_cell_in_the_far_corner_is_a_table_of_one_row(tmp_path):
    content = f'<worksheet xmlns="{MAIN}"><sheetData><row r="1048576"><c r="XFD1048576"><v>7</v></c></row></sheetData></worksheet>'

    reading = read(package(tmp_path / "a.xlsx", content), header=False)

    assert reading.texts == [("7",)]
    assert reading.cells.place(0, 0).startswith("cell XFD1048576 ")


def test_a_row_of_endless_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "_ROW_CHARACTERS_MAX", 1_000)

    with pytest.raises(Problem, match=r"row 2 of .* has more than 1,000 characters"):
        read(package(tmp_path / "a.xlsx", sheet(text("a"), text("x" * 1_001))))


def test_one_long_text_shared_by_many_cells_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "CHARACTERS_MAX", 100_000)
    strings = f'<sst xmlns="{MAIN}"><si><t>{"x" * 1_000}</t></si></sst>'
    file = package(
        tmp_path / "a.xlsx", sheet(*['<c t="s"><v>0</v></c>'] * 200), parts={"xl/sharedStrings.xml": strings}
    )

    with pytest.raises(Problem, match=r"has more than 100,000 characters \(row 101\)"):
        read(file)


@pytest.mark.parametrize("part", ["xl/styles.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"])
def test_a_tag_of_megabytes_is_refused_before_it_is_whole(tmp_path, part):
    junk = "".join(str(number) for number in range(200_000))  # so that it is no bomb
    endless = f'<worksheet xmlns="{MAIN}" a="{"x" * 4_000_000}"><sheetData/></worksheet>'
    file = package(tmp_path / "a.xlsx", sheet('<c t="s"><v>0</v></c>'), parts={part: endless, "junk": junk})

    with pytest.raises(Problem, match="is damaged: it has a tag or a comment of more than 1 MiB"):
        read(file)


@pytest.mark.parametrize("style", ["7", "x", "-1", "99999999999999999999", "9" * 5_000])
def test_a_number_in_a_style_that_is_not_defined_is_refused(tmp_path, style):
    cells = f'<c s="{style}"><v>46031</v></c>'

    with pytest.raises(Problem, match=r"has a number in the style .*, which is not defined"):
        read(package(tmp_path / "a.xlsx", sheet(text("a"), cells), parts={"xl/styles.xml": styles("0", "14")}))
