"""A report in a template: tables and cells put into its sheets, formats added, all else copied as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import references
from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading.sheets import containers
from procession.actions.reporting import (
    book_layout,
    markup,
    places,
    report_tables,
    row_files,
    short_ranges,
    sign_off,
    splicing,
    template_styles,
    templates,
)
from procession.actions.reporting.book_layout import CellValue
from procession.actions.reporting.places import CellPlace
from procession.actions.reporting.report_settings import ReportSettings
from procession.actions.reporting.report_tables import PlacedTable, ReportTable, TableStyles
from procession.actions.reporting.splicing import SheetArea, SheetPart
from procession.actions.reporting.templates import StreamedPart, Template
from procession.actions.writing import workbook_cells, workbooks
from procession.actions.writing.workbook_cells import Styles

if TYPE_CHECKING:
    from procession.actions.rows.work import RowWork

_TEXT, _WHOLE = "@", "0"


@dataclass(slots=True, kw_only=True)
class _FilledSheet:
    """What goes onto one sheet of the template."""

    name: str
    part: str
    read: SheetPart
    table: PlacedTable | None = None
    cells: dict[CellPlace, CellValue] = field(default_factory=dict)


def fill(
    work: RowWork,
    path: Path,
    tables: Mapping[str, ReportTable],
    cells: Mapping[str, CellValue],
    signed: list[tuple[str, str]],
) -> None:
    """Writes the template with its tables, cells and sheet to sign. Raises Problem."""
    settings: ReportSettings = work.context.settings
    source = work.context.value(references.only([settings.template])[0])
    if not isinstance(source, FileInput):
        raise Problem(f"the template has no file yet ({settings.template})")
    with containers.unpacked(Path(source.path), source.name) as container:
        template = templates.read(container, source)
        sheets = _placed(template, settings, tables, cells)
        formats = _add_formats(template, sheets)
        for one in sheets.values():
            _put(work, template, one, formats)
        templates.recalculate(template)
        work.warnings.extend(templates.stale(template))
        placed = [one.table for one in sheets.values() if one.table is not None]
        work.warnings.extend(short_ranges.short(template, placed))
        if signed:
            templates.add_sheet(template, sign_off.NAME, sign_off.sheet(signed))
        templates.write(template, path)


def _placed(
    template: Template, settings: ReportSettings, tables: Mapping[str, ReportTable], cells: Mapping[str, CellValue]
) -> dict[str, _FilledSheet]:
    """The sheets that change, each looked through. Raises Problem for a place that there is not, or is taken."""
    found: dict[str, _FilledSheet] = {}

    # A sheet may take a table and cells: it is looked through once.
    def sheet(name: str) -> _FilledSheet:
        name, part = template.sheet_part(name)
        if name not in found:
            read = SheetPart.read(template.container.read(part), template.what(name))
            found[name] = _FilledSheet(name=name, part=part, read=read)
        return found[name]

    for given in settings.sheets:
        into = sheet(given.sheet)
        # A sheet that is named for its cells only must be there all the same.
        if given.sheet not in tables:
            continue
        _, place = template.place(given.at, given.sheet)
        into.table = _one_part(template, tables[given.sheet], place)
        # Nothing of the template's is covered, or it would be gone without a word.
        into.read.refuse_taken(into.table.area)
        _stretch_tables(template, into)
    for text, value in cells.items():
        name, place = template.place(text, None)
        into = sheet(name)
        present = into.read.cell(place)
        # Whoever named the cell by mistake would lose the formula, and every number that hangs on it.
        if present is not None and present.is_formula:
            raise Problem(f"{template.what(name)}: {place} holds a formula, which a value would take the place of")
        if into.table is not None and place in into.table.area:
            raise Problem(f"{template.what(name)}: {place} lies in the table from {into.table.place}")
        into.cells[place] = value
    return found


def _one_part(template: Template, table: ReportTable, place: CellPlace) -> PlacedTable:
    if place.column - 1 + len(table.columns) > places.COLUMNS_MAX:
        raise Problem(f"{template.what(table.settings.sheet)}: {len(table.columns):,} columns go beyond the sheet")
    # Enough names for any number of parts; there must be one.
    parts = list(report_tables.parts(table, place, iter([table.settings.sheet] * (table.rows + 1))))
    # Another sheet would have none of what the template says about this one.
    if len(parts) > 1:
        raise Problem(f"{template.what(table.settings.sheet)}: {table.rows:,} rows are more than fit below {place}")
    return parts[0]


def _stretch_tables(template: Template, into: _FilledSheet) -> None:
    """Makes an Excel table as long as the rows that are put under its headings. Raises Problem for any other overlap:
    what refers to the table would see some of the rows only."""
    assert into.table is not None
    area = into.table.area
    for part in templates.parts_of(template, into.part, "/table"):
        content = markup.utf8(template.container.read(part), part)
        found = markup.elements(content, f"{part} of {template.name}")
        ref = SheetArea.parse(found[0].attributes.get("ref", ""))
        if ref is None or not ref.overlaps(area):
            continue
        below = CellPlace(ref.first.row + 1, ref.first.column)
        is_plain = found[0].attributes.get("headerRowCount", "1") == "1" and "totalsRowCount" not in found[0].attributes
        if not is_plain or area.first != below or area.last.column != ref.last.column:
            name = found[0].attributes.get("displayName", "")
            raise Problem(
                f'{into.read.what}: the rows would lie over the Excel table "{name}" at {ref.first}:{ref.last}; put '
                f"them at {below} with header: false and as many columns as it has, and without a row of totals"
            )
        new = f"{ref.first}:{CellPlace(max(area.last.row, below.row), ref.last.column)}"
        # The filter of the table is as long as the table.
        changed = [one for one in found if one is found[0] or one.name == "autoFilter"]
        edits = [(one.start, one.inner, markup.with_attribute(content, one, "ref", new)) for one in changed]
        template.changed[part] = markup.replaced(content, edits)


def _add_formats(template: Template, sheets: Mapping[str, _FilledSheet]) -> dict[str, int]:
    """Numbers of the cell formats by their number formats, added to the template's own."""
    wanted = dict.fromkeys(text for one in sheets.values() for text in _formats(one))
    parts = templates.parts_of(template, template.workbook, "/styles")
    # Values without a date need no format.
    if not wanted:
        return {}
    if not parts:
        raise Problem(f'the template "{template.name}" has no styles; open it in Excel and save it again')
    content = template.container.read(parts[0])
    template.changed[parts[0]], numbers = template_styles.add(content, list(wanted), f'"{template.name}"')
    return dict(zip(wanted, numbers, strict=True))


