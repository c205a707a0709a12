"""Binary workbooks (XLSB): the same parts as in an XLSX, each of records instead of markup."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from procession.actions.problems import Problem
from procession.actions.reading.cells import Kind
from procession.actions.reading.sheets import formats, office, values
from procession.actions.reading.sheets.areas import COLUMNS_MAX, ROWS_MAX
from procession.actions.reading.sheets.containers import Container
from procession.actions.reading.sheets.formats import Shows
from procession.actions.reading.sheets.records import records, wide
from procession.actions.reading.sheets.rows import Cell, Findings, Row
from procession.actions.reading.sheets.tabs import Tab
from procession.actions.reading.sheets.values import FAULT, Value

SUFFIX = ".bin"
# MS-XLSB numbers the kinds of records so; 1 is a cell with a style and no value.
_ROW, _, _RK, _ERROR, _TRUTH, _REAL, _TEXT, _SHARED = range(8)
_FORMULA_TEXT, _FORMULA_REAL, _FORMULA_TRUTH, _FORMULA_ERROR = range(8, 12)
_SHARED_ITEM, _FORMAT, _STYLE, _COLUMN, _RICH_TEXT = 19, 44, 47, 60, 62
_DATA_ENDS, _BOOK_PROPERTIES, _SHEET, _MERGED = 146, 153, 156, 176
_STYLES_BEGIN, _STYLES_END = 617, 618
_CELLS = frozenset((*range(_RK, _FORMULA_ERROR + 1), _RICH_TEXT))
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
_BROKEN = (struct.error, ValueError, IndexError)


class BinaryBook:
    """A binary workbook, open. Raises Problem when its frame is damaged."""

    def __init__(self, container: Container, part: str) -> None:
        self.tabs: list[Tab] = []
        self._is_1904 = False
        self._container = container
        self._related = office.relations(container, part)
        what = f'the workbook "{container.file_name}"'
        try:
            for number, content in records(container.chunks(part), what):
                if number == _BOOK_PROPERTIES:
                    self._is_1904 = bool(content[0] & 1)
                elif number == _SHEET:
                    self.tabs.append(self._tab(content))
        except _BROKEN as error:
            raise Problem(f"{what} is damaged: {error}") from error

    def rows(self, tab: Tab, where: str, findings: Findings) -> Iterator[Row]:
        if tab.part not in self._container:
            raise Problem(f"{where} is damaged: its cells are missing")
        try:
            styles, strings = self._styles(where), self._strings(where)
        except _BROKEN as error:
            raise Problem(f'the workbook "{self._container.file_name}" is damaged: {error}') from error
        # A row has no record that ends it: the next one does, or the end of the part.
        reader = _Reader(styles, strings, self._is_1904, findings)
        try:
            for number, content in records(self._container.chunks(tab.part), where):
                if number == _ROW:
                    yield from reader.finished()
                reader.take(number, content)
            yield from reader.finished()
        except _BROKEN as error:
            raise Problem(f"{where} is damaged: {error} (row {reader.row + 1:,})") from error

    def warnings(self, findings: Findings) -> list[str]:
        return []

    def _tab(self, content: bytes) -> Tab:
        (state,) = struct.unpack_from("<I", content)
        relation_id, at = wide(content, 8)
        name, _ = wide(content, at)
        relation = self._related.get(relation_id)
        if relation is None:
            raise ValueError(f'it does not say where its sheet "{name}" is')
        has_cells = relation.kind in ("worksheet", "xlmacrosheet")
        return Tab(name=name, part=relation.part, is_hidden=state != 0, has_cells=has_cells)

    def _part_of(self, kind: str) -> str:
        return next((relation.part for relation in self._related.values() if relation.kind == kind), "")

    def _styles(self, what: str) -> list[Shows]:
        part = self._part_of("styles")
        codes: dict[int, str] = {}
        number_ids: list[int] = []
        is_inside = False
        for number, content in records(self._container.chunks(part), what) if part in self._container else ():
            if number == _FORMAT:
                codes[struct.unpack_from("<H", content)[0]] = wide(content, 2)[0]
            elif number in (_STYLES_BEGIN, _STYLES_END):
                # Styles that others are made from (BrtBeginCellStyleXFs) have records of the same kind, before these.
                is_inside = number == _STYLES_BEGIN
            elif number == _STYLE and is_inside:
                number_ids.append(struct.unpack_from("<H", content, 2)[0])
        return formats.of_styles(number_ids, codes)

    def _strings(self, what: str) -> list[str]:
        part = self._part_of("sharedstrings")
        if part not in self._container:
            return []
        found = records(self._container.chunks(part), what)
        # From 1: a rich string begins with a byte of flags. Its runs and its spoken form follow the text.
        return [wide(content, 1)[0] for number, content in found if number == _SHARED_ITEM]


class _Reader:
    """Takes the records of one sheet."""

    def __init__(self, styles: list[Shows], strings: list[str], is_1904: bool, findings: Findings) -> None:
        self.row = -1
        self._styles = styles
        self._strings = strings
        self._is_1904 = is_1904
        self._findings = findings
        self._is_hidden = False
        self._is_over = False
        self._cells: list[Cell] = []

    def take(self, number: int, content: bytes) -> None:
        """Raises ValueError, IndexError or struct.error when the record is damaged."""
        if number in _CELLS and not self._is_over:
            self._take_cell(number, content)
        elif number == _ROW:
            (row,) = struct.unpack_from("<I", content)
            if row <= self.row or row >= ROWS_MAX:
                raise ValueError(f"row {row + 1:,} is not in its place")
            # MS-XLSB, BrtRowHdr: the bit is fDyZero, a height of nothing, by which a row is hidden.
            self.row, self._is_hidden, self._cells = row, bool(content[11] & 0x10), []
        elif number == _DATA_ENDS:
            self._is_over = True
        elif number == _MERGED:
            self._findings.merged.extend(struct.unpack_from("<IIII", content))
        elif number == _COLUMN and struct.unpack_from("<H", content, 16)[0] & 1:
            self._findings.has_hidden_columns = True

    def finished(self) -> Iterator[Row]:
        if self._cells:
            yield self.row, self._is_hidden, self._cells
            self._cells = []

    def _take_cell(self, number: int, content: bytes) -> None:
        column, style = struct.unpack_from("<II", content)
        if column >= COLUMNS_MAX or (self._cells and column <= self._cells[-1][0]) or self.row < 0:
            raise ValueError(f"column {column + 1:,} is not in its place")
        # MS-XLSB, Cell: a style has 24 bits; those above them are flags.
        kind, text = self._value(number, content, style & 0xFFFFFF)
        if text:
            self._cells.append((column, kind, text))

    def _value(self, number: int, content: bytes, style: int) -> Value:
        if number == _RK:
            return self._number(_packed(content), style)
        if number in (_REAL, _FORMULA_REAL):
            return self._number(struct.unpack_from("<d", content, 8)[0], style)
        if number in (_TEXT, _FORMULA_TEXT):
            return Kind.TEXT, wide(content, 8)[0]
        if number == _RICH_TEXT:
            return Kind.TEXT, wide(content, 9)[0]
        if number == _SHARED:
            return Kind.TEXT, self._strings[struct.unpack_from("<I", content, 8)[0]]
        if number in (_TRUTH, _FORMULA_TRUTH):
            return Kind.TRUTH, "TRUE" if content[8] else "FALSE"
        return FAULT, _ERRORS.get(content[8], "an error")

    def _number(self, number: float, style: int) -> Value:
        # Without its style a date would be a number.
        if style >= max(len(self._styles), 1):
            raise ValueError(f'the style "{style}" of a number is not defined')
        shows = self._styles[style] if self._styles else Shows.NUMBER
        return values.shown(repr(number), shows, is_1904=self._is_1904)


def _packed(content: bytes) -> float:
    """A number in 30 bits: whole or the upper bits of a double, perhaps a hundred times too large."""
    (packed,) = struct.unpack_from("<i", content, 8)
    number = float(packed >> 2) if packed & 2 else struct.unpack("<d", struct.pack("<q", (packed & ~3) << 32))[0]
    return number / 100 if packed & 1 else number
