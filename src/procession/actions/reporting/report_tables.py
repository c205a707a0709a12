"""Tables of a report: the rows of a sheet, what is said of their columns, and their XML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reporting import places
from procession.actions.reporting.places import CellPlace
from procession.actions.reporting.report_settings import SheetSettings
from procession.actions.reporting.splicing import RowFile, SheetArea
from procession.actions.rows import kinds
from procession.actions.rows.kinds import ValueKind
from procession.actions.writing import csv_cells, workbook_cells, workbook_columns
from procession.actions.writing.workbook_cells import Styles
from procession.actions.writing.workbook_columns import TEXT_CHARACTERS_MAX, SheetColumn

if TYPE_CHECKING:
    import duckdb

    from procession.actions.rows.work import RowWork

GROUP, FIRST, LAST = "group of the row", "first row of the group", "last row of the group"
TOTAL = "Total"
_SUM = 9  # of SUBTOTAL: adds up what a filter shows, and no other subtotal


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
    names = names or {name: name for name in there}
    for column in (*settings.formats, *settings.totals, *(rule.column for rule in settings.rules)):
        kinds.column(names, column, where)
    for column in settings.totals:
        kinds.require({name: there[name] for name in names}, column, ValueKind.NUMBER, f"{where}, totals")
    if len(names) > places.COLUMNS_MAX:
        raise Problem(f"{where} would have {len(names):,} columns; it holds {places.COLUMNS_MAX:,}")
    csv_cells.count_finite(connection, relation, {name: there[name] for name in names})
    shown, groups = f"shown on {settings.sheet}", 0
    chosen = ", ".join(f"{_cut(work, relation, name, there[name], where)} AS {quote(names[name])}" for name in names)
    if settings.group_by is None:
        # A table: a view might give its rows in another order each time that it is asked.
        connection.execute(f"CREATE TABLE {quote(shown)} AS SELECT {chosen} FROM {quote(relation)}")
    else:
        groups = _make_groups(connection, relation, shown, chosen, kinds.column(there, settings.group_by, where))
    types = {name: kind for name, kind in database.columns(connection, shown).items() if name != GROUP}
    columns = workbook_columns.look(connection, shown, types)
    for one in columns:
        if one.odd:
            work.context.log(f'sheet "{settings.sheet}", {one.remark}\n')
    rows = database.count(connection, shown)
    return ReportTable(settings=settings, relation=shown, columns=columns, names=names, rows=rows, groups=groups)


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


def row_file(
    connection: duckdb.DuckDBPyConnection,
    placed: PlacedTable,
    styles: TableStyles,
    zone: str,
    others: Sequence[PlacedTable],
) -> RowFile:
    """The XML of the rows; `others` are the parts of the table on the sheets before, for its totals.

    Raises Problem for a column that lies beyond the sheet.
    """
    table, first = placed.table, placed.place.column - 1
    before = ""
    if table.settings.header:
        names = [column.name for column in table.columns]
        before = workbook_cells.heading_row(connection, names, styles.headings, row=placed.place.row, first=first)
    path: Path | None = None
    if table.rows:
        path = Path(database.EXPORT_FOLDER) / "table.rows"
        path.unlink(missing_ok=True)
        query = _grouped(placed, styles, zone) if table.groups else _plain(placed, styles, zone)
        connection.execute(
            f"COPY ({query}) TO {literal(str(path.absolute()))} "
            "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
        )
    after = _total_row(connection, placed, styles, [*others, placed]) if placed.is_end and table.has_totals else ""
    return RowFile(area=placed.area, before=before, body=path, after=after)


def _plain(placed: PlacedTable, styles: TableStyles, zone: str) -> str:
    table = placed.table
    row = workbook_cells.row(table.columns, styles.cells, zone, first=placed.place.column - 1)
    names = ", ".join(["n", *(f"c{number}" for number in range(len(table.columns)))])
    return (
        f"SELECT {row} FROM (SELECT CAST(n + {placed.data_row - placed.first} AS VARCHAR) AS n, * EXCLUDE (n) FROM "
        f"(SELECT row_number() OVER () AS n, * FROM {quote(table.relation)}) AS numbered({names}) "
        f"WHERE n BETWEEN {placed.first} AND {placed.last})"
    )


def _grouped(placed: PlacedTable, styles: TableStyles, zone: str) -> str:
    """Rows of each group at the second level of the outline, and a line of totals below them."""
    table, first = placed.table, placed.place.column - 1
    row = workbook_cells.row(table.columns, styles.cells, zone, first=first, attributes=' outlineLevel="1"')
    names = ", ".join(["n", *(f"c{number}" for number in range(len(table.columns))), "g"])
    start = placed.data_row - 1
    rows = (
        f"SELECT n + g - 1 + {start} AS place, g, * EXCLUDE (n, g) FROM (SELECT row_number() OVER () AS n, * FROM "
        f"{quote(table.relation)}) AS numbered({names})"
    )
    sums = ", ".join(f"coalesce(sum(c{number}), 0) AS s{number}" for number in table.totals)
    return (
        f"SELECT line FROM (SELECT place, {row} AS line FROM (SELECT place, CAST(place AS VARCHAR) AS n, * EXCLUDE "
        f"(place) FROM ({rows})) UNION ALL SELECT up_to + 1, {_group_line(table, styles, first)} FROM (SELECT "
        f"max(place) AS up_to, min(place) AS since, any_value({_group_text(table)}) AS name"
        f"{', ' + sums if sums else ''} FROM ({rows}) GROUP BY g)) ORDER BY place"
    )


def _group_text(table: ReportTable) -> str:
    number = table.number(table.settings.group_by or "", "group_by")
    return f"CAST(c{number} AS VARCHAR)"


def _group_line(table: ReportTable, styles: TableStyles, first: int) -> str:
    """The SQL of a group's line: its name where no total stands, and the totals."""
    # In the first column that has no total; a table of totals alone needs no word for them.
    label = next((number for number in range(len(table.columns)) if number not in table.totals), None)
    pieces = ["'<row r=\"'", "up_to + 1", "'\">'"]
    for number in sorted({*table.totals, *([label] if label is not None else [])}):
        letters = workbook_cells.column_letters(first + number)
        if number == label:
            text = workbook_cells.escaped_text(f"concat('{TOTAL} ', name)")
            pieces += [
                f"'<c r=\"{letters}'",
                "up_to + 1",
                f'\'" s="{styles.cells.heading}" t="inlineStr"><is><t>\'',
                text,
            ]
            pieces += ["'</t></is></c>'"]
        else:
            look = styles.totals[number]
            pieces += [f"'<c r=\"{letters}'", "up_to + 1", f'\'" s="{look}"><f>SUBTOTAL({_SUM},{letters}\'', "since"]
            pieces += [f"':{letters}'", "up_to", "')</f><v>'", f"CAST(s{number} AS VARCHAR)", "'</v></c>'"]
    end = "'</row>'"
    return f"concat({', '.join([*pieces, end])})"


