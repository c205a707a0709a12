"""Writes XLSX: text as text, numbers as numbers, the same bytes for the same rows.

XlsxWriter lays the book out: formats, widths, filters. DuckDB makes the XML of the rows (`workbook_cells`), which is
spliced into the sheets on their way into the final archive.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.writing import workbook_cells, workbook_columns
from procession.actions.writing.workbook_cells import Styles
from procession.actions.writing.workbook_columns import TEXT_CHARACTERS_MAX, SheetColumn

if TYPE_CHECKING:
    import duckdb
    from xlsxwriter import Workbook

ROWS_MAX = 1_048_576 - 1  # Excel's own limit, less the header
COLUMNS_MAX = 16_384  # Excel's own limit
_WIDTH_ROWS = 200  # rows that decide how wide a column is shown
_WIDTH_MIN, _WIDTH_MAX = 8, 60  # in characters
CREATED = datetime(2000, 1, 1)  # equal content must give equal bytes, whatever the time
_SHEET_NAME_FORBIDDEN = str.maketrans("[]:*?/\\", "       ")
# Excel's own limit; it repairs a book with a longer name by renaming.
_SHEET_NAME_CHARACTERS_MAX = 31
COMPRESSION = 2  # XML of rows repeats itself: level 6 takes four times as long for a sixth less
DAY_FORMAT, MOMENT_FORMAT, FRACTION_FORMAT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd hh:mm:ss.000"
ZIP64_BYTES = 1 << 31  # where Python's zipfile must be told beforehand


@dataclass(frozen=True, slots=True, kw_only=True)
class BookNotes:
    """Notes on the book: `warnings` end the step with a Warning, `remarks` go to its log."""

    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """Rows `first` to `last` of a relation, counted from 1."""

    name: str
    relation: str
    columns: Sequence[SheetColumn]
    first: int
    last: int


def write(
    connection: duckdb.DuckDBPyConnection, path: Path, relations: Mapping[str, str], zone: str = "UTC"
) -> BookNotes:
    """Sheets by their names; more rows than a sheet holds go on in "Name (2)".

    Raises Problem for what Excel cannot hold, before anything is written.
    """
    sheets, warnings, remarks = list[_Sheet](), list[str](), list[str]()
    for title, relation in relations.items():
        types = database.columns(connection, relation)
        _check_headings(title, types)
        columns = workbook_columns.look(connection, relation, types)
        rows = database.count(connection, relation)
        parts = list(_parts(title, relation, columns, rows, taken={sheet.name.lower() for sheet in sheets}))
        if len(parts) > 1:
            names = ", ".join(f'"{part.name}"' for part in parts[1:])
            warnings.append(f'"{parts[0].name}" has {rows:,} rows, more than a sheet holds; it goes on in {names}')
        remarks += [f'sheet "{parts[0].name}", {column.remark}' for column in columns if column.odd]
        sheets += parts
    # Beside the target: the step may write nowhere else.
    layout = path.with_suffix(".layout")
    styles = _lay_out(connection, layout, sheets)
    _splice(connection, layout, path, [(sheet, styles) for sheet in sheets], zone)
    layout.unlink()
    return BookNotes(warnings=tuple(warnings), remarks=tuple(remarks))


def _check_headings(title: str, names: Collection[str]) -> None:
    if len(names) > COLUMNS_MAX:
        raise Problem(f'"{title}" has {len(names):,} columns and a sheet holds {COLUMNS_MAX:,}; write it as .csv')
    for number, name in enumerate(names, start=1):
        if (length := _units(name)) > TEXT_CHARACTERS_MAX:
            raise Problem(f"the heading of column {number} has {length:,} characters, more than a cell holds")


def _units(text: str) -> int:
    """Length as Excel counts it, in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _parts(
    title: str, relation: str, columns: Sequence[SheetColumn], rows: int, *, taken: set[str]
) -> Iterator[_Sheet]:
    for number, first in enumerate(range(1, max(rows, 1) + 1, ROWS_MAX), start=1):
        name = sheet_name(title, number, taken)
        taken.add(name.lower())
        last = min(first + ROWS_MAX - 1, rows)
        yield _Sheet(name=name, relation=relation, columns=columns, first=first, last=last)


def sheet_name(title: str, number: int, taken: set[str]) -> str:
    """The title in a form that Excel accepts, numbered if rows go on or the name is taken."""
    shown = "".join(letter if letter.isprintable() else " " for letter in title.translate(_SHEET_NAME_FORBIDDEN))
    base = _cut(shown.strip("' "), _SHEET_NAME_CHARACTERS_MAX) or "Sheet"
    if base.lower() == "history":  # Excel keeps it for itself
        base = "History sheet"
    name = base
    while name.lower() in taken or number > 1:
        suffix = f" ({number})" if number > 1 else ""
        name = _cut(base, _SHEET_NAME_CHARACTERS_MAX - len(suffix)) + suffix
        if name.lower() not in taken:
            break
        number += 1
    return name


def _cut(name: str, units: int) -> str:
    """Cuts to so many of Excel's characters without splitting one."""
    return name.encode("utf-16-le")[: units * 2].decode("utf-16-le", "ignore").rstrip("' ")


