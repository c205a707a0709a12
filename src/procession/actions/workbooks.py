"""XLSX out: text as text, numbers as numbers, the same bytes for the same rows.

XlsxWriter lays the book out: formats, headings, widths. DuckDB makes the XML of the rows (`workbook_cells`), which is
spliced into the sheets on their way into the final archive.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from procession.actions import database, workbook_cells
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.workbook_cells import Styles

if TYPE_CHECKING:
    import duckdb
    from xlsxwriter import Workbook

ROWS_MAX = 1_048_576 - 1  # Excel's own limit, less the header
COLUMNS_MAX = 16_384  # Excel's own limit
_WIDTH_ROWS = 200  # rows that decide how wide a column is shown
_WIDTH_MIN, _WIDTH_MAX = 8, 60  # in characters
_CREATED = datetime(2000, 1, 1)  # a file must not differ from its twin by the hour it was written
_SHEET_NAME_FORBIDDEN = str.maketrans("[]:*?/\\", "       ")
_SHEET_NAME_CHARACTERS_MAX = 31
_COMPRESSION = 1  # XML of rows repeats itself so much that more effort gains little
_END = b"</sheetData>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What a reader of the book should know: `warnings` end the step with a Warning, `remarks` are for its log."""

    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """Rows `first` to `last` of a relation, counted from 1."""

    name: str
    relation: str
    types: Mapping[str, str]
    first: int
    last: int


def write(connection: duckdb.DuckDBPyConnection, path: Path, relations: Mapping[str, str], zone: str = "UTC") -> Notes:
    """Sheets by their names; more rows than a sheet holds go on in "Name (2)".

    Raises Problem for what Excel cannot hold, before anything is written.
    """
    sheets, warnings, remarks = list[_Sheet](), list[str](), list[str]()
    for title, relation in relations.items():
        types = database.columns(connection, relation)
        _check_width(title, types)
        workbook_cells.check_texts(connection, relation, types)
        rows = database.count(connection, relation)
        parts = list(_parts(title, relation, types, rows, taken={sheet.name.lower() for sheet in sheets}))
        if len(parts) > 1:
            names = ", ".join(f'"{part.name}"' for part in parts[1:])
            warnings.append(f'"{parts[0].name}" has {rows:,} rows, more than a sheet holds; it goes on in {names}')
        remarks += workbook_cells.remarks(connection, relation, types, parts[0].name)
        sheets += parts
    layout = path.with_suffix(".layout")
    styles = _lay_out(connection, layout, sheets)
    _splice(connection, layout, path, [(sheet, styles) for sheet in sheets], zone)
    layout.unlink()
    return Notes(warnings=tuple(warnings), remarks=tuple(remarks))


def _check_width(title: str, types: Mapping[str, str]) -> None:
    if len(types) > COLUMNS_MAX:
        raise Problem(f'"{title}" has {len(types):,} columns and a sheet holds {COLUMNS_MAX:,}; write it as .csv')
    for number, name in enumerate(types, start=1):
        if (length := workbook_cells.characters(name)) > workbook_cells.TEXT_CHARACTERS_MAX:
            raise Problem(f"the heading of column {number} has {length:,} characters, more than a cell holds")


def _parts(title: str, relation: str, types: Mapping[str, str], rows: int, *, taken: set[str]) -> Iterator[_Sheet]:
    for number, first in enumerate(range(1, max(rows, 1) + 1, ROWS_MAX), start=1):
        name = _sheet_name(title, number, taken)
        taken.add(name.lower())
        yield _Sheet(name=name, relation=relation, types=types, first=first, last=min(first + ROWS_MAX - 1, rows))


def _sheet_name(title: str, number: int, taken: set[str]) -> str:
    """The title as Excel takes it; with a number behind it where the rows go on or the name is taken."""
    shown = "".join(letter if letter.isprintable() else " " for letter in title.translate(_SHEET_NAME_FORBIDDEN))
    base = shown.strip("' ")[:_SHEET_NAME_CHARACTERS_MAX].rstrip("' ") or "Sheet"
    if base.lower() == "history":  # Excel keeps it for itself
        base = "History sheet"
    name = base
    while name.lower() in taken or number > 1:
        suffix = f" ({number})" if number > 1 else ""
        name = base[: _SHEET_NAME_CHARACTERS_MAX - len(suffix)].rstrip("' ") + suffix
        if name.lower() not in taken:
            break
        number += 1
    return name