def _formats(one: _FilledSheet) -> Iterator[str]:
    if one.table is not None:
        table = one.table.table
        yield from (_TEXT, _WHOLE, workbooks.DAY_FORMAT, workbooks.MOMENT_FORMAT, workbooks.FRACTION_FORMAT)
        yield from (workbooks.amount_format(column.scale) for column in table.columns if column.scale is not None)
        yield from table.settings.formats.values()
    if any(isinstance(value, date) for value in one.cells.values()):
        yield workbooks.DAY_FORMAT


def _styles(one: PlacedTable, read: SheetPart, formats: Mapping[str, int]) -> TableStyles:
    """Those of the template's own first row of data, where it has any; what the settings say comes first."""
    table = one.table
    # Of single columns: those that the template or the settings format.
    own: dict[str, int] = {}
    for number, column in enumerate(table.columns):
        style = read.style(CellPlace(one.data_row, one.place.column + number))
        # The first format of a book is that of cells nobody has formatted.
        if style is not None and style != 0:
            own[column.name] = style
    for name, text in table.settings.formats.items():
        own[table.columns[table.number(name, "formats")].name] = formats[text]
    scales = {column.scale for column in table.columns if column.scale is not None}
    cells = Styles(
        # Headings have the format of the cells that they stand in, and none elsewhere.
        heading=0,
        text=formats[_TEXT],
        whole=formats[_WHOLE],
        amounts={scale: formats[workbooks.amount_format(scale)] for scale in scales},
        day=formats[workbooks.DAY_FORMAT],
        moment=formats[workbooks.MOMENT_FORMAT],
        fraction=formats[workbooks.FRACTION_FORMAT],
        own=own,
    )
    headings = [
        read.style(CellPlace(one.place.row, one.place.column + number)) or 0 for number in range(len(table.columns))
    ]
    return TableStyles(cells=cells, headings=headings, totals={})


def _put(work: RowWork, template: Template, one: _FilledSheet, formats: Mapping[str, int]) -> None:
    settings: ReportSettings = work.context.settings
    cells = {place: _cell(work, one.read, place, value, formats) for place, value in one.cells.items()}
    rows = None
    if one.table is not None:
        styles = _styles(one.table, one.read, formats)
        rows = row_files.row_file(work.connection, one.table, styles, settings.zone, ())
    size = len(one.read.content) + (0 if rows is None else rows.size_bytes)
    template.changed[one.part] = StreamedPart(
        size_bytes=size, write=lambda out: splicing.write(one.read, rows, cells, out)
    )


def _cell(work: RowWork, read: SheetPart, place: CellPlace, value: CellValue, formats: Mapping[str, int]) -> str:
    """A single cell with the format that it has; a day needs one that shows it as a day."""
    style = read.style(place) or (formats[workbooks.DAY_FORMAT] if isinstance(value, date) else 0)
    start = f'<c r="{place}" s="{style}"'
    if value is None:
        return f"{start}/>"
    if isinstance(value, bool):
        return f'{start} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, date) or (isinstance(value, int | Decimal) and book_layout.is_exact(value)):
        return f"{start}><v>{book_layout.serial(value)}</v></c>"
    text = book_layout.cell_text(work.warnings, value)
    return f'{start} t="inlineStr"><is><t xml:space="preserve">{_xml_text(work, text)}</t></is></c>'


def _xml_text(work: RowWork, text: str) -> str:
    # By the same rules as the texts of tables: control characters, and what looks like one written out.
    row = work.connection.execute(f"SELECT {workbook_cells.escaped_text('$text')}", {"text": text}).fetchone()
    assert row is not None
    return str(row[0])
