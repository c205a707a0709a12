"""The rows of a report's tables as XML: headings, rows, groups with their totals, and the totals of all."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.reporting.places import CellPlace
from procession.actions.reporting.report_tables import TOTAL, PlacedTable, ReportTable, TableStyles
from procession.actions.reporting.splicing import RowFile
from procession.actions.writing import workbook_cells

if TYPE_CHECKING:
    import duckdb

_NO_VALUE = "(empty)"
_SUM = 9  # of SUBTOTAL: adds up what a filter shows, and no other subtotal


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
    # No rows make no file, and COPY would make an empty one.
    if table.rows:
        # A file for each table: those of a template are all made before its first sheet is written.
        path = Path(database.EXPORT_FOLDER) / f"{table.relation}.rows"
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
    # The lines of totals of the groups before push each row down.
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
            # The rows without a value are a group too, whose total must not look like that of all.
            text = workbook_cells.escaped_text(f"concat('{TOTAL} ', coalesce(nullif(trim(name), ''), '{_NO_VALUE}'))")
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


def _range(part: PlacedTable, number: int, *, here: PlacedTable) -> str:
    area = part.column_area(number)
    return area if part is here else f"'{_quoted_sheet(part.sheet)}'!{area}"


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
        ranges = ",".join(_range(one, number, here=placed) for one in all_parts)
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
