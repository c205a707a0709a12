"""XLSX out: text as text, numbers as numbers, the same bytes for the same rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procession.actions import database
from procession.actions.database import quote
from procession.actions.problems import Problem

if TYPE_CHECKING:
    import duckdb
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

ROWS_MAX = 1_048_576 - 1  # Excel's own limit, less the header
TEXT_CHARACTERS_MAX = 32_767  # Excel's own limit of one cell
_DIGITS_MAX = 15  # what a number in a spreadsheet holds; longer ones are written as text, whole
_FETCH_ROWS = 10_000
_WIDTH_ROWS = 200  # rows that decide how wide a column is shown
_WIDTH_MIN, _WIDTH_MAX = 8, 60  # in characters
_CREATED = datetime(2000, 1, 1)  # a file must not differ from its twin by the hour it was written
_SHEET_NAME_FORBIDDEN = str.maketrans("[]:*?/\\", "       ")
_SHEET_NAME_CHARACTERS_MAX = 31


def write(connection: duckdb.DuckDBPyConnection, path: Path, relations: Mapping[str, str]) -> None:
    """One sheet a relation, by sheet name. Raises Problem for what Excel cannot hold."""
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(path),
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
            "tmpdir": str(path.parent),
        },
    )
    book.set_properties({"created": _CREATED})
    formats = _Formats(book)
    for title, relation in relations.items():
        _write_sheet(connection, book.add_worksheet(_sheet_name(title)), relation, formats)
    book.close()


class _Formats:
    """The cell formats, each made once."""

    def __init__(self, book: Workbook) -> None:
        self.header = book.add_format({"bold": True, "bottom": 1, "text_wrap": False})
        self.text = book.add_format({"num_format": "@"})
        self.whole = book.add_format({"num_format": "0"})
        self.amount = book.add_format({"num_format": "#,##0.00##;[Red]-#,##0.00##"})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})
        self.moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})


def _sheet_name(title: str) -> str:
    return title.translate(_SHEET_NAME_FORBIDDEN).strip("' ")[:_SHEET_NAME_CHARACTERS_MAX] or "Sheet"


def _write_sheet(connection: duckdb.DuckDBPyConnection, sheet: Worksheet, relation: str, formats: _Formats) -> None:
    if database.count(connection, relation) > ROWS_MAX:
        raise Problem(f"a sheet holds {ROWS_MAX:,} rows and this result has more; write it as .csv or .parquet")
    names = list(database.columns(connection, relation))
    sheet.freeze_panes(1, 0)
    for column, width in enumerate(_widths(connection, relation, names)):
        sheet.set_column(column, column, width)
    for column, name in enumerate(names):
        sheet.write_string(0, column, name, formats.header)
    for number, row in enumerate(_rows(connection, relation), start=1):
        for column, value in enumerate(row):
            _write_cell(sheet, (number, column), value, formats)
    sheet.autofilter(0, 0, 0, max(len(names) - 1, 0))


def _widths(connection: duckdb.DuckDBPyConnection, relation: str, names: list[str]) -> list[int]:
    sample = connection.execute(f"SELECT * FROM {quote(relation)} LIMIT {_WIDTH_ROWS}").fetchall()
    longest = [max([len(name), *(len(str(row[i])) for row in sample)]) for i, name in enumerate(names)]
    return [min(max(length + 2, _WIDTH_MIN), _WIDTH_MAX) for length in longest]


def _rows(connection: duckdb.DuckDBPyConnection, relation: str) -> Iterator[tuple[Any, ...]]:
    found = connection.execute(f"SELECT * FROM {quote(relation)}")
    while rows := found.fetchmany(_FETCH_ROWS):
        yield from rows


def _write_cell(sheet: Worksheet, at: tuple[int, int], value: object, formats: _Formats) -> None:
    match value:
        case None:
            return
        case bool():
            sheet.write_boolean(*at, value)
        case int() if len(str(abs(value))) <= _DIGITS_MAX:
            sheet.write_number(*at, value, formats.whole)
        case Decimal() if len(value.normalize().as_tuple().digits) <= _DIGITS_MAX:
            sheet.write_number(*at, float(value), formats.amount)
        case float() if math.isfinite(value):
            sheet.write_number(*at, value)
        case datetime() if value.tzinfo is None:
            sheet.write_datetime(*at, value, formats.moment)
        case date() if not isinstance(value, datetime):
            sheet.write_datetime(*at, value, formats.day)
        case time():
            sheet.write_string(*at, value.isoformat(), formats.text)
        case _:
            _write_text(sheet, at, str(value), formats)


def _write_text(sheet: Worksheet, at: tuple[int, int], text: str, formats: _Formats) -> None:
    if len(text) > TEXT_CHARACTERS_MAX:
        raise Problem(f"row {at[0]} has a text of {len(text):,} characters; a cell holds {TEXT_CHARACTERS_MAX:,}")
    sheet.write_string(*at, text, formats.text)
