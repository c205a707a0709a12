"""Files: born with a File property, empty until something is written; content is addressed by its SHA-256."""

from __future__ import annotations

import re

import msgspec

from procession.model.ids import FileId, ProcessId, PropertyId, RunId

NAME_BYTES_MAX = 255  # what file systems take
# Line direction marks make "exe.xlsx" of "xslx.exe"; control characters break terminals and headers.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class File(msgspec.Struct, frozen=True, kw_only=True):
    """`sha256` is None and `size_bytes` 0 until it is filled; `name` is "" until somebody names it."""

    id: FileId
    property: PropertyId
    process: ProcessId
    run: RunId | None
    name: str
    sha256: str | None
    size_bytes: int


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a blob holds: hex SHA-256 and bytes."""

    sha256: str
    size_bytes: int


def clean_name(name: str) -> str:
    """The file's own name: no folders of either kind, nothing unprintable, at most NAME_BYTES_MAX bytes of UTF-8.

    The extension survives a cut. Never empty: what leaves nothing is called "file".
    """
    # Old browsers on Windows send the whole path.
    name = _UNSAFE.sub("", name.replace("\\", "/").rpartition("/")[2]).strip()
    # "." and ".." are folders wherever the file is saved.
    if not name.strip("."):
        return "file"
    encoded = name.encode()
    if len(encoded) <= NAME_BYTES_MAX:
        return name
    stem, dot, extension = name.rpartition(".")
    # Longer is no extension but a sentence with a dot.
    tail = (dot + extension).encode() if stem and len(extension) <= 20 else b""
    # The cut may lie in the middle of a character.
    return encoded[: NAME_BYTES_MAX - len(tail)].decode(errors="ignore") + tail.decode()
