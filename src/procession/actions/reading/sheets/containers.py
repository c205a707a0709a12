"""What a workbook is packed in: looked over before anything is unpacked. What is no workbook is refused in words."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from procession.actions.problems import Problem

MEMBERS_MAX = 1_000
UNPACKED_BYTES_MAX = 1 << 30
RATIO_MAX = 100
RATIO_FREE_BYTES = 10 << 20  # below this much unpacked, any ratio is harmless
CHUNK_BYTES = 1 << 20
_PACKED_BYTES = 32 << 10  # read at a time: what comes of it stays in the cache
# MS-CFB: how every OLE 2 file begins.
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAVE_AS = "open it in a spreadsheet program and save it as .xlsx"
# zipfile says NotImplementedError of a compression that it lacks, and RuntimeError of a part with a password.
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError)
# A part that only this kind of document has, and what it is called.
_STRANGERS = {
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a presentation",
    "index/document.iwa": "an Apple Numbers document",
}


class Container:
    """The parts of a workbook. Part names are compared without case and with either slash, as programs write them."""

    def __init__(self, archive: zipfile.ZipFile, path: Path, name: str) -> None:
        self.path = path
        self.file_name = name
        self._archive = archive
        self._members = {_part(member.filename): member for member in archive.infolist()}

    def __contains__(self, part: str) -> bool:
        return _part(part) in self._members

    def parts(self) -> list[str]:
        """The names of all parts as they are written, without folders."""
        return [member.filename for member in self._members.values() if not member.is_dir()]

    def size(self, part: str) -> int:
        return self._members[_part(part)].file_size

    def read(self, part: str) -> bytes:
        """A part as a whole. Raises Problem."""
        return b"".join(self.chunks(part))

    def chunks(self, part: str) -> Iterator[bytes]:
        """A part, one piece at a time. Raises Problem."""
        member = self._members[_part(part)]
        # Opening compares what is said at the part with the list of parts.
        with self.refusing(), self._archive.open(member) as stream:
            if member.compress_type == zipfile.ZIP_DEFLATED:
                yield from self._inflated(member)
                return
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk

    def _inflated(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        """What ZipExtFile gives, in half the time: that copies each piece three times."""
        with self.path.open("rb") as file:
            file.seek(member.header_offset)
            # APPNOTE 4.3.7: behind 26 bytes, how long the name is and what follows it.
            file.seek(sum(struct.unpack("<26xHH", file.read(30))), io.SEEK_CUR)
            inflate, packed, left = zlib.decompressobj(-zlib.MAX_WBITS), b"", member.compress_size
            size, check, chunk = 0, 0, b""
            # All may be taken while some of what it becomes is still to come.
            while not inflate.eof and (packed or left or chunk):
                if not packed:
                    packed = file.read(min(left, _PACKED_BYTES))
                    left = left - len(packed) if packed else 0
                chunk, packed = inflate.decompress(packed, CHUNK_BYTES), inflate.unconsumed_tail
                size, check = size + len(chunk), zlib.crc32(chunk, check)
                if size > member.file_size:
                    break
                if chunk:
                    yield chunk
            if size != member.file_size or check != member.CRC:
                raise zipfile.BadZipFile(f"the part {member.filename} is not what the list of parts says")

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Turns what a damaged archive raises into a Problem."""
        try:
            yield
        except _BROKEN as error:
            raise Problem(f'"{self.file_name}" is damaged and cannot be unpacked: {error}') from error


@contextmanager
def unpacked(path: Path, name: str) -> Iterator[Container]:
    """The container of the workbook at `path`. Raises Problem naming the file `name`."""
    _refuse_other_files(path, name)
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        raise Problem(f'"{name}" is damaged: it begins like a workbook and cannot be unpacked ({error})') from error
    with archive:
        _check_sizes(archive.infolist(), path.stat().st_size, name)
        container = Container(archive, path, name)
        _refuse_strangers(container)
        yield container


def _refuse_other_files(path: Path, name: str) -> None:
    with path.open("rb") as file:
        start = file.read(8)
        if start == _COMPOUND:
            raise Problem(_compound_words(file, name))
    if not start.startswith(b"PK"):
        raise Problem(f'"{name}" is not a workbook: it has neither the form of .xlsx nor that of .ods; {_SAVE_AS}')


def _compound_words(file: IO[bytes], name: str) -> str:
    """What an OLE 2 file is: Office packs a workbook with a password into one, and old .xls are such files too."""
    if Path(name).suffix.lower() in (".xlsx", ".xlsm", ".xlsb"):
        return f'"{name}" is protected with a password, or is not what its name says; save it without a password'
    # MS-OFFCRYPTO: the stream that holds the workbook; a compound file keeps names in UTF-16.
    needle, tail = "EncryptedPackage".encode("utf-16-le"), b""
    while chunk := file.read(CHUNK_BYTES):
        if needle in tail + chunk:
            return f'"{name}" is protected with a password; save it without one'
        tail = chunk[-len(needle) :]
    return f'"{name}" is a workbook of Excel 97-2003 (.xls), which is not read; {_SAVE_AS}'


def _check_sizes(members: list[zipfile.ZipInfo], packed_bytes: int, name: str) -> None:
    # As the archive claims: zipfile gives no more of a part than that, so a lie cannot get around the bound.
    if any(member.header_offset < 0 for member in members):
        raise Problem(f'"{name}" is damaged: its list of parts is not where it says that it is')
    unpacked_bytes = sum(member.file_size for member in members)
    if len(members) > MEMBERS_MAX:
        raise Problem(f'"{name}" has {len(members):,} parts inside; at most {MEMBERS_MAX:,} are read')
    if unpacked_bytes > UNPACKED_BYTES_MAX:
        raise Problem(f'"{name}" unpacks to {unpacked_bytes >> 20} MiB; at most {UNPACKED_BYTES_MAX >> 20} are read')
    if unpacked_bytes > RATIO_FREE_BYTES and unpacked_bytes > RATIO_MAX * max(packed_bytes, 1):
        raise Problem(f'"{name}" unpacks to more than {RATIO_MAX} times its size; it looks like a bomb and is not read')
    # APPNOTE 4.4.4: bit 0 is encryption.
    if any(member.flag_bits & 1 for member in members):
        raise Problem(f'"{name}" is protected with a password; save it without one')
    # Programs differ in which of the two they take: we might read what nobody was shown.
    if len({_part(member.filename) for member in members}) < len(members):
        raise Problem(f'"{name}" has two parts of the same name inside; {_SAVE_AS}')


def _refuse_strangers(container: Container) -> None:
    for part, what in _STRANGERS.items():
        if part in container:
            raise Problem(f'"{container.file_name}" is {what}, not a workbook; export its table as .xlsx or .csv')


def _part(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
