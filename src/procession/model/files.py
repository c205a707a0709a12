"""Files: born with a File property, empty until something is written; content is addressed by its SHA-256."""

from __future__ import annotations

from dataclasses import dataclass

from procession.model.ids import FileId, ProcessId, PropertyId, RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """`sha256` is None and `size_bytes` 0 until it is filled; `name` is "" until somebody names it."""

    id: FileId
    property: PropertyId
    process: ProcessId
    run: RunId | None
    name: str
    sha256: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a blob holds: hex SHA-256 and bytes."""

    sha256: str
    size_bytes: int
