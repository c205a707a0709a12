"""Files on the wire."""

from __future__ import annotations

from msgspec import Struct

from procession.api.wire.scalars import (
    AFile,
    Count,
    GivenName,
)
from procession.model import files as model


class FileShape(Struct, frozen=True, kw_only=True):
    id: AFile
    name: str
    sizeInBytes: Count
    fileExtension: str
    url: str


class FileName(Struct, frozen=True, kw_only=True):
    name: GivenName


def file(item: model.File, origin: str) -> FileShape:
    """`origin` is the scheme and host that the client itself used, so that the url works from where it stands."""
    return FileShape(
        id=str(item.id),
        name=item.name,
        sizeInBytes=item.size_bytes,
        fileExtension=extension(item.name),
        url=f"{origin}/api/v1/files/{item.id}",
    )


def extension(name: str) -> str:
    """Without the dot, as documented: "xlsx"; "" for none and for a name that is nothing else (".bashrc")."""
    # By the last dot: of archive.tar.gz it is gz, as file managers show it.
    stem, _, last = name.rpartition(".")
    return last if stem else ""
