"""excel_report at work: rows loaded, the book laid out or opened, rows put in between, a name given."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, cast

from procession.actions import database, expecting, naming
from procession.actions.contract import Context, FileOutput, StepOutcome
from procession.actions.problems import Problem
from procession.actions.reporting import (
    book_layout,
    filling,
    places,
    report_settings,
    report_tables,
    sign_off,
    splicing,
)
from procession.actions.reporting.book_layout import CellValue, LaidOut
from procession.actions.reporting.report_settings import ReportSettings
from procession.actions.reporting.report_tables import PlacedTable, ReportTable
from procession.actions.reporting.splicing import SheetPart
from procession.actions.rows import work
from procession.actions.rows.work import RowWork
from procession.actions.writing.workbooks import COMPRESSION, ZIP64_BYTES


def run(context: Context) -> StepOutcome:
    return work.perform(context, _report)


def _report(doing: RowWork) -> str:
    settings: ReportSettings = doing.context.settings
    reference = report_settings.writes(settings)[0]
    if (kind := doing.context.target(reference).type) != "File":
        raise Problem(f"the output goes to a {kind}, and a report is a file")
    doing.bind(settings.inputs)
    loaded = _load(doing)
    doing.lock()
    tables = {}
    for name, sheet in loaded.items():
        given = next(one for one in settings.sheets if one.sheet == sheet)
        expecting.check(doing.context, doing.connection, name, given.expect, doing.warnings)
        # After it is checked: a report with a wrong total must not exist.
        tables[sheet] = report_tables.prepare(doing, name, given)
        doing.figures[f"rows on {sheet}"] = tables[sheet].rows
    cells = {place: book_layout.value_of(doing.context, given) for place, given in settings.cells.items()}
    signed = sign_off.lines(doing, loaded) if settings.sign_off else []
    path = doing.context.folder / database.EXPORT_FOLDER / "report.xlsx"
    if settings.template is None:
        _make(doing, path, tables, cells, signed)
    else:
        filling.fill(doing, path, tables, cells, signed)
    called = _name(doing)
    doing.outputs[reference] = FileOutput(path=str(path), name=called)
    rows = sum(table.rows for table in tables.values())
    return f"{rows:,} {'row' if rows == 1 else 'rows'} written to {called}"


def _load(doing: RowWork) -> dict[str, str]:
    """Loads the rows of all sheets; gives the sheets by the names of their relations."""
    settings: ReportSettings = doing.context.settings
    loaded = {}
    for number, sheet in enumerate(settings.sheets, start=1):
        if sheet.source is not None:
            name = f"sheet {number}"
            doing.load(name, sheet.source, sheet.expect)
            loaded[name] = sheet.sheet
    return loaded


def _name(doing: RowWork) -> str:
    pattern = report_settings.output_of(doing.context.settings).as_ or f"{doing.context.step_key}.xlsx"
    return naming.file_name(naming.fill(pattern, doing.values))


def _make(
    doing: RowWork,
    path: Path,
    tables: Mapping[str, ReportTable],
    given: Mapping[str, CellValue],
    signed: list[tuple[str, str]],
) -> None:
    """A book from scratch. Raises Problem."""
    cells = {}
    for text, value in given.items():
        found = places.on_sheet(text)
        assert found is not None  # checked when the file was applied
        cells[found] = value
    # Beside the target: the step may write nowhere else.
    layout = path.with_suffix(".layout")
    laid = book_layout.lay_out(doing, layout, tables, cells, signed)
    doing.warnings.extend(laid.warnings)
    _splice(doing, layout, path, laid)
    layout.unlink()


def _splice(doing: RowWork, layout: Path, path: Path, laid: LaidOut) -> None:
    # XlsxWriter's own names, in the order in which sheets were added.
    members = {f"xl/worksheets/sheet{number}.xml": one for number, one in enumerate(laid.sheets, start=1)}
    zone = doing.context.settings.zone
    before: list[PlacedTable] = []
    with (
        zipfile.ZipFile(layout) as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as out,
    ):
        for number, member in enumerate(source.infolist()):
            doing.context.progress(number / len(source.infolist()), "Book")
            placed, styles = members.get(member.filename, (None, None))
            if placed is None or styles is None:
                with out.open(member.filename, "w") as copy:
                    copy.write(source.read(member))
                continue
            others = [one for one in before if one.table is placed.table]
            part = SheetPart.read(source.read(member), f'the sheet "{placed.sheet}"')
            part.refuse_taken(placed.area)
            rows = report_tables.row_file(doing.connection, placed, styles, zone, others)
            before.append(placed)
            # Zip64 only where it must be: Excel for the web refuses a book that has it without need.
            is_large = len(part.content) + rows.size_bytes >= ZIP64_BYTES
            with out.open(member.filename, "w", force_zip64=is_large) as xml:
                splicing.write(part, rows, {}, cast("BinaryIO", xml))
