"""Files of every kind that a step reads, as large as a test likes: as they should be, and with mistakes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tests.actions.reading.workbooks import MAIN, book, package, relations


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowingFile:
    """`make` gives a file that grows with its number; `size` is the smaller of two such numbers."""

    name: str
    file_name: str
    make: Callable[[int], bytes]
    size: int
    options: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def every(unit: str, count: int) -> str:
    """The unit so many times, each with its number for #."""
    return "".join(unit.replace("#", str(number)) for number in range(count))


def text(head: str, unit: str, tail: str = "") -> Callable[[int], bytes]:
    return lambda count: (head + unit * count + tail).encode()


def numbered(head: str, unit: str, tail: str = "") -> Callable[[int], bytes]:
    return lambda count: (head + every(unit, count) + tail).encode()


def wide(*lines: str) -> Callable[[int], bytes]:
    return lambda count: "".join(every(line + ",", count) + "end\n" for line in lines).encode()


CELL, ONE = '<c t="inlineStr"><is><t>a</t></is></c>', "<c><v>1</v></c>"
TOP = f"<row>{CELL}</row>"
SHARED = '<row><c t="s"><v>0</v></c></row>'


def sheet(head: str, unit: str = "", tail: str = "", after: str = "") -> Callable[[int], bytes]:
    """A workbook whose one sheet has the unit so many times."""
    open_, close = f'<worksheet xmlns="{MAIN}"><sheetData>', "</sheetData>{}</worksheet>"
    return lambda count: workbook(open_ + head + every(unit, count) + tail + close.format(every(after, count)))


def workbook(content: str, parts: Mapping[str, str] | None = None) -> bytes:
    with TemporaryDirectory() as folder:
        return package(Path(folder) / "a.xlsx", content, parts=parts).read_bytes()


def with_part(name: str, head: str, unit: str, tail: str, rows: str = TOP) -> Callable[[int], bytes]:
    """A workbook whose part of that name has the unit so many times."""
    content = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    return lambda count: workbook(content, {name: head + every(unit, count) + tail})


def elsewhere(count: int, cut: int = 0) -> bytes:
    content = f'<worksheet xmlns="{MAIN}"><sheetData>{TOP}{every(f"<row>{ONE}</row>", count)}</sheetData></worksheet>'
    listing = relations(("worksheet", "/else/s.xml"))
    return workbook("", {"xl/_rels/workbook.xml.rels": listing, "else/s.xml": content[: len(content) - cut]})


def elsewhere_cut(count: int) -> bytes:
    return elsewhere(count, cut=30)


def many_parts(count: int) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("xl/workbook.xml", book(""))
            for number in range(count):
                archive.writestr(f"p{number}", "")
        return file.getvalue()


_ODF = "urn:oasis:names:tc:opendocument:xmlns"
_SPACES = " ".join(f'xmlns:{name}="{_ODF}:{name}:1.0"' for name in ("office", "table", "text"))
VALUE = '<table:table-cell office:value-type="float" office:value="1"/>'
WORD = '<table:table-cell office:value-type="string"><text:p>a</text:p></table:table-cell>'
_ROW, _END = "<table:table-row>", "</table:table-row>"


def document(head: str, unit: str = "", tail: str = "") -> Callable[[int], bytes]:
    """An OpenDocument sheet with the unit so many times behind a row of headings; COUNT is the number itself."""

    def make(count: int) -> bytes:
        rows = (head + every(unit, count) + tail).replace("COUNT", str(count))
        body = f'<table:table table:name="D">{_ROW}{WORD}{_END}{rows}</table:table>'
        root = f"<office:document-content {_SPACES}><office:body><office:spreadsheet>{body}"
        with io.BytesIO() as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
                ends = "</office:spreadsheet></office:body></office:document-content>"
                archive.writestr("content.xml", root + ends)
            return file.getvalue()

    return make


def parquet(query: Callable[[int], str], *, cut: int = 0) -> Callable[[int], bytes]:
    """Of an SQL query; the last bytes of the footer are replaced where `cut` says how many."""

    def make(count: int) -> bytes:
        with TemporaryDirectory() as folder, duckdb.connect(config={"threads": "1"}) as connection:
            path = Path(folder) / "a.parquet"
            connection.execute(f"COPY ({query(count)}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
            content = path.read_bytes()
            return content if not cut else content[: -cut - 8] + b"\xff" * cut + content[-8:]

    return make


def columns_of(value: str) -> Callable[[int], bytes]:
    return parquet(lambda count: "SELECT " + ", ".join(f"{value} AS c{number}" for number in range(count)))


def rows_of(values: str) -> Callable[[int], str]:
    return lambda count: f"SELECT {values} FROM range({count})"


def ends_in_nan(count: int) -> str:
    return f"SELECT 1.5::DOUBLE AS a FROM range({count}) UNION ALL SELECT 'nan'::DOUBLE"


def lists_in_lists(count: int) -> str:
    return "SELECT " + "[" * count + "1" + "]" * count + " AS a"
