"""Cells of a sheet as people write them (B4, Summary!B2), and what Excel allows where one is named."""

from __future__ import annotations

import re
from dataclasses import dataclass

from procession.actions.writing.workbook_cells import column_letters

ROWS_MAX, COLUMNS_MAX = 1_048_576, 16_384  # Excel's own limits
SHEET_NAME_MAX = 31
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9][0-9]{0,6})\Z")
_SHEET_AND_CELL = re.compile(r"(?:'((?:[^']|'')+)'|([^'!]+))!(.+)\Z")
# What a format is made of: "texts", \\x, _x, *x, [colours, conditions, currencies], digits, marks, parts of dates.
_FORMAT_PART = re.compile(
    r'"[^"\r\n]*"|\\.|_.|\*.|General|AM/PM|A/P'
    r"|\[(?:Black|Blue|Cyan|Green|Magenta|Red|White|Yellow|Color ?\d{1,2})\]"
    r"|\[(?:h+|m+|s+|[<>=]{1,2}-?\d+(?:\.\d+)?|\$[^\[\]]{0,20})\]"
    r"|[0#?.,%/@$\-+(): !&'~{}<>=^EeyYmMdDhHsS\u20ac\u00a3\u00a5]",
    re.IGNORECASE,
)
_SECTIONS_MAX, _FORMAT_CHARACTERS_MAX = 4, 255  # Excel repairs a book that has more


@dataclass(frozen=True, slots=True, order=True)
class CellPlace:
    """Row and column, both from 1."""

    row: int
    column: int

    def __str__(self) -> str:
        return f"{column_letters(self.column - 1)}{self.row}"


def cell(text: str) -> CellPlace | None:
    """B4 as a place; None for what is none, or lies beyond a sheet."""
    found = _CELL.match(text)
    if found is None:
        return None
    column = 0
    for letter in found[1].upper():
        column = column * 26 + ord(letter) - 64
    # XFE1 looks like a cell and is beyond the last column.
    row = int(found[2])
    return CellPlace(row, column) if row <= ROWS_MAX and column <= COLUMNS_MAX else None


def on_sheet(text: str) -> tuple[str, CellPlace] | None:
    """Summary!B2 as a sheet and a place; names with blanks may stand in apostrophes."""
    found = _SHEET_AND_CELL.match(text)
    place = cell(found[3]) if found is not None else None
    if found is None or place is None:
        return None
    return (found[1].replace("''", "'") if found[1] is not None else found[2]), place


def sheet_name_mistake(name: str) -> str:
    """Why Excel would not take the name, "" where it does."""
    if len(name.encode("utf-16-le", "surrogatepass")) // 2 > SHEET_NAME_MAX:
        return f"has more than {SHEET_NAME_MAX} characters"
    if set(name) & set("[]:*?/\\") or not name.isprintable():
        return "has one of []:*?/\\ or a control character in it"
    if name.startswith("'") or name.endswith("'") or not name.strip():
        return "begins or ends with an apostrophe, or is empty"
    return "is kept by Excel for itself" if name.lower() == "history" else ""


def is_number_format(text: str) -> bool:
    """Whether Excel reads the format; one that it does not read makes it repair the whole book."""
    if not text or len(text) > _FORMAT_CHARACTERS_MAX:
        return False
    sections, at = 1, 0
    while at < len(text):
        if text[at] == ";":
            sections, at = sections + 1, at + 1
            continue
        found = _FORMAT_PART.match(text, at)
        if found is None:
            return False
        at = found.end()
    return sections <= _SECTIONS_MAX