def _total_row(
    connection: duckdb.DuckDBPyConnection, placed: PlacedTable, styles: TableStyles, all_parts: Sequence[PlacedTable]
) -> str:
    table, row = placed.table, placed.area.last.row
    label = next((number for number in range(len(table.columns)) if number not in table.totals), None)
    cells = []
    for number in sorted({*table.totals, *([label] if label is not None else [])}):
        place = CellPlace(row, placed.place.column + number)
        if number == label:
            cells.append(f'<c r="{place}" s="{styles.cells.heading}" t="inlineStr"><is><t>{TOTAL}</t></is></c>')
            continue
        ranges = ",".join(
            one.column_area(number) if one is placed else f"'{_quoted_sheet(one.sheet)}'!{one.column_area(number)}"
            for one in all_parts
        )
        # Kept with the formula: readers that do not calculate show it.
        total = _sum(connection, table, number)
        look = styles.totals[number]
        # Of no rows the range would be the cell itself.
        formula = f"<f>SUBTOTAL({_SUM},{ranges})</f>" if table.rows else ""
        cells.append(f'<c r="{place}" s="{look}">{formula}<v>{total:f}</v></c>')
    return f'<row r="{row}">{"".join(cells)}</row>\n'


def _quoted_sheet(name: str) -> str:
    return name.replace("'", "''").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _sum(connection: duckdb.DuckDBPyConnection, table: ReportTable, number: int) -> Decimal:
    name = quote(table.columns[number].name)
    query = f"SELECT CAST(coalesce(sum({name}), 0) AS VARCHAR) FROM {quote(table.relation)}"
    row = connection.execute(query).fetchone()
    assert row is not None
    return Decimal(row[0])
