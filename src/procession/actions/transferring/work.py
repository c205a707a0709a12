"""One step's transfer under way: what is done with which file, what is to be said, and the list of it."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from procession.actions.contract import Context
from procession.actions.problems import Problem
from procession.actions.transferring import remote_names
from procession.actions.transferring.sides import OtherSide, RemoteFile
from procession.actions.transferring.transfer_settings import FILES_MAX, TransferSettings
from procession.actions.writing.csv_cells import harmless_heading

NAMED_MAX = 5
HEADINGS = ("name", "size_bytes", "modified_at", "sha256")
LIST_BYTES_MAX = 2 * 2**20  # a thousand names
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """`sha256` of what was fetched or left; `was_done`: by an earlier try, so that nothing was left to do."""

    file: RemoteFile
    sha256: str = ""
    was_done: bool = False


@dataclass(slots=True, kw_only=True)
class FileTransfer:
    """`settings` with their keys filled in; `before`: files that an earlier try has dealt with and that are gone."""

    context: Context
    settings: TransferSettings
    side: OtherSide
    done: list[Transferred] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    before: int = 0
    earlier: frozenset[str] = field(init=False)  # what earlier tries have recorded

    def __post_init__(self) -> None:
        # Asked for each of a thousand files.
        self.earlier = frozenset(self.context.journal)

    @property
    def folder(self) -> str:
        return remote_names.joined(self.settings.path)

    def at(self, name: str) -> str:
        return remote_names.joined(self.folder, name)

    def remark(self, words: str, names: Sequence[str]) -> None:
        """Nothing for no names."""
        if names:
            self.remarks.append(f"{words} ({told(names)})")

    def so_far(self) -> str:
        """For a failure in the middle: what has happened already there."""
        return f"; before that: {told([one.file.name for one in self.done])}" if self.done else ""


def mark(deed: str, *parts: str) -> str:
    """What the journal says of a deed: names are longer than an entry may be, and nobody else's to read."""
    return f"{deed} {hashlib.sha256(chr(0).join(parts).encode('utf-8', 'surrogateescape')).hexdigest()}"


def told(names: Sequence[str]) -> str:
    """Some of the names, in their order."""
    more = len(names) - NAMED_MAX
    return ", ".join(map(remote_names.shown, names[:NAMED_MAX])) + (f" and {more:,} more" if more > 0 else "")


def list_of(done: Iterable[Transferred]) -> bytes:
    """A CSV that both people and a later step read."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADINGS)
    for one in done:
        at = "" if one.file.modified_at is None else f"{one.file.modified_at:{_MOMENT}}"
        size = "" if one.file.size_bytes is None else str(one.file.size_bytes)
        # A name that is a formula would be one in the sheet of whoever opens the list.
        writer.writerow([harmless_heading(one.file.name), size, at, one.sha256])
    return text.getvalue().encode()


def listed(content: bytes, called: str) -> list[Transferred]:
    """The files of such a list, with the SHA-256 of those fetched or left. Raises Problem for anything else."""
    try:
        # A mark at its beginning is what a spreadsheet adds when somebody saves the list.
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Problem(f"{called} is no list of transfer_files: {error}") from None
    if not rows or tuple(rows[0]) != HEADINGS:
        raise Problem(f"{called} is no list of transfer_files: it has not the columns {', '.join(HEADINGS)}")
    if len(rows) > FILES_MAX + 1:
        # As many as a step handles: it comes from outside, perhaps.
        raise Problem(f"{called} names more than {FILES_MAX:,} files")
    found = [_of_row(row, f"{called}, line {line}") for line, row in enumerate(rows[1:], 2)]
    # The second would find that the first has moved it away, and call it gone.
    if len({one.file.name for one in found}) < len(found):
        raise Problem(f"{called} names a file twice")
    return found


def _of_row(row: Sequence[str], place: str) -> Transferred:
    try:
        name, size, at, sha256 = row
        if why := remote_names.name_mistake(_restored(name)):
            raise Problem(f"{place}: {why}")
        file = RemoteFile(
            name=_restored(name),
            size_bytes=int(size) if size else None,
            modified_at=datetime.strptime(at, _MOMENT).replace(tzinfo=UTC) if at else None,
        )
        return Transferred(file=file, sha256=sha256)
    except ValueError:
        raise Problem(f"{place} is no line of a list of transfer_files") from None


def _restored(name: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from taking it for a formula."""
    bare = name.removeprefix("'")
    return bare if re.match("'", name) and harmless_heading(bare) == name else name
