"""The results of a run as one zip, made while it is sent: files as they are, values in results.csv."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from procession.model import values
from procession.model.errors import Invalid
from procession.model.files import File, clean_name
from procession.model.processes import Flow, PropertyType
from procession.model.steps import PropertyRow
from procession.operations import contents
from procession.operations.contents import ReadPart
from procession.operations.resources import Resources
from procession.operations.run_views import ShownRun

VALUES = "results.csv"
PIECE_BYTES = 1 << 16
# Windows takes none of these in a name.
_UNSAFE = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?\Z", re.IGNORECASE)
# A cell that begins so is a formula for a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TEXTS = frozenset({PropertyType.STRING, PropertyType.TEXT, PropertyType.DROPDOWN})
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)  # that a zip can say


@dataclass(frozen=True, slots=True, kw_only=True)
class ZippedFile:
    name: str
    size_bytes: int
    read: ReadPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """`at` is the date of all of it: the same results are the same bytes."""

    name: str
    at: datetime
    files: Sequence[ZippedFile]
    values: bytes  # results.csv; empty where there is none

    def pieces(self) -> Iterator[bytes]:
        """The zip, in pieces of moderate size; blocks, and holds one piece in memory."""
        sink = _Sink()
        # Deflated, though most results are small: a stored member whose size follows it is refused by some programs.
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
            if self.values:
                made.writestr(self._named(VALUES), self.values)
                yield from sink.taken()
            for file in self.files:
                info = self._named(file.name)
                info.file_size = file.size_bytes  # so that a large one is written in the large form
                with made.open(info, "w") as member:
                    for piece in file.read(0, file.size_bytes):
                        member.write(piece)
                        yield from sink.taken()
        yield from sink.taken()

    def _named(self, name: str) -> zipfile.ZipInfo:
        at = max(self.at, _EARLIEST)
        info = zipfile.ZipInfo(name, (at.year, at.month, at.day, at.hour, at.minute, at.second))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        return info


class _Sink(io.RawIOBase):
    """What zipfile writes to; it cannot be wound back, so that sizes follow their members."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._parts.append(piece)
        return len(piece)

    def taken(self) -> Iterator[bytes]:
        found, self._parts = b"".join(self._parts), []
        if found:
            yield found


def archive(resources: Resources, view: ShownRun) -> Archive:
    """Of the shown attempt. Raises Invalid where there are no results, NotFound for a content that is gone."""
    outputs = [row for row in view.properties if row.item.flow is Flow.OUTPUT]
    files = [row.file for row in outputs if row.file is not None and row.file.sha256 is not None]
    kept = [row for row in outputs if row.file is None and row.item.value is not None]
    if not files and not kept:
        raise Invalid(f"process run {view.run.id} has no results to download")
    ended = view.run.finished_at or view.run.modified_at
    return Archive(
        name=f"{clean_name(_UNSAFE.sub('_', f'{view.process_name} {view.run.id}'))}.zip",
        at=ended,
        files=list(_zipped(resources, files)),
        values=_values(kept),
    )


def _zipped(resources: Resources, files: Sequence[File]) -> Iterator[ZippedFile]:
    taken = {VALUES}
    for file in files:
        name = _free(_safe(file.name or "file"), taken)
        taken.add(name.lower())
        yield ZippedFile(name=name, size_bytes=file.size_bytes, read=contents.of_file(resources, file))


def _safe(name: str) -> str:
    """A name that every system takes, and that stays in the folder where the zip is unpacked."""
    safe = _UNSAFE.sub("_", clean_name(name)).rstrip(". ") or "file"
    return f"_{safe}" if _RESERVED.match(safe) else safe


def _free(name: str, taken: set[str]) -> str:
    """The name, or "name (2).csv": two steps may call their files the same."""
    stem, dot, ending = name.rpartition(".")
    stem, dot = (stem, dot) if stem else (name, "")
    number, found = 1, name
    while found.lower() in taken:
        number += 1
        found = f"{stem} ({number}){dot}{ending if dot else ''}"
    return found


def _values(rows: Sequence[PropertyRow]) -> bytes:
    if not rows:
        return b""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("Name", "Value"))
    writer.writerows((_cell(row.item.name), _shown(row)) for row in rows)
    # With the mark: without it, a spreadsheet takes UTF-8 for something else.
    return text.getvalue().encode("utf-8-sig")


def _shown(row: PropertyRow) -> str:
    text = values.to_text(row.item.value) or ""
    # A negative number begins like a formula, and is one number all the same.
    return _cell(text) if row.item.type in _TEXTS else text


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
