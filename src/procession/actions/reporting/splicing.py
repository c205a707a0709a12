"""Puts rows and single cells into a sheet that is there; whatever else is in it keeps its bytes and its place."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from procession.actions.problems import Problem
from procession.actions.reporting import markup, places
from procession.actions.reporting.markup import Element
from procession.actions.reporting.places import CellPlace

_MAIN = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",  # "Strict Open XML", as Excel can save it
)
_ROW_END = b"</row>\n"
_HOLD = frozenset({"v", "f", "is", "t"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetArea:
    """The cells that a table takes: `first` and `last`, both included."""

    first: CellPlace
    last: CellPlace

    def __contains__(self, place: CellPlace) -> bool:
        return self.first.row <= place.row <= self.last.row and self.first.column <= place.column <= self.last.column

    def overlaps(self, other: SheetArea) -> bool:
        rows = self.first.row <= other.last.row and other.first.row <= self.last.row
        return rows and self.first.column <= other.last.column and other.first.column <= self.last.column

    @classmethod
    def parse(cls, text: str) -> SheetArea | None:
        """B4:H20, or a single cell."""
        one, _, other = text.partition(":")
        first, last = places.cell(one), places.cell(other or one)
        return cls(first=first, last=last) if first is not None and last is not None else None


@dataclass(slots=True, kw_only=True)
class SheetCell:
    """A cell that is there."""

    place: CellPlace
    element: Element
    holds: bool = False
    is_formula: bool = False

    @property
    def style(self) -> int | None:
        text = self.element.attributes.get("s", "")
        return int(text) if text.isdecimal() else None


@dataclass(slots=True, kw_only=True)
class SheetRow:
    number: int
    element: Element
    cells: dict[int, SheetCell] = field(default_factory=dict)  # by column


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetPart:
    """A sheet's XML, looked through. `what` is its name in messages."""

    content: bytes
    what: str
    root: Element
    data: Element
    rows: Mapping[int, SheetRow]
    dimension: Element | None
    merged: Sequence[SheetArea]

    @classmethod
    def read(cls, content: bytes, what: str) -> SheetPart:
        """Raises Problem for what cannot be filled."""
        content = markup.utf8(content, what)
        found = markup.elements(content, what)
        data = markup.first(found, "sheetData")
        # Sheets of charts and of dialogues have none.
        if data is None:
            raise Problem(f"{what} has no cells; is it a sheet of charts?")
        merged = [SheetArea.parse(one.attributes.get("ref", "")) for one in found if one.name == "mergeCell"]
        return cls(
            content=content,
            what=what,
            root=found[0],
            data=data,
            rows=_rows(found, data, what),
            dimension=markup.first(found, "dimension"),
            merged=[area for area in merged if area is not None],
        )

    def style(self, place: CellPlace) -> int | None:
        """The format that a cell there has."""
        cell = self.cell(place)
        return cell.style if cell is not None else None

    def cell(self, place: CellPlace) -> SheetCell | None:
        row = self.rows.get(place.row)
        return row.cells.get(place.column) if row is not None else None

    def refuse_taken(self, area: SheetArea) -> None:
        """Raises Problem for an area with something in it that the rows would cover."""
        for number, row in self.rows.items():
            if not area.first.row <= number <= area.last.row:
                continue
            for cell in row.cells.values():
                if cell.holds and cell.place in area:
                    raise Problem(f"{self.what}: the table would cover {cell.place}, which has something in it")
        for one in self.merged:
            if area.overlaps(one):
                raise Problem(f"{self.what}: the table would lie over the joined cells {one.first}:{one.last}")


def _rows(found: Sequence[Element], data: Element, what: str) -> dict[int, SheetRow]:
    rows: dict[int, SheetRow] = {}
    cells: dict[int, SheetCell] = {}
    last = 0
    for one in found:
        if one.name == "row" and one.parent is data:
            number = int(one.attributes["r"]) if one.attributes.get("r", "").isdecimal() else 0
            # What has no number counts on from the row before it, which would be another one then.
            if number <= last:
                raise Problem(f"{what}: its rows have no numbers, or not in order; save it again in Excel")
            rows[number], last = SheetRow(number=number, element=one), number
        elif one.name == "c" and one.parent is not None and one.parent.parent is data and rows:
            place = places.cell(one.attributes.get("r", ""))
            # Against the cell before it alone: a row may have 16,384 of them.
            if place is None or place.row != last or place.column <= next(reversed(rows[last].cells), 0):
                raise Problem(f"{what}: a cell of row {last} does not say where it is; save it again in Excel")
            rows[last].cells[place.column] = cells[id(one)] = SheetCell(place=place, element=one)
        elif one.name in _HOLD and one.parent is not None and (holder := cells.get(id(one.parent))) is not None:
            holder.holds = True
            holder.is_formula = holder.is_formula or one.name == "f"
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFile:
    """Rows of a table as XML, a line each: the headings, the rows in a file, totals. Their cells lie in `area`."""

    area: SheetArea
    before: str
    body: Path | None
    after: str

    @property
    def size_bytes(self) -> int:
        return len(self.before) + len(self.after) + (0 if self.body is None else self.body.stat().st_size)


class _Lines:
    """The lines of a RowFile: one by one while something is beside them, then all at once."""

    def __init__(self, rows: RowFile) -> None:
        body: BinaryIO = io.BytesIO() if rows.body is None else rows.body.open("rb")
        # Open, it needs no name: its room is free as soon as it stands in the book.
        if rows.body is not None:
            rows.body.unlink()
        self._files: list[BinaryIO] = [io.BytesIO(rows.before.encode()), body, io.BytesIO(rows.after.encode())]

    def line(self) -> bytes:
        """The next row; a text in it may have line ends of its own."""
        made = b""
        while self._files and not made.endswith(_ROW_END):
            more = self._files[0].readline()
            if not more:
                self._files.pop(0).close()
            made += more
        return made

    def rest(self, out: BinaryIO) -> None:
        for file in self._files:
            shutil.copyfileobj(file, out, 1 << 20)

    def close(self) -> None:
        for file in self._files:
            file.close()


