"""The backup file: a tar of the database, the contents, the logs, and last a manifest of their hashes.

A truncated file has no manifest and is not a backup.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO

import msgspec

from procession.model.errors import Invalid

# Of the file; the database inside has a schema number of its own.
FORMAT = 1
DATABASE = "procession.db"
MANIFEST = "manifest.json"
# A damaged file may name any size.
MANIFEST_BYTES_MAX = 1 << 30
COPY_BYTES = 1 << 20
# The whole list of what may be in one: a tar can name ../../etc/passwd.
_NAME = re.compile(r"procession\.db|files/[0-9a-f]{2}/[0-9a-f]{62}|logs/[0-9]{1,18}/[0-9]{1,18}\.log")


class Member(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`missing`: contents that were damaged or gone when the backup was made, in words."""

    format: int
    program: str
    schema: int
    made_at: str
    members: list[Member]
    missing: list[str]


class _Hashing:
    """Reads at most `size` bytes, and knows their SHA-256."""

    def __init__(self, read: Callable[[int], bytes], size: int) -> None:
        self.digest = hashlib.sha256()
        self._read, self._left = read, size

    def read(self, size: int = -1) -> bytes:
        block = self._read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        self.digest.update(block)
        return block


class Writer:
    """Use write()."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.members: list[Member] = []

    def add(self, name: str, path: Path) -> Member:
        """Adds the bytes that the file has now; later growth is left out. Raises OSError."""
        with path.open("rb") as source:
            # The size is fixed first: tar writes it before the bytes, and a log may grow meanwhile.
            return self.add_from(name, path.stat().st_size, source.read)

    def add_from(self, name: str, size: int, read: Callable[[int], bytes]) -> Member:
        """So many bytes of what `read` gives, at most as many as it is asked for. Raises OSError when it gives less."""
        info = self._info(name, size)
        hashing = _Hashing(read, size)
        # Hashed as it is written: a second reading would see another state, and take as long again.
        self._tar.addfile(info, hashing)
        member = Member(name=name, size=info.size, sha256=hashing.digest.hexdigest())
        self.members.append(member)
        return member

    def finish(self, manifest: Manifest) -> None:
        content = msgspec.json.encode(manifest)
        self._tar.addfile(self._info(MANIFEST, len(content)), BytesIO(content))

    @staticmethod
    def _info(name: str, size: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        # Without owner and date: whoever restores it owns it.
        info.size, info.mode = size, 0o600
        return info


@contextmanager
def write(file: BinaryIO) -> Iterator[Writer]:
    # PAX has no limit of 8 GB for a member.
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        yield Writer(tar)


Place = Callable[[str], BinaryIO | None]  # where the member of that name goes; None: only read it


def read(path: Path, place: Place) -> Manifest:
    """Reads it once and compares every hash with the manifest. Raises Invalid unless it is a whole backup."""
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    try:
        # As a stream: a backup may lie on a tape or in a pipe, and seeking would read it twice.
        with tarfile.open(path, mode="r|") as tar:
            for info in tar:
                source = tar.extractfile(info)
                # No links, nothing behind the manifest, nothing twice: each could replace what was checked. Nothing
                # sparse: a kilobyte of it would fill the disk.
                if source is None or info.issparse() or manifest is not None or info.name in found:
                    raise Invalid(f"{path} is not a backup of Procession: it holds {info.name[:80]!r}")
                if info.name == MANIFEST:
                    manifest = _manifest(source)
                else:
                    found[info.name] = _take(info.name, source, place)
    except (tarfile.TarError, EOFError, msgspec.MsgspecError) as error:
        raise Invalid(f"{path} is not a whole backup of Procession: {error}") from error
    if manifest is None:
        raise Invalid(f"{path} is not a whole backup of Procession: its end is missing")
    _compare(path, manifest, found)
    return manifest


def _manifest(source: IO[bytes]) -> Manifest:
    content = source.read(MANIFEST_BYTES_MAX)
    return msgspec.json.decode(content, type=Manifest)


def _take(name: str, source: IO[bytes], place: Place) -> Member:
    if _NAME.fullmatch(name) is None:
        raise Invalid(f"the backup holds a file {name[:80]!r}, which no backup of Procession has")
    target, digest, size = place(name), hashlib.sha256(), 0
    try:
        while block := source.read(COPY_BYTES):
            digest.update(block)
            size += len(block)
            if target is not None:
                target.write(block)
    finally:
        if target is not None:
            target.close()
    return Member(name=name, size=size, sha256=digest.hexdigest())


def _compare(path: Path, manifest: Manifest, found: dict[str, Member]) -> None:
    if manifest.format != FORMAT:
        raise Invalid(f"{path} was made by a later release of Procession (format {manifest.format}); install that one")
    told = {member.name: member for member in manifest.members}
    # Both ways: what is missing is as bad as what is too much.
    wrong = sorted(name for name in told.keys() | found.keys() if told.get(name) != found.get(name))
    if wrong or DATABASE not in told:
        names = ", ".join(wrong[:5]) or f"there is no {DATABASE}"
        raise Invalid(f"{path} is damaged: {names}")
