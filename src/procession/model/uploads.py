"""Upload sessions: a file that arrives in numbered chunks and becomes one content at the commit (docs/wire.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from procession.model.errors import Invalid, NotFound
from procession.model.ids import FileId, TableId, UserId

SESSION_LIFE = timedelta(hours=24)  # docs/wire.md, Files and uploads
# Each is a row, and they are read together at the commit.
CHUNKS_MAX = 100_000  # 8 GB in pieces of 80 kB
MISSING_SHOWN_MAX = 10
_SESSION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.ASCII | re.IGNORECASE)


# What a session fills: a file, or what is to be imported into a table, which no row names before it is.
UploadTarget = FileId | TableId


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSession:
    """`id` is a random uuid; only the user who began the session knows it. `content` is what a commit made of it."""

    id: str
    target: UploadTarget
    user: UserId
    created_at: datetime
    committed_at: datetime | None = None
    content: str | None = None  # hex SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A chunk as it arrived, numbered from 1. `stored_as` is its file name in the chunk store."""

    number: int
    stored_as: str
    file_name: str  # the client's name for it
    sha256: str  # hex
    size_bytes: int


def check_whole(chunks: Sequence[Chunk]) -> None:
    """Ordered chunks must be 1, 2, 3 ... without a gap; none at all make an empty file. Raises Invalid naming gaps."""
    present = {chunk.number for chunk in chunks}
    # What comes after the last one nobody can know: the commit says that it was the last.
    missing = [number for number in range(1, max(present, default=0)) if number not in present]
    if missing:
        shown = ", ".join(str(number) for number in missing[:MISSING_SHOWN_MAX])
        more = f" and {len(missing) - MISSING_SHOWN_MAX} more" if len(missing) > MISSING_SHOWN_MAX else ""
        raise Invalid(f"chunks are missing: {shown}{more}; upload them and commit again")


def parse_session(text: str) -> str:
    """A session's id as issued, in any case. Raises NotFound."""
    if not _SESSION.match(text):
        raise NotFound(f"there is no upload session {text[:80]}")
    return text.lower()


def parse_chunk(text: str) -> int:
    """Raises Invalid rather than NotFound: the client chooses a chunk's number."""
    if not (text.isascii() and text.isdecimal() and 1 <= len(text) <= 9 and 1 <= int(text) <= CHUNKS_MAX):
        raise Invalid(f"{text[:80]} is not the number of a chunk; chunks are numbered from 1 to {CHUNKS_MAX}")
    return int(text)
