"""The cells of one worksheet of an Office workbook, row by row, each as its file stores it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from procession.actions.problems import Problem
from procession.actions.reading.cells import Kind
from procession.actions.reading.sheets import areas, values
from procession.actions.reading.sheets.areas import COLUMNS_MAX, DIGITS_MAX, ROWS_MAX, cell_name, column_number
from procession.actions.reading.sheets.formats import Shows
from procession.actions.reading.sheets.markup import Attributes, Handlers, feed, is_true
from procession.actions.reading.sheets.rows import Cell, Findings, Row
from procession.actions.reading.sheets.values import FAULT, WITHOUT_VALUE, Value

_POSITION = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})\Z", re.ASCII)
_TRUTHS = {"1": "TRUE", "0": "FALSE", "true": "TRUE", "false": "FALSE"}


class Texts(Protocol):
    """Shared strings by their number."""

    def __getitem__(self, number: int, /) -> str: ...

    def __len__(self) -> int: ...


@dataclass(kw_only=True)
class Worksheet:
    """`texts` gives the shared strings when the first of them is met."""

    where: str  # 'the sheet "Data" of "a.xlsx"'
    styles: list[Shows]
    texts: Callable[[], Texts]
    is_1904: bool
    findings: Findings

    def rows(self, chunks: Iterable[bytes]) -> Iterator[Row]:
        """The rows that the sheet stores, in their order. Raises Problem."""
        reader = _Reader(self)
        for _ in feed(chunks, Handlers(start=reader.start, end=reader.end, text=reader.text), self.where):
            yield from reader.done
            reader.done.clear()


class _Reader:
    """Follows the elements of one sheet. Only what lies in sheetData has to do with cells."""

    def __init__(self, sheet: Worksheet) -> None:
        self.done: list[Row] = []
        self._sheet = sheet
        self._strings: Texts | None = None
        self._columns: dict[str, int] = {}  # by their letters
        self._shown: dict[str, Shows] = {}  # by the number of a style, as it is written
        self._is_data = False
        self._row, self._row_text = -1, ""
        self._cells: list[Cell] = []
        self._is_hidden = False
        self._column = -1
        self._kind = self._style = ""
        self._parts: list[str] | None = None  # of the element whose text is wanted
        self._value: str | None = None
        self._inline: list[str] = []
        self._is_formula = self._is_spoken = False

    def start(self, name: str, attributes: Attributes) -> None:
        # By how often they come: most elements of a sheet are cells and their values.
        if not self._is_data:
            self._note(name, attributes)
        elif name == "c":
            self._start_cell(attributes)
        elif name == "v":
            self._parts = []
        elif name == "t":
            self._parts = None if self._is_spoken else self._inline
        elif name == "row":
            self._start_row(attributes)
        elif name == "f":
            self._is_formula = self._sheet.findings.has_formulas = True
        elif name == "rPh":
            self._is_spoken = True

    def text(self, text: str) -> None:
        if self._parts is not None:
            self._parts.append(text)

    def end(self, name: str) -> None:
        if not self._is_data:
            return
        if name == "v":
            self._value = "".join(self._parts or ())
            self._parts = None
        elif name == "c":
            kind, text = self._stored()
            if text:
                self._cells.append((self._column, kind, text))
        elif name == "t":
            self._parts = None
        elif name == "row":
            self.done.append((self._row, self._is_hidden, self._cells))
        elif name == "rPh":
            self._is_spoken = False
        elif name == "sheetData":
            self._is_data = False

    def _note(self, name: str, attributes: Attributes) -> None:
        match name:
            case "sheetData":
                self._is_data = True
            case "mergeCell":
                self._sheet.findings.merged.extend(areas.merged(attributes.get("ref", "")))
            case "col" if is_true(attributes, "hidden"):
                self._sheet.findings.has_hidden_columns = True

    def _start_row(self, attributes: Attributes) -> None:
        given = attributes.get("r", "")
        # ECMA-376 part 1, 18.3.1.73 and 18.3.1.4: a place is optional; without one a row or cell follows the last.
        row = int(given) - 1 if given.isascii() and given.isdigit() and len(given) < 9 else self._row + 1
        if row <= self._row or row >= ROWS_MAX:
            raise self._damaged(f"row {row + 1:,} follows row {self._row + 1:,}")
        self._row, self._row_text = row, str(row + 1)
        self._column, self._cells = -1, []
        self._is_hidden = is_true(attributes, "hidden")

    def _start_cell(self, attributes: Attributes) -> None:
        position = attributes.get("r")
        column = self._column + 1 if position is None else self._column_of(position)
        if column <= self._column or column >= COLUMNS_MAX:
            raise self._damaged(f"cell {position or cell_name(self._row, column)} is not in its place")
        self._column = column
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
        self._value, self._is_formula = None, False
        if self._inline:
            self._inline = []

    def _column_of(self, position: str) -> int:
        column = self._columns.get(position.removesuffix(self._row_text))
        if column is None or not position.endswith(self._row_text):
            found = _POSITION.match(position)
            if found is None or int(found[2]) != self._row + 1:
                raise self._damaged(f"row {self._row + 1:,} has a cell {position[:20]}")
            column = self._columns[found[1]] = column_number(found[1])
        return column

    def _stored(self) -> Value:
        """The cell's value; an empty text where it has none."""
        text, kind = self._value, self._kind
        if kind == "s" and text:
            return Kind.TEXT, self._shared(text)
        if kind == "inlineStr" or (text is None and self._inline):
            return Kind.TEXT, values.unescaped("".join(self._inline) or text or "")
        if kind == "str" and text is not None:
            return Kind.TEXT, values.unescaped(text)
        if not text or not text.strip():
            return (FAULT, WITHOUT_VALUE) if self._is_formula else (Kind.TEXT, "")
        match kind:
            case "n":
                return values.shown(text, self._shows(), is_1904=self._sheet.is_1904)
            case "b":
                truth = _TRUTHS.get(text.strip().lower())
                return (Kind.TRUTH, truth) if truth else (FAULT, f'"{text[:40]}" is neither true nor false')
            case "e":
                return FAULT, text[:40]
            case "d":
                return values.iso(text)
        return FAULT, f'a cell of the unknown type "{kind[:40]}"'

    def _shows(self) -> Shows:
        shows = self._shown.get(self._style)
        if shows is None:
            shows = self._shown[self._style] = self._shows_anew()
        return shows

    def _shows_anew(self) -> Shows:
        """Raises Problem for a style that is not there: without it a date would be a number."""
        number, styles = self._style, self._sheet.styles
        # Some programs write no styles at all, and numbers of them.
        if not styles:
            return Shows.NUMBER
        is_number = number.isascii() and number.isdigit() and len(number) <= DIGITS_MAX
        if is_number and int(number) < len(styles):
            return styles[int(number)]
        raise self._damaged(f'row {self._row + 1:,} has a number in the style "{number[:20]}", which is not defined')

    def _shared(self, text: str) -> str:
        if self._strings is None:
            self._strings = self._sheet.texts()
        try:
            number = int(text)
            if number < 0:
                raise ValueError
            return self._strings[number]
        except (ValueError, IndexError):
            raise self._damaged(
                f"{cell_name(self._row, self._column)} has the text {text[:20]} of {len(self._strings):,}"
            ) from None

    def _damaged(self, why: str) -> Problem:
        return Problem(f"{self._sheet.where} is damaged: {why}")
