"""Binary workbooks (XLSB) are read as they are stored. fastexcel reads the same files: so they are what Excel writes."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import duckdb
import fastexcel
import pytest

from procession.actions.problems import Problem
from tests.actions.reading.workbooks import read, relations

CODES = {200: "dd\\.mm\\.yyyy hh:mm", 201: "[h]:mm"}
STYLES = [0, 14, 200, 201]  # the number format of each cell style


def record(number: int, content: bytes = b"") -> bytes:
    head = bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80, number >> 7])
    length, size = len(content), b""
    while True:
        size += bytes([length & 0x7F | (0x80 if length > 0x7F else 0)])
        length >>= 7
        if not length:
            return head + size + content


def wide(text: str) -> bytes:
    content = text.encode("utf-16-le")
    return struct.pack("<I", len(content) // 2) + content


def row(number: int, *cells: bytes, is_hidden: bool = False) -> bytes:
    flags = bytes([0, 0x10 if is_hidden else 0, 0])
    return record(0, struct.pack("<IIH", number, 0, 300) + flags + struct.pack("<I", 0)) + b"".join(cells)


def cell(number: int, column: int, content: bytes, style: int = 0) -> bytes:
    return record(number, struct.pack("<II", column, style) + content)


def real(column: int, value: float, style: int = 0) -> bytes:
    return cell(5, column, struct.pack("<d", value), style)


def text(column: int, value: str) -> bytes:
    return cell(6, column, wide(value))


def binary(path: Path, *rows: bytes, is_1904: bool = False, state: int = 0, after: bytes = b"") -> Path:
    listed = record(156, struct.pack("<II", state, 1) + wide("r0") + wide("Data"))
    book = record(131) + record(153, struct.pack("<III", is_1904, 0, 0) + wide(""))
    formats = b"".join(record(44, struct.pack("<H", number) + wide(code)) for number, code in CODES.items())
    xfs = b"".join(record(47, struct.pack("<HHHHHHH", 0, number, 0, 0, 0, 0, 0) + b"\0\0") for number in STYLES)
    strings = b"".join(record(19, b"\0" + wide(value)) for value in ("shared", "_x000D_", "ä😀"))
    dimension = record(148, struct.pack("<IIII", 0, 100, 0, 20))
    parts: dict[str, str | bytes] = {
        "_rels/.rels": relations(("officeDocument", "xl/workbook.bin")),
        "xl/workbook.bin": book + record(143) + listed + record(144) + record(132),
        "xl/_rels/workbook.bin.rels": relations(
            ("worksheet", "worksheets/sheet1.bin"), ("styles", "styles.bin"), ("sharedStrings", "sharedStrings.bin")
        ),
        "xl/styles.bin": record(278)
        + record(615, struct.pack("<I", len(CODES))) + formats + record(616)
        + record(617, struct.pack("<I", len(STYLES))) + xfs + record(618) + record(279),
        "xl/sharedStrings.bin": record(159, struct.pack("<II", 3, 3)) + strings + record(160),
        "xl/worksheets/sheet1.bin": record(129) + dimension + record(145) + b"".join(rows) + record(146) + after + record(130),
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (real(0, 20000000.01), ("NUMBER", "20000000.01")),
        (real(0, 1e-20), ("NUMBER", "0.00000000000000000001")),
        (cell(2, 0, struct.pack("<i", 123456 << 2 | 3)), ("NUMBER", "1234.56")),
        (cell(2, 0, struct.pack("<i", -7 << 2 | 2)), ("NUMBER", "-7")),
        (cell(2, 0, struct.pack("<d", -1.5)[4:]), ("NUMBER", "-1.5")),
        (cell(9, 0, struct.pack("<d", 0.1) + b"\0\0"), ("NUMBER", "0.1")),
        (real(0, 46031, 1), ("DATE", "2026-01-09")),
        (real(0, 46031.13194444445, 2), ("MOMENT", "2026-01-09 03:10:00")),
        (real(0, 1.1041666666666667, 3), ("TEXT", "26:30:00")),
        (cell(4, 0, b"\1"), ("TRUTH", "TRUE")),
        (cell(10, 0, b"\0" + b"\0\0"), ("TRUTH", "FALSE")),
        (text(0, " a\nb "), ("TEXT", " a\nb ")),
        (cell(8, 0, wide("by formula") + b"\0\0"), ("TEXT", "by formula")),
        (cell(62, 0, b"\1" + wide("rich") + b"\0\0\0\0"), ("TEXT", "rich")),
        (cell(7, 0, struct.pack("<I", 1)), ("TEXT", "_x000D_")),
        (cell(7, 0, struct.pack("<I", 2)), ("TEXT", "ä😀")),
    ],
)
def test_a_cell_of_every_type_is_read(tmp_path, content, wanted):
    reading = read(binary(tmp_path / "a.xlsb", row(0, text(0, "a")), row(1, content)))

    assert (reading.headings, reading.kinds[0], reading.texts) == (["a"], wanted[0], [(wanted[1],)])


def test_another_reader_finds_the_same_in_these_files(tmp_path):
    file = binary(
        tmp_path / "a.xlsb",
        row(0, text(0, "a"), text(1, "b"), text(2, "c")),
        row(2, cell(2, 0, struct.pack("<i", 123456 << 2 | 3)), cell(7, 1, struct.pack("<I", 2)), real(2, 46031, 1)),
        row(300, real(0, 1.5), text(1, "y" * 300), real(2, 46031.5, 2)),
    )

    with duckdb.connect() as connection:
        connection.register("s", fastexcel.read_excel(str(file)).load_sheet("Data"))
        found = connection.execute("SELECT a, b, CAST(c AS VARCHAR) FROM s WHERE a IS NOT NULL").fetchall()

    assert found == [(1234.56, "ä😀", "2026-01-09 00:00:00"), (1.5, "y" * 300, "2026-01-09 12:00:00")]
    assert read(file).texts == [(f"{number:g}", *rest) for number, *rest in found]


@pytest.mark.parametrize(("number", "code", "why"), [(3, 0x2A, "#N/A"), (11, 0x07, "#DIV/0!"), (3, 0x2B, "an error")])
def test_a_cell_of_an_error_is_refused(tmp_path, number, code, why):
    file = binary(tmp_path / "a.xlsb", row(0, text(0, "a")), row(4, cell(number, 0, bytes([code, 0, 0]))))

    with pytest.raises(Problem, match=f'the sheet "Data" of "a.xlsb" has 1 cell without a value: A5 .{why}'):
        read(file)


def test_days_of_1904_hidden_rows_and_merged_cells_are_known(tmp_path):
    merged = record(177, struct.pack("<I", 1)) + record(176, struct.pack("<IIII", 0, 0, 0, 1)) + record(178)
    rows = [row(0, text(0, "a")), row(1, real(0, 44569, 1), is_hidden=True)]

    reading = read(binary(tmp_path / "a.xlsb", *rows, is_1904=True, after=merged))

    assert reading.texts == [("2026-01-09",)]
    assert ["1 hidden row" in reading.cells.cautions[0], "1 merged area" in reading.cells.remarks[0]] == [True, True]


def test_a_cell_without_a_value_is_no_cell(tmp_path):
    file = binary(
        tmp_path / "a.xlsb", row(0, text(0, "a")), row(1, cell(1, 0, b"")), row(2, cell(1, 0, b""), real(1, 2))
    )

    assert read(file).texts == [(None, "2")]


@pytest.mark.parametrize(
    "damage",
    [
        row(1, real(0, 1)) + row(1, real(0, 1)),
        row(1_048_576, real(0, 1)),
        row(1, real(1, 1), real(1, 1)),
        row(1, real(16_384, 1)),
        row(1, cell(7, 0, struct.pack("<I", 3))),
        row(1, cell(6, 0, struct.pack("<I", 1 << 30))),
        row(1, cell(5, 0, b"\0")),
        row(1, cell(4, 0, b"")),
        row(1, cell(6, 0, struct.pack("<I", 1) + b"\0\xd8")),
        record(0, b"\0"),
        b"\x05\xff\xff\xff\x7f",
    ],
)
def test_a_damaged_sheet_is_refused(tmp_path, damage):
    with pytest.raises(Problem, match=r'the sheet "Data" of "a.xlsb" is damaged'):
        read(binary(tmp_path / "a.xlsb", row(0, text(0, "a")), damage))


def test_a_style_that_is_not_defined_is_refused_and_so_are_damaged_styles(tmp_path):
    file = binary(tmp_path / "a.xlsb", row(0, text(0, "a")), row(1, real(0, 46031, 77)))
    with pytest.raises(Problem, match=r'is damaged: the style "77" of a number is not defined'):
        read(file)

    damaged = tmp_path / "b.xlsb"
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(damaged, "w") as new:
        for name in old.namelist():
            new.writestr(name, record(44, b"\1") if name.endswith("styles.bin") else old.read(name))
    with pytest.raises(Problem, match=r'the workbook "b\.xlsb" is damaged'):
        read(damaged)