def _lay_out(connection: duckdb.DuckDBPyConnection, path: Path, sheets: list[_Sheet]) -> Styles:
    """The book without its rows. Gives the numbers of the cell formats."""
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(path),
        # Without its rows the book is small, and a step has no temporary folder but its own.
        {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
    )
    book.set_properties({"created": _CREATED})
    header = book.add_format({"bold": True, "bottom": 1})
    styles = _styles(book)
    for sheet in sheets:
        page = book.add_worksheet(sheet.name)
        page.freeze_panes(1, 0)
        for column, width in enumerate(_widths(connection, sheet)):
            page.set_column(column, column, width)
        for column, name in enumerate(sheet.types):
            page.write_string(0, column, name, header)
        page.autofilter(0, 0, sheet.last - sheet.first + 1, len(sheet.types) - 1)
    book.close()
    return styles


def _styles(book: Workbook) -> Styles:
    def number(format_: str) -> int:
        # Asking for the number makes it part of the book although no cell of XlsxWriter's own has it.
        return int(book.add_format({"num_format": format_})._get_xf_index())

    return Styles(
        text=number("@"),
        whole=number("0"),
        amount=number("#,##0.00##;[Red]-#,##0.00##"),
        day=number("yyyy-mm-dd"),
        moment=number("yyyy-mm-dd hh:mm:ss"),
    )


def _widths(connection: duckdb.DuckDBPyConnection, sheet: _Sheet) -> list[int]:
    longest = ", ".join(f"max(length(CAST({quote(name)} AS VARCHAR)))" for name in sheet.types)
    row = connection.execute(
        f"SELECT {longest} FROM (SELECT * FROM {quote(sheet.relation)} LIMIT {_WIDTH_ROWS})"
    ).fetchone()
    assert row is not None
    lengths = [max(len(name), found or 0) for name, found in zip(sheet.types, row, strict=True)]
    return [min(max(length + 2, _WIDTH_MIN), _WIDTH_MAX) for length in lengths]


def _splice(
    connection: duckdb.DuckDBPyConnection, layout: Path, path: Path, sheets: list[tuple[_Sheet, Styles]], zone: str
) -> None:
    members = {f"xl/worksheets/sheet{number}.xml": sheet for number, sheet in enumerate(sheets, start=1)}
    with zipfile.ZipFile(layout) as source, zipfile.ZipFile(path, "w", compresslevel=_COMPRESSION) as out:
        for member in source.infolist():
            kept = zipfile.ZipInfo(member.filename, member.date_time)
            kept.compress_type, kept.external_attr = zipfile.ZIP_DEFLATED, member.external_attr
            content = source.read(member)
            if member.filename not in members:
                out.writestr(kept, content, compresslevel=_COMPRESSION)
                continue
            sheet, styles = members[member.filename]
            rows = path.with_suffix(".rows")
            _copy_rows(connection, rows, sheet, styles, zone)
            with out.open(kept, "w", force_zip64=True) as xml, rows.open("rb") as made:
                _write_member(xml, content, made, sheet)  # type: ignore[arg-type]
            rows.unlink()


def _write_member(xml: BinaryIO, content: bytes, made: BinaryIO, sheet: _Sheet) -> None:
    before, end, after = content.partition(_END)
    rows = sheet.last - sheet.first + 2
    last = workbook_cells.column_letters(len(sheet.types) - 1)
    xml.write(before.replace(f'<dimension ref="A1:{last}1"/>'.encode(), f'<dimension ref="A1:{last}{rows}"/>'.encode()))
    shutil.copyfileobj(made, xml, 1 << 20)
    xml.write(end + after)


def _copy_rows(connection: duckdb.DuckDBPyConnection, path: Path, sheet: _Sheet, styles: Styles, zone: str) -> None:
    row = workbook_cells.row(list(sheet.types.values()), styles, zone)
    names = ", ".join(["n", *(f"c{number}" for number in range(len(sheet.types)))])
    connection.execute(
        f"COPY (SELECT {row} FROM (SELECT n - {sheet.first - 2} AS n, * EXCLUDE (n) FROM "
        f"(SELECT row_number() OVER () AS n, * FROM {quote(sheet.relation)}) AS numbered({names}) "
        f"WHERE n BETWEEN {sheet.first} AND {sheet.last})) "
        f"TO {literal(str(path))} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
    )