def write(part: SheetPart, rows: RowFile | None, cells: Mapping[CellPlace, str], out: BinaryIO) -> None:
    """The sheet with the rows and the cells; `cells` are XML by their places."""
    inside = part.data
    out.write(_head(part, rows, cells))
    out.write(f"<{inside.tag('sheetData')}>".encode())
    special: dict[int, dict[int, str]] = {}
    for place, xml in cells.items():
        special.setdefault(place.row, {})[place.column] = xml
    first, last = (rows.area.first.row, rows.area.last.row) if rows is not None else (0, -1)
    # Excel wants rows in order, and would repair the book.
    numbers = sorted({*part.rows, *special})
    for number in (one for one in numbers if one < first or rows is None):
        out.write(_row(part, number, special.get(number, {})))
    if rows is not None:
        lines = _Lines(rows)
        try:
            _write_area(part, lines, [one for one in numbers if first <= one <= last], special, (first, out))
        finally:
            lines.close()
        for number in (one for one in numbers if one > last):
            out.write(_row(part, number, special.get(number, {})))
    out.write(f"</{inside.tag('sheetData')}>".encode())
    out.write(part.content[inside.end :])


def _write_area(
    part: SheetPart,
    lines: _Lines,
    numbers: Sequence[int],
    special: Mapping[int, Mapping[int, str]],
    to: tuple[int, BinaryIO],
) -> None:
    at, out = to
    for number in numbers:
        while at < number:
            out.write(lines.line())
            at += 1
        out.write(_row(part, number, special.get(number, {}), lines.line()))
        at += 1
    # Nothing of the sheet's own beside the rest: copied as it was made.
    lines.rest(out)


def _row(part: SheetPart, number: int, cells: Mapping[int, str], line: bytes = b"") -> bytes:
    """A row of the sheet with more cells in it; `line` is that of the table, of whose cells the sheet's own may stand
    on both sides."""
    row = part.rows.get(number)
    if row is not None and not cells and not line:
        return part.content[row.element.start : row.element.end]
    # A text cannot hold a >, which is written &gt;.
    ours = line[line.index(b">") + 1 : -len(_ROW_END)] if line else b""
    shown: dict[int, bytes] = {}
    if row is not None:
        shown = {column: part.content[one.element.start : one.element.end] for column, one in row.cells.items()}
    # In place of what is there: it was named for that.
    shown |= {column: xml.encode() for column, xml in cells.items()}
    end = "</row>" if row is None else f"</{row.element.tag('row')}>"
    return _tag(part, number, line) + b"".join(_in_order(shown, ours)) + end.encode()


def _in_order(shown: Mapping[int, bytes], ours: bytes) -> Iterator[bytes]:
    """Cells by column; those of the table stand together, at the column of the first of them."""
    if not ours:
        yield from (shown[column] for column in sorted(shown))
        return
    start = ours.index(b'r="') + 3
    first = places.cell(ours[start : ours.index(b'"', start)].decode())
    end = ours.rindex(b'<c r="') + 6
    last = places.cell(ours[end : ours.index(b'"', end)].decode())
    assert first is not None and last is not None
    yield from (shown[column] for column in sorted(shown) if column < first.column)
    yield ours
    yield from (shown[column] for column in sorted(shown) if column > last.column)


def _tag(part: SheetPart, number: int, line: bytes) -> bytes:
    row = part.rows.get(number)
    if row is None:
        return line[: line.index(b">") + 1] if line else f'<row r="{number}">'.encode()
    # Which columns have cells is a hint, and would be a wrong one.
    tag = markup.without_attribute(part.content, row.element, "spans")
    return tag[:-2].rstrip() + b">" if tag.endswith(b"/>") else tag


def _head(part: SheetPart, rows: RowFile | None, cells: Mapping[CellPlace, str]) -> bytes:
    """Everything before the rows, with the size of the sheet and the namespace of our rows."""
    edits: list[tuple[int, int, bytes]] = []
    root = part.root
    if root.prefix:
        main = root.attributes.get(f"xmlns:{root.prefix}", _MAIN[0])
        # Our rows have no prefix: they are in the default namespace, which such a sheet leaves open.
        if root.attributes.get("xmlns", main) != main:
            raise Problem(f"{part.what} is written in a form that cannot be filled; save it again in Excel")
        edits.append((root.start, root.inner, markup.with_attribute(part.content, root, "xmlns", main)))
    # Readers that trust it would miss the rows.
    size = part.dimension
    if size is not None and size.start < part.data.start:
        edits.append(
            (size.start, size.inner, markup.with_attribute(part.content, size, "ref", _used(part, rows, cells)))
        )
    return markup.replaced(part.content[: part.data.start], edits)


def _used(part: SheetPart, rows: RowFile | None, cells: Mapping[CellPlace, str]) -> str:
    found = [cell.place for row in part.rows.values() for cell in row.cells.values()]
    found += [*cells, *([rows.area.first, rows.area.last] if rows is not None else [])]
    # What Excel itself writes for an empty sheet.
    if not found:
        return "A1"
    first = CellPlace(min(one.row for one in found), min(one.column for one in found))
    last = CellPlace(max(one.row for one in found), max(one.column for one in found))
    return str(first) if first == last else f"{first}:{last}"
