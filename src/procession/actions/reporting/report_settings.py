"""Settings of excel_report: sheets with tables or charts, single cells, and who signs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from procession.actions import expecting, naming, references, relations
from procession.actions.column_names import ColumnName, NewColumn
from procession.actions.expecting import Expect
from procession.actions.reading.options import FileOptions
from procession.actions.references import Given, Name, ReferenceText
from procession.actions.reporting import places
from procession.actions.rows import sources
from procession.actions.rows.sources import Sources
from procession.actions.writing import exports
from procession.model.table_uses import TableUse

SheetName = Annotated[str, msgspec.Meta(min_length=1, max_length=31)]
Colour = Literal["red", "amber", "green", "blue", "grey", "bold"]
SHEETS_MAX, RULES_MAX, CELLS_MAX, COLUMNS_MAX, FROZEN_MAX = 100, 100, 1_000, 500, 100
SIGN_OFF = "Sign-off"
_TESTS = ("below", "above", "equals", "contains", "empty")
# Laid out by whoever made the template; half of it from each would be nobody's.
_NOT_IN_TEMPLATES = ("totals", "freeze", "group_by", "rules", "chart")


class ShowRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Cells of a column that are to be seen; exactly one test."""

    column: Annotated[ColumnName, msgspec.Meta(description="column of the table")]
    below: Annotated[Given, msgspec.Meta(description="less than this")] = None
    above: Annotated[Given, msgspec.Meta(description="more than this")] = None
    equals: Annotated[Given, msgspec.Meta(description="this and nothing else")] = None
    contains: Annotated[NewColumn | None, msgspec.Meta(description="texts with this in them")] = None
    empty: Annotated[bool, msgspec.Meta(description="cells without a value")] = False
    show: Annotated[Colour, msgspec.Meta(description="how they are shown")] = "red"

    @property
    def tests(self) -> list[str]:
        # By identity: 0 is something to compare with.
        return [name for name in _TESTS if (given := getattr(self, name)) is not None and given is not False]


class ChartSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chart of a table on another sheet."""

    kind: Annotated[Literal["column", "bar", "line", "area", "pie"], msgspec.Meta(description="how it looks")]
    source: Annotated[SheetName, msgspec.Meta(description="the sheet with the table")]
    x: Annotated[ColumnName, msgspec.Meta(description="column with the names along the axis")]
    y: Annotated[list[ColumnName], msgspec.Meta(min_length=1, max_length=20, description="columns with numbers")]
    title: Annotated[str, msgspec.Meta(max_length=200, description="the sheet's name if left out")] = ""


class SheetSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A sheet with a table, a chart, or only the cells that `cells` puts on it."""

    sheet: Annotated[SheetName, msgspec.Meta(description="its name; in a template, one that is there")]
    source: Annotated[Sources | None, msgspec.Meta(description="the rows of the table")] = None
    at: Annotated[
        str, msgspec.Meta(max_length=255, description="its first cell, such as B4, or a name that the template defines")
    ] = "A1"
    header: Annotated[bool, msgspec.Meta(description="headings above the rows; a template may have its own")] = True
    columns: Annotated[
        dict[ColumnName, NewColumn],
        msgspec.Meta(max_length=COLUMNS_MAX, description="columns in their order and their headings; all if left out"),
    ] = {}
    formats: Annotated[
        dict[ColumnName, str],
        msgspec.Meta(max_length=COLUMNS_MAX, description='formats of Excel by column, such as "#,##0.00"'),
    ] = {}
    totals: Annotated[list[ColumnName], msgspec.Meta(max_length=COLUMNS_MAX, description="columns added up below")] = []
    freeze: Annotated[
        int | None,
        msgspec.Meta(description="columns at the left that stay in sight; the headings do, if a number is given"),
    ] = 0
    group_by: Annotated[
        ColumnName | None, msgspec.Meta(description="column whose rows stand together, with the totals of each value")
    ] = None
    rules: Annotated[list[ShowRule], msgspec.Meta(max_length=RULES_MAX, description="cells that are to be seen")] = []
    chart: Annotated[ChartSettings | None, msgspec.Meta(description="a chart in place of a table")] = None
    expect: Annotated[Expect, msgspec.Meta(description="what the rows of the table must be")] = Expect()


