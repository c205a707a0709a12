"""One sheet of a workbook as cells: XLSX, XLSM, XLSB and ODS exactly as they store them. Old XLS is refused."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading.cells import CellColumn, Cells, Recognised
from procession.actions.reading.options import FileOptions
from procession.actions.reading.sheets import binary, containers, faults, office, open_document, tables, tabs
from procession.actions.reading.sheets.areas import cell_name
from procession.actions.reading.sheets.binary import BinaryBook
from procession.actions.reading.sheets.containers import Container
from procession.actions.reading.sheets.office import OfficeBook
from procession.actions.reading.sheets.open_document import OpenDocument
from procession.actions.reading.sheets.quick import QuickCells, QuickSheet
from procession.actions.reading.sheets.rows import Book, Findings, Row
from procession.actions.reading.sheets.tables import Collector
from procession.actions.reading.sheets.tabs import Tab

if TYPE_CHECKING:
    import duckdb

_LINES = "cells.csv"


def read(connection: duckdb.DuckDBPyConnection, source: FileInput, options: FileOptions, folder: Path) -> Cells:
    """Make the table of cells of one sheet. Raises Problem naming file, sheet and cell."""
    with containers.unpacked(Path(source.path), source.name) as container:
        book = _open(container)
        tab = tabs.choose(book.tabs, options.sheet, source.name)
        collector = tables.collect(f'the sheet "{tab.name}" of "{source.name}"', options)
        quickly, findings = _read_quickly(connection, book, tab, collector, folder) or (None, Findings())
        if quickly is None:
            columns = _read_exactly(connection, book.rows(tab, collector.sheet, findings), collector, folder)
        else:
            columns = quickly.columns
        warnings = book.warnings(findings)
        recognised = Recognised(sheet=tab.name, sheets=tuple(tab.name for tab in book.tabs if tab.has_cells))
    made = tables.cells(collector, columns)
    told = faults.tell(collector, made, options, source.name)
    remarks = [*tabs.remarks(book.tabs, tab, options.sheet), *_remarks(collector, findings), *told.remarks]
    made = replace(
        made,
        remarks=tuple(remarks),
        warnings=(*told.warnings, *warnings),
        recognised=recognised,
        cautions=(*_hidden(collector), *_merged(collector, findings)),
    )
    return made if quickly is None else replace(made, source=quickly.source, load=_loader(connection, quickly, made))


def _loader(connection: duckdb.DuckDBPyConnection, quickly: QuickCells, made: Cells) -> Callable[[], Cells]:
    def load() -> Cells:
        quickly.load(connection)
        return made

    return load


def _read_quickly(
    connection: duckdb.DuckDBPyConnection, book: Book, tab: Tab, collector: Collector, folder: Path
) -> tuple[QuickCells, Findings] | None:
    if not isinstance(book, OfficeBook):
        return None
    lines = folder / _LINES
    return QuickSheet(connection=connection, book=book, tab=tab, collector=collector, path=lines).read()


def _read_exactly(
    connection: duckdb.DuckDBPyConnection, rows: Iterator[Row], collector: Collector, folder: Path
) -> tuple[CellColumn, ...]:
    lines = folder / _LINES
    try:
        collector.write(rows, lines)
        return tables.load(connection, collector, lines)
    finally:
        lines.unlink(missing_ok=True)


def _open(container: Container) -> Book:
    main = office.main_part(container)
    if main in container:
        return BinaryBook(container, main) if main.lower().endswith(binary.SUFFIX) else OfficeBook(container, main)
    if open_document.CONTENT in container:
        return OpenDocument(container)
    raise Problem(f'"{container.file_name}" is a zip archive without a workbook inside')


def _hidden(collector: Collector) -> Iterator[str]:
    if collector.hidden_count:
        yield f"{collector.sheet} has {_counted(collector.hidden_count, 'hidden row')}, read like the others"


def _merged(collector: Collector, findings: Findings) -> Iterator[str]:
    """Areas over several rows of the table: whoever adds up by such a column loses all rows but the first of each."""
    area, rows, count, first = collector.area, collector.numbers, 0, ""
    for place in range(0, len(findings.merged), 4):
        top, bottom, left, right = findings.merged[place : place + 4]
        is_inside = left <= area.last_column and right >= area.first_column
        # Rows below its first one that are kept, which the heading is not.
        if is_inside and bisect_right(rows, bottom) > bisect_right(rows, top):
            count += 1
            first = first or f"{cell_name(top, left)}:{cell_name(bottom, right)}"
    if count:
        areas = _counted(count, "merged area")
        yield f"{collector.sheet} has {areas} over several rows ({first}), of which only the first row has the value"


def _remarks(collector: Collector, findings: Findings) -> Iterator[str]:
    if findings.has_hidden_columns:
        yield f"{collector.sheet} has hidden columns, read like the others"
    if findings.merged:
        areas = _counted(len(findings.merged) // 4, "merged area")
        yield f"{collector.sheet} has {areas}; the first cell of each has its value"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
