"""A look at the bytes of a large sheet: is it written in the common way that fastexcel reads exactly?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from procession.actions.reading.sheets.areas import CELLS_MAX, cell_name
from procession.actions.reading.sheets.rows import Row
from procession.actions.reading.sheets.tables import Collector

_COLUMNS_MAX = 64  # fastexcel fills the whole rectangle of a sheet, even for one cell in its far corner
_LAST_ROW = re.compile(rb'<row [^>]*?\br="([0-9]{1,7})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What the bytes of a sheet tell. Row numbers are from 0."""

    first: Row  # of the data
    headings: dict[int, str]
    values: int  # how many cells hold something, from the first row of the data on
    last_row: int


def look(content: bytes, rows: Iterator[Row], collector: Collector) -> Glance | None:
    """None when there is something in the sheet that fastexcel might not read as it is. `rows` are read exactly."""
    start, end = content.find(b"<sheetData>"), content.rfind(b"</sheetData>")
    # purl.oclc.org is the namespace of strict workbooks, whose dates are texts. Hidden rows are counted the exact way
    # only.
    if not 0 < start < end or b"purl.oclc.org" in content[:start] or content.find(b"hidden=", start, end) >= 0:
        return None
    top = _top(rows, collector)
    if not top or any(kind < 0 for _, _, cells in top for _, kind, _ in cells):
        return None
    first = top[-1]
    at = content.find(b'<row r="%d"' % (first[0] + 1), start, end)
    last = _LAST_ROW.match(content, content.rfind(b"<row ", start, end))
    width = max(column for _, _, cells in top for column, _, _ in cells) + 1
    if at < 0 or last is None or width > _COLUMNS_MAX or int(last[1]) * width > CELLS_MAX:
        return None
    # A cell that is an ISO date, or is written in another way, or lies to the right of the first rows' columns.
    if content.find(b't="d"', start, end) >= 0 or _strange(width).search(content, start, end):
        return None
    return Glance(
        first=first,
        headings={column: text for column, _, text in top[0][2]} if collector.has_header else {},
        values=content.count(b"</c>", at, end),
        last_row=int(last[1]) - 1,
    )


def _top(rows: Iterator[Row], collector: Collector) -> list[Row]:
    """The row of the headings, if any, and the first of the data; nothing when they are not there."""
    wanted = 2 if collector.has_header else 1
    found: list[Row] = []
    for row in rows:
        if row[2] and row[0] >= collector.area.first_row:
            found.append(row)
        if len(found) == wanted:
            return found
    return []


def _strange(width: int) -> re.Pattern[bytes]:
    """Finds a cell that does not say its place in the common way, or not one of the first `width` columns."""
    letters = cell_name(0, width - 1)[:-1]
    if len(letters) == 1:
        inside = f"[A-{letters}]"
    else:
        before = f"[A-{chr(ord(letters[0]) - 1)}][A-Z]|" if letters[0] > "A" else ""
        inside = f"[A-Z]|{before}{letters[0]}[A-{letters[1]}]"
    return re.compile(f'<c(?! r="(?:{inside})[0-9])'.encode())
