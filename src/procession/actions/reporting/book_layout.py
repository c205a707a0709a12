"""A report from scratch: XlsxWriter lays out everything but the rows, which are put in between afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import references
from procession.actions.contract import Context, FileInput, TableInput
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.references import Given
from procession.actions.reporting import places, report_tables, rule_values
from procession.actions.reporting.places import CellPlace
from procession.actions.reporting.report_settings import ChartSettings, ReportSettings, SheetSettings, ShowRule
from procession.actions.reporting.report_tables import PlacedTable, ReportTable, TableStyles
from procession.actions.writing import workbook_cells, workbooks
from procession.actions.writing.workbook_columns import BINARY, DIGITS_MAX, TEXT_CHARACTERS_MAX, WHOLE, SheetColumn

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

    from procession.actions.rows.work import RowWork

_LOOKS: Mapping[str, Mapping[str, object]] = {
    "red": {"bg_color": "#FFC7CE", "font_color": "#9C0006"},
    "amber": {"bg_color": "#FFEB9C", "font_color": "#7F6000"},
    "green": {"bg_color": "#C6EFCE", "font_color": "#006100"},
    "blue": {"bg_color": "#DDEBF7", "font_color": "#1F4E78"},
    "grey": {"bg_color": "#EDEDED", "font_color": "#595959"},
    "bold": {"bold": True},
}
_TEXT_IN_FORMULA_MAX = 255  # characters; Excel repairs a book with a longer one
_CHART_SCALE = 2  # of the size that Excel gives a chart by itself
_DAY_ZERO = date(1899, 12, 30)
SIGN_OFF_WIDTHS = (34, 80)
CellValue = str | int | Decimal | bool | date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut:
    """The sheets of the book in order: the table that each takes, or None, and its formats."""

    sheets: Sequence[tuple[PlacedTable | None, TableStyles | None]]
    warnings: Sequence[str]


def lay_out(
    work: RowWork,
    path: Path,
    tables: Mapping[str, ReportTable],
    cells: Mapping[tuple[str, CellPlace], CellValue],
    sign_off: Sequence[tuple[str, str]],
) -> LaidOut:
    """Writes the book without its rows. Raises Problem for what Excel cannot hold."""
    import xlsxwriter

    settings: ReportSettings = work.context.settings
    # A text is a text: XlsxWriter by itself makes formulas and links of what looks like one.
    book = xlsxwriter.Workbook(str(path), {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"created": workbooks.CREATED})
    book.set_calc_mode("auto")
    made = _Layout(work=work, book=book, sheets=[], warnings=[])
    # Before any is added: a sheet that goes on must not take the name of a later one.
    taken = {sheet.sheet.lower() for sheet in settings.sheets}
    placed: dict[str, PlacedTable] = {}
    pages: dict[str, Worksheet] = {}
    for sheet in settings.sheets:
        if sheet.sheet in tables:
            placed[sheet.sheet] = made.add_table(tables[sheet.sheet], taken, pages)
        else:
            pages[sheet.sheet.lower()] = made.add_page(sheet.sheet)
    # After all tables: a chart may stand before the sheet that it shows.
    for sheet in settings.sheets:
        if sheet.chart is not None:
            made.add_chart(pages[sheet.sheet.lower()], sheet, placed[sheet.chart.source])
    for (name, place), value in cells.items():
        made.write(pages[name.lower()], place, value)
    if sign_off:
        page = made.add_page("Sign-off")
        for number, width in enumerate(SIGN_OFF_WIDTHS):
            page.set_column(number, number, width)
        for row, (item, value) in enumerate(sign_off, start=1):
            made.write(page, CellPlace(row, 1), item)
            made.write(page, CellPlace(row, 2), value or None)
    book.close()
    return LaidOut(sheets=made.sheets, warnings=made.warnings)


@dataclass(slots=True, kw_only=True)
class _Layout:
    work: RowWork
    book: Workbook
    sheets: list[tuple[PlacedTable | None, TableStyles | None]]
    warnings: list[str]

    def add_page(self, name: str) -> Worksheet:
        self.sheets.append((None, None))
        return self.book.add_worksheet(name)

    def add_table(self, table: ReportTable, taken: set[str], pages: dict[str, Worksheet]) -> PlacedTable:
        """The table on its sheets; gives the first of them."""
        settings = table.settings
        place = places.cell(settings.at)
        assert place is not None  # checked when the file was applied
        if place.column - 1 + len(table.columns) > places.COLUMNS_MAX:
            raise Problem(f'"{settings.sheet}": {len(table.columns):,} columns from {place} go beyond the sheet')
        styles = self._styles(table)
        parts = list(report_tables.parts(table, place, _names(settings.sheet, taken)))
        for part in parts:
            # Each part has headings, widths and rules of its own, as if it were the only one.
            page = self.book.add_worksheet(part.sheet)
            # Cells go by the name that the settings give, which is the first part's.
            pages.setdefault(part.sheet.lower(), page)
            self.sheets.append((part, styles))
            self._decorate(page, part)
        if len(parts) > 1:
            more = ", ".join(f'"{part.sheet}"' for part in parts[1:])
            self.warnings.append(
                f'"{settings.sheet}" has {table.rows:,} rows, more than a sheet holds; it goes on in {more}'
            )
        return parts[0]

    def _styles(self, table: ReportTable) -> TableStyles:
        formats = {table.number(name, "formats"): text for name, text in table.settings.formats.items()}
        cells = workbooks.styles_of(self.book, {column.scale for column in table.columns})
        own = {table.columns[number].name: self._number(num_format=text) for number, text in formats.items()}
        # A line above and bold letters: a total among rows must be seen as one.
        totals = {
            number: self._number(num_format=formats.get(number) or _format(table.columns[number]), bold=True, top=1)
            for number in table.totals
        }
        return TableStyles(
            cells=workbook_cells.with_own(cells, own),
            headings=[cells.heading] * len(table.columns),
            totals=totals,
        )

    def _number(self, **looks: object) -> int:
        return int(self.book.add_format(looks)._get_xf_index())

    def _decorate(self, page: Worksheet, part: PlacedTable) -> None:
        table, settings = part.table, part.table.settings
        column = part.place.column - 1
        names = [one.name for one in table.columns]
        for number, width in enumerate(workbooks.widths(self.work.connection, table.relation, names)):
            page.set_column(column + number, column + number, width)
        # The headings of thousands of rows stay in sight unless somebody says otherwise.
        if settings.freeze is not None:
            page.freeze_panes(part.data_row - 1 if settings.header else 0, settings.freeze)
        # A filter over groups would sort their totals among the rows.
        if settings.header and not table.groups:
            page.autofilter(part.place.row - 1, column, part.last_row - 1, column + len(names) - 1)
        if table.groups:
            # XlsxWriter counts the levels of the rows that it writes; ours come later.
            page.outline_row_level = 1
        for rule in settings.rules:
            self._show(page, part, rule)

    def _show(self, page: Worksheet, part: PlacedTable, rule: ShowRule) -> None:
        number = part.table.number(rule.column, "rules")
        column = part.place.column - 1 + number
        first, last = part.data_row, max(part.last_row, part.data_row)
        cell = f"{workbook_cells.column_letters(column)}{first}"
        given = {
            "format": self.book.add_format(dict(_LOOKS[rule.show])),
            **self._test(rule, cell, part.table.columns[number]),
        }
        page.conditional_format(first - 1, column, last - 1, column, given)

    def _test(self, rule: ShowRule, cell: str, column: SheetColumn) -> dict[str, object]:
        test = rule.tests[0]
        if test == "empty":
            return {"type": "blanks"}
        if test == "contains":
            # ~ before what SEARCH takes for any letters.
            text = "".join(f"~{letter}" if letter in "~*?" else letter for letter in rule.contains or "")
            return {"type": "formula", "criteria": f"=ISNUMBER(SEARCH({_quoted(text)},{cell}))"}
        value = rule_values.fitting(test, column, value_of(self.work.context, getattr(rule, test)))
        if isinstance(value, str):
            return {"type": "formula", "criteria": f"=EXACT({cell},{_quoted(value)})"}
        # An empty cell would be less than one, and equal to zero.
        shown = "TRUE" if value is True else "FALSE" if value is False else serial(value)
        compared = f"{cell}{rule_values.SIGNS[test]}{shown}"
        return {"type": "formula", "criteria": f"=AND(NOT(ISBLANK({cell})),NOT(ISTEXT({cell})),{compared})"}

    def add_chart(self, page: Worksheet, sheet: SheetSettings, part: PlacedTable) -> None:
        """The chart of a table's first sheet."""
        settings: ChartSettings | None = sheet.chart
        assert settings is not None
        table = part.table
        # Totals of groups among the rows would be drawn as if they were rows.
        if table.groups:
            raise Problem(f'the chart "{sheet.sheet}" shows "{settings.source}", which is grouped; leave out group_by')
        chart = self.book.add_chart({"type": settings.kind})
        assert chart is not None
        rows = (part.data_row - 1, max(part.last_row, part.data_row) - 1)
        start = part.place.column - 1
        x = start + table.number(settings.x, "chart.x")
        for name in settings.y:
            number = table.number(name, "chart.y")
            column = table.columns[number]
            # Excel would draw texts as zeros.
            if column.odd or (column.scale is None and column.kind not in WHOLE | BINARY):
                why = column.remark if column.odd else f'the column "{name}" holds no numbers'
                raise Problem(f'the chart "{sheet.sheet}": {why}')
            if settings.kind == "pie":
                self._warn_of_minus(sheet, table, column)
            y = start + number
            chart.add_series(
                {
                    "name": column.name,
                    "categories": [part.sheet, rows[0], x, rows[1], x],
                    "values": [part.sheet, rows[0], y, rows[1], y],
                }
            )
        chart.set_title({"name": settings.title or sheet.sheet})
        page.insert_chart("A1", chart, {"x_scale": _CHART_SCALE, "y_scale": _CHART_SCALE})

    def _warn_of_minus(self, sheet: SheetSettings, table: ReportTable, column: SheetColumn) -> None:
        """A slice cannot be less than nothing, and Excel draws it as if the minus were not there."""
        query = f"SELECT count(*) FROM {quote(table.relation)} WHERE {quote(column.name)} < 0"
        row = self.work.connection.execute(query).fetchone()
        if row and row[0]:
            amounts = "1 amount below zero is" if row[0] == 1 else f"{row[0]:,} amounts below zero are"
            self.warnings.append(f'the chart "{sheet.sheet}": {amounts} drawn as if above; take kind: column')

    def write(self, page: Worksheet, place: CellPlace, value: CellValue) -> None:
        at = (place.row - 1, place.column - 1)
        match value:
            case None:
                return
            # Before numbers, because a bool is one for Python.
            case bool():
                page.write_boolean(*at, value)
            case date():
                page.write_number(*at, int(serial(value)), self.book.add_format({"num_format": workbooks.DAY_FORMAT}))
            case int() | Decimal() if is_exact(value):
                page.write_number(*at, value)
            # A number with more digits than a sheet holds is whole as text.
            case _:
                page.write_string(*at, cell_text(self.work.warnings, value))


