"""Does fastexcel take the same cell styles of a workbook for dates as we do? It is asked, by a sheet of one row."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from procession.actions.reading.sheets.areas import cell_name
from procession.actions.reading.sheets.formats import Shows

_STYLES_MAX = 2_000
_SERIAL = "46031.5"
_WANTED = {Shows.NUMBER: "float", Shows.DATE: "datetime"}  # a time of day is text with us: it has no equal
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def agrees(shows: Sequence[Shows], styles: bytes) -> bool:
    """`shows` is what each style shows by our own reading of the same styles."""
    if not shows:
        # A part of styles in which we find none is one that we do not understand.
        return not styles
    if len(shows) > _STYLES_MAX or any(what not in _WANTED for what in shows):
        return False
    return _answers(len(shows), styles) == [_WANTED[what] for what in shows]


def _answers(count: int, styles: bytes) -> list[str]:
    import fastexcel

    try:
        sheet = fastexcel.read_excel(_workbook(count, styles)).load_sheet(0, header_row=None)
        return [column.dtype for column in sheet.selected_columns]
    except fastexcel.FastExcelError:
        return []


def _workbook(count: int, styles: bytes) -> bytes:
    cells = "".join(f'<c r="{cell_name(0, style)}" s="{style}"><v>{_SERIAL}</v></c>' for style in range(count))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": _relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="a" sheetId="1" r:id="r0"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(("worksheet", "worksheets/sheet1.xml"), ("styles", "styles.xml")),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData><row r="1">{cells}</row></sheetData>'
        "</worksheet>",
    }
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("xl/styles.xml", styles)
            for name, text in parts.items():
                archive.writestr(name, text)
        return file.getvalue()


def _relations(*targets: tuple[str, str]) -> str:
    listed = "".join(
        f'<Relationship Id="r{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'
