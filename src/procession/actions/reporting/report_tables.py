"""Tables of a report: the rows of a sheet, what is said of their columns, and where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reporting import places
from procession.actions.reporting.places import CellPlace
from procession.actions.reporting.report_settings import SheetSettings
from procession.actions.reporting.splicing import SheetArea
from procession.actions.rows import kinds
from procession.actions.rows.kinds import ValueKind
from procession.actions.writing import csv_cells, time_texts, workbook_cells, workbook_columns
from procession.actions.writing.workbook_cells import Styles
from procession.actions.writing.workbook_columns import TEXT_CHARACTERS_MAX, SheetColumn

if TYPE_CHECKING:
    import duckdb

    from procession.actions.rows.work import RowWork

GROUP = "group of the row"  # a column beside those of the table
TOTAL = "Total"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTable:
    """`relation` has the columns as they are shown; `names` are those of the source by their own names."""

    settings: SheetSettings
    relation: str
    columns: Sequence[SheetColumn]
    names: Mapping[str, str]
    rows: int
    groups: int  # that have a line of totals; 0 for none

    def number(self, wanted: str, where: str) -> int:
        """Which column that is, from 0. Raises Problem."""
        heading = self.names[kinds.column(self.names, wanted, where)]
        return [column.name for column in self.columns].index(heading)

    @property
    def totals(self) -> list[int]:
        return [self.number(name, "totals") for name in self.settings.totals]

    @property
    def has_totals(self) -> bool:
        return bool(self.settings.totals)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedTable:
    """Rows `first` to `last` of a table, from 1, on a sheet from `place`; `is_end`: the totals stand below."""

    table: ReportTable
    sheet: str
    place: CellPlace
    first: int
    last: int
    is_end: bool

    @property
    def data_row(self) -> int:
        """The row in the sheet of the first row of data."""
        return self.place.row + self.table.settings.header

    @property
    def last_row(self) -> int:
        """That of the last row of data, or of the line that stands for none."""
        return self.data_row + max(self.last - self.first + 1, 0) + self.table.groups - 1

    @property
    def area(self) -> SheetArea:
        last = max(self.last_row + (self.is_end and self.table.has_totals), self.place.row)
        return SheetArea(first=self.place, last=CellPlace(last, self.place.column + len(self.table.columns) - 1))

    def column_area(self, number: int) -> str:
        """D6:D20, the data of a column."""
        column = workbook_cells.column_letters(self.place.column - 1 + number)
        return f"{column}{self.data_row}:{column}{max(self.last_row, self.data_row)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStyles:
    """Numbers of the cell formats of a table: its cells, its headings in order, its totals by column."""

    cells: Styles
    headings: Sequence[int]
    totals: Mapping[int, int]


def prepare(work: RowWork, relation: str, settings: SheetSettings) -> ReportTable:
    """The table of a sheet, of the rows that were loaded. Raises Problem for what no sheet holds."""
    connection, where = work.connection, f'the sheet "{settings.sheet}"'
    there = database.columns(connection, relation)
    names = {kinds.column(there, name, where): heading for name, heading in settings.columns.items()}
    # All columns under their own headings, where none is chosen.
    names = names or {name: name for name in there}
    for column in (*settings.formats, *settings.totals, *(rule.column for rule in settings.rules)):
        kinds.column(names, column, where)
    for column in settings.totals:
        kinds.require({name: there[name] for name in names}, column, ValueKind.NUMBER, f"{where}, totals")
    # Before any work: no other sheet could take the rest.
    if len(names) > places.COLUMNS_MAX:
        raise Problem(f"{where} would have {len(names):,} columns; it holds {places.COLUMNS_MAX:,}")
    csv_cells.count_finite(connection, relation, {name: there[name] for name in names})
    work.warnings.extend(time_texts.repeated_hours(connection, relation, there, work.context.settings.zone))
    shown, groups = f"shown on {settings.sheet}", 0
    chosen = ", ".join(f"{_cut(work, relation, name, there[name], where)} AS {quote(names[name])}" for name in names)
    if settings.group_by is None:
        # A table: a view might give its rows in another order each time that it is asked.
        connection.execute(f"CREATE TABLE {quote(shown)} AS SELECT {chosen} FROM {quote(relation)}")
    else:
        groups = _make_groups(connection, relation, shown, chosen, kinds.column(there, settings.group_by, where))
    types = {name: kind for name, kind in database.columns(connection, shown).items() if name != GROUP}
    # One pass decides how cells are written, so that none pays for what its column lacks.
    columns = workbook_columns.look(connection, shown, types)
    for one in columns:
        if one.odd:
            work.context.log(f'sheet "{settings.sheet}", {one.remark}\n')
    for name in settings.totals:
        _refuse_odd(columns, names[kinds.column(names, name, where)], f"{where}, totals")
    rows = database.count(connection, shown)
    return ReportTable(settings=settings, relation=shown, columns=columns, names=names, rows=rows, groups=groups)


def _refuse_odd(columns: Sequence[SheetColumn], heading: str, where: str) -> None:
    """Raises Problem for numbers that are text on a sheet, because a formula adds them up as nothing."""
    for one in columns:
        if one.name == heading and one.odd:
            raise Problem(f"{where}: {one.remark}, and Excel adds up no text; leave it out, or round it before")


def _cut(work: RowWork, relation: str, name: str, kind: str, where: str) -> str:
    """The column as SQL, without what is longer than a cell: that is warned of and not refused."""
    value = quote(name)
    if not workbook_columns.is_text(kind):
        return value
    text = f"CAST({value} AS VARCHAR)"
    beyond = f"length(regexp_replace({text}, '[^\\x{{10000}}-\\x{{10FFFF}}]', '', 'g'))"  # two units of UTF-16 each
    test = f"strlen({text}) > {TEXT_CHARACTERS_MAX} AND length({text}) + {beyond} > {TEXT_CHARACTERS_MAX}"
    row = work.connection.execute(f"SELECT count(*) FROM {quote(relation)} WHERE {test}").fetchone()
    assert row is not None
    # Most columns are short, and cost one look.
    if not row[0]:
        return value
    texts = "1 text was" if row[0] == 1 else f"{row[0]:,} texts were"
    work.warnings.append(
        f'{where}, column "{name}": {texts} cut to the {TEXT_CHARACTERS_MAX:,} characters that a cell holds'
    )
    kept = f"left({text}, {TEXT_CHARACTERS_MAX})"
    pairs = f"length(regexp_replace({kept}, '[^\\x{{10000}}-\\x{{10FFFF}}]', '', 'g'))"
    return f"CASE WHEN {test} THEN left({kept}, {TEXT_CHARACTERS_MAX} - {pairs}) ELSE {text} END"


def _make_groups(connection: duckdb.DuckDBPyConnection, relation: str, shown: str, chosen: str, column: str) -> int:
    """Makes the relation with the rows of equal values together, in the order in which the values come first."""
    number = quote(GROUP)
    connection.execute(
        f'CREATE TABLE {quote(shown)} AS SELECT * EXCLUDE ("place of the row") FROM (SELECT {chosen}, '
        f'dense_rank() OVER (ORDER BY first_of_group) AS {number}, "place of the row" FROM (SELECT *, '
        f'min("place of the row") OVER (PARTITION BY {quote(column)}) AS first_of_group FROM '
        f'(SELECT row_number() OVER () AS "place of the row", * FROM {quote(relation)}))) '
        f'ORDER BY {number}, "place of the row"'
    )
    row = connection.execute(f"SELECT coalesce(max({number}), 0) FROM {quote(shown)}").fetchone()
    assert row is not None
    return int(row[0])


def parts(table: ReportTable, place: CellPlace, names: Iterator[str]) -> Iterator[PlacedTable]:
    """The table on as many sheets as it needs. Raises Problem for groups, which are not torn apart."""
    header = table.settings.header
    free = places.ROWS_MAX - place.row + 1 - header - table.has_totals
    if table.groups and table.rows + table.groups > free:
        raise Problem(f'"{table.settings.sheet}" has more rows than a sheet holds, and is grouped; leave out group_by')
    if free < 1:
        raise Problem(f'"{table.settings.sheet}": no row fits below {place}')
    for first in range(1, max(table.rows, 1) + 1, free):
        last = min(first + free - 1, table.rows)
        yield PlacedTable(
            table=table, sheet=next(names), place=place, first=first, last=last, is_end=last >= table.rows
        )
