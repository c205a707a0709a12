"""Small workbooks for tests: sheets of raw XML in an Office package, and reading them back through the real reader."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from procession.actions.contract import FileInput
from procession.actions.reading import sheets
from procession.actions.reading.cells import RELATION, Cells
from procession.actions.reading.options import FileOptions

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


@dataclass(frozen=True)
class Reading:
    cells: Cells
    table: list[tuple[Any, ...]]

    @property
    def headings(self) -> list[str]:
        return [column.heading for column in self.cells.columns]

    @property
    def kinds(self) -> list[str]:
        return ["mixed" if column.kind is None else column.kind.name for column in self.cells.columns]

    @property
    def texts(self) -> list[tuple[str | None, ...]]:
        """The texts of each row, without the kinds that mixed columns have beside them."""
        names = [f"t{number}" for number in range(len(self.cells.columns))]
        return [tuple(row[self._names.index(name)] for name in names) for row in self.table]

    @property
    def _names(self) -> list[str]:
        return [
            name
            for number, column in enumerate(self.cells.columns)
            for name in (f"t{number}", *([f"k{number}"] if column.kind is None else []))
        ]


def read(path: Path, **options: Any) -> Reading:
    """The file as the reader gives it."""
    source = FileInput(path=str(path), name=path.name, size_bytes=path.stat().st_size)
    with duckdb.connect() as connection, TemporaryDirectory() as folder:
        cells = sheets.read(connection, source, FileOptions(file="a.file", **options), Path(folder))
        assert not list(Path(folder).iterdir())
        cells = cells.loaded()
        # What is beside texts and kinds only spares a reader the texts.
        query = f"SELECT COLUMNS('[tk][0-9]+') FROM \"{RELATION}\" ORDER BY rowid"
        return Reading(cells, connection.execute(query).fetchall())


def package(path: Path, sheet: str | bytes, *, parts: Mapping[str, str | bytes] | None = None) -> Path:
    """An Office package with one sheet named Data; `parts` replace or add parts, and an empty one is left out."""
    contents: dict[str, str | bytes] = {
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": book('<sheet name="Data" sheetId="1" r:id="r0"/>'),
        "xl/_rels/workbook.xml.rels": relations(
            ("worksheet", "worksheets/sheet1.xml"), ("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml")
        ),
        "xl/worksheets/sheet1.xml": sheet,
        **(parts or {}),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            if content:
                archive.writestr(name, content)
    return path


def relations(*targets: tuple[str, str]) -> str:
    listed = "".join(
        f'<Relationship Id="r{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{PACKAGE}">{listed}</Relationships>'


def book(sheets: str, before: str = "", after: str = "") -> str:
    return f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{before}<sheets>{sheets}</sheets>{after}</workbook>'


def sheet(*rows: str, after: str = "", before: str = "") -> str:
    """A sheet of rows, each the XML of its cells."""
    listed = "".join(f"<row>{row}</row>" for row in rows)
    return f'<worksheet xmlns="{MAIN}">{before}<sheetData>{listed}</sheetData>{after}</worksheet>'


def styles(*codes: str) -> str:
    """Cell style n has the nth code; a number is one of the built-in formats."""
    formats = "".join(
        f'<numFmt numFmtId="{200 + number}" formatCode="{code}"/>'
        for number, code in enumerate(codes)
        if not code.isdigit()
    )
    xfs = "".join(f'<xf numFmtId="{code if code.isdigit() else 200 + number}"/>' for number, code in enumerate(codes))
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts>{formats}</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
        f"<cellXfs>{xfs}</cellXfs></styleSheet>"
    )


def text(value: str) -> str:
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>'


def number(value: str, style: int = 0) -> str:
    return f'<c s="{style}"><v>{value}</v></c>'
