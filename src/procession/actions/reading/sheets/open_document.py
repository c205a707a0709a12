"""OpenDocument spreadsheets (ODS): all tables lie in one part, with runs of equal cells and rows written once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from procession.actions.problems import Problem
from procession.actions.reading.cells import Kind
from procession.actions.reading.sheets import values
from procession.actions.reading.sheets.areas import COLUMNS_MAX, ROWS_MAX
from procession.actions.reading.sheets.containers import Container
from procession.actions.reading.sheets.markup import Attributes, Handlers, feed, local
from procession.actions.reading.sheets.paragraphs import Paragraphs
from procession.actions.reading.sheets.rows import Cell, Findings, Row
from procession.actions.reading.sheets.tabs import Tab
from procession.actions.reading.sheets.values import FAULT, WITHOUT_VALUE, Value

CONTENT = "content.xml"
_MANIFEST = "META-INF/manifest.xml"
# A cell under a merged area is kept with its value, as programs show it again when the area is split.
_KINDS = {"table-cell", "covered-table-cell"}
_ERROR = re.compile(r"#(?:N/A|DIV/0!|REF!|NAME\?|VALUE!|NUM!|NULL!)\Z|Err:[0-9]+\Z")
_DURATION = re.compile(
    r"(-?)P(?:(\d{1,6})D)?(?:T(?:(\d{1,8})H)?(?:(\d{1,8})M)?(?:(\d{1,8})(?:[.,](\d+))?S)?)?\Z", re.ASCII
)
_TRUTHS = {"true", "false"}
_VALUES = {"value", "date-value", "time-value", "boolean-value"}
# No table has more rows; int() refuses a text of more than 4,300 digits with an error of its own.
_DIGITS_MAX = 9


class OpenDocument:
    """An OpenDocument spreadsheet, open. Raises Problem when its frame is damaged or locked with a password."""

    def __init__(self, container: Container) -> None:
        self._container = container
        # ODF part 3: an encrypted part has this element in the manifest, which itself is never encrypted.
        if _MANIFEST in container and b"encryption-data" in container.read(_MANIFEST):
            raise Problem(f'"{container.file_name}" is protected with a password; save it without one')
        listing = _Listing()
        handlers = Handlers(start=listing.start, end=listing.end)
        # Prefixes are checked this once; names are compared without them.
        what = f'the document "{container.file_name}"'
        for _ in feed(container.chunks(CONTENT), handlers, what, checks_prefixes=True):
            pass
        self.tabs = listing.tabs

    def rows(self, tab: Tab, where: str, findings: Findings) -> Iterator[Row]:
        reader = _Reader(int(tab.part), where, findings)
        handlers = Handlers(start=reader.start, end=reader.end, text=reader.text)
        for _ in feed(self._container.chunks(CONTENT), handlers, where):
            yield from _repeated(reader.done)
            reader.done.clear()
            if reader.is_over:
                return

    def warnings(self, findings: Findings) -> list[str]:
        return []


def _repeated(runs: list[tuple[int, int, bool, list[Cell]]]) -> Iterator[Row]:
    for first, count, is_hidden, cells in runs:
        for number in range(first, first + count if cells else first):
            yield number, is_hidden, cells


class _Listing:
    """Takes down the tables of a document. Each is hidden or not by its style."""

    def __init__(self) -> None:
        self.tabs: list[Tab] = []
        self._hidden: set[str] = set()
        self._style = ""
        self._depth = 0

    def start(self, name: str, attributes: Attributes) -> None:
        match name:
            case "style":
                self._style = local(attributes, "name")
            case "table-properties" if local(attributes, "display") == "false":
                self._hidden.add(self._style)
            case "table":
                self._depth += 1
                if self._depth == 1:
                    is_hidden = local(attributes, "style-name") in self._hidden
                    self.tabs.append(Tab(name=local(attributes, "name"), part=str(len(self.tabs)), is_hidden=is_hidden))

    def end(self, name: str) -> None:
        self._depth -= name == "table"


class _Reader:
    """Follows the elements of the whole document, and takes the rows of one table."""

    def __init__(self, number: int, where: str, findings: Findings) -> None:
        self.done: list[tuple[int, int, bool, list[Cell]]] = []  # first row, how many, are they hidden, cells
        self.is_over = False
        self._wanted = number
        self._where = where
        self._findings = findings
        self._tables = self._depth = self._row = self._column = 0
        self._cells: list[Cell] = []
        self._row_attributes: Attributes = {}
        self._is_row = False
        self._cell: Attributes | None = None
        self._paragraphs = Paragraphs()

    @property
    def _is_inside(self) -> bool:
        return self._depth == 1 and self._tables == self._wanted + 1

    def start(self, name: str, attributes: Attributes) -> None:
        if self._cell is not None:
            self._paragraphs.start(name, attributes)
        elif name == "table":
            self._depth += 1
            # A cell may hold a table of its own.
            self._tables += self._depth == 1
        elif not self._is_inside:
            return
        elif name in _KINDS:
            self._cell, self._paragraphs = attributes, Paragraphs()
        elif self._is_row:
            # Left out, it would move the cells behind it.
            raise Problem(f"{self._where} is damaged: row {self._row + 1:,} holds {name[:40]}, which is no cell")
        elif name == "table-row":
            self._row_attributes, self._cells, self._column, self._is_row = attributes, [], 0, True
        elif name == "table-column" and local(attributes, "visibility") in ("collapse", "filter"):
            self._findings.has_hidden_columns = True

    def text(self, text: str) -> None:
        if self._cell is not None:
            self._paragraphs.text(text)

    def end(self, name: str) -> None:
        if self._cell is not None and not self._paragraphs.is_open:
            self._end_cell(self._cell)
            self._cell = None
        elif self._cell is not None:
            self._paragraphs.end()
        elif name == "table":
            self.is_over = self.is_over or self._is_inside
            self._depth -= 1
        elif name == "table-row" and self._is_inside:
            self._end_row()

    def _end_row(self) -> None:
        self._is_row = False
        count = self._count(self._row_attributes, "number-rows-repeated")
        if self._cells:
            if self._row + count > ROWS_MAX:
                raise Problem(f"{self._where} has more than {ROWS_MAX:,} rows")
            is_hidden = local(self._row_attributes, "visibility") in ("collapse", "filter")
            self.done.append((self._row, count, is_hidden, self._cells))
        self._row += count

    def _end_cell(self, attributes: Attributes) -> None:
        count = self._count(attributes, "number-columns-repeated")
        kind, text = _stored(attributes, self._paragraphs)
        width, height = (self._count(attributes, f"number-{one}-spanned") for one in ("columns", "rows"))
        if width > 1 or height > 1:
            last = min(self._row + height, ROWS_MAX) - 1, min(self._column + width, COLUMNS_MAX) - 1
            self._findings.merged.extend((self._row, last[0], self._column, last[1]))
        if text:
            if self._column + count > COLUMNS_MAX:
                raise Problem(f"{self._where} has more than {COLUMNS_MAX:,} columns (row {self._row + 1:,})")
            self._cells.extend((self._column + place, kind, text) for place in range(count))
        self._column += count

    def _count(self, attributes: Attributes, name: str) -> int:
        count = local(attributes, name) or "1"
        if not (count.isascii() and count.isdigit() and len(count) <= _DIGITS_MAX and int(count)):
            raise Problem(f'{self._where} is damaged: {name} is "{count[:20]}" (row {self._row + 1:,})')
        return int(count)


def _stored(attributes: Attributes, paragraphs: Paragraphs) -> Value:
    """The value of a cell, given its attributes and the text that it shows; an empty text where it has none."""
    shown = paragraphs.joined()
    found = {name.rpartition(":")[2]: value for name, value in attributes.items() if not name.startswith("calcext:")}
    is_formula = "formula" in found
    # LibreOffice stores an error as a text; only this attribute of its own calls it one.
    if (
        local({name: value for name, value in attributes.items() if name.startswith("calcext:")}, "value-type")
        == "error"
    ):
        return FAULT, shown or "an error"
    # Other programs than LibreOffice write an error as the text that is shown.
    if is_formula and _ERROR.match(shown):
        return FAULT, shown
    match found.get("value-type", ""):
        case "float" | "currency" | "percentage":
            text = found.get("value", "")
            number = values.number_text(text)
            return (FAULT, f'"{text[:40]}" is not a number') if number is None else (Kind.NUMBER, number)
        case "date":
            return values.iso(found.get("date-value", ""))
        case "time":
            return _duration(found.get("time-value", ""))
        case "boolean":
            text = found.get("boolean-value", "")
            return (
                (Kind.TRUTH, text.upper()) if text in _TRUTHS else (FAULT, f'"{text[:40]}" is neither true nor false')
            )
        case "" | "void" if is_formula and paragraphs.are_none:  # LibreOffice gives the result "" an empty one
            return FAULT, WITHOUT_VALUE
        # Without its type the value would be taken for what the cell shows of it, or for nothing.
        case "" | "void" if not _VALUES.isdisjoint(found):
            return FAULT, "a value without a type"
        case "" | "void" | "string":
            pass
        case unknown:
            return FAULT, f'a value of the unknown type "{unknown[:40]}"'
    # ODF: string-value is the value where it is given; the paragraphs are what is shown of it.
    return Kind.TEXT, found.get("string-value", shown) or shown


def _duration(text: str) -> Value:
    found = _DURATION.match(text)
    if found is None:
        return FAULT, f'"{text[:40]}" is not a time'
    sign, days, hours, minutes, seconds, fraction = found.groups()
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    milliseconds = round(float(f"0.{fraction or 0}") * 1_000) + whole * 1_000
    return Kind.TEXT, values.clock(-milliseconds if sign else milliseconds)
