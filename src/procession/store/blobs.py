"""The port of file contents: each is kept under its SHA-256, written once and never changed.

store/folder.py implements it. Where the bytes lie is its affair: a path is had by fetch() alone, for a step's process
and the table workers, which read files and nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from procession.model.errors import NotFound
from procession.model.files import Content

# Each request under way holds one of them.
COPY_BYTES = 1 << 20  # what is read and written at once


def gone() -> NotFound:
    return NotFound("the content of this file is missing on the server's disk; tell the operator")


class Sink(Protocol):
    """A content under way: written, hashed, then finished or abandoned."""

    size_bytes: int

    def write(self, block: bytes | bytearray | memoryview) -> None: ...

    def finish(self) -> Content:
        """Durable from here on."""

    def abandon(self) -> None:
        """Removes everything. Safe to call twice."""


class Blobs(Protocol):
    """A content is durable before it is given back, and only then may a row name it."""

    def why_full(self) -> str:
        """Why nothing can be written; "" where something can."""

    def sink(self) -> Sink:
        """A sink for the bytes of a new content."""

    def take(self, source: Path, *, inside: Path) -> Content:
        """Publish a file that a step has written below `inside`.

        Raises Invalid unless it is a regular file there: links and pipes would give a step other people's data.
        """

    def adopt(self, path: Path, content: Content) -> bool:
        """Make a synced file that nobody writes to any more this content, without copying it.

        False where that cannot be: then its bytes go into a sink.
        """

    # The one place that gives a path: a store elsewhere would have to bring the file here first.
    def fetch(self, sha256: str) -> Path:
        """A copy on this machine, to be read only. May take long where contents lie elsewhere. Raises NotFound."""

    def read(self, sha256: str, start: int = 0, length: int = sys.maxsize) -> Iterator[bytes]:
        """Its bytes from there on, in pieces of at most COPY_BYTES; fewer than `length` where it ends.

        The first piece raises NotFound when it is gone.
        """

    def size_bytes(self, sha256: str) -> int | None:
        """None when it is gone."""

    def parts(self) -> list[str]:
        """The beginnings of SHA-256, by which contents can be looked at a part at a time."""

    def stored(self, part: str = "") -> set[str]:
        """The SHA-256 of everything that is here, or of the part that begins so."""

    # is_named is called under the lock: asked before it, the answer would be old.
    def drop(self, sha256: str, *, before: datetime | None, is_named: Callable[[str], bool]) -> int | None:
        """Remove a content that no row names and that was last published before that moment, by the store's clock.

        Gives its size, None when it stays. Whoever publishes the same content meanwhile makes it young, or new.
        """

    def sweep(self) -> int:
        """Removes what crashes left half written; only while nothing else writes. Returns the number."""