class ReportOutput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workbook and its name."""

    to: Annotated[ReferenceText, msgspec.Meta(description="the property that takes it")]
    as_: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None,
        msgspec.Meta(description="its name, ending in .xlsx, with {key} of inputs"),
    ] = msgspec.field(name="as", default=None)


class ReportSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    template: Annotated[
        ReferenceText | None,
        msgspec.Meta(description="a workbook to fill; without macros and without links to other files"),
    ] = None
    sheets: Annotated[list[SheetSettings], msgspec.Meta(max_length=SHEETS_MAX, description="what the book holds")] = []
    cells: Annotated[
        dict[str, Given],
        msgspec.Meta(max_length=CELLS_MAX, description="single cells: Summary!B2, or a name of the template"),
    ] = {}
    sign_off: Annotated[
        bool, msgspec.Meta(description="a last sheet with the run, its inputs and their SHA-256, and lines to sign")
    ] = False
    zone: Annotated[str, msgspec.Meta(max_length=64, description="IANA zone in whose time moments are written")] = "UTC"
    inputs: Annotated[dict[Name, Given], msgspec.Meta(description="values for {key} in the name")] = {}
    output: Annotated[ReferenceText | ReportOutput, msgspec.Meta(description="the property that takes the book")]


def output_of(settings: ReportSettings) -> ReportOutput:
    given = settings.output
    return given if isinstance(given, ReportOutput) else ReportOutput(to=given)


def tables_of(settings: ReportSettings) -> list[Sources]:
    return [sheet.source for sheet in settings.sheets if sheet.source is not None]


def _values(settings: ReportSettings) -> Iterator[tuple[str, Given]]:
    """Everything that may be a reference to a value, and where it stands."""
    for name, given in settings.inputs.items():
        yield f"inputs.{name}", given
    for name, given in settings.cells.items():
        yield f"cells.{name}", given
    for number, sheet in enumerate(settings.sheets, start=1):
        for rule in sheet.rules:
            for test in ("below", "above", "equals"):
                yield f"sheets.{number}.rules.{test}", getattr(rule, test)


def reads(settings: ReportSettings) -> tuple[str, ...]:
    files = sources.reads(*tables_of(settings))
    values = references.only([settings.template, *(given for _, given in _values(settings))])
    expected = references.only(one for sheet in settings.sheets for one in expecting.reads(sheet.expect))
    return tuple(dict.fromkeys((*files, *values, *expected)))


def writes(settings: ReportSettings) -> tuple[str, ...]:
    return references.only([output_of(settings).to])


def files_read(settings: ReportSettings) -> tuple[FileOptions, ...]:
    return sources.files_of(*tables_of(settings))


def tables(settings: ReportSettings) -> tuple[TableUse, ...]:
    return relations.tables_of([one for given in tables_of(settings) for one in sources.options_of(given)])


def check(settings: ReportSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    found: list[str] = []
    for path, given in _values(settings):
        found += references.mistakes(path, given)
    name = output_of(settings).as_
    found += naming.mistakes("output.as", name, settings.inputs)
    if name is not None and not name.lower().endswith(".xlsx"):
        found.append(f"output.as: {name} must end in .xlsx")
    if settings.zone not in exports.zones():
        found.append(f'zone: "{settings.zone}" is not a known time zone; write it like Europe/Berlin')
    if not settings.sheets and not settings.cells and not settings.sign_off:
        found.append("sheets: the book would be empty")
    return (*found, *_sheets(settings), *_cells(settings))


def _sheets(settings: ReportSettings) -> Iterator[str]:
    # Excel tells no case apart in names of sheets.
    names = [sheet.sheet.lower() for sheet in settings.sheets]
    taken = [*names, SIGN_OFF.lower()] if settings.sign_off else names
    for number, sheet in enumerate(settings.sheets, start=1):
        path = f"sheets.{number}"
        if said := places.sheet_name_mistake(sheet.sheet):
            yield f'{path}.sheet: "{sheet.sheet}" {said}'
        # Excel tells no case apart there.
        if taken.count(sheet.sheet.lower()) > 1:
            yield f'{path}.sheet: "{sheet.sheet}" is the name of two sheets'
        yield from _sheet(path, sheet, in_template=settings.template is not None)
        if sheet.chart is not None:
            # By the exact name: it is written by the same hand, a few lines away.
            source = next((one for one in settings.sheets if one.sheet == sheet.chart.source), None)
            if source is None or source.source is None:
                yield f'{path}.chart.source: "{sheet.chart.source}" is no sheet with a table'


def _sheet(path: str, sheet: SheetSettings, *, in_template: bool) -> Iterator[str]:
    yield from _useless(path, sheet, in_template=in_template)
    if sheet.source is not None:
        yield from sources.mistakes(f"{path}.source", sheet.source)
        yield from (f"{path}.{said}" for said in expecting.mistakes(sheet.expect))
    if sheet.chart is not None and sheet.source is not None:
        yield f"{path}: has a source or a chart, not both"
    if places.cell(sheet.at) is None and not in_template:
        yield f'{path}.at: "{sheet.at}" is no cell; write it like B4'
    if len({heading.lower() for heading in sheet.columns.values()}) < len(sheet.columns):
        yield f"{path}.columns: two columns would have one heading"
    if sheet.freeze is not None and not 0 <= sheet.freeze <= FROZEN_MAX:
        yield f"{path}.freeze: {sheet.freeze} columns; it takes 0 to {FROZEN_MAX}"
    for column, text in sheet.formats.items():
        if not places.is_number_format(text):
            yield f'{path}.formats.{column}: "{text}" is no format that Excel reads'
    for number, rule in enumerate(sheet.rules, start=1):
        if len(rule.tests) != 1:
            yield f"{path}.rules.{number}: needs exactly one of {', '.join(_TESTS)}"


def _useless(path: str, sheet: SheetSettings, *, in_template: bool) -> Iterator[str]:
    """What has no effect on such a sheet."""
    plain = SheetSettings(sheet=sheet.sheet)
    for name in SheetSettings.__struct_fields__:
        if getattr(sheet, name) == getattr(plain, name):
            continue
        if in_template and name in _NOT_IN_TEMPLATES:
            yield f"{path}.{name}: means nothing in a template, which lays out its own sheets"
        elif sheet.source is None and name not in {"sheet", "chart"}:
            yield f"{path}.{name}: means nothing without a source"


def _cells(settings: ReportSettings) -> Iterator[str]:
    names = {sheet.sheet.lower() for sheet in settings.sheets}
    for name in settings.cells:
        found = places.on_sheet(name)
        if settings.template is not None:
            continue  # its sheets and names are known when it is opened
        if found is None:
            yield f'cells: "{name}" is no cell of a sheet; write it like Summary!B2'
        elif found[0].lower() not in names:
            yield f'cells: there is no sheet "{found[0]}"; name it under sheets'
