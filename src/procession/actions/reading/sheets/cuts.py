"""A large sheet as lines of a file that DuckDB reads, a row each: its bytes are cut into rows and cells, not parsed.

DuckDB takes `</c>` for the mark between fields, so that a field is a cell as it is written. Nothing is believed here:
`forms` has every byte of a line proved.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from procession.actions.problems import Problem
from procession.actions.reading.sheets.areas import CELLS_MAX, cell_name, column_number
from procession.actions.reading.sheets.rows import Row
from procession.actions.reading.sheets.tables import Collector

SAMPLE_ROWS = 500  # more show little more
BYTES_MAX = 512 << 20  # of lines: a line end within a text becomes five bytes
_BEGIN, _END, _ROW_END, _CELL_END = b"<sheetData>", b"</sheetData>", b"</row>", b"</c>"
_ROW_MARK = b"</row"  # found in two thirds of the time without its bracket, with which the next line then begins
_CODE = re.compile(rb"""encoding\s*=\s*["']([^"']*)""")
_BLANK_ROWS = re.compile(rb">?(?:<row [^<>]*/>)*\Z")
_ENDED_TWICE = b"</c></c>", b'"/></c>'
_TAG = re.compile(rb'<row r="[0-9]+"((?: [A-Za-z][A-Za-z0-9:]*="[^"<>&]*")*>)')
# XML 1.0, 2.2 and 2.4: what no text can hold, as bytes. One byte is found in a tenth of the time of two.
_NO_CHARACTERS = bytes(set(range(32)) - set(b"\t\n\r"))
_NO_TEXTS = ((b"]", b"]]>"), (b"\xef", b"\xef\xbf\xbe"), (b"\xef", b"\xef\xbf\xbf"))
# Of XML, of an escape of a workbook, and of what DuckDB alone takes for a number.
_MARKS = (b"&", b"&"), (b"_", b"_"), (b"+", b"+-")
_NONCHARACTERS = 0xFFFE, 0xFFFF
_PLACE = re.compile(rb'<c r="([A-Z]{1,2})[0-9]')
_BETWEEN = ((b">\n<c ", b"><c "), (b">\n</row>", b"></row>"), (b"</row>\n", b"</row>"))
_REFERENCE = re.compile(rb"&#(x?)([0-9A-Fa-f]{1,7});")
_KEPT = {10: b"&#10;", 13: b"&#13;", 34: b"&quot;", 38: b"&amp;", 60: b"&lt;"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """How a sheet begins. `rows`: of the headings, if any, and the first of the data; `sample`: cells of some rows.

    `tag`: of the first row of the data, from behind its number on."""

    rows: list[Row]
    tag: str
    sample: list[list[bytes]]

    def columns(self, *, is_even: bool) -> list[int]:
        """Those that have a field in each line."""
        if is_even:
            return [_column(cell) for cell in max(self.sample, key=len)]
        filled = [column for _, _, cells in self.rows for column, _, _ in cells]
        return list(range(1 + max(*filled, *(_column(row[-1]) for row in self.sample if row))))

    def cells(self) -> Iterator[tuple[int, str]]:
        """Cells of the sample, by column, each from behind its place. Raises UnicodeDecodeError."""
        for row in self.sample:
            for cell in row:
                yield _column(cell), cell.split(b'"', 2)[2].decode()

    @property
    def is_even(self) -> bool:
        """Whether each row has the first so many cells of the longest."""
        columns = self.columns(is_even=True)
        ours = [list(map(_column, row)) for row in self.sample]
        return all(row == columns[: len(row)] for row in ours) and not any(
            cell.endswith(b"/>") for row in self.sample for cell in row
        )


@dataclass(kw_only=True)
class Cut:
    """A sheet in pieces. When they are written, `around` is the sheet without the rows of the data."""

    top: Top
    around: bytes
    first: bytes  # piece, from the first row of the data on
    rest: Iterator[bytes]
    rows: int = 0
    is_plain: bool = True  # no text has any of _MARKS in it

    def write(self, path: Path, columns: list[int], *, is_even: bool) -> None:
        """The rows of the data as lines. Raises ValueError for what is not written in the common way."""
        aligned = None if is_even else _Aligned(columns)
        with path.open("wb") as file:
            file.write(b">")
            for piece in self._pieces():
                lines = (_closed(piece) if aligned else piece).split(_ROW_MARK)
                self.rows += len(lines)
                self.is_plain = self.is_plain and not _has(piece, _MARKS)
                if self.rows * len(columns) > CELLS_MAX or file.tell() > BYTES_MAX:
                    raise ValueError(self.rows)
                if aligned and any(ends in piece for ends in _ENDED_TWICE):
                    raise ValueError(piece)
                file.write(b"\n".join(map(aligned.row if aligned else _even, lines)))
            # Behind the last row there is its bracket alone.
            file.truncate(file.tell() - len(b"\n>"))

    def _pieces(self) -> Iterator[bytes]:
        piece = self.first
        for following in self.rest:
            yield bare(piece)
            piece = following
        rows, end, tail = piece.partition(_END)
        if not end or not _BLANK_ROWS.match(rows := bare(rows)):
            raise ValueError(rows)
        self.around += end + tail
        if rows:
            yield rows.replace(b"/>", b">" + _ROW_END)


class _Aligned:
    """Gives a row a field for each column, where some cells are left out or have no end of their own."""

    def __init__(self, columns: list[int]) -> None:
        self._places = {cell_name(0, column)[:-1].encode(): place for place, column in enumerate(columns)}

    def row(self, line: bytes) -> bytes:
        """Raises ValueError for a cell out of its place."""
        begin = line.find(b"<c ")
        begin = begin if begin >= 0 else len(line)
        tag = line.rfind(b"<row ", 0, begin)
        if tag < 0 or (tag <= 1 and line.endswith(_CELL_END) and line.count(_CELL_END) == len(self._places)):
            return line
        if tag <= 1:
            return line[:begin] + _CELL_END.join(self._fields(line[begin:]))
        # Rows without cells may have no end of their own either.
        if not _BLANK_ROWS.match(line[:tag]):
            raise ValueError(line[:tag])
        return line[:tag].replace(b"/><", b">\n><").replace(b"/>", b">\n>") + self.row(line[tag:])

    def _fields(self, row: bytes) -> list[bytes]:
        fields, last = [b""] * len(self._places), -1
        for cell in _cells(row):
            # Its letters are behind `<c r="`.
            place = self._places.get(cell[6:7] if cell[7:8] < b"A" else cell[6:8], -1)
            if place <= last:
                raise ValueError(cell)
            fields[place], last = cell, place
        return fields


def _even(line: bytes) -> bytes:
    """The same. Raises ValueError where the last cell has no end of the common kind; `proofs` sees the others."""
    if (not line.endswith(_CELL_END) and b"<c " in line) or line.endswith(_ENDED_TWICE):
        raise ValueError(line)
    return line


def _closed(rows: bytes) -> bytes:
    """A cell without anything may have no end of its own; only the last of a row is left so."""
    return rows.replace(b'"/><c ', b'"/></c><c ')


def _cells(row: bytes) -> list[bytes]:
    """Without their ends. Raises ValueError where the last has none."""
    cells = row.split(_CELL_END)
    if cells[-1] and not cells[-1].endswith(b'"/>'):
        raise ValueError(row)
    return cells if cells[-1] else cells[:-1]


def bare(piece: bytes) -> bytes:
    """The same on one line: the line ends that some programs write between rows and cells are left out.

    Of references to characters only those to line ends and to marks of XML are left. Raises ValueError."""
    # XML 1.0, 2.11: a CR is a line end as well, alone or with an LF.
    if b"\r" in piece or not _is_text(piece):
        raise ValueError(piece)
    if b"\n" in piece:
        piece = piece.lstrip(b"\n")
        for written, meant in _BETWEEN:
            piece = piece.replace(written, meant)
        piece = piece.replace(b"\n", b"&#10;")
    return _REFERENCE.sub(_referred, piece) if b"&" in piece and b"&#" in piece else piece


def _is_text(piece: bytes) -> bool:
    return not _has(piece, _NO_TEXTS) and len(piece.translate(None, _NO_CHARACTERS)) == len(piece)


def _has(piece: bytes, marks: tuple[tuple[bytes, bytes], ...]) -> bool:
    """Any of the marks, each given behind its first byte."""
    return any(byte in piece and mark in piece for byte, mark in marks)


def _referred(found: re.Match[bytes]) -> bytes:
    """Raises ValueError for what is no character (XML 1.0, 2.2)."""
    number = int(found[2], 16) if found[1] else int(found[2])
    is_none = number > sys.maxunicode or number in _NONCHARACTERS or (number < ord(" ") and number != ord("\t"))
    if number not in _KEPT and is_none:
        raise ValueError(found[0])
    return _KEPT.get(number) or chr(number).encode()


def begin(chunks: Iterable[bytes], top: Callable[[bytes], Iterator[Row]], collector: Collector) -> Cut | None:
    """None, or ValueError, when the sheet does not begin in the common way. `top` reads rows exactly."""
    pieces = in_items(chunks, _ROW_END)
    piece = next(pieces, b"")
    head, mark, _ = piece.partition(_BEGIN)
    # purl.oclc.org is the namespace of strict workbooks, whose dates are texts.
    if not mark or not is_utf8(head) or b"purl.oclc.org" in head:
        return None
    rows = _top(top(piece), collector)
    start = piece.find(b'<row r="%d"' % (rows[-1][0] + 1)) if rows else -1
    if start < 0 or any(kind < 0 for _, _, cells in rows for _, kind, _ in cells):
        return None
    lines = bare(piece[start:]).split(_ROW_MARK)[:-1][:SAMPLE_ROWS]
    sample = [_cells(_closed(line[line.find(b"<c ") :])) for line in lines if b"<c " in line]
    tag = _TAG.match(piece, start)
    found = Top(rows=rows, tag=tag[1].decode() if tag else ">", sample=sample)
    if not all(_PLACE.match(cell) for row in sample for cell in row):
        return None
    return Cut(top=found, around=piece[:start], first=piece[start:], rest=pieces)


def is_utf8(head: bytes) -> bool:
    code = _CODE.search(head, 0, head.find(b"?>"))
    return code is None or code[1].lower() == b"utf-8"


def in_items(chunks: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    """Pieces that end with an item, such as a row, and what is left."""
    held: list[bytes] = []
    for chunk in chunks:
        cut = chunk.rfind(end) + len(end)
        if cut < len(end):
            held.append(chunk)
            continue
        yield b"".join((*held, chunk[:cut]))
        held = [chunk[cut:]]
    yield b"".join(held)


def _top(rows: Iterator[Row], collector: Collector) -> list[Row]:
    """The row of the headings, if any, and the first of the data; nothing when they are not there."""
    wanted = 2 if collector.has_header else 1
    found: list[Row] = []
    try:
        for row in rows:
            if row[2] and row[0] >= collector.area.first_row:
                found.append(row)
            if len(found) == wanted:
                return found
    except Problem:
        # Damaged, or those rows are not in its first piece: the exact way says which.
        return []
    return []


def _column(cell: bytes) -> int:
    """From 0, of a cell that says its place."""
    found = _PLACE.match(cell)
    assert found is not None
    return column_number(found[1].decode())