def _names(title: str, taken: set[str]) -> Iterator[str]:
    """The sheet's name, and those of the sheets in which it goes on."""
    yield title
    number = 2
    while True:
        name = workbooks.sheet_name(title, number, taken)
        taken.add(name.lower())
        yield name
        number += 1


def _format(column: SheetColumn) -> str:
    return "0" if column.scale is None else workbooks.amount_format(column.scale)


def _quoted(text: str) -> str:
    """A text in a formula, from which nothing gets out."""
    if len(text) > _TEXT_IN_FORMULA_MAX:
        raise Problem(f"rules: a text of {len(text):,} characters; Excel takes {_TEXT_IN_FORMULA_MAX}")
    return '"' + text.replace('"', '""') + '"'


def serial(value: int | Decimal | date) -> str:
    """As a number of a sheet."""
    if isinstance(value, date):
        return str((value - _DAY_ZERO).days)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def value_of(context: Context, given: Given) -> CellValue:
    """A constant, or what a reference has. Raises Problem for a file or a table."""
    value = references.dated(context, given, references.resolve(context, given))
    if isinstance(value, FileInput | TableInput):
        raise Problem(f"{value.called} is no value of a cell")
    return value


def is_exact(value: int | Decimal) -> bool:
    """Whether a spreadsheet holds all digits of the number; others are written as text, whole."""
    digits = "".join(letter for letter in serial(value) if letter.isdigit()).strip("0")
    return len(digits) <= DIGITS_MAX


def cell_text(warnings: list[str], value: object) -> str:
    """A text that fits a cell; what is cut is warned of."""
    # Whole, with all its digits.
    text = serial(value) if isinstance(value, int | Decimal) else str(value)
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * TEXT_CHARACTERS_MAX].decode("utf-16-le", "ignore")
    if len(kept) < len(text):
        warnings.append(f"a text of {len(text):,} characters was cut to what a cell holds")
    return kept
