"""The other side of a transfer, whatever it speaks: what all kinds have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from procession.actions.problems import Problem

BLOCK_BYTES = 1 << 18
ENTRIES_MAX = 100_000  # of a folder: what is there besides files counts too
PART = ".part"  # behind a name: not whole yet
SECONDS_MAX = 60.0  # without an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """`size_bytes` None where the server does not say; `modified_at` in UTC, to the second that it tells."""

    name: str
    size_bytes: int | None
    modified_at: datetime | None

    def is_as(self, other: RemoteFile) -> bool:
        """Whether it has the size and time of the other; a list of what was left there knows no times."""
        is_then = other.modified_at is None or self.modified_at == other.modified_at
        return self.size_bytes == other.size_bytes and is_then


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The plain files of a folder, and what is left out: links, folders and whatever else, by name."""

    files: tuple[RemoteFile, ...]
    others: tuple[str, ...] = ()


class Gone(Problem):
    """There is no such file or folder."""


class NotSupported(Problem):
    """The other side has no such request; nothing has happened."""


class Denied(Problem):
    """The other side has said no; nothing has happened."""


class NameTaken(Denied):
    """There is one of this name already."""


class OtherSide(Protocol):
    """All paths are relative to the folder that the connection may reach; errors are Problems in the user's words."""

    @property
    def place(self) -> str:
        """Its address for messages."""

    @property
    def can_grow(self) -> bool:
        """Whether a file is seen there while somebody still writes it."""

    def entries(self, folder: str) -> Listing:
        """Raises Gone where there is no such folder."""

    def find(self, path: str) -> RemoteFile | None:
        """None only where it is certain that nothing has this name."""

    def read(self, path: str) -> Iterator[bytes]:
        """Raises Gone."""

    def stage(self, path: str, file: BinaryIO) -> None:
        """All of it is there, under the name with PART behind it; a side that `can_grow` only."""

    def settle(self, path: str, file: BinaryIO, *, replaces: bool) -> None:
        """What was staged gets its name, at once. Raises NameTaken, unless it `replaces`."""

    def move(self, path: str, to: str, *, replaces: bool) -> None:
        """Raises Gone, NameTaken."""

    def remove(self, path: str) -> None:
        """What is not there is no error."""

    def close(self) -> None: ...


def digest_of(side: OtherSide, path: str) -> str:
    """SHA-256 of what is there, read anew: no server's word for it. Raises Gone."""
    found = hashlib.sha256()
    for block in side.read(path):
        found.update(block)
    return found.hexdigest()


def digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        # In C and in blocks: a file may be as large as a step may fetch.
        return hashlib.file_digest(file, "sha256").hexdigest()
