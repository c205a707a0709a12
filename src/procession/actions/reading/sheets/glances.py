"""A look at the bytes of a large sheet: is it written in the common way that fastexcel reads exactly?"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from procession.actions.problems import Problem
from procession.actions.reading.sheets.areas import CELLS_MAX, cell_name
from procession.actions.reading.sheets.rows import Row
from procession.actions.reading.sheets.tables import Collector

_COLUMNS_MAX = 64  # fastexcel fills the whole rectangle of a sheet, even for one cell in its far corner
_LAST_ROW = re.compile(rb'<row [^>]*?\br="([0-9]{1,7})"')
_BEGIN, _END, _ROW_END = b"<sheetData>", b"</sheetData>", b"</row>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What the bytes of a sheet tell. Row numbers are from 0."""

    first: Row  # of the data
    headings: dict[int, str]
    values: int  # how many cells hold something, from the first row of the data on
    last_row: int
    around: bytes  # the sheet without its rows
    has_formulas: bool


def look(
    chunks: Iterable[bytes], top: Callable[[bytes], Iterator[Row]], collector: Collector, *, seeks: bool
) -> Glance | None:
    """None when there is something in the sheet that fastexcel might not read as it is.

    `top` reads rows exactly; `seeks`: for formulas.
    """
    pieces = _in_rows(chunks)
    piece = next(pieces, b"")
    head, begin, _ = piece.partition(_BEGIN)
    # purl.oclc.org is the namespace of strict workbooks, whose dates are texts.
    rows = _top(top(piece), collector) if begin and b"purl.oclc.org" not in head else []
    width = 1 + max((column for _, _, cells in rows for column, _, _ in cells), default=_COLUMNS_MAX)
    if width > _COLUMNS_MAX or any(kind < 0 for _, _, cells in rows for _, kind, _ in cells):
        return None
    seen = _Seen(strange=_strange(width), first_row=b'<row r="%d"' % (rows[-1][0] + 1), seeks=seeks)
    tail = seen.through(piece[len(head) :], pieces)
    if tail is None or seen.values is None or seen.last_row * width > CELLS_MAX:
        return None
    return Glance(
        first=rows[-1],
        headings={column: text for column, _, text in rows[0][2]} if collector.has_header else {},
        values=seen.values,
        last_row=seen.last_row - 1,
        around=head + _BEGIN + tail,
        has_formulas=seen.has_formulas,
    )


def _in_rows(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces that end with a row, and what is left: nothing that is looked for stands in two of them."""
    held: list[bytes] = []
    for chunk in chunks:
        end = chunk.rfind(_ROW_END) + len(_ROW_END)
        if end < len(_ROW_END):
            held.append(chunk)
            continue
        yield b"".join((*held, chunk[:end]))
        held = [chunk[end:]]
    yield b"".join(held)


@dataclass(kw_only=True)
class _Seen:
    """What was found in the pieces of a sheet up to now."""

    strange: re.Pattern[bytes]
    first_row: bytes  # how the first row of the data begins
    seeks: bool  # formulas
    values: int | None = None  # from that row on
    last_row: int = 0  # from 1
    has_formulas: bool = False

    def through(self, piece: bytes, pieces: Iterator[bytes]) -> bytes | None:
        """Looks at all rows, from the first piece on; gives what follows them, None for what _take() does not take."""
        for following in pieces:
            if not self._take(piece):
                return None
            piece = following
        end = piece.rfind(_END)
        return piece[end:] if end >= 0 and self._take(piece[:end]) else None

    def _take(self, rows: bytes) -> bool:
        """False when there is a hidden row, which is counted the exact way only, a cell that is an ISO date, or is
        written in another way, or lies to the right of the first rows' columns."""
        if _holds(rows, b"hidden=") or _holds(rows, b't="d"') or self.strange.search(rows):
            return False
        # A formula that several cells share is written out in the first of them; that of a data table nowhere.
        if self.seeks and (_holds(rows, b"</f>") or _holds(rows, b'"dataTable"')):
            self.has_formulas, self.seeks = True, False
        start = 0 if self.values is not None else rows.find(self.first_row)
        if start >= 0:
            self.values = (self.values or 0) + rows.count(b"</c>", start)
        last = _LAST_ROW.match(rows, max(rows.rfind(b"<row "), 0))
        self.last_row = int(last[1]) if last else self.last_row
        return True


def _finder() -> Callable[[bytes, bytes], bool]:
    """Whether the first bytes hold the others: by the C library, in a third of the time of bytes.find()."""
    try:
        memmem = ctypes.CDLL(None).memmem
    except (AttributeError, OSError, TypeError):  # Windows has none
        return lambda content, wanted: wanted in content
    memmem.restype = ctypes.c_void_p
    memmem.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    return lambda content, wanted: memmem(content, len(content), wanted, len(wanted)) is not None


_holds = _finder()


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


def _strange(width: int) -> re.Pattern[bytes]:
    """Finds a cell that does not say its place in the common way, or not one of the first `width` columns."""
    letters = cell_name(0, width - 1)[:-1]
    if len(letters) == 1:
        inside = f"[A-{letters}]"
    else:
        before = f"[A-{chr(ord(letters[0]) - 1)}][A-Z]|" if letters[0] > "A" else ""
        inside = f"[A-Z]|{before}{letters[0]}[A-{letters[1]}]"
    return re.compile(f'<c(?! r="(?:{inside})[0-9])'.encode())
