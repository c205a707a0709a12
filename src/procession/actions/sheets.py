"""Spreadsheets as input: looked over before they are parsed, then read as text (spec/trust.md, rule 5)."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procession.actions.problems import Problem

if TYPE_CHECKING:
    import fastexcel

MEMBERS_MAX = 1_000
UNPACKED_BYTES_MAX = 1 << 30
RATIO_MAX = 100
RATIO_FREE_BYTES = 10 << 20  # below this much unpacked, any ratio is harmless
CELLS_MAX = 20_000_000
COLUMNS_MAX = 16_384
_CHUNK_BYTES = 1 << 20
_OVERLAP_BYTES = 64  # an attribute r="XFD1048576" that lies across two chunks is still seen whole
_POSITION = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,10})["']""")
_CELL = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?c[\s>/]")


def read(path: str, name: str, *, sheet: str | int | None, has_header: bool) -> fastexcel.ExcelSheet:
    """One sheet, every column as text, for DuckDB to take. Raises Problem naming the file `name`."""
    look_over(Path(path), name)
    import fastexcel

    try:
        book = fastexcel.read_excel(path)
        chosen: Any = sheet if sheet is not None else 0
        if isinstance(chosen, str) and chosen not in book.sheet_names:
            raise Problem(f'"{name}" has no sheet "{chosen}" (it has {", ".join(book.sheet_names[:20])})')
        return book.load_sheet(chosen, header_row=0 if has_header else None, dtypes="string")
    except fastexcel.FastExcelError as error:
        raise Problem(f'"{name}" cannot be read as a spreadsheet: {str(error).splitlines()[0]}') from error


def look_over(path: Path, name: str) -> None:
    """Refuse what would unpack or spread into more than the limits. Raises Problem."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, path.stat().st_size, name)
            for member in archive.infolist():
                if member.filename.lower().startswith("xl/worksheets/") and member.filename.lower().endswith(".xml"):
                    _check_spread(archive, member, name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise Problem(f'"{name}" is not a spreadsheet that can be read: {error}') from error


def _check_sizes(archive: zipfile.ZipFile, packed_bytes: int, name: str) -> None:
    members = archive.infolist()
    unpacked_bytes = sum(member.file_size for member in members)
    if len(members) > MEMBERS_MAX:
        raise Problem(f'"{name}" has {len(members)} parts inside; at most {MEMBERS_MAX} are read')
    if unpacked_bytes > UNPACKED_BYTES_MAX:
        raise Problem(f'"{name}" unpacks to {unpacked_bytes >> 20} MiB; at most {UNPACKED_BYTES_MAX >> 20} are read')
    if unpacked_bytes > RATIO_FREE_BYTES and unpacked_bytes > RATIO_MAX * max(packed_bytes, 1):
        raise Problem(f'"{name}" unpacks to more than {RATIO_MAX} times its size; it looks like a bomb and is not read')


def _check_spread(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> None:
    """The reader fills the whole rectangle up to the last cell, so one cell in the far corner counts as all of them."""
    rows = width = cells = 0
    for chunk in _chunks(archive, member):
        positions = _POSITION.findall(chunk)
        rows = max(rows, max((int(row) for _, row in positions), default=0))
        width = max(width, max((_column(letters) for letters in {text for text, _ in positions}), default=0))
        cells += len(_CELL.findall(chunk))
        if width > COLUMNS_MAX:
            raise Problem(f'"{name}" has a sheet with more than {COLUMNS_MAX:,} columns')
        if max(rows * max(width, 1), cells) > CELLS_MAX:
            raise Problem(f'"{name}" has a sheet with more than {CELLS_MAX:,} cells ({rows:,} rows, {width:,} columns)')


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    tail = b""
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield tail + chunk
            tail = chunk[-_OVERLAP_BYTES:]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