def _lay_out(connection: duckdb.DuckDBPyConnection, path: Path, sheets: list[_Sheet]) -> Styles:
    """Writes the book without its rows. Returns the numbers of the cell formats."""
    import xlsxwriter

    # Without its rows the book is small, and a step has no temporary folder but its own.
    book = xlsxwriter.Workbook(str(path), {"in_memory": True})
    book.set_properties({"created": CREATED})
    styles = styles_of(book, {column.scale for sheet in sheets for column in sheet.columns})
    for sheet in sheets:
        page = book.add_worksheet(sheet.name)
        # The headings stay in sight: these sheets have thousands of rows.
        page.freeze_panes(1, 0)
        for column, width in enumerate(widths(connection, sheet.relation, [column.name for column in sheet.columns])):
            page.set_column(column, column, width)
        page.autofilter(0, 0, sheet.last - sheet.first + 1, len(sheet.columns) - 1)
    book.close()
    return styles


def styles_of(book: Workbook, scales: Iterable[int | None]) -> Styles:
    """The formats of a book, those of amounts for so many decimals."""

    def number(**looks: object) -> int:
        # Asking for the number makes it part of the book although no cell of XlsxWriter's own has it.
        return int(book.add_format(looks)._get_xf_index())

    def amount(scale: int) -> int:
        return number(num_format=amount_format(scale))

    return Styles(
        heading=number(bold=True, bottom=1),
        text=number(num_format="@"),
        whole=number(num_format="0"),
        amounts={scale: amount(scale) for scale in sorted(found for found in scales if found is not None)},
        day=number(num_format=DAY_FORMAT),
        moment=number(num_format=MOMENT_FORMAT),
        fraction=number(num_format=FRACTION_FORMAT),  # Excel rounds to what is shown, into the next day
    )


def amount_format(scale: int) -> str:
    """Excel's format for so many decimals."""
    digits = f"#,##0.00{'#' * (scale - 2)}"  # all of them: one that is not shown is taken for rounded off
    return f"{digits};[Red]-{digits}"


def widths(connection: duckdb.DuckDBPyConnection, relation: str, names: Sequence[str]) -> list[int]:
    """How wide the columns are shown, by their first rows."""
    longest = ", ".join(f"max(length(CAST({quote(name)} AS VARCHAR)))" for name in names)
    row = connection.execute(f"SELECT {longest} FROM (SELECT * FROM {quote(relation)} LIMIT {_WIDTH_ROWS})").fetchone()
    assert row is not None
    lengths = [max(len(name), found or 0) for name, found in zip(names, row, strict=True)]
    return [min(max(length + 2, _WIDTH_MIN), _WIDTH_MAX) for length in lengths]


def _splice(
    connection: duckdb.DuckDBPyConnection, layout: Path, path: Path, sheets: list[tuple[_Sheet, Styles]], zone: str
) -> None:
    # XlsxWriter's own names, in the order in which sheets were added.
    members = {f"xl/worksheets/sheet{number}.xml": sheet for number, sheet in enumerate(sheets, start=1)}
    with (
        zipfile.ZipFile(layout) as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as out,
    ):
        for member in source.infolist():
            if member.filename not in members:
                with out.open(member.filename, "w") as copy:
                    copy.write(source.read(member))
                continue
            sheet, styles = members[member.filename]
            rows = path.with_suffix(".rows")
            _copy_rows(connection, rows, sheet, styles, zone)
            names = [column.name for column in sheet.columns]
            headings = workbook_cells.heading_row(connection, names, [styles.heading] * len(names))
            before, after = _around(source.read(member), headings, sheet)
            size = len(before) + rows.stat().st_size + len(after)
            # By name: a ZipInfo would ask for the default compression.
            # Zip64 only where it must be: Excel for the web refuses a book that has it without need.
            with out.open(member.filename, "w", force_zip64=size >= ZIP64_BYTES) as xml, rows.open("rb") as made:
                xml.write(before)
                shutil.copyfileobj(made, xml, 1 << 20)
                xml.write(after)
            rows.unlink()


def _around(content: bytes, headings: str, sheet: _Sheet) -> tuple[bytes, bytes]:
    """The XML before and after the rows, from a sheet that XlsxWriter left empty."""
    used = f"A1:{workbook_cells.column_letters(len(sheet.columns) - 1)}{sheet.last - sheet.first + 2}"
    # What XlsxWriter writes for a sheet without rows; the assertion notices another release.
    before, found, after = content.partition(b"<sheetData/>")
    assert found
    size = before.replace(b'<dimension ref="A1"/>', f'<dimension ref="{used}"/>'.encode())
    return size + b"<sheetData>" + headings.encode(), b"</sheetData>" + after


def _copy_rows(connection: duckdb.DuckDBPyConnection, path: Path, sheet: _Sheet, styles: Styles, zone: str) -> None:
    row = workbook_cells.row(sheet.columns, styles, zone)
    names = ", ".join(["n", *(f"c{number}" for number in range(len(sheet.columns)))])
    connection.execute(
        f"COPY (SELECT {row} FROM (SELECT CAST(n - {sheet.first - 2} AS VARCHAR) AS n, * EXCLUDE (n) FROM "
        f"(SELECT row_number() OVER () AS n, * FROM {quote(sheet.relation)}) AS numbered({names}) "
        f"WHERE n BETWEEN {sheet.first} AND {sheet.last})) "
        f"TO {literal(str(path))} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
    )
