"""What a template says of some rows only: formulas, names, charts and rules that end above the last row put in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import unescape

from procession.actions.reporting import places
from procession.actions.reporting.places import CellPlace
from procession.actions.reporting.report_tables import PlacedTable
from procession.actions.reporting.splicing import SheetArea
from procession.actions.reporting.templates import Template

_SHOWN = 3
# A formula has at most 8,192 characters, and each may be written as an entity.
_TAIL = 128 << 10
_MARKS = re.compile(
    rb"""<(?:[A-Za-z]+:)?(?:"""
    rb"""c\b[^>]*?\sr\s*=\s*["'](?P<cell>[A-Z]+[0-9]+)|"""
    rb"""f\b(?P<said>[^>]*)(?<!/)>(?P<formula>[^<]*)|"""
    rb"""definedName\b(?P<named>[^>]*)>(?P<name>[^<]*)|"""
    rb"""conditionalFormatting\b[^>]*?\ssqref\s*=\s*["'](?P<rule>[^"']*)|"""
    rb"""worksheetSource\b(?P<pivot>[^>]*))"""
)
_RANGE = re.compile(
    r"(?:(?:'((?:[^']|'')+)'|([^\W\d][\w.]*))!)?"
    r"\$?([A-Z]{1,3})\$?([0-9]{1,7}):\$?([A-Z]{1,3})\$?([0-9]{1,7})(?![\w(])"
)
# Of the own sheet; a row behind $ stays the same in each row.
_CELL = re.compile(r"(?<![\w!:$.])\$?([A-Z]{1,3})([0-9]{1,7})(?![\w(:!.])")
_ATTRIBUTE = r"""\b{}\s*=\s*["']([^"']*)"""
_PLACES = {"charts": "a chart", "pivotCache": "a pivot table"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """A text that refers to cells, and where it stands, in words; `until`: the last row of the formulas like it."""

    where: str
    text: str
    sheet: str
    cell: CellPlace | None = None
    until: int = 0


def short(template: Template, tables: Iterable[PlacedTable]) -> Iterator[str]:
    """Warnings, two a table at most: what adds up or shows its first rows would be a wrong total that looks right."""
    of = {table.sheet.lower(): table for table in tables}
    found: dict[str, dict[str, str]] = {sheet: {} for sheet in of}
    formulas: dict[str, list[_Said]] = {sheet: [] for sheet in of}
    for part, sheet in _parts(template):
        for said in _all_said(template.container.chunks(part), part, sheet):
            if said.cell is not None and sheet.lower() in formulas:
                formulas[sheet.lower()].append(said)
            for name, area in _areas(said):
                table = of.get(name.lower())
                if table is not None and _ends_early(table, area, said):
                    found[name.lower()].setdefault(said.where, f"{area.first}:{area.last}")
    for sheet, table in of.items():
        if found[sheet]:
            yield _told(template, table, found[sheet])
        if beside := list(_beside(table, formulas[sheet])):
            yield (
                f"the rows on {template.what(table.sheet)} go on to row {table.last_row:,}, and formulas beside them "
                f"end before: {', '.join(beside[:_SHOWN])}; fill them down, or calculate the column in a step"
            )


def _told(template: Template, table: PlacedTable, wheres: Mapping[str, str]) -> str:
    listed = ", ".join(f"{where} ({area})" for where, area in list(wheres.items())[:_SHOWN])
    more = f" and {len(wheres) - _SHOWN:,} more" if len(wheres) > _SHOWN else ""
    return (
        f"the rows on {template.what(table.sheet)} go on to row {table.last_row:,}, and what refers to them ends "
        f"before: {listed}{more}; make those ranges longer, or whole columns"
    )


def _parts(template: Template) -> Iterator[tuple[str, str]]:
    """The parts that may refer to cells, and the sheet that they mean where they name none."""
    yield from ((part, sheet) for sheet, part in template.sheets.items())
    yield template.workbook, ""
    for part in template.container.parts():
        if part.endswith(".xml") and any(f"/{folder}/" in part for folder in _PLACES):
            yield part, ""


def _all_said(chunks: Iterable[bytes], part: str, sheet: str) -> Iterator[_Said]:
    where = next((words for folder, words in _PLACES.items() if f"/{folder}/" in part), "")
    cell = None
    for mark in _marks(chunks):
        if mark["cell"] is not None:
            cell = places.cell(mark["cell"].decode())
        elif mark["formula"]:
            shared = SheetArea.parse(_attribute(mark["said"], "ref"))
            until = shared.last.row if shared is not None else 0
            said = f"{sheet}!{cell}" if sheet else where
            yield _Said(where=said, text=_text(mark["formula"]), sheet=sheet, cell=cell, until=until)
        else:
            yield from _of_others(mark, where, sheet)


def _of_others(mark: re.Match[bytes], where: str, sheet: str) -> Iterator[_Said]:
    if mark["name"]:
        name = _attribute(mark["named"], "name")
        # A filter is set anew by whoever uses it.
        if name != "_xlnm._FilterDatabase":
            where = "the print area" if name == "_xlnm.Print_Area" else f'the name "{name}"'
            yield _Said(where=where, text=_text(mark["name"]), sheet=sheet)
    elif mark["rule"]:
        yield _Said(where=f"a conditional format of {sheet}", text=_text(mark["rule"]), sheet=sheet)
    elif mark["pivot"]:
        text = f"'{_attribute(mark['pivot'], 'sheet')}'!{_attribute(mark['pivot'], 'ref')}"
        yield _Said(where=where, text=text, sheet=sheet)


def _marks(chunks: Iterable[bytes]) -> Iterator[re.Match[bytes]]:
    # A sheet may have a GiB: what lies across two chunks is found in the tail that is kept.
    kept = b""
    for chunk in chunks:
        kept += chunk
        if len(kept) > 2 * _TAIL:
            until = len(kept) - _TAIL
            yield from (mark for mark in _MARKS.finditer(kept) if mark.start() < until)
            kept = kept[until:]
    yield from _MARKS.finditer(kept)


def _areas(said: _Said) -> Iterator[tuple[str, SheetArea]]:
    for one in _RANGE.finditer(_without_texts(said.text)):
        first, last = places.cell(one[3] + one[4]), places.cell(one[5] + one[6])
        if first is not None and last is not None:
            name = one[1].replace("''", "'") if one[1] else one[2] or said.sheet
            yield name, SheetArea(first=first, last=last)


def _ends_early(table: PlacedTable, area: SheetArea, said: _Said) -> bool:
    is_of_rows = area.overlaps(table.area) and table.data_row <= area.last.row < table.last_row
    if not is_of_rows or area.first.row == area.last.row:
        return False
    # A formula beside the rows that looks back over those above it, as a running total does, is of its own row.
    own = said.cell if said.sheet.lower() == table.sheet.lower() else None
    return own is None or not table.data_row <= own.row <= table.last_row or abs(own.row - area.last.row) > 1


def _beside(table: PlacedTable, formulas: Iterable[_Said]) -> Iterator[str]:
    """Columns of formulas beside the rows, each of its own row, that end above the last: E2:E20."""
    ends: dict[int, int] = {}
    for one in formulas:
        place = one.cell
        # From the first row on; what refers to another row than its own is no column of the table.
        if place is None or place.row not in (table.data_row, ends.get(place.column, -1) + 1):
            continue
        own = (places.cell(found[1] + found[2]) for found in _CELL.finditer(_without_texts(one.text)))
        if any(cell in table.area and cell.row == place.row for cell in own if cell is not None):
            ends[place.column] = max(place.row, one.until)
    for column, last in ends.items():
        if last < table.last_row:
            yield f"{CellPlace(table.data_row, column)}:{CellPlace(last, column)}"


def _without_texts(formula: str) -> str:
    return re.sub(r'"[^"]*"', '""', formula)


def _attribute(tag: bytes, name: str) -> str:
    found = re.search(_ATTRIBUTE.format(name), tag.decode(errors="replace"))
    return unescape(found[1], {"&apos;": "'", "&quot;": '"'}) if found else ""


def _text(content: bytes) -> str:
    return unescape(content.decode(errors="replace"), {"&apos;": "'", "&quot;": '"'})
